"""Is `left` equal to `right`? Decided at random points where only the stated assumptions hold.

Modulo a large prime, where arithmetic is exact. That is the stricter way: two sides that are equal by a law which the
field does not know (the root of a number that is no square there, exp(−x) against 1/exp x inside another function)
differ in it. Those few are decided by real numbers of many digits instead, and the check says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import mpmath
import sympy
from sympy import Expr, IndexedBase, KroneckerDelta, Symbol

from derive.catalogue.model import Assumption
from derive.derivation import Check
from derive.errors import ProofError, UnsupportedError
from derive.notation import Contraction, Partial, free_indices, g, label, o, t, v, y, z
from derive.proof.evaluate import Definitions, Point, evaluate
from derive.proof.field import BadPointError, PrimeField, RationalFunctions, Reals

FEWEST_CLASSES = 3
MOST_CLASSES = 9
ATTEMPTS = 40
ROOTLESS_ATTEMPTS = 6
"""Points tried where the field lacks a root or a quotient, before real numbers are asked."""
GENERATORS = 64
DIGITS = 80
AGREEMENT = 50
"""Digits to which two sides must agree in real numbers; `DIGITS` leaves as many again for what cancels on the way."""

Meanings = tuple[tuple[IndexedBase | Symbol, tuple[Symbol | None, Expr]], ...]
"""Definitions that can be a key."""


def check(left: Expr, right: Expr, definitions: Definitions, assumptions: Sequence[Assumption] = ()) -> Check:
    """Check left = right, at random points that satisfy nothing but `assumptions`: modulo a prime, or in real numbers.

    Points are drawn at 3 classes and at as many as the total degree of the two sides, because an identity can hold for
    few classes and fail for more: p1³ − 3 p1 p2 + 2 p3 = 0 (power sums) holds at n = 2 and fails from n = 3.

    Raises:
        ProofError: the sides differ; says where, and both sides.
    """
    most = min(max(FEWEST_CLASSES + 1, degree(left), degree(right)), MOST_CLASSES)
    classes = (FEWEST_CLASSES, most)
    meanings, known = tuple(definitions.items()), tuple(assumptions)
    try:
        for n in classes:
            points = (_modular_point(meanings, known, n, seed) for seed in range(ROOTLESS_ATTEMPTS))
            _compare_somewhere(left, right, points)
    except ProofError as refusal:
        with mpmath.workdps(DIGITS):
            for n in classes:
                points = (_real_point(meanings, known, n, seed) for seed in range(ATTEMPTS))
                _compare_somewhere(left, right, points, refusal)
        return Check("real", classes, points=1)
    return Check("modular", classes, points=1)


def _compare_somewhere(left: Expr, right: Expr, points: Iterator[Point], refusal: ProofError | None = None) -> None:
    """Compare at the first of `points` at which both sides are defined.

    Raises:
        ProofError: the sides differ there, or there is no such point; `refusal` where one is given.
    """
    for point in points:
        try:
            _compare(left, right, point)
        except BadPointError:
            continue
        except ProofError as difference:
            raise refusal or difference from None
        else:
            return
    raise refusal or ProofError(f"no point at which {left} and {right} are both defined was found")


@lru_cache(maxsize=16)
def _modular_point(meanings: Meanings, assumptions: tuple[Assumption, ...], n: int, seed: int) -> Point:
    """The same point for every step of a derivation: what it remembers is computed once."""
    return _assuming(Point(PrimeField(seed), n, definitions=dict(meanings)), assumptions)


@lru_cache(maxsize=16)
def _real_point(meanings: Meanings, assumptions: tuple[Assumption, ...], n: int, seed: int) -> Point:
    """Logits and directions of both signs, outputs and targets between 0 and 1; every other time parameters too.

    Every other time targets have a sum below 1, for what assumes that it is 1. To be called, and evaluated at, with
    mpmath working in `DIGITS`.
    """
    signed, share = Reals(seed), Reals(seed, low=0.05, high=0.95)
    targets = Reals(seed, low=0.05 / n, high=0.95 / n) if seed % 2 else share
    field = Reals(seed, low=0.05, high=0.95 if seed % 4 < 2 else 3.0)
    drawn = [(signed, z), (signed, g), (signed, v), (share, y), (share, o), (targets, t)]
    values = {
        base: [reals.unknown(str(base.label), number) for number in range(n)]
        for reals, base in drawn
        if base not in dict(meanings)
    }
    return _assuming(Point(field, n, values, dict(meanings)), assumptions)


def prove(left: Expr, right: Expr, n: int, definitions: Definitions, assumptions: Sequence[Assumption] = ()) -> Check:
    """Prove left = right at `n` classes: both are the same rational function of the logits' exponentials and the rest.

    The sum of the exponentials is itself a generator, and the first exponential what it leaves: a softmax then has
    monomial denominators, which is ten times faster at 5 classes.

    Raises:
        ProofError: they are not.
        UnsupportedError: they are no rational functions.
    """
    field = RationalFunctions(GENERATORS)
    point = Point(field, n, definitions=definitions)
    exponentials = [("exp", point.entry(z, number)) for number in range(n)]
    first = field.unknown("sum of exponentials")
    for name in exponentials[1:]:
        first = first - field.unknown(*name)
    field.generators[exponentials[0]] = first
    _compare(left, right, _assuming(point, tuple(assumptions)))
    return Check("rational", (n,), points=0)


def agree(left: Expr, right: Expr, definitions: Definitions, assumptions: Sequence[Assumption] = ()) -> bool:
    """Whether `check` passes."""
    try:
        check(left, right, definitions, assumptions)
    except ProofError:
        return False
    return True


def _compare(left: Expr, right: Expr, point: Point) -> None:
    meanings = (meaning for _, meaning in point.definitions.values())
    labels = {label for meaning in meanings if label in free_indices(meaning)}
    for indices in _patterns(sorted(free_indices(left) | free_indices(right) | labels, key=str), point.n):
        placed = point.at(indices)
        if not _same(evaluate(left, placed), evaluate(right, placed)):
            where = ", ".join(f"{index} = {number + 1}" for index, number in indices.items())
            raise ProofError(f"{left} is not {right} at n = {point.n}{', ' if where else ''}{where}")


def _same(left: Any, right: Any) -> bool:
    """Whether two numbers of a field are equal; real ones to `AGREEMENT` digits of the larger, or of 1."""
    reals = [number for number in (left, right) if isinstance(number, (mpmath.mpf, mpmath.mpc))]
    if not reals:
        return bool(left == right)
    if not all(isinstance(number, mpmath.mpf) and mpmath.isfinite(number) for number in reals):
        raise BadPointError
    return bool(abs(left - right) <= mpmath.mpf(10) ** -AGREEMENT * max(1, abs(left), abs(right)))


def _assuming(point: Point, assumptions: tuple[Assumption, ...]) -> Point:
    """`point` with the values that the assumptions leave."""
    values = {name: entries for assumption in assumptions for name, entries in _assumed(assumption, point)}
    return Point(point.field, point.n, {**point.values, **values}, point.definitions)


def _assumed(assumption: Assumption, point: Point) -> Iterator[tuple[IndexedBase, list[object]]]:
    """Values for the vector that an assumption restricts, the last one solved for: Σ t_i = c."""
    body, field = assumption.left.body, point.field
    if not isinstance(body, sympy.Indexed):
        raise UnsupportedError(f"the assumption {assumption.id} is no sum of one vector")
    # Each below 1/n, so that what real numbers between 0 and 1 leave for the last one is positive.
    share = field.number(Fraction(1, point.n))
    entries = [field.unknown(str(body.base.label), number) * share for number in range(point.n - 1)]
    last = evaluate(assumption.right, point)
    for entry in entries:
        last = last + -entry
    yield body.base, [*entries, last]


def _patterns(indices: Sequence[Symbol], n: int) -> Iterator[Mapping[Symbol, int]]:
    """One choice of classes for each way in which the indices can coincide.

    Both sides are built from sums over all classes, so that renumbering the classes maps one choice to every other of
    its kind: one of each kind stands for all.
    """

    def extend(chosen: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(chosen) == len(indices):
            yield chosen
            return
        for number in range(min(max(chosen, default=-1) + 2, n)):
            yield from extend((*chosen, number))

    for chosen in extend(()):
        yield dict(zip(indices, chosen, strict=True))


def degree(expression: Expr) -> int:
    """An upper bound of the total degree in the vectors: how many classes an identity can tell apart."""
    match expression:
        case sympy.Indexed() | KroneckerDelta():
            return 1
        case sympy.Add():
            return max(degree(term) for term in expression.args)
        case sympy.Mul():
            return sum(degree(factor) for factor in expression.args)
        case sympy.Pow():
            power = abs(int(expression.exp)) if expression.exp.is_Integer else 1
            return degree(expression.base) * power
        case Contraction() | Partial():
            return degree(expression.body)
    return max((degree(child) for child in expression.args), default=0)
