"""What NumPy has operations of its own for, from kernels built by hand, and that these operations are right."""

from types import ModuleType

import numpy as np
import pytest

from derive.kernel.expressions import ONE, ZERO, add, call, mul, select, sub
from derive.kernel.ir import LABEL, Array, Element, Kernel, Let, Map, Reduce, Same, Scalar, Statement
from derive.kernel.validate import validate
from derive.targets.numpy_operations import use_operations
from derive.targets.numpy_program import print_body
from tests.targets.test_numpy import CROSS_ENTROPY, load, product_of, text_of

Z, T = Element("z", "j"), Element("t", "j")
OUT = Element("out_", "j")
MAXIMUM = Reduce("z_max", "max", "j", Z)
DIFFERENCE = sub(Z, Scalar("z_max"))
COMPENSATED = call("exp_difference", Z, Scalar("z_max"))


def printed(*body: Statement, rank: int = 1, labels: bool = False, inputs: str = "z") -> list[str]:
    arrays = tuple(Array(name, 1) for name in inputs)
    kernel = validate(Kernel("made", arrays, (Array("out_", rank),), body, labels=labels))
    return print_body(use_operations(kernel, kernel))


def stored(value: object) -> Map:
    return Map("out_", ("j",), value)


def test_the_sum_without_the_largest_is_one_operation_and_the_difference_stays() -> None:
    is_largest = call("equal", OUT, ONE)
    lines = printed(
        MAXIMUM,
        stored(call("exp", DIFFERENCE)),
        Reduce("below", "sum", "j", select(is_largest, ZERO, OUT)),
        Reduce("ties", "sum", "j", select(is_largest, ONE, ZERO)),
        Let("rest", add(Scalar("below"), sub(Scalar("ties"), ONE))),
        stored(sub(DIFFERENCE, Scalar("rest"))),
    )
    assert lines == [
        "z_max = _row_max(z)",
        "np.subtract(z, z_max, out=out_)",
        "exponentials = np.exp(out_)",
        "rest = _sum_of_rest(exponentials)",
        "out_ -= rest",
    ]


def test_a_sum_that_something_else_reads_stays() -> None:
    is_largest = call("equal", OUT, ONE)
    lines = printed(
        MAXIMUM,
        stored(call("exp", DIFFERENCE)),
        Reduce("below", "sum", "j", select(is_largest, ZERO, OUT)),
        Reduce("ties", "sum", "j", select(is_largest, ONE, ZERO)),
        Let("rest", add(Scalar("below"), sub(Scalar("ties"), ONE))),
        stored(mul(OUT, Scalar("rest"), Scalar("ties"))),
    )
    assert not any("_sum_of_rest" in line for line in lines)


def test_rounding_is_put_back_where_the_label_is_the_largest() -> None:
    lines = printed(MAXIMUM, stored(select(Same("j", LABEL), ZERO, COMPENSATED)), labels=True)
    assert lines == [
        "at_label = np.arange(len(z))[:, np.newaxis], labels",
        "z_label = z[at_label]",
        "z_max = _row_max(z)",
        "np.subtract(z, z_max, out=out_)",
        "np.exp(out_, out=out_)",
        "_put_rounding_back(out_, z, z_max, where=z_label == z_max)",
        "out_[at_label] = 0",
    ]


def test_rounding_is_put_back_where_the_others_are_small_and_everywhere_under_a_weight() -> None:
    assert printed(MAXIMUM, stored(COMPENSATED))[-1] == "_put_rounding_back(out_, z, z_max, where=_sum(out_) < 2)"
    weighted = Reduce("dot", "sum", "j", mul(T, COMPENSATED))
    assert printed(MAXIMUM, weighted, stored(mul(COMPENSATED, Scalar("dot"))), inputs="zt")[-2:] == [
        "_exp_difference(z, z_max, out=out_)",
        "out_ *= dot",
    ]


def test_beside_the_others_the_exponential_at_the_label_needs_no_rounding_back() -> None:
    at_label = call("exp_difference", Element("z", LABEL), Scalar("z_max"))
    others = Reduce("others", "sum", "j", select(Same("j", LABEL), ZERO, COMPENSATED))
    lines = printed(MAXIMUM, others, Let("out_", add(Scalar("others"), at_label)), rank=0, labels=True)
    assert lines[-1] == "out_[...] = others + np.exp(z_label - z_max)"
    lines = printed(MAXIMUM, others, Let("out_", mul(Scalar("others"), at_label)), rank=0, labels=True)
    assert lines[-1] == "out_[...] = others * _exp_difference(z_label, z_max)"


@pytest.fixture(scope="module")
def module() -> ModuleType:
    return load(text_of(product_of(CROSS_ENTROPY)))


def by_class(rows: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(rows.T).T


@pytest.mark.parametrize("n", [1, 2, 3, 7, 31, 32, 1024, 1025, 5000])
@pytest.mark.parametrize("layout", [np.ascontiguousarray, by_class])
def test_a_row_is_reduced_alike_in_both_layouts(module: ModuleType, n: int, layout: object) -> None:
    rows = np.random.default_rng(n).normal(size=(70, n)) * 20
    rows[3], rows[5, :] = np.nan, -np.inf
    rows[7, : n // 2] = rows[7].max()  # ties
    values = layout(rows)
    np.testing.assert_array_equal(module._row_max(values), rows.max(axis=-1, keepdims=True))
    np.testing.assert_allclose(module._sum(values), rows.sum(axis=-1, keepdims=True), rtol=1e-13, atol=1e-11)
    with np.errstate(all="ignore"):
        exponentials = np.exp(rows - rows.max(axis=-1, keepdims=True))
    others = np.sort(exponentials, axis=-1)[:, :-1].sum(axis=-1, keepdims=True) + 0 * exponentials[:, :1]
    np.testing.assert_allclose(module._sum_of_rest(layout(exponentials)), others, rtol=1e-13)


def test_only_the_rows_that_are_asked_for_get_their_rounding_back(module: ModuleType) -> None:
    random = np.random.default_rng(0)
    a = random.normal(size=(40, 50)).astype(np.float32) * 9
    b = a.max(axis=-1, keepdims=True)
    exact = np.exp(a.astype(np.float64) - b)
    plain = np.exp(a - b)
    mended, where = plain.copy(), np.arange(40)[:, np.newaxis] % 3 == 0
    module._put_rounding_back(mended, a, b, where)
    np.testing.assert_array_equal(mended[~where[:, 0]], plain[~where[:, 0]])
    errors = np.abs(mended / exact - 1)[where[:, 0]]
    assert errors.max() < 6 * 2.0**-24 < np.abs(plain / exact - 1)[where[:, 0]].max()
