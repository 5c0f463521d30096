"""Write y where its definition stands: exp(z_i)/Σ exp(z_k) back to y_i.

The definition y_i = f(e_i, s) is solved for the one exponential e_i of the logit that it holds (e_i = y_i s for a
softmax, e_i = 1/y_i − 1 for a logistic function), and the solution put in for each such exponential.
"""

from functools import cache

import sympy
from sympy import Dummy, Expr, Indexed

from derive.calculus.rewrite import Rule, expand, rewrite
from derive.notation import Contraction, free_indices, i, occurrences, rename, y


def fold(definition: Expr) -> Rule | None:
    """The rule that folds entry i of a definition back to y_i; None where the definition cannot be solved."""
    solved = _solve(definition)
    if solved is None:
        return None
    exponent, exponential = solved

    def visit(node: Expr) -> Expr | None:
        if isinstance(node, Contraction):
            return node if definition.has(node) else None
        if not isinstance(node, sympy.exp):
            return None
        factors = [_fold_term(term, exponent, exponential) for term in sympy.Add.make_args(expand(node.args[0]))]
        return sympy.Mul(*(factor for factor in factors if factor is not None)) if None not in factors else None

    def whole(node: Expr) -> Expr | None:
        if not node.has(sympy.exp):
            return None
        apart = expand(node)
        folded = rewrite(apart, visit)
        return None if folded == apart else expand(folded)

    return Rule("write y for its definition", "the definition of y, read from right to left", whole)


@cache
def _solve(definition: Expr) -> tuple[Expr, Expr] | None:
    """The exponent that the definition holds at index i, and its exponential in terms of y_i."""
    exponentials = {
        node for node in occurrences(definition, sympy.exp) if free_indices(node) == {i} and node.has(Indexed)
    }
    if len(exponentials) != 1:
        return None
    (exponential,) = exponentials
    unknown = Dummy("e")
    kept = {node: Dummy(f"s{number}") for number, node in enumerate(occurrences(definition, Contraction))}
    equation = definition.xreplace(kept).xreplace({exponential: unknown}) - y[i]
    solutions = _solutions(equation, unknown)
    if len(solutions) != 1 or unknown in solutions[0].free_symbols:
        return None
    return exponential.args[0], solutions[0].xreplace({symbol: node for node, symbol in kept.items()})


def _solutions(equation: Expr, unknown: Dummy) -> list[Expr]:
    """Where `equation` is 0. SymPy's general solver takes a third of a second: only for what is not linear."""
    numerator, _ = sympy.together(equation).as_numer_denom()
    if numerator.is_polynomial(unknown):
        polynomial = sympy.Poly(numerator, unknown)
        if polynomial.degree() == 1:
            slope, constant = polynomial.all_coeffs()
            return [sympy.together(constant / -slope)]  # (1 − y)/y, where -constant would read −(y − 1)/y
    return [sympy.together(found) for found in sympy.solve(equation, unknown, simplify=False)]


def _fold_term(term: Expr, exponent: Expr, exponential: Expr) -> Expr | None:
    """exp(term) as a power of what it is in terms of y; None where the term is no whole multiple of the exponent."""
    for index in sorted(free_indices(term), key=str):
        ratio = sympy.cancel(term / rename(exponent, {i: index}))
        if ratio.is_Integer:
            power: Expr = rename(exponential, {i: index}) ** ratio
            return power
    return None
