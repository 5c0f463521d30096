"""Where logits are measured from: in what stays the same when all of them move together, from the largest of the row.

The derivative of a loss by its temperature has Σ w_i z_i with weights that sum to 0. Where all logits are 10⁴ and some,
each product has lost the digits that are left when they cancel; Σ w_i (z_i - max z) has not, and costs one subtraction.
A difference of two logits needs no such care, and an exponential has a shift of its own, unless its sum is multiplied
by another, Σ exp(z_i) Σ exp(-z_k): the product is of a fair size where neither sum is.
"""

from collections.abc import Callable
from functools import lru_cache

import sympy
from sympy import Add, Expr, Function, Indexed, Mul, Symbol

from derive.calculus.rewrite import rewrite
from derive.errors import UnsupportedError
from derive.kernel.rests import sums_to_1
from derive.kernel.undefined import takes_powers_of_logits
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
    if _has_no_origin(derived, y_definition):
        return _with_bare_logits(expression, FromLargest)
    if _multiplies_sums(expression):
        moved = _with_bare_logits(derived, _moved, in_exponentials=True)
        if _stays_the_same(derived, moved, y_definition):
            return _with_bare_logits(expression, FromLargest, in_exponentials=True)
    return expression


def from_largest(exponent: Expr) -> Expr:
    """`exponent` with z - max z for every logit, where it stays the same when all of them move."""

    def read(become: Callable[[Indexed], Expr]) -> Expr:
        return rewrite(exponent, lambda node: become(node) if isinstance(node, Indexed) and node.base == z else None)

    return read(FromLargest) if sympy.expand(read(_moved) - exponent) == 0 else exponent


@lru_cache(maxsize=256)  # a loss and its gradient have kernels of their own and one together
def _has_no_origin(expression: Expr, y_definition: Expr | None) -> bool:
    """Whether `expression` weighs bare logits in a sum over the classes, and stays the same when all of them move.

    It has to read a sum of exponentials too: the largest logit is known then. Without one the distance to it would take
    a pass of its own, and overflow where no logit does, which only a variance is worth, whose squares overflow first.
    """
    sums = list(occurrences(expression, Contraction))
    knows_largest = (sums_to_1(y_definition) and expression.has(y.label)) or any(total.has(sympy.exp) for total in sums)
    is_worth_it = knows_largest or takes_powers_of_logits(expression)
    if not is_worth_it or not any(_has_bare_logits(total) for total in sums):
        return False
    return _stays_the_same(expression, _with_bare_logits(expression, _moved), y_definition)


def _stays_the_same(expression: Expr, moved: Expr, y_definition: Expr | None) -> bool:
    try:
        return agree(expression, moved, {} if y_definition is None else {y: (i, y_definition)})
    except UnsupportedError:
        return False


def _moved(logit: Indexed) -> Expr:
    return logit + _OFFSET


def _multiplies_sums(expression: Expr) -> bool:
    """Whether a sum of exponentials is multiplied by another, or by an exponential; or their logarithms are added."""

    def is_logarithm(term: Expr) -> bool:
        return isinstance(term, sympy.log) and isinstance(term.args[0], Contraction) and bool(term.has(sympy.exp))

    return any(sum(map(is_logarithm, total.args)) > 1 for total in occurrences(expression, Add)) or any(
        sum(factor.has(sympy.exp) for factor in product.args if isinstance(factor, (Contraction, sympy.exp))) > 1
        and any(isinstance(factor, Contraction) and factor.has(sympy.exp) for factor in product.args)
        for product in occurrences(expression, Mul)
    )


def _has_bare_logits(expression: Expr) -> bool:
    return bool(_with_bare_logits(expression, _moved) != expression)


def _with_bare_logits(expression: Expr, become: Callable[[Indexed], Expr], *, in_exponentials: bool = False) -> Expr:
    """`expression` with what every logit that is neither in an exponential nor in a difference of two becomes."""

    def visit(node: Expr) -> Expr | None:
        match node:
            case FromLargest():
                return node
            case sympy.exp() if not in_exponentials:
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
