"""Choose the form to show: a few arrangements of one expression, and the one that is easiest to read.

The arrangements: multiplied out with every sum evaluated; common factors in front, of the formula as it stands, of the
one multiplied out, and of the one with the entries of Jacobians kept whole; one fraction in lowest terms. Ties go to
the one that comes first, so that the choice never depends on the order in which SymPy stores terms.
"""

from collections.abc import Iterator

import sympy
from sympy import Expr, KroneckerDelta

from derive.calculus.contract import POWERS, normalise
from derive.calculus.factor import cancel, collect
from derive.calculus.readability import cost
from derive.calculus.rewrite import Rule, apply, rewrite
from derive.notation import Contraction

FACTORED = "factor"
EXPANDED = "multiply out"
CANCELLED = "cancel"


def arrange(expression: Expr, facts: tuple[Rule, ...] = ()) -> tuple[str, Expr] | None:
    """What to do to `expression`, and the arrangement that is easiest to read; None where it is that already."""
    best, least = None, cost(expression)
    for name, candidate in _arrangements(expression, facts):
        tidy = apply(POWERS, candidate)
        if cost(tidy) < least:
            best, least = (name, tidy), cost(tidy)
    return best


def _arrangements(expression: Expr, facts: tuple[Rule, ...]) -> Iterator[tuple[str, Expr]]:
    expanded = normalise(expression, facts)
    yield EXPANDED, expanded
    yield FACTORED, sympy.factor_terms(expression)
    yield FACTORED, collect(expression)
    yield FACTORED, collect(expanded)
    yield FACTORED, collect(expanded, deltas_first=True)
    yield FACTORED, _around_repeated(expression, facts)
    yield CANCELLED, cancel(expression)


def _around_repeated(expression: Expr, facts: tuple[Rule, ...]) -> Expr:
    """`collect` with every parenthesis that holds a δ kept whole, as entries of a Jacobian are."""
    kept: dict[Expr, Expr] = {}

    def hide(node: Expr) -> Expr | None:
        if isinstance(node, Contraction):
            return node
        if isinstance(node, sympy.Add) and any(isinstance(term, KroneckerDelta) for term in node.args):
            return kept.setdefault(node, sympy.Dummy(f"a{len(kept)}"))
        return None

    hidden = rewrite(expression, hide)
    return collect(normalise(hidden, facts)).xreplace({symbol: node for node, symbol in kept.items()})
