"""A class that is set apart: the same values for it and for the others, and no 1 - y of it left that cancels."""

import mpmath
import pytest
from sympy import Expr

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
    after = single_out(before, [j] if j in free_indices(before) else [])
    with mpmath.workdps(50):
        for sure in range(3):
            for number in range(3):
                point = Point(Reals(), 3, VALUES, {}, {label: sure, j: number})
                assert mpmath.almosteq(evaluate(after, point), evaluate(before, point), mpmath.mpf(10) ** -40)


def test_what_is_1_less_y_of_that_class_cancels_before_it_divides():
    assert single_out(read("(1 - y[k])*v[k]/(1 - y[k])**2 - v[k]*y[k]/(1 - y[k])"), ()).equals(v[label])
