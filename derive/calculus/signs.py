"""Where a minus sign stands: before a product, or in the difference that it turns round."""

from functools import cache

import sympy
from sympy import Expr

from derive.calculus.readability import cost
from derive.calculus.rewrite import rewrite
from derive.notation import Contraction, occurrences


def turn_signs(expression: Expr) -> Expr:
    """`expression` with 1 − x (y − 1) as 1 + x (1 − y) where there is less to read, or as much and fewer signs."""

    def visit(node: Expr) -> Expr | None:
        match node:
            case sympy.Add():
                return sympy.Add(*(_turned(term) for term in node.args))
            case sympy.Mul() if node.could_extract_minus_sign():
                return _turned(node)
        return None

    return rewrite(expression, visit)


def _turned(term: Expr) -> Expr:
    """`term` with the signs inside its factors turned where that is easier to read."""
    return _easiest(term, _negative(-term), -_negative(term))


@cache
def _negative(expression: Expr) -> Expr:
    """-`expression`, the sign within a sum among its factors, or within their factors, where that is easier to read."""
    match expression:
        case sympy.Add():
            return sympy.Add(*(_negative(term) for term in expression.args))
        case Contraction():
            body, index = expression.open()
            turned = _negative(body) if _may_turn(body) else -body
            return _easiest(-expression, Contraction(turned, index) if turned != -body else -expression)
        case sympy.Mul():
            ways = [
                sympy.Mul(*(_negative(other) if other is factor else other for other in expression.args))
                for factor in expression.args
                if _may_turn(factor)
            ]
            return _easiest(-expression, *ways)
    return -expression


def _may_turn(expression: Expr) -> bool:
    """Whether a sum, turned, begins with a number, as 1 − y, or has no minus; or a product or sum has such a factor.

    Other differences stay as they were found: v − Σ v y has a meaning.
    """
    match expression:
        case sympy.Add():
            terms = [_negative(term) for term in expression.args]
            begins = any(term.is_number and term.is_positive for term in terms)
            return begins or not any(term.could_extract_minus_sign() for term in terms)
        case sympy.Mul():
            return any(map(_may_turn, expression.args))
        case Contraction():
            return _may_turn(expression.body)
    return False


def _easiest(*ways: Expr) -> Expr:
    """The easiest to read of some ways to write one thing; of those alike the one with the fewest minus signs."""
    return min(ways, key=lambda each: (cost(each), _minus_signs(each)))


def _minus_signs(expression: Expr) -> int:
    own = int(isinstance(expression, sympy.Mul) and expression.could_extract_minus_sign())
    return own + sum(
        bool(term.could_extract_minus_sign()) for each in occurrences(expression, sympy.Add) for term in each.args
    )
