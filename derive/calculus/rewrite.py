"""Rules, and how one is applied throughout an expression."""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import sympy
from sympy import Expr, Indexed, KroneckerDelta

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
    """

    name: str
    reason: str
    visit: Visit


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


def expand(expression: Expr) -> Expr:
    """`expression` with its products and small whole powers of sums multiplied out; the rest stays whole."""
    kept: dict[Expr, Expr] = {}
    for power in expression.atoms(sympy.Pow):
        is_whole = power.exp.is_Integer and power.exp > 1 and isinstance(power.base, sympy.Add)
        if is_whole and comb(int(power.exp) + len(power.base.args) - 1, int(power.exp)) > MOST_TERMS:
            kept[power] = sympy.Dummy()
    expanded: Expr = sympy.expand(expression.xreplace(kept), log=False, power_base=False, power_exp=False)
    return expanded.xreplace({symbol: power for power, symbol in kept.items()})
