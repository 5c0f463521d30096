"""What targets have of a sum over the probabilities, as shares of it: beside its probability, one is at most 1.

With R = Σ t_i y_i and τ_j = t_j/R, (t_j - R) y_j/R is τ_j y_j - y_j, however small R is, where y_j/R overflows. With
what is left of 1, x = Σ (1 - t_i) y_i and υ_j = (1 - t_j)/x, (t_j - R)/x is 1 - υ_j, however small x is, where R is 1
to all digits. Every R, or x, that divides what is as small as itself cancels.
"""

from collections.abc import Callable
from functools import reduce

import sympy
from sympy import Add, Expr, Indexed, IndexedBase, KroneckerDelta, Mul, Pow, Symbol
from sympy.codegen.cfunctions import log1p

from derive.calculus.contract import fact, normalise
from derive.calculus.rewrite import replace, rewrite
from derive.kernel.degrees import apart
from derive.notation import Contraction, i, occurrences, t, y

WHOLE = Contraction(t[i] * y[i], i)
"""R: what the targets have of the probability."""
REST = Contraction((1 - t[i]) * y[i], i)
"""x: what is left of 1, where the probabilities sum to 1."""
SUM_OF_Y = fact("sum of y", "the entries of y sum to 1", Contraction(y[i], i), sympy.S.One)
_SHARE = IndexedBase("share")
_SUM = Symbol("sum", positive=True)


def divides(expression: Expr) -> bool:
    """Whether something is divided by R."""
    return any(power.base == WHOLE and power.exp.is_negative for power in occurrences(expression, Pow))


def in_shares_of_whole(expression: Expr) -> Expr:
    """`expression` in shares of R, which may be small."""

    def visit(node: Expr, beside: frozenset[Expr]) -> Expr | None:
        if node == WHOLE:
            return _SUM
        return _SUM * _SHARE[node.indices[0]] if _is_target(node, beside) else None

    return _joined(_walk(expression, visit), WHOLE, lambda index: t[index])


def in_shares_of_rest(expression: Expr) -> Expr:
    """`expression` in shares of x, which may be small: Σ t y f is Σ y f - x Σ υ y f, and its first sum is often 0."""

    def visit(node: Expr, beside: frozenset[Expr]) -> Expr | None:
        if node == sympy.log(WHOLE):
            return log1p(-_SUM)
        if node == WHOLE:
            return 1 - _SUM
        if isinstance(node, Contraction):
            body, index = node.open()
            slope = sympy.diff(body, t[index])
            if y[index] in Mul.make_args(slope) and not slope.has(sympy.Derivative) and not _has_entry(slope, t[index]):
                at_1 = normalise(Contraction(body + (1 - t[index]) * slope, index), (SUM_OF_Y,))
                inner = _walk(slope, visit, beside | {index})
                return _walk(at_1, visit, beside) - _SUM * Contraction(_SHARE[index] * inner, index)
        return 1 - _SUM * _SHARE[node.indices[0]] if _is_target(node, beside) else None

    return _joined(_walk(expression, visit), REST, lambda index: 1 - t[index])


_Visit = Callable[[Expr, frozenset[Expr]], Expr | None]


def _walk(expression: Expr, visit: _Visit, beside: frozenset[Expr] = frozenset()) -> Expr:
    """`expression` with `visit` applied from the outside in, told for which classes a product has the probability."""
    replaced = visit(expression, beside)
    if replaced is not None:
        return replaced
    if isinstance(expression, Contraction):
        body, index = expression.open()
        return Contraction(_walk(body, visit, beside), index)
    if isinstance(expression, (Indexed, KroneckerDelta)) or not expression.args:
        return expression
    if isinstance(expression, Mul):
        beside |= {factor.indices[0] for factor in expression.args if _is_entry(factor, y)}
    return expression.func(*(_walk(child, visit, beside) for child in expression.args))


def _is_target(node: Expr, beside: frozenset[Expr]) -> bool:
    """Whether `node` is the target of a class whose probability is beside it."""
    return _is_entry(node, t) and node.indices[0] in beside


def _joined(expression: Expr, total: Contraction, weight: Callable[[Symbol], Expr]) -> Expr:
    """`expression` with the sum and the shares spelled out again, once what divides them has cancelled."""
    exponent, rest = apart(expression, _SUM)
    beside = _beside(_SUM**exponent * rest)
    spelled = rewrite(beside, lambda node: weight(node.indices[0]) / _SUM if _is_entry(node, _SHARE) else None)
    return replace(spelled, {_SUM: total})


def _beside(expression: Expr) -> Expr:
    """`expression` with every probability multiplied into the sums in which the share of its class is."""

    def visit(node: Expr) -> Expr | None:
        if not isinstance(node, Mul):
            return None
        entries = [factor for factor in node.args if _is_entry(factor, y)]
        rest = Mul(*(rewrite(factor, visit) for factor in node.args if factor not in entries))
        return reduce(_times, entries, rest)

    return rewrite(expression, visit)


def _times(expression: Expr, entry: Indexed) -> Expr:
    """The product with y_j, which goes into every term of the first factor that holds the share of its class."""
    share = _SHARE[entry.indices[0]]
    for factor in Mul.make_args(expression):
        if isinstance(factor, Add) and _has_entry(factor, share):
            return expression / factor * Add(*(_times(term, entry) for term in factor.args))
    return expression * entry


def _has_entry(expression: Expr, entry: Indexed) -> bool:
    return entry in occurrences(expression, Indexed)


def _is_entry(node: Expr, base: IndexedBase) -> bool:
    return isinstance(node, Indexed) and node.base == base
