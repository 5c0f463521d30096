"""Choose the form to show: a few arrangements of one expression, and the one that is easiest to read.

The arrangements: multiplied out with every sum evaluated; common factors in front, of the formula as it stands, of the
one multiplied out, and of the one with the entries of Jacobians kept whole; a factor put into a sum that it divides in;
the sums inside multiplied out; those entries turned round; minus signs put into differences from 1; one fraction in
lowest terms. Ties go to the one that comes first, so that the choice never depends on the order in which SymPy stores
terms.
"""

from collections.abc import Iterable, Iterator

import sympy
from sympy import Expr, KroneckerDelta

from derive.calculus.contract import POWERS, normalise
from derive.calculus.factor import cancel, collect, multiply_in, multiply_out_inside, take_in, turn_round
from derive.calculus.readability import cost
from derive.calculus.rewrite import Rule, apply, can_multiply_out, replace, rewrite
from derive.calculus.signs import turn_signs
from derive.notation import Contraction

FACTORED = "factor"
EXPANDED = "multiply out"
CANCELLED = "cancel"
TURNED = "symmetry"
SIGNS = "signs"


LONGEST_FACTORED = 2500.0
"""The cost of a formula from which on only what all of it shares is put in front: more would take minutes."""

Arrangement = tuple[str, Expr]
"""What is done to an expression, and what it becomes."""


def arrange(expression: Expr, facts: tuple[Rule, ...] = ()) -> Iterator[Arrangement]:
    """One arrangement after the other, each easier to read than the last, until none is."""
    step = _easiest(expression, (*_multiplied_out(expression, facts), *_as_it_stands(expression, facts)))
    while step is not None:
        yield step
        # Multiplied out, every arrangement of one expression is the same again.
        step = _easiest(step[1], _as_it_stands(step[1], facts))


def _easiest(expression: Expr, arrangements: Iterable[Arrangement]) -> Arrangement | None:
    """The arrangement that is easiest to read; None where `expression` itself is no harder."""
    best, least = None, cost(expression)
    for name, candidate in arrangements:
        tidy = apply(POWERS, candidate)
        if cost(tidy) < least:
            best, least = (name, tidy), cost(tidy)
    return best


def _multiplied_out(expression: Expr, facts: tuple[Rule, ...]) -> Iterator[Arrangement]:
    if not can_multiply_out(expression):
        return
    expanded = normalise(expression, facts)
    yield EXPANDED, expanded
    if cost(expanded) > LONGEST_FACTORED:
        return
    yield FACTORED, collect(expanded)
    yield FACTORED, collect(expanded, deltas_first=True)


def _as_it_stands(expression: Expr, facts: tuple[Rule, ...]) -> Iterator[Arrangement]:
    yield FACTORED, sympy.factor_terms(expression)
    if cost(expression) > LONGEST_FACTORED:
        return
    yield FACTORED, collect(expression)
    yield FACTORED, _around_repeated(expression, facts)
    yield FACTORED, take_in(expression)
    yield CANCELLED, multiply_in(expression)
    yield EXPANDED, multiply_out_inside(expression)
    yield TURNED, turn_round(expression)
    yield SIGNS, turn_signs(expression)
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
    if not kept or not can_multiply_out(hidden):
        return expression  # with nothing to keep whole, that is one of those multiplied out
    return replace(collect(normalise(hidden, facts)), {symbol: node for node, symbol in kept.items()})
