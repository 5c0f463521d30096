"""Rules, and how one is applied throughout an expression."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import comb, prod

import sympy
from sympy import Expr, Indexed, KroneckerDelta

from derive.catalogue.model import Assumption
from derive.notation import Contraction

Visit = Callable[[Expr], Expr | None]
"""What a node becomes; None where the rule does not apply to it."""


@dataclass(frozen=True)
class Rule:
    """A named rewrite.

    Attributes:
        name: as it stands beside the step.
        reason: one sentence that says why it holds.
        visit: what it makes of one node.
        assumptions: the declared facts that it rests on.
    """

    name: str
    reason: str
    visit: Visit
    assumptions: tuple[Assumption, ...] = ()


def apply(rule: Rule, expression: Expr) -> Expr:
    """`expression` with the rule applied to every outermost node that it fits."""
    return rewrite(expression, rule.visit)


def rewrite(expression: Expr, visit: Visit) -> Expr:
    """`expression` with `visit` applied from the outside in; what it returns is not visited again."""
    replaced = visit(expression)
    if replaced is not None:
        return replaced
    if isinstance(expression, Contraction):
        body, index = expression.open()
        rewritten = rewrite(body, visit)
        return expression if rewritten == body else Contraction(rewritten, index)
    if isinstance(expression, (Indexed, KroneckerDelta)) or not expression.args:
        return expression
    children = [rewrite(child, visit) for child in expression.args]
    return expression if tuple(children) == expression.args else expression.func(*children)


MOST_TERMS = 400
"""A power of a sum that has more terms than that when it is multiplied out stays as it is."""


def can_multiply_out(expression: Expr) -> bool:
    """Whether multiplying `expression` out, sums over the classes taken apart, leaves no more than `MOST_TERMS`."""
    return _count_terms(expression) <= MOST_TERMS


@cache
def _count_terms(expression: Expr) -> int:
    """At most how many terms `expression` has when it is multiplied out."""
    if isinstance(expression, Contraction):
        return _count_terms(expression.body)
    if isinstance(expression, sympy.Add):
        return sum(_count_terms(term) for term in expression.args)
    if isinstance(expression, sympy.Mul):
        return prod(_count_terms(factor) for factor in expression.args)
    if isinstance(expression, sympy.Pow) and expression.exp.is_Integer and expression.exp > 0:
        terms, exponent = _count_terms(expression.base), int(expression.exp)
        return comb(exponent + terms - 1, exponent)
    return 1


@cache
def expand(expression: Expr) -> Expr:
    """`expression` with its products and small whole powers of sums multiplied out; the rest stays whole.

    So does what stands below a fraction line: multiplied out, (1 − y)² would no longer be seen to be a power of 1 − y.
    """
    kept: dict[Expr, Expr] = {}
    for power in expression.atoms(sympy.Pow):
        if power.exp.is_Integer and isinstance(power.base, sympy.Add) and _stays_whole(power):
            kept[power] = sympy.Dummy()
    expanded: Expr = sympy.expand(expression.xreplace(kept), log=False, power_base=False, power_exp=False)
    return expanded.xreplace({symbol: power for power, symbol in kept.items()})


def _stays_whole(power: sympy.Pow) -> bool:
    exponent = int(power.exp)
    return exponent < 0 or comb(exponent + len(power.base.args) - 1, exponent) > MOST_TERMS
