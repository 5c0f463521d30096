"""Factoring ends, and changes nothing but the shape."""

import pytest

from derive.calculus.factor import collect
from derive.language.read import read
from derive.proof.check import agree

FORMULAS = [
    "3*(t[i] + y[i])**2 + 6*y[i]*(t[i] + y[i])",
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_number_and_a_sum_in_front_of_every_term_are_taken_out(formula: str) -> None:
    expression = read(formula)
    assert collect(expression).is_Mul
    assert agree(expression, collect(expression), {})
