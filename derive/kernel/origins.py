"""Where logits are measured from: in what stays the same when all of them move together, from the largest of the row.

The derivative of a loss by its temperature has Σ w_i z_i with weights that sum to 0. Where all logits are 10⁴ and some,
each product has lost the digits that are left when they cancel; Σ w_i (z_i - max z) has not, and costs one subtraction.
A difference of two logits needs no such care, and an exponential has a shift of its own.
"""

from collections.abc import Callable
from functools import lru_cache

import sympy
from sympy import Add, Expr, Function, Indexed, Mul, Symbol

from derive.calculus.rewrite import rewrite
from derive.errors import UnsupportedError
from derive.kernel.rests import sums_to_1
from derive.notation import Contraction, i, occurrences, y, z
from derive.proof.check import agree

NOTE = "Logits count as d = z - max z where only their differences matter: what all have in common costs no digits."

_OFFSET = Symbol("offset", real=True)


class FromLargest(Function):
    """FromLargest(z_i) is z_i - max z, rounded once."""

    nargs = (1,)


def measure_from_largest(expression: Expr, derived: Expr, y_definition: Expr | None) -> Expr:
    """`expression` with z - max z for every bare z, where that changes nothing.

    Args:
        expression: a closed form as a kernel is to compute it.
        derived: the same as it was derived: the one is the other whatever the bare logits are, y being as defined.
        y_definition: entry i of y in terms of z; None where there is no y.
    """
    return _with_bare_logits(expression, FromLargest) if _has_no_origin(derived, y_definition) else expression


@lru_cache(maxsize=256)  # a loss and its gradient have kernels of their own and one together
def _has_no_origin(expression: Expr, y_definition: Expr | None) -> bool:
    """Whether `expression` weighs bare logits in a sum over the classes, and stays the same when all of them move.

    It has to read a sum of exponentials too: the largest logit is known then. Without one the distance to it would take
    a pass of its own, and overflow where no logit does.
    """
    sums = list(occurrences(expression, Contraction))
    knows_largest = (sums_to_1(y_definition) and expression.has(y.label)) or any(total.has(sympy.exp) for total in sums)
    if not knows_largest or not any(_has_bare_logits(total) for total in sums):
        return False
    moved = _with_bare_logits(expression, lambda logit: logit + _OFFSET)
    try:
        return agree(expression, moved, {} if y_definition is None else {y: (i, y_definition)})
    except UnsupportedError:
        return False


def _has_bare_logits(expression: Expr) -> bool:
    return bool(_with_bare_logits(expression, lambda logit: logit + _OFFSET) != expression)


def _with_bare_logits(expression: Expr, become: Callable[[Indexed], Expr]) -> Expr:
    """`expression` with what every logit that is neither in an exponential nor in a difference of two becomes."""

    def visit(node: Expr) -> Expr | None:
        match node:
            case sympy.exp():
                return node
            case Indexed() if node.base == z:
                return become(node)
            case Add():
                scaled = [term for term in node.args if _scale(term) is not None]
                if len(scaled) > 1 and sympy.expand(Add(*map(_scale, scaled))) == 0:
                    return Add(*scaled, *(rewrite(term, visit) for term in node.args if term not in scaled))
        return None

    return rewrite(expression, visit)


def _scale(term: Expr) -> Expr | None:
    """The c of a term c z_i; None of any other."""
    logits = [factor for factor in Mul.make_args(term) if isinstance(factor, Indexed) and factor.base == z]
    return term / logits[0] if len(logits) == 1 else None
