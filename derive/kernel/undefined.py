"""Rows about which a loss says nothing: quotients of 0 by 0, and norms of logits of which one is -inf."""

import sympy
from sympy import Expr, Indexed, Mul, Pow

from derive.errors import UnsupportedError
from derive.notation import Contraction, free_indices, label, occurrences, z
from derive.proof.evaluate import Point, evaluate
from derive.proof.field import BadPointError


def takes_powers_of_logits(loss: Expr) -> bool:
    """Whether `loss` has powers, products or distances of logits: one of -inf is no class of probability 0 then."""
    return any(_reads_logits(node.args[0]) for node in occurrences(loss, (Pow, sympy.Abs))) or any(
        sum(map(_reads_logits, product.args)) > 1 for product in occurrences(loss, Mul)
    )


def _reads_logits(expression: Expr) -> bool:
    """Whether logits are read, other than by a function that is finite where one of them is -inf."""
    match expression:
        case sympy.exp() | sympy.tanh() | sympy.sign():
            return False
        case Indexed():
            return bool(expression.base == z)
    return any(map(_reads_logits, expression.args))


def divides_by_zero(loss: Expr, point: Point) -> bool:
    """Whether `loss` is divided, at a point where targets are 0, by a number of the row that is 0."""
    divisors = [
        power.base
        for power in occurrences(loss, Pow)
        if power.exp.is_negative and not free_indices(power.base) - {label} and power.base.has(Contraction)
    ]
    return any(_is_zero(divisor, point) for divisor in divisors)


def _is_zero(expression: Expr, point: Point) -> bool:
    try:
        return bool(evaluate(expression, point) == 0)
    except (BadPointError, UnsupportedError, ZeroDivisionError, OverflowError, ValueError):
        return False
