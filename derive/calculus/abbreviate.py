"""Name the sums over the classes that recur in a formula, or that make it long: R = Σ_i y_i (y_i − t_i)."""

from sympy import Expr, Symbol

from derive.calculus.readability import cost
from derive.notation import Contraction, free_indices, label, occurrences

LETTERS = "RSUVWPQABCDEFGHKM"
"""Names in the order in which they are given; those of the notation and of the definition are passed over."""

LONG = 24.0
"""The cost of a formula from which on every sum is named. The gradient of a mean squared error costs 13."""

NamedSum = tuple[Symbol, Expr]


def abbreviate(expression: Expr) -> tuple[Expr, tuple[NamedSum, ...]]:
    """The formula with its row-wide sums named, and what the names stand for; nothing named where that is no shorter.

    A sum is row-wide where no class index but a label's is free in it: one number for each row. A short formula has
    only those sums named that occur more than once.
    """
    found: dict[Expr, int] = {}
    for node in occurrences(expression, Contraction):
        if free_indices(node) <= {label}:
            found[node] = found.get(node, 0) + 1
    outermost = [node for node in found if not any(node != other and other.has(node) for other in found)]
    is_long = cost(expression) >= LONG and expression not in found
    chosen = sorted(
        (node for node in outermost if is_long or found[node] > 1), key=lambda node: (cost(node), str(node))
    )
    taken = {symbol.name for symbol in expression.atoms(Symbol)}
    letters = [letter for letter in LETTERS if letter not in taken]
    named = tuple((Symbol(letter, real=True), node) for letter, node in zip(letters, chosen, strict=False))
    return expression.xreplace({node: symbol for symbol, node in named}), named
