"""Turning a sign changes how a formula looks, and nothing else; differences that have a meaning stay."""

import pytest
from sympy import Expr, Symbol

from derive.calculus.engine import derive_quantity
from derive.calculus.signs import turn_signs
from derive.catalogue import read_composition
from derive.language.show import text
from derive.notation import Contraction, j, k, label, t, v, y
from derive.proof.check import agree

E, F = Symbol("e", real=True), Symbol("f", real=True)
MEAN = Contraction(v[k] * y[k], k)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        (1 - y[label] * (2 * F * (y[label] - 1) - E), 1 + y[label] * (2 * F * (1 - y[label]) + E)),
        (t[j] - Contraction(y[k] * (y[k] - 1), k), t[j] + Contraction(y[k] * (1 - y[k]), k)),
    ],
)
def test_a_minus_before_a_difference_from_1_turns_it_round(expression: Expr, wanted: Expr) -> None:
    assert turn_signs(expression) == wanted
    assert agree(expression, wanted, {})


@pytest.mark.parametrize(
    "expression",
    [
        t[j] - y[j] * (v[j] - MEAN),
        -Contraction(y[k] * (2 * y[k] - t[k]) * (v[k] - MEAN), k),
        y[j] * (y[j] - t[j]) - y[j] * (1 - t[j]),
        y[j] - t[j],
    ],
)
def test_other_differences_stay(expression: Expr) -> None:
    assert turn_signs(expression) == expression


def test_poly_2_has_the_form_that_people_write() -> None:
    composition = read_composition("softmax+-log(y[k]) + e*(1 - y[k]) + f*(1 - y[k])**2")
    form = derive_quantity(composition, "gradient", labels=True).closed_form
    assert text(form) == "(y[j] - delta(j, label))*(1 + y[label]*(e + 2*f*(1 - y[label])))"
