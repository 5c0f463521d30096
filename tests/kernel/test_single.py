"""A class that is set apart: the same values for it and for the others, and no 1 - y of it left that cancels."""

from itertools import permutations

import mpmath
import numpy as np
import pytest
from sympy import Expr

from derive.kernel.interpret import interpret
from derive.kernel.lower import Output
from derive.kernel.pipeline import compile_kernel
from derive.kernel.single import divides_by_rest, single_out
from derive.language import read as language
from derive.notation import free_indices, j, k, label, rename, t, v, y
from derive.proof.evaluate import Point, evaluate
from derive.proof.field import Reals


def read(text: str) -> Expr:
    """The formula `text`, in which k is the label."""
    return rename(language.read(text), {k: label})


VALUES = {
    y: [mpmath.mpf(x) for x in ("0.125", "0.625", "0.25")],
    t: [mpmath.mpf(x) for x in ("0.25", "1", "0.5")],
    v: [mpmath.mpf(x) for x in ("0.5", "-1", "2")],
}


def test_it_is_asked_for_where_1_less_y_divides_or_has_a_logarithm():
    assert divides_by_rest(read("log(1 - y[k])"), of_label=True)
    assert divides_by_rest(read("t[j]/(1 - y[j])"), of_label=False)
    assert not divides_by_rest(read("t[j]/(1 - y[j])"), of_label=True)
    assert not divides_by_rest(read("(1 - y[k])**2*log(y[k])"), of_label=True)


@pytest.mark.parametrize(
    "text",
    [
        "y[j]*(y[k] - delta(j, k))/(1 - y[k])",
        "sum(t[i]*y[i]/(1 - y[i]) for i in range(n))*y[j] - t[j]/(1 - y[j])",
        "y[j]*((y[k] - 1)*v[k] + sum((1 - delta(i, k))*y[i]*v[i] for i in range(n)))/(1 - y[k])**2",
        "sum(t[i]*log(1 - y[i]) for i in range(n))",
        "(sum(t[i]*sqrt(1 - y[i]) for i in range(n)) - v[k]*sqrt(1 - y[k]))*y[j]/(1 - y[k])",
    ],
)
def test_every_entry_keeps_its_value(text):
    before = read(text)
    after = single_out(before, (j,) if j in free_indices(before) else ())
    with mpmath.workdps(50):
        for sure in range(3):
            for number in range(3):
                point = Point(Reals(), 3, VALUES, {}, {label: sure, j: number})
                assert mpmath.almosteq(evaluate(after, point), evaluate(before, point), mpmath.mpf(10) ** -40)


def test_what_is_1_less_y_of_that_class_cancels_before_it_divides():
    assert single_out(read("(1 - y[k])*v[k]/(1 - y[k])**2 - v[k]*y[k]/(1 - y[k])"), ()).equals(v[label])


LARGEST = compile_kernel(
    "made",
    [
        Output("loss", 0, read("-sum(log(1 - y[i]) for i in range(n))")),
        Output("out", 1, read("y[j]/(1 - y[j]) - y[j]*sum(y[i]/(1 - y[i]) for i in range(n))")),
    ],
    ["z", "t"],
    read("exp(z[i])/sum(exp(z[k]) for k in range(n))"),
)
"""A loss in which any class can leave little of 1, and its gradient: the largest is singled out."""


def run_largest(logits: list[float], dtype: type[np.floating]) -> tuple[np.ndarray, np.ndarray]:
    made = interpret(LARGEST, {"z": np.array(logits, dtype), "t": np.zeros(len(logits), dtype)})
    return made["loss"], made["out"]


def exact(logits: list[float]) -> tuple[float, list[float]]:
    """The same from the definition, to 900 digits."""
    with mpmath.workdps(900):
        exponentials = [mpmath.exp(each) for each in logits]
        rests = [sum(exponentials[:place] + exponentials[place + 1 :]) for place in range(len(logits))]
        odds = [one / rest for one, rest in zip(exponentials, rests, strict=True)]
        shares = [one / sum(exponentials) for one in exponentials]
        loss = -sum(mpmath.log(rest / sum(exponentials)) for rest in rests)
        return float(loss), [float(one - share * sum(odds)) for one, share in zip(odds, shares, strict=True)]


ROWS = [[1.0, -0.5, 0.25, 0.0], [7.0, 7.0, 0.0, -1.0], [2.0] * 4, [20.0, 0.0, -3.0, 1.0], [0.0, -40.0, -9.0, 3.0]]


def test_the_largest_class_is_singled_out_where_any_may_leave_little() -> None:
    assert LARGEST.largest_is_label
    assert not LARGEST.labels


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_it_is_right_wherever_the_largest_class_stands(row: list[float], dtype: type[np.floating]) -> None:
    for places in permutations(range(len(row))):
        moved = [row[place] for place in places]
        loss, out = run_largest(moved, dtype)
        wanted_loss, wanted = exact(moved)
        np.testing.assert_allclose(loss, wanted_loss, rtol=100 * np.finfo(dtype).eps)
        np.testing.assert_allclose(out, wanted, rtol=0, atol=100 * np.finfo(dtype).eps * max(1, *map(abs, wanted)))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_it_does_not_change_with_what_all_logits_have_in_common(row: list[float]) -> None:
    for shift in (64.0, -1024.0):
        shifted = run_largest([each + shift for each in row], np.float64)
        for got, same in zip(shifted, run_largest(row, np.float64), strict=True):
            np.testing.assert_allclose(got, same, rtol=1e-12)


def test_a_class_without_probability_changes_nothing() -> None:
    loss, out = run_largest([3.0, -np.inf, 1.0, 2.0], np.float64)
    other_loss, other = run_largest([3.0, 1.0, 2.0], np.float64)
    np.testing.assert_allclose(loss, other_loss, rtol=1e-15)
    np.testing.assert_allclose(np.delete(out, 1), other, rtol=1e-15)
    assert out[1] == 0
