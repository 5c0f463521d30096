"""Fractions in lowest terms, against SymPy's own factors where these are fast."""

import numpy as np
import pytest
import sympy
from sympy import Expr

from derive.calculus.polynomial import in_lowest_terms

SYMBOLS = sympy.symbols("a:5")


def random_polynomial(chance: np.random.Generator, degree: int) -> Expr:
    def term() -> Expr:
        number = sympy.Rational(*(int(chance.choice(each)) for each in ([-3, -2, -1, 1, 2, 5], [1, 1, 2, 3])))
        return number * sympy.Mul(*(SYMBOLS[place] for place in chance.integers(5, size=chance.integers(degree + 1))))

    return sympy.Add(*(term() for _ in range(chance.integers(1, 5))))


@pytest.mark.parametrize("seed", range(40))
def test_a_fraction_is_what_it_was_and_has_the_factors_that_sympy_finds(seed: int) -> None:
    chance = np.random.default_rng(seed)
    above, below = (
        sympy.Mul(*(random_polynomial(chance, 2) ** int(chance.integers(1, 3)) for _ in range(2))) for _ in range(2)
    )
    if below == 0:
        below = sympy.S.One
    found = in_lowest_terms(sympy.expand(above) / sympy.expand(below))
    assert sympy.cancel(found - above / below) == 0
    assert found == sympy.factor(sympy.cancel(above / below))


def test_a_sum_is_not_multiplied_by_its_number() -> None:
    a, b = SYMBOLS[:2]
    assert str(in_lowest_terms(2 * a / 3 + 2 * b / 3)) == "2*(a0 + a1)/3"
    assert str(in_lowest_terms((a**2 - b**2) / (a + b))) == "a0 - a1"


def test_a_sum_of_many_variables_is_factored_where_one_of_them_is_linear() -> None:
    names = sympy.symbols("x:16")
    long = sympy.Add(*(names[k] * names[(k + 1) % 15] ** 2 * names[(k + 4) % 15] for k in range(15)), names[15])
    shared = names[0] * names[3] + names[2] ** 2 - 1
    assert in_lowest_terms(sympy.expand(long * shared**2)) == long * shared**2
