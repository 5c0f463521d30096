"""How easily a formula is read: a measure, less is easier."""

from functools import cache

import sympy
from sympy import Expr, Indexed, Integer, KroneckerDelta

from derive.notation import Contraction, label, o, t, y

REVERSED = 0.75
"""What a difference costs that is the wrong way round: more than the minus sign that turns it."""

BY_PROBABILITY = 2.0
"""What a division by y or 1 - y costs: most derivatives have their factor y, or y (1 - y), beside it, and need none."""


@cache
def cost(expression: Expr) -> float:
    """How much there is to read: less is easier.

    A symbol or an entry of a vector counts 1, a number 1, a sum over the classes 2 and its body, a function 1 and its
    argument, a power 1 and its exponent, a division by more than a number 1, by a probability 2½, and each plus, minus
    or product sign ½; a difference that people write the other way round counts a little more.
    """
    match expression:
        case Integer():
            return 1.0
        case sympy.Rational():
            return 2.0
        case Indexed() | sympy.Symbol():
            return 1.0
        case KroneckerDelta():
            return 1.5
        case Contraction():
            return 2.0 + cost(expression.body)
        case sympy.Add():
            return (
                sum(cost(term) + 0.5 for term in expression.args) - 0.5 + (REVERSED if is_reversed(expression) else 0.0)
            )
        case sympy.Mul():
            factors = [factor for factor in expression.args if factor != -1]
            minus = 0.5 if expression.args[0].is_Rational and expression.args[0].is_negative else 0.0
            return sum(cost(factor) + 0.5 for factor in factors) - 0.5 + minus
        case sympy.Pow(exp=Integer() as exponent) if exponent == -1:
            return cost(expression.base) + (BY_PROBABILITY if _is_probability(expression.base) else 0.5)
        case sympy.Pow():
            return cost(expression.base) + cost(expression.exp) + 0.5
    return 1.0 + sum(cost(child) for child in expression.args)


def _is_probability(expression: Expr) -> bool:
    """Whether `expression` is y or 1 - y of some class."""
    return any(isinstance(each, Indexed) and each.base == y for each in (expression, 1 - expression))


def is_reversed(expression: sympy.Add) -> bool:
    """Whether outputs stand only with a minus and targets with a plus: t − y for what people write y − t.

    For a label, δ_(j,label) is the target of y_j; δ_(j,label) − y_label is an entry of the Jacobian, and stays.
    """
    outputs = [term for term in expression.args if _vectors(term) & {y, o}]
    if not outputs:
        return False
    targets = [
        term
        for term in expression.args
        if term not in outputs and (t in _vectors(term) or _is_one_hot(term, expression))
    ]
    return all(term.could_extract_minus_sign() for term in outputs) and not all(
        term.could_extract_minus_sign() for term in targets
    )


def _is_one_hot(term: Expr, difference: sympy.Add) -> bool:
    """Whether `term` is a multiple of a δ at the label, and no output in `difference` is at the label."""
    deltas = [factor for factor in sympy.Mul.make_args(term) if isinstance(factor, KroneckerDelta)]
    return any(label in delta.args for delta in deltas) and not any(
        entry.base in (y, o) and label in entry.indices for entry in difference.atoms(Indexed)
    )


def _vectors(term: Expr) -> set[sympy.IndexedBase]:
    """The vectors that a product reads outside its sums and functions."""
    bases = [factor.as_base_exp()[0] for factor in sympy.Mul.make_args(term)]
    return {base.base for base in bases if isinstance(base, Indexed)}
