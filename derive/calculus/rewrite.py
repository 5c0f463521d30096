"""Rules, and how one is applied throughout an expression."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import comb, prod

import sympy
from sympy import Expr, Indexed, KroneckerDelta

from derive.catalogue.model import Assumption
from derive.notation import Contraction, nesting

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


def replace(expression: Expr, replacements: Mapping[Expr, Expr]) -> Expr:
    """`expression` with nodes replaced, in nested sums too, where what comes in may hold sums of its own.

    SymPy's `xreplace` would rebuild an inner sum around the index of an outer one, and could capture it.
    """
    if nesting(expression) < 2:
        replaced: Expr = expression.xreplace(dict(replacements))
        return replaced
    return rewrite(expression, replacements.get)


MOST_TERMS = 400
"""What has more terms than that when it is multiplied out stays as it is."""


def can_multiply_out(expression: Expr, most: int = MOST_TERMS) -> bool:
    """Whether multiplying `expression` out, sums over the classes taken apart, leaves no more than `most` terms."""
    return _count_terms(expression) <= most


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

    So does what stands below a fraction line or under a root: multiplied out, (1 − y)² would no longer be seen to be a
    power of 1 − y.
    """
    kept: dict[Expr, Expr] = {}
    for power in expression.atoms(sympy.Pow):
        if power.exp.is_Rational and isinstance(power.base, sympy.Add) and _stays_whole(power):
            kept[power] = sympy.Dummy()
    expanded: Expr = sympy.expand(replace(expression, kept), log=False, power_base=False, power_exp=False)
    return replace(expanded, {symbol: power for power, symbol in kept.items()})


def _stays_whole(power: sympy.Pow) -> bool:
    if power.exp.is_negative or not power.exp.is_Integer:
        return True
    exponent = int(power.exp)
    return comb(exponent + len(power.base.args) - 1, exponent) > MOST_TERMS
