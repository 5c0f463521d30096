"""What is surely positive: only there is the root of a square what was squared."""

from functools import cache

import sympy
from sympy import Expr, Indexed

from derive.notation import Contraction, g, o, t, v, y, z

_SIGNED = {z, g, v, o}
"""Vectors of numbers of both signs; probabilities, targets and parameters of which nothing is declared are positive."""


@cache
def is_positive(expression: Expr) -> bool:
    """Whether an expression is positive wherever it is defined; False where that is not plain to see."""
    match expression:
        case sympy.Number():
            return bool(expression > 0)
        case sympy.exp() | sympy.Symbol() | sympy.Abs():
            return True
        case Indexed():
            return expression.base not in _SIGNED
        case Contraction():
            return is_positive(expression.body)
        case sympy.Pow():
            return is_positive(expression.base) or not expression.exp.is_Integer
        case sympy.Mul():
            return all(map(is_positive, expression.args))
        case sympy.Add():
            return all(map(is_positive, expression.args)) or expression in [1 - share for share in _shares(expression)]
    return expression in (sympy.E, sympy.pi)


def _shares(total: Expr) -> list[Expr]:
    """The probabilities and targets in a sum, which are at most 1."""
    return [-term for term in total.args if isinstance(-term, Indexed) and (-term).base in (y, t)]
