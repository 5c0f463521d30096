"""Golden bodies of functions, from kernels built by hand."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.kernel.expressions import ONE, ZERO, add, call, div, mul, neg, rewrite, select, sub
from derive.kernel.interpret import interpret
from derive.kernel.ir import LABEL, Array, Const, Element, Expression, Kernel, Let, Map, Reduce, Same, Scalar, Statement
from derive.kernel.validate import validate
from derive.targets.numpy_program import print_body

Z, T, OUT = (Element(name, "j") for name in ("z", "t", "out_"))
M, S = Scalar("z_max"), Scalar("total")
MAXIMUM = Reduce("z_max", "max", "j", Z)
TOTAL = Reduce("total", "sum", "j", Z)


def printed(rank: int, *body: Statement, labels: bool = False) -> list[str]:
    output = Array("out_", rank)
    return print_body(validate(Kernel("made", (Array("z", 1), Array("t", 1)), (output,), body, labels=labels)))


def stored(value: Expression) -> Map:
    return Map("out_", ("j",), value)


def test_a_chain_of_operations_runs_in_place() -> None:
    value = sub(mul(call("exp", sub(Z, M)), M, S), T)
    assert printed(1, MAXIMUM, TOTAL, stored(value)) == [
        "z_max = _row_max(z)",
        "total = _sum(z)",
        "np.subtract(z, z_max, out=out_)",
        "np.exp(out_, out=out_)",
        "out_ *= z_max * total",
        "out_ -= t",
    ]


def test_what_reads_the_overwritten_entry_is_computed_first() -> None:
    lines = printed(1, TOTAL, stored(call("exp", Z)), stored(mul(sub(OUT, S), OUT)))
    assert lines[-1] == "out_ *= out_ - total"
    lines = printed(1, TOTAL, stored(call("exp", Z)), stored(sub(T, mul(OUT, S))))
    assert lines[-2:] == ["out_ *= total", "np.subtract(t, out_, out=out_)"]
    lines = printed(1, TOTAL, stored(call("exp", Z)), stored(mul(add(OUT, S), add(OUT, T))))
    assert lines[-1] == "out_[...] = (out_ + total) * (out_ + t)"


def test_a_value_without_a_class_fills_an_array_of_its_own() -> None:
    assert printed(1, stored(ZERO)) == ["out_[...] = 0"]
    assert printed(0, Let("out_", ONE)) == ["out_[...] = 1"]


def test_the_label_is_patched_after_the_rest() -> None:
    value = select(Same("j", LABEL), neg(S), mul(Z, S))
    assert printed(1, TOTAL, stored(value), labels=True) == [
        "at_label = np.arange(len(z))[:, np.newaxis], labels",
        "total = _sum(z)",
        "np.multiply(z, total, out=out_)",
        "out_[at_label] = -total",
    ]


def test_the_label_on_the_diagonal_alone_is_asked_for() -> None:
    z, t = Element("z", "i"), Element("t", "i")
    value = select(Same("i", "j"), select(Same("i", LABEL), z, t), ZERO)
    assert "is_label = np.arange(z.shape[-1]) == labels" in printed(2, Map("out_", ("i", "j"), value), labels=True)


def test_a_sum_without_the_label_leaves_inputs_alone() -> None:
    others = Reduce("total", "sum", "j", select(Same("j", LABEL), ZERO, Z))
    assert printed(0, others, Let("out_", S), labels=True)[1:4] == [
        'terms = z.copy("K")',
        "terms[at_label] = 0",
        "total = _sum(terms)",
    ]


def test_truth_is_counted_in_the_dtype_of_the_logits() -> None:
    ties = Reduce("total", "sum", "j", select(call("equal", Z, ONE), ONE, ZERO))
    assert printed(0, ties, Let("out_", S))[0] == "total = _sum((z == 1).astype(z.dtype))"


def test_what_is_chosen_for_a_sum_is_chosen_in_place_and_the_next_sum_takes_the_same_array() -> None:
    below = Reduce("below", "sum", "j", select(call("equal", Z, ONE), ZERO, Z))
    dot = Reduce("dot", "sum", "j", mul(T, sub(Z, Scalar("below"))))
    assert printed(0, below, dot, Let("out_", Scalar("dot"))) == [
        'terms = z.copy("K")',
        "np.copyto(terms, 0, where=z == 1)",
        "below = _sum(terms)",
        "np.subtract(z, below, out=terms)",
        "dot = _sum(t * terms)",
        "out_[...] = dot",
    ]


def test_a_matrix_gets_its_diagonal_last() -> None:
    z_i = Element("z", "i")
    value = select(Same("i", "j"), mul(sub(ONE, z_i), z_i), neg(mul(z_i, Z)))
    assert printed(2, Map("out_", ("i", "j"), value)) == [
        "n = z.shape[-1]",
        "np.multiply((-z)[..., :, None], z[..., None, :], out=out_)",
        "positions = np.arange(n)",
        "diagonal = 1 - z",
        "diagonal *= z",
        "out_[..., positions, positions] = diagonal",
    ]


def test_a_matrix_of_columns_is_filled_by_broadcasting() -> None:
    lines = printed(2, Map("out_", ("i", "j"), neg(Z)))
    assert lines[1:] == ["out_[...] = (-z)[..., None, :]"]


def test_a_sum_of_what_is_the_same_for_all_classes_is_a_multiple() -> None:
    repeated = Reduce("total", "sum", "j", div(ONE, Scalar("n")))
    assert "total = z.shape[-1] * (1 / n)" in printed(0, repeated, Let("out_", S))


def test_what_two_sums_share_is_computed_once_until_it_changes() -> None:
    difference = sub(Z, T)
    square = Reduce("total", "sum", "j", call("pow", difference, Const(Fraction(2))))
    dot = Reduce("dot", "sum", "j", mul(Z, difference))
    both = Let("out_", add(S, Scalar("dot")))
    assert printed(0, square, dot, both) == [
        "terms = z - t",
        "total = _sum(terms * terms)",
        "dot = _sum(z * terms)",
        "out_[...] = total + dot",
    ]
    output = Element("out_", "j")
    again = Reduce("dot", "sum", "j", mul(Z, sub(output, T)))
    first = Reduce("total", "sum", "j", mul(Z, sub(output, T)))
    lines = printed(1, stored(call("exp", Z)), first, stored(mul(output, S)), again, stored(mul(output, Scalar("dot"))))
    assert [line for line in lines if "terms" in line] == [
        "terms = out_ - t",
        "total = _sum(z * terms)",
        "np.subtract(out_, t, out=terms)",
        "dot = _sum(z * terms)",
    ]


def test_a_weight_of_0_is_asked_for_where_a_product_is_no_number() -> None:
    total = Reduce("total", "sum", "j", select(call("equal", T, ZERO), ZERO, mul(T, call("log", Z))))
    assert printed(0, total, Let("out_", S)) == [
        "terms = np.log(z)",
        "total = _sum_or_0(t, terms)",
        "out_[...] = total",
    ]


LEAVES = [ONE, Const(Fraction(-3, 2)), S, *(Element(name, index) for name in ("z", "t") for index in "ij")]


def grown(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=4)
    pairs = st.tuples(inner, inner)
    chosen = pairs.map(lambda pair: select(call("less", pair[0], pair[1]), ZERO, pair[1]))
    return st.one_of(
        several.map(lambda parts: mul(*parts)),
        several.map(lambda parts: add(*parts)),
        pairs.map(lambda pair: sub(*pair)),
        inner.map(neg),
        chosen,
    )


@pytest.mark.parametrize("rank", [1, 2])
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(value=st.recursive(st.sampled_from(LEAVES), grown, max_leaves=8), again=st.booleans())
def test_a_body_computes_what_its_program_says(rank: int, value: Expression, again: bool) -> None:
    indices = ("i", "j")[-rank:]
    if rank == 1:
        value = rewrite(value, lambda node: Element(node.array, "j") if isinstance(node, Element) else None)
    # Written twice: the second time, the value takes the place of what it reads.
    second = mul(OUT, value, OUT) if again and rank == 1 else value
    body = (TOTAL, Map("out_", indices, value), Map("out_", indices, second))
    kernel = validate(Kernel("made", (Array("z", 1), Array("t", 1)), (Array("out_", rank),), body))
    rows = {"z": np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]]), "t": np.array([[0.5, 4.0, -1.5], [0.0, 2.0, 1.0]])}
    out = np.empty((2, 3) if rank == 1 else (2, 3, 3))
    known = {"np": np, "_sum": lambda terms: terms.sum(axis=-1, keepdims=True), **rows, "out_": out}
    exec("\n".join(print_body(kernel)), known)  # noqa: S102 - what our own printer made of a program
    for row, got in enumerate(out):
        expected = interpret(kernel, {name: numbers[row] for name, numbers in rows.items()})["out_"]
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)
