"""Sums of exponentials as one product times an exponential: what the logarithm of a sum is written by."""

from functools import cache

import sympy
from sympy import Expr, Indexed

from derive.notation import Contraction, occurrences


@cache
def entries(total: Expr) -> tuple[Indexed, ...]:
    """The entries in a sum of terms; none where it has a sum over the classes."""
    return () if total.has(Contraction) else tuple(dict.fromkeys(occurrences(total, Indexed)))


@cache
def spell_out(total: Expr, meanings: tuple[tuple[Expr, Expr], ...]) -> Expr:
    """The sum with entries replaced by what they stand for, over one denominator."""
    found: Expr = sympy.together(total.xreplace(dict(meanings)))
    return found


@cache
def take_out(total: Expr) -> tuple[Expr, Expr]:
    """The product and the exponent e with total = product · exp(e), e the least that no term lacks."""
    total = sympy.factor_terms(total)
    if not isinstance(total, sympy.Add):
        return total, sympy.Integer(0)
    exponents = [_exponent(term).as_coefficients_dict() for term in total.args]
    lowest = {atom: min(each.get(atom, 0) for each in exponents) for each in exponents for atom in each if atom != 1}
    shift = sympy.Add(*(atom * least for atom, least in lowest.items() if least < 0))
    if shift == 0:
        return total, shift
    return sympy.Add(*(sympy.powsimp(term * sympy.exp(-shift)) for term in total.args)), shift


def _exponent(term: Expr) -> Expr:
    """The exponent of the exponentials in a product."""
    return sympy.Add(
        *(sympy.expand(factor.exp) for factor in sympy.Mul.make_args(term) if isinstance(factor, sympy.exp))
    )
