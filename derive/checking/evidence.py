"""What a verdict rests on: the proof of a right formula, numbers for a wrong one."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Any

import mpmath
import numpy as np
from sympy import Expr, IndexedBase, Symbol

from derive.catalogue.model import Composition
from derive.checking.cases import Case
from derive.checking.expression import Expression
from derive.checking.formula import Call, IllFormedError, walk
from derive.checking.guards import GUARDS
from derive.checking.judge import Court, Finding
from derive.checking.mistakes import NOTHING_FOREIGN, Foreign
from derive.checking.mistakes.closed import without_delta
from derive.checking.mistakes.model import closed_form
from derive.checking.model import GOOD, Counterexample
from derive.checking.reals import AGREEMENT, DIGITS
from derive.checking.values import Evaluate
from derive.checking.world import BINARY, SECOND_ORDER, Precision, World, draw_parameter, make_real_world, make_world
from derive.errors import UnsupportedError
from derive.notation import Contraction, g, i, j, rename, t, v, y, z
from derive.proof.field import BadPointError, RationalFunctions, TooManyUnknownsError

GENERATORS = (12, 18, 48)
"""Unknowns of a proof, few at first: SymPy's greatest common divisor goes through all of them, used or not."""


@dataclass(frozen=True)
class Diagonal:
    """A vector that stands where a matrix is due, and is the matrix's diagonal.

    Attributes:
        whole: whether the matrix has nothing else.
        written: whether it is meant as the diagonal: a Jacobian's is written as the closed form is where row and column
            agree, y (1 − y), and not y − y², which a sum may come to as well; second derivatives are not added up.
    """

    whole: bool
    written: bool


def find_diagonal(case: Case) -> Diagonal | None:
    """The diagonal of the matrix that a vector is, under the weakest assumption; None where it is none."""
    link, court = case.links[-1], case.court
    if link.rank != 2:
        return None
    vector = Expression(link.composition, link.node, link.reading, 1)
    for hypothesis in court.hypotheses:
        if hypothesis == BINARY:  # whose sum is whatever it is
            continue
        worlds = [make_world(link.composition, n, 0, hypothesis) for n in court.classes]
        try:
            truths = [world.truth(court.quantity) for world in worlds]
            if not all(
                vector(world).agrees(world, np.diag(truth)) for world, truth in zip(worlds, truths, strict=True)
            ):
                continue
            whole = worlds[0].equal(truths[0], np.diag(np.diag(truths[0])))
            entry = vector.entries(court.classes[0], worlds[0].label)[0][0]
        except (IllFormedError, BadPointError):
            return None
        return Diagonal(whole, court.quantity != "jacobian" or _is_like_its_closed_form(worlds[0], entry))
    return None


def _is_like_its_closed_form(world: World, entry: Expr) -> bool:
    """Whether an entry of a Jacobian's diagonal is a product, or a sum, as the closed form is there."""
    closed = closed_form(world, "jacobian")
    own = None if closed is None else rename(without_delta(closed, 1), {j: i})
    return own is not None and own.func == entry.func


def list_checks(case: Case, finding: Finding) -> tuple[str, ...]:
    """What was checked, in sentences."""
    counts = ", ".join(map(str, case.court.classes))
    if case.court.digits == DIGITS:
        how = f"in real numbers to {AGREEMENT.digits} digits, at random points of both signs, some of them far out"
    else:
        how = "exactly, modulo a large prime, at random points"
    lines = [f"evaluated {how}, with n = {counts}"]
    if case.reading.batched:
        lines.append("read as code for a batch, every vector a row of it")
    if any(isinstance(node, Call) and node.function in GUARDS for link in case.links for node in walk(link.node)):
        lines.append("what guards a logarithm (clip, maximum, where) left out: taken as not at work")
    if finding.verdict not in GOOD:
        return tuple(lines)
    if finding.assumptions:
        lines.append(f"fails where the targets are free: it needs {', '.join(finding.assumptions)}")
    elif not case.court.labelled and len(case.court.hypotheses) > 1:
        lines.append("targets free: soft, on and off the simplex")
    proved = _prove(case, finding)
    if proved is not None:
        lines.append(f"proved at n = {proved}: both sides are the same rational function")
    return tuple(lines)


def _prove(case: Case, finding: Finding) -> int | None:
    """The class count at which both sides were shown to be one rational function; None where they are no such thing."""
    short = case.court.quantity in SECOND_ORDER or is_entrywise(case.court.composition)
    n = case.court.classes[0] if len(case.court.classes) == 1 else 2 if short else 3
    if n > 3 or (finding.assumptions and finding.assumptions != ("t-one-hot",)):
        return None
    for size in GENERATORS:
        try:
            return n if _are_the_same(case, finding, n, RationalFunctions(size)) else None
        except TooManyUnknownsError:
            continue
        except (UnsupportedError, BadPointError, ZeroDivisionError, IllFormedError, TypeError):
            return None
    return None


def _are_the_same(case: Case, finding: Finding, n: int, rational: RationalFunctions) -> bool:
    """Whether both sides are one rational function at `n` classes."""
    labelled = case.court.labelled or bool(finding.assumptions)
    values = {t: [rational.number(Fraction(int(c == 1 % n))) for c in range(n)]} if labelled else {}
    world = World(case.court.composition, n, rational, values, 1 % n)
    _choose_generators(world, rational)
    link = case.links[-1]
    theirs, truth = link(world), world.truth(case.court.quantity)
    return all(a == b for a, b in zip(theirs.values[theirs.given].flat, truth[theirs.given].flat, strict=True))


def is_entrywise(composition: Composition) -> bool:
    """Whether y_i is a function of z_i alone."""
    definition = composition.y_definition
    return definition is not None and not definition.has(Contraction)


def _choose_generators(world: World, rational: RationalFunctions) -> None:
    """Unknowns in which the entries of y are short: the sum of the exponentials, or where y_i is of z_i alone, y_i."""
    names = [("exp", world.point.entry(z, number)) for number in range(world.n)]
    if is_entrywise(world.composition):
        for name in names:
            share = rational.unknown("share", *name)
            rational.generators[name] = share / (rational.number(1) - share)
        return
    first = rational.unknown("sum of exponentials")
    for name in names[1:]:
        first = first - rational.unknown(*name)
    rational.generators[names[0]] = first


def find_counterexample(
    court: Court, evaluate: Evaluate, finding: Finding, foreign: Foreign = NOTHING_FOREIGN
) -> Counterexample | None:
    """Small numbers at which the formula is not the truth; `foreign` has the letters that the definition has not."""
    n = court.classes[0]
    hypothesis = "t-one-hot" if court.labelled else (finding.assumptions or ("sum-t-1",))[0]
    labels = [1 + seed if court.every_label else 1 for seed in range(5)]
    near = (make_real_world(court.composition, n, seed, hypothesis, labels[seed]) for seed in range(5))
    far = (court.make(court.composition, n, seed, hypothesis) for seed in range(court.points) if court.points > 1)
    for world in (_with_letters(each, foreign) for each in chain(near, far)):
        try:
            with mpmath.workdps(court.digits):
                theirs = evaluate(world)
                values, true = _numbers(theirs.values), _numbers(world.truth(court.quantity))
        except (BadPointError, ValueError, ZeroDivisionError, OverflowError, TypeError):
            continue
        if true.shape != values.shape:
            continue
        wrong = theirs.given & (np.abs(values - true) > theirs.precision.absolute * (1 + np.abs(true)))
        if not wrong.any():
            continue
        places = [[int(number) + 1 for number in place] for place in np.argwhere(wrong)]
        logits, targets = (_numbers(world.vector(base)).tolist() for base in (z, t))
        given = _given(world, court) | _given_letters(world, foreign)
        matter = not court.labelled and len(court.hypotheses) > 1
        return Counterexample(n, logits, targets, values.tolist(), true.tolist(), places, given, matter)
    return None


def _with_letters(world: World, foreign: Foreign) -> World:
    """The world with values for the letters of the formula alone, drawn as those of the definition's parameters are."""
    values: dict[Symbol | IndexedBase, Any] = {}
    for name in foreign.scalars:
        values[Symbol(name, real=True)] = draw_parameter(world.n, name, 0)
    for name in foreign.vectors:
        values[IndexedBase(name)] = [draw_parameter(world.n, name, number) for number in range(world.n)]
    return world.given(values) if values else world


def _given_letters(world: World, foreign: Foreign) -> dict[str, Any]:
    """The letters of the formula alone, by name, and their values."""
    numbers = {name: float(_numbers(world.number(Symbol(name, real=True)))) for name in foreign.scalars}
    return numbers | {name: _numbers(world.vector(IndexedBase(name))).tolist() for name in foreign.vectors}


def find_batch_counterexample(
    court: Court, batch: Sequence[World], found: Any, precision: Precision
) -> Counterexample | None:
    """A batch on which a function that is right on each row is not; None where it gave nothing of a shape to show."""
    truth = _numbers([world.truth(court.quantity) for world in batch])
    if found is None or np.shape(found) != truth.shape or not np.isfinite(found).all():
        return None
    theirs = _numbers(found)
    wrong = np.abs(theirs - truth) > precision.absolute * (1 + np.abs(truth))
    places = [[int(number) + 1 for number in place] for place in np.argwhere(wrong)]
    logits, targets = (_numbers([world.vector(base) for world in batch]).tolist() for base in (z, t))
    rows = [_given(world, court) for world in batch]
    shared = {parameter.name for parameter in court.composition.parameters}
    given = {name: rows[0][name] if name in shared else [row[name] for row in rows] for name in rows[0]}
    matter = not court.labelled and len(court.hypotheses) > 1
    return Counterexample(batch[0].n, logits, targets, theirs.tolist(), truth.tolist(), places, given, matter)


def _given(world: World, court: Court) -> dict[str, Any]:
    """What else the numbers of a counterexample rest on, by name."""
    found: dict[str, Any] = {}
    if world.composition.activation.y is not None:
        found["y"] = _numbers(world.vector(y)).tolist()
    if court.labelled:
        found["label"] = world.label + 1
    for quantity, base in (("vjp", g), ("jvp", v), ("hvp", v), ("gnvp", v)):
        if court.quantity == quantity:
            found[str(base.label)] = _numbers(world.vector(base)).tolist()
    for parameter in world.composition.parameters:
        name: Any = IndexedBase(parameter.name) if parameter.per_class else Symbol(parameter.name, real=True)
        found[parameter.name] = (
            _numbers(world.vector(name)).tolist() if parameter.per_class else float(_numbers(world.number(name)))
        )
    return found


def _numbers(array: Any) -> Any:
    """An array of numbers rounded for people."""
    return np.round(np.asarray(array, dtype=object).astype(float), 6)
