"""Factoring changes how a formula looks, and nothing else."""

import numpy as np
import pytest
import sympy
from sympy import Expr, Integer, KroneckerDelta, Rational, Symbol, log, sqrt

from derive.calculus.factor import collect, multiply_in, multiply_out_inside, take_in
from derive.notation import Contraction, i, j, k, t, v, y
from derive.proof.check import agree

DELTA = KroneckerDelta(i, j)
ENTROPY = y[i] * (log(y[i]) + 1) - t[i]


@pytest.mark.parametrize(
    "expression",
    [
        DELTA * (1 - y[i]) * (y[i] * (1 - y[i]) * log(y[i]) - y[i] * ENTROPY),
        Rational(1, 2) * (1 - y[i]) * y[i] + Rational(1, 2) * (1 - y[i]) * log(y[i]),
        Rational(1, 2) * (1 - y[i]) * (y[i] * DELTA / (t[i] + y[i]) + (1 - y[i]) * DELTA * log(y[i]) - y[i] ** 2),
    ],
)
def test_what_is_factored_is_equal_to_what_it_was(expression: Expr) -> None:
    assert agree(collect(expression), expression, {})


X, W, A = (Symbol(name, positive=True) for name in "xwa")
POWERS = [X, W, X**A, A**-A, X ** (A - 1), sqrt(X), 1 / W, W**2, 1 / sqrt(X), 1 / X**A, Integer(2), Rational(-1, 3)]


def random_expression(chance: np.random.Generator, depth: int) -> Expr:
    if depth == 0:
        return POWERS[chance.integers(len(POWERS))]
    parts = [random_expression(chance, depth - 1) for _ in range(chance.integers(2, 4))]
    return sympy.Mul(*parts) if depth % 2 else sympy.Add(*parts)


@pytest.mark.parametrize("depth", [3, 4])
def test_powers_of_all_kinds_are_taken_out_as_often_as_they_are_there(depth: int) -> None:
    point = {X: 1.75, W: 0.625, A: 2.25}
    for seed in range(150):
        expression = random_expression(np.random.default_rng(seed), depth)
        assert sympy.Abs(1 - collect(expression).subs(point) / expression.subs(point)) < 1e-9, expression


def test_a_number_and_a_sum_in_front_of_every_term_are_taken_out() -> None:
    expression = 3 * (t[i] + y[i]) ** 2 + 6 * y[i] * (t[i] + y[i])
    assert collect(expression).is_Mul
    assert agree(expression, collect(expression), {})


@pytest.mark.parametrize(
    ("apart", "together"),
    [
        (t[j] * y[j] * (y[j] - 1) * (X + 1 / y[j]), t[j] * (y[j] - 1) * (1 + X * y[j])),
        (
            y[j] * (1 - y[j]) * (t[j] * (1 - y[j]) ** (A - 1) * (log(y[j]) - (1 - y[j]) / y[j]) + y[j] ** (A - 1)),
            t[j] * (1 - y[j]) ** A * (y[j] * log(y[j]) + y[j] - 1) + y[j] ** A * (1 - y[j]),
        ),
        (y[j] * (X + y[j] ** 2), y[j] * (X + y[j] ** 2)),
        (X * (y[j] - 1) * (W - t[j] / (1 - y[j])), X * (t[j] - W * (1 - y[j]))),
    ],
)
def test_a_factor_goes_into_a_sum_in_which_it_divides(apart: Expr, together: Expr) -> None:
    assert multiply_in(apart) == together
    assert agree(apart, together, {})


@pytest.mark.parametrize(
    ("apart", "together"),
    [
        (X * ((1 - t[j]) * y[j] - t[j] * (1 - y[j])), X * (y[j] - t[j])),
        (
            W * (X * (1 - y[j]) + log(X) * ((1 - t[j]) * y[j] - t[j] * (1 - y[j]))),
            W * (X * (1 - y[j]) + log(X) * (y[j] - t[j])),
        ),
        ((1 - y[j]) / y[j] - A, (1 - y[j]) / y[j] - A),
    ],
)
def test_what_cancels_in_a_polynomial_is_multiplied_out_and_no_quotient(apart: Expr, together: Expr) -> None:
    assert multiply_out_inside(apart) == together
    assert agree(apart, together, {})


def test_a_mean_is_subtracted_from_each_entry_rather_than_sums_from_each_other() -> None:
    def total(body: Expr) -> Contraction:
        return Contraction(body, k)

    mean = total(v[k] * y[k])
    apart = t[j] + mean * total(y[k] * (2 * y[k] - t[k])) - total(v[k] * y[k] * (2 * y[k] - t[k]))
    together = t[j] - total(y[k] * (2 * y[k] - t[k]) * (v[k] - mean))
    assert take_in(apart) == together
    assert agree(apart, together, {})
