"""The power of one factor that an expression has in front of it, in every term of its sums alike."""

from collections.abc import Sequence

import sympy
from sympy import Add, Expr, Indexed, KroneckerDelta, Mul, Pow, Symbol

from derive.notation import Contraction

HIGHEST_POWER = 4
"""Of an exponential, as second derivatives have it: they have products of two, and exp(2 a) is the square of exp(a)."""


def apart(expression: Expr, factor: Symbol) -> tuple[Expr, Expr]:
    """The exponent of the positive `factor` in front of `expression`, and the rest."""
    match expression:
        case Symbol() if expression == factor:
            return sympy.S.One, sympy.S.One
        case Indexed() | KroneckerDelta():
            return sympy.S.Zero, expression
        case Contraction():
            body, index = expression.open()
            exponent, rest = apart(body, factor)
            return exponent, Contraction(rest, index)
        case Pow():
            exponent, rest = apart(expression.base, factor)
            if expression.exp.is_Integer or rest == 1:
                return exponent * expression.exp, rest**expression.exp
        case Mul():
            exponents, rests = zip(*(apart(each, factor) for each in expression.args), strict=True)
            return Add(*exponents), Mul(*rests)
        case Add():
            parts = [apart(term, factor) for term in expression.args]
            least = _least([exponent for exponent, _ in parts])
            return least, Add(*(factor ** (exponent - least) * rest for exponent, rest in parts))
    if not expression.args:
        return sympy.S.Zero, expression
    arguments = (apart(argument, factor) for argument in expression.args)
    return sympy.S.Zero, expression.func(*(factor**exponent * rest for exponent, rest in arguments))


def _least(exponents: Sequence[Expr]) -> Expr:
    """The least of some exponents that differ by whole numbers; 0 where they do not."""
    above = [exponent - exponents[0] for exponent in exponents]
    if not all(difference.is_Integer for difference in above):
        return sympy.S.Zero
    least: Expr = exponents[0] + min(above)
    return least
