"""Is `left` equal to `right`? Decided exactly, at points where only the stated assumptions hold."""

from collections.abc import Iterator, Mapping, Sequence

import sympy
from sympy import Expr, IndexedBase, KroneckerDelta, Symbol

from derive.catalogue.model import Assumption
from derive.derivation import Check
from derive.errors import ProofError, UnsupportedError
from derive.notation import Contraction, Partial, free_indices, label, z
from derive.proof.evaluate import Definitions, Point, evaluate
from derive.proof.field import BadPointError, PrimeField, RationalFunctions

FEWEST_CLASSES = 3
MOST_CLASSES = 9
ATTEMPTS = 40
GENERATORS = 64


def check(left: Expr, right: Expr, definitions: Definitions, assumptions: Sequence[Assumption] = ()) -> Check:
    """Check left = right modulo a prime, at random points that satisfy nothing but `assumptions`.

    Points are drawn at 3 classes and at as many as the total degree of the two sides, because an identity can hold for
    few classes and fail for more: p1³ − 3 p1 p2 + 2 p3 = 0 (power sums) holds at n = 2 and fails from n = 3.

    Raises:
        ProofError: the sides differ; says where, and both sides.
    """
    most = min(max(FEWEST_CLASSES + 1, degree(left), degree(right)), MOST_CLASSES)
    classes = (FEWEST_CLASSES, most)
    for n in classes:
        for attempt in range(ATTEMPTS):
            try:
                _compare(left, right, Point(PrimeField(attempt), n, definitions=definitions), assumptions)
                break
            except BadPointError:
                continue
        else:
            raise ProofError(f"no point at which {left} and {right} are both defined was found")
    return Check("modular", classes, points=1)


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
    _compare(left, right, point, assumptions)
    return Check("rational", (n,), points=0)


def agree(left: Expr, right: Expr, definitions: Definitions, assumptions: Sequence[Assumption] = ()) -> bool:
    """Whether `check` passes."""
    try:
        check(left, right, definitions, assumptions)
    except ProofError:
        return False
    return True


def _compare(left: Expr, right: Expr, point: Point, assumptions: Sequence[Assumption]) -> None:
    values = {name: entries for assumption in assumptions for name, entries in _assumed(assumption, point)}
    point = Point(point.field, point.n, {**point.values, **values}, point.definitions)
    meanings = (meaning for _, meaning in point.definitions.values())
    labels = {label for meaning in meanings if label in free_indices(meaning)}
    for indices in _patterns(sorted(free_indices(left) | free_indices(right) | labels, key=str), point.n):
        placed = point.at(indices)
        if evaluate(left, placed) != evaluate(right, placed):
            where = ", ".join(f"{index} = {number + 1}" for index, number in indices.items())
            raise ProofError(f"{left} is not {right} at n = {point.n}{', ' if where else ''}{where}")


def _assumed(assumption: Assumption, point: Point) -> Iterator[tuple[IndexedBase, list[object]]]:
    """Values for the vector that an assumption restricts, the last one solved for: Σ t_i = c."""
    body, field = assumption.left.body, point.field
    if not isinstance(body, sympy.Indexed):
        raise UnsupportedError(f"the assumption {assumption.id} is no sum of one vector")
    entries = [field.unknown(str(body.base.label), number) for number in range(point.n - 1)]
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
