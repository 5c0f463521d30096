"""Judging in real numbers of many digits: where arithmetic modulo a prime lacks the laws of what a formula uses.

There |x|, sign x and the logarithm of a sum are unknowns, and a root is one of two: that |x|² is x², or that ln(a + b)²
is 2 ln(a + b), is unknown there. So a formula with such functions is called wrong only where real numbers say it too,
and what has signs in it is judged by them alone. That is evidence for the points that were tried, not more.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import mpmath
import sympy
from sympy import Basic, Expr, IndexedBase, Symbol

from derive.catalogue.model import Composition
from derive.catalogue.parameters import Range
from derive.checking.judge import Court, Finding
from derive.checking.world import BINARY, FREE, ONE_HOT, SUM_ONE, Precision, World, targets_under
from derive.notation import g, t, v, z
from derive.proof.field import Reals
from derive.proof.signs import is_positive

DIGITS = 200
"""Worked in: logits that are 100 apart and T = 0.3 leave 1 − y 145 digits behind."""
AGREEMENT = Precision(50, 1e-50, 1e-50)
SCALES = (1, 5, 25)
"""How far out the points are, one after the other: |z + 5| is z + 5 near 0."""
_TINY, _HUGE = sympy.Rational(1, 10**20), SCALES[-1]
"""A smaller number in a formula may be lost in real numbers, and a larger one may be farther out than any point."""
UNREACHED = Finding(
    "undecided",
    detail="it has a number so large or so small that the points which are tried do not tell all signs apart",
)
"""What is said of a formula that depends on signs, and is right as far as was seen."""


def in_reals(court: Court) -> Court:
    """The court that judges the same in real numbers."""
    return replace(court, make=make_precise_world, points=len(SCALES), digits=DIGITS)


@lru_cache(maxsize=2**14)
def has_signs(expression: Basic) -> bool:
    """Whether a value may depend on the sign of something: |x|, sign x, and the root of what is a square."""
    match expression:
        case sympy.Abs() | sympy.sign():
            return True
        case sympy.Pow() if not expression.exp.is_Integer and not _has_one_root(expression.base):
            return True
    return any(map(has_signs, expression.args))


def _has_one_root(base: Expr) -> bool:
    """Whether the root of `base` is the same whatever the sign of what is in it."""
    match base:
        case sympy.Pow() if base.exp.is_Integer and base.exp % 2 == 0:
            return is_positive(base.base)
        case sympy.Mul():
            return all(map(_has_one_root, base.args))
    return True


@lru_cache(maxsize=2**14)
def is_exact(expression: Basic) -> bool:
    """Whether arithmetic modulo a prime knows every law of what is in it: exponentials, and rational functions."""
    match expression:
        case sympy.log() | sympy.Abs() | sympy.sign():
            return False
        case sympy.Pow() if not expression.exp.is_Integer:
            return False
    return all(map(is_exact, expression.args))


def is_out_of_reach(expressions: Iterable[Expr]) -> bool:
    """Whether there is a number so small that it may be lost, or so large that |z + 1000| is z + 1000 everywhere."""
    numbers = {abs(number) for each in expressions for number in each.atoms(sympy.Rational)}
    return any(0 < number < _TINY or number > _HUGE for number in numbers)


@lru_cache(maxsize=64)
def make_precise_world(
    composition: Composition, n: int, seed: int, hypothesis: str = FREE, label_class: int = 1
) -> World:
    """A world of real numbers, for evaluation with mpmath working in `DIGITS`; the field's unknowns are positive.

    Logits, upstream gradients and directions have both signs; at the second attempt logits are positive, for what takes
    their logarithm.
    """
    signed, positive = Reals(seed), Reals(seed, 0.05, 0.95)
    scale, label = SCALES[seed % len(SCALES)], label_class % n
    values: dict[IndexedBase | Symbol, Any] = {
        base: [scale * signed.unknown(str(base.label), number) for number in range(n)] for base in (z, g, v)
    }
    if seed // len(SCALES) % 2:
        values[z] = [positive.unknown("z", number) for number in range(n)]
    targets = [positive.unknown("t", number) for number in range(n)]
    if hypothesis == SUM_ONE:
        shares = [each / sum(targets) for each in targets[1:]]
        targets = [1 - sum(shares), *shares]
    values[t] = targets_under(hypothesis, n, label, signed, seed) if hypothesis in (ONE_HOT, BINARY) else targets
    for parameter in composition.parameters:
        drawn = [_inside(parameter.range, positive.unknown(parameter.name, number), scale) for number in range(n)]
        if parameter.per_class:
            values[IndexedBase(parameter.name)] = drawn
        else:
            values[Symbol(parameter.name, real=True)] = drawn[0]
    return World(composition, n, Reals(seed, 0.05, 3.0), values, label, AGREEMENT)


def _inside(bounds: Range, share: Any, scale: int) -> Any:
    """A number within a range; at `share` of it, where both of its ends are known, else as far out as `scale` says."""
    low, high = (end and mpmath.mpf(end.numerator) / end.denominator for end in (bounds.low, bounds.high))
    if low is not None and high is not None:
        return low + (high - low) * share
    if low is not None:
        return low + 3 * share * scale + 0.3
    return (6 * share - 3) * scale if high is None else high - 3 * share * scale
