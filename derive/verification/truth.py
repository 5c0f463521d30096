"""What a kernel should give, to a hundred digits, and how far from it a rounded result may be.

For few classes the truth is the definition itself, differentiated by dual numbers. For many it is the closed form,
which a check has just proved equal to the definition: dual numbers would take the square of the time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import product
from typing import Any

import mpmath
import numpy as np
import sympy
from sympy import Expr, Indexed, IndexedBase, Symbol

from derive import notation
from derive.calculus.engine import derive_quantity
from derive.calculus.further import gauss_newton_entry, times_direction
from derive.calculus.problem import Problem
from derive.calculus.rewrite import rewrite
from derive.catalogue.model import Composition
from derive.catalogue.parameters import choose_parameters
from derive.errors import UnsupportedError
from derive.notation import Contraction, Partial, free_indices, g, i, j, k, loss, occurrences, rename, v, y, z
from derive.proof.evaluate import Point, evaluate
from derive.proof.field import BadPointError, Reals
from derive.verification.rows import Array
from derive.verification.sizes import Defined, Sized, Sizes

DIGITS = 150
"""Enough for 1 - y in the rows of `derive.verification.rows`: their logits are 120 apart at most."""
DIGITS_OF_REST = 900
"""What 1 - y is evaluated to where it cancels, and no less than 10 to minus that: a power of it may divide."""
LOST = mpmath.mpf(10) ** (10 - DIGITS)
"""What rounding may leave of 0."""
FEW_CLASSES = 3
SAMPLED_ENTRIES = 6
"""How many entries of each row are tested where there are many classes."""


@dataclass(frozen=True)
class Truth:
    """Entries of one output of one row: where they are, what they are, their sizes, what is lost of them.

    A loss is what an entry moves by for each number by which the probabilities move, a second the size of second order.
    """

    places: tuple[tuple[int, ...], ...]
    values: tuple[Any, ...]
    sizes: tuple[Any, ...]
    losses: tuple[Any, ...]
    seconds: tuple[Any, ...]

    def error(self, got: Array) -> float:
        """The largest error of a computed row, in units of u times the size of its entry, NaN where one is NaN.

        u is half the distance from 1 to the next number. What is below the smallest normal number may be lost, of a
        probability too, and is then multiplied as that is; of what is close to the largest nothing is asked. A quotient
        by what may itself be lost is to be had otherwise: no loss is granted that is not small.
        """
        limits = np.finfo(got.dtype)
        unit, least = mpmath.mpf(float(limits.eps)) / 2, mpmath.mpf(float(limits.tiny))
        errors = []
        entries = zip(self.places, self.values, self.sizes, self.losses, self.seconds, strict=True)
        for place, value, size, moved, second in entries:
            if size < float(limits.max) / 16:
                lost = least * (1 + moved) if moved * moved * least < 1 else least
                off = max(abs(mpmath.mpf(float(got[place])) - value) - lost, 0)
                errors.append(off / (unit * size + unit * unit * second + least))
        return float(np.max([float(error) for error in errors], initial=0.0))


def definition_of(composition: Composition, quantity: str) -> Expr:
    """The definition of a quantity, its derivatives not yet taken; free indices as in a closed form."""
    _, colon, by = quantity.partition(":")
    if colon:
        is_number = any(each.name == by and not each.per_class for each in composition.parameters)
        return Partial(loss, Symbol(by, real=True) if is_number else IndexedBase(by)[j])

    def output(index: Symbol) -> Expr:
        entry: Expr = rename(composition.output, {i: index})
        return entry

    match quantity:
        case "value":
            return loss if composition.loss is not None else output(j)
        case "jacobian":
            return Partial(output(i), z[j])
        case "vjp":
            return Contraction(g[k] * Partial(output(k), z[j]), k)
        case "jvp":
            return Contraction(Partial(output(j), z[k]) * v[k], k)
        case "gradient":
            return Partial(loss, z[j])
        case "hessian":
            return Partial(Partial(loss, z[i]), z[j])
        case "hvp":
            return Contraction(Partial(Partial(loss, z[j]), z[k]) * v[k], k)
        case "gauss-newton":
            return gauss_newton_entry(composition)
        case "gnvp":
            return times_direction(gauss_newton_entry(composition))
    raise UnsupportedError(f"{quantity} has no definition to be tested against")


def find_truth(
    composition: Composition,
    quantity: str,
    row: Mapping[IndexedBase, Array],
    label: int | None = None,
    parameters: Mapping[str, Array] | None = None,
) -> Truth:
    """The truth of `quantity` for one row; arguments as for `Case.of`."""
    return Case.of(composition, row, label, parameters).truth(quantity)


@dataclass(frozen=True)
class Case:
    """One row of a composition: where its definitions and closed forms are evaluated.

    The points remember what they were asked, so that a sum is added up once for all quantities of a row.

    Attributes:
        composition: what is computed.
        defined: the vectors and parameters, exactly, and what the other names stand for.
    """

    composition: Composition
    defined: Point

    @cached_property
    def sized(self) -> Point:
        """The same with sizes, and with y and what is computed from it without cancellation."""
        with mpmath.workdps(DIGITS):
            return _sized(self.composition, self.defined)

    @classmethod
    def of(
        cls,
        composition: Composition,
        row: Mapping[IndexedBase, Array],
        label: int | None = None,
        parameters: Mapping[str, Array] | None = None,
    ) -> "Case":
        """The case of a row.

        Args:
            composition: what is computed.
            row: vectors z, t, g and v of n numbers, taken to be exact; t is one-hot where the targets are labels.
            label: the class that the row's label names, where there is one.
            parameters: by name; those of `choose_parameters` where None.
        """
        n = len(row[z])
        chosen = choose_parameters(composition.parameters, n) if parameters is None else parameters
        exact = {base: [mpmath.mpf(float(number)) for number in numbers] for base, numbers in row.items()}
        fixed = {} if label is None else {notation.label: label}
        reals = Defined(lost=LOST) if n == 1 else Defined()
        return cls(composition, Point(reals, n, {**exact, **_exactly(chosen)}, Problem(composition).definitions, fixed))

    def truth(self, quantity: str) -> Truth:
        """The truth of a quantity. A derivative is a difference of terms: the largest of the row measures each."""
        definition = definition_of(self.composition, quantity)
        spots = _spots(definition, _sampled(self.defined.n))
        sized = self._measure(quantity, spots)
        values = [each.value for each in sized]
        if self.defined.n <= FEW_CLASSES:
            with mpmath.workdps(DIGITS):
                values = [evaluate(definition, self.defined.at(spot)) for spot in spots]
        if self.defined.n == 1 and not self._agrees(definition, spots, values, sized):
            raise BadPointError
        places = (tuple(spot.values()) for spot in spots)
        form = definition if self.defined.n <= FEW_CLASSES else self._closed_form(quantity)
        values = [self._without_rounding(form, spot, value) for spot, value in zip(spots, values, strict=True)]
        losses, seconds = (
            tuple(mpmath.mpf(2) ** logarithm for logarithm in logarithms)
            for logarithms in zip(*((each.log_loss, each.log_second) for each in sized), strict=True)
        )
        return Truth(tuple(places), tuple(values), _of_row(quantity, sized), losses, seconds)

    def _without_rounding(self, form: Expr, spot: Mapping[Symbol, int], value: Any) -> Any:
        """0 for what only rounding keeps from it, as z - log(exp z) of one class: with more digits it is smaller."""
        if value == 0 or not abs(value) <= LOST:
            return value  # NaN among them, where a definition has no value
        with mpmath.workdps(DIGITS_OF_REST):
            again = evaluate(form, replace(self.defined, memory={}, shifted={}).at(spot))
        return value if abs(again) > abs(value) / 2 else mpmath.mpf(0)

    def _agrees(
        self, definition: Expr, spots: Sequence[Mapping[Symbol, int]], values: Sequence[Any], sized: Sequence[Sized]
    ) -> bool:
        """Whether the values are those of twice the digits, and no larger than what goes into them.

        Of 1 a single class leaves 0, or what rounding leaves: its logarithm, and a quotient by it, are no truth.
        """
        with mpmath.workdps(2 * DIGITS):
            point = replace(self.defined, memory={}, shifted={})
            again = [evaluate(definition, point.at(spot)) for spot in spots]
        return all(
            abs(one - other) <= abs(one) / 4 + LOST and abs(one) <= 2**DIGITS * each.size + LOST
            for one, other, each in zip(values, again, sized, strict=True)
        )

    def sizes(self, quantity: str) -> tuple[Any, ...]:
        """The size of every entry of a quantity."""
        spots = _spots(definition_of(self.composition, quantity), range(self.defined.n))
        return _of_row(quantity, self._measure(quantity, spots))

    def _closed_form(self, quantity: str) -> Expr:
        return _closed_form(self.composition, quantity, notation.label in self.defined.indices)

    def _measure(self, quantity: str, spots: Sequence[Mapping[Symbol, int]]) -> list[Sized]:
        """The entries from the closed form, with their sizes."""
        form = _set_apart(self._closed_form(quantity))
        with mpmath.workdps(DIGITS):
            return [evaluate(form, self.sized.at(spot)) for spot in spots]


def _sampled(n: int) -> Sequence[int]:
    """The classes that are tested: all where there are few, some at the ends and in the middle of many."""
    several = {*range(SAMPLED_ENTRIES // 2), n // 2, *range(n - SAMPLED_ENTRIES // 2, n)}
    return range(n) if n <= FEW_CLASSES else sorted(several)


def _spots(definition: Expr, classes: Sequence[int]) -> list[dict[Symbol, int]]:
    """A class for each free index, in every way."""
    indices = sorted(free_indices(definition) - {notation.label}, key=lambda index: index.name)
    return [dict(zip(indices, place, strict=True)) for place in product(classes, repeat=len(indices))]


def _of_row(quantity: str, sized: Sequence[Sized]) -> tuple[Any, ...]:
    """The size that each entry is measured by: a derivative's by the largest of its row."""
    sizes = [each.size for each in sized]
    return tuple(sizes) if quantity == "value" else (max(sizes),) * len(sizes)


def _closed_form(composition: Composition, quantity: str, labels: bool) -> Expr:
    """An expression in y of what the kernel computes; it assumes nothing of the targets."""
    if quantity != "value" or labels:
        return derive_quantity(composition, quantity, labels=labels).closed_form
    return rename(composition.output, {i: j}) if composition.loss_definition is None else composition.loss_definition


def _exactly(parameters: Mapping[str, Array]) -> dict[IndexedBase | Symbol, Any]:
    """The parameters as exact numbers."""
    values: dict[IndexedBase | Symbol, Any] = {}
    for name, chosen in parameters.items():
        if chosen.ndim == 0:
            values[Symbol(name, real=True)] = mpmath.mpf(float(chosen))
        else:
            values[IndexedBase(name)] = [mpmath.mpf(float(number)) for number in chosen]
    return values


def _sized(composition: Composition, defined: Point) -> Point:
    """The same point with sizes.

    An entry of y carries the rounding of its logit less the largest, |z_i - max z| u; log y and 1 - y carry the largest
    of these, and no more: a kernel can compute each without cancellation.
    """

    def sized(number: Any) -> Any:
        return [sized(each) for each in number] if isinstance(number, list) else Sized.exact(number)

    values = {name: sized(number) for name, number in defined.values.items()}
    if composition.y_definition is not None:
        entries, rests = _entries_of_y(composition.y_definition, defined)
        largest = max(defined.values[z])
        factors = [1 + largest - number for number in defined.values[z]]
        farthest = max(factors)

        def far(number: Any) -> Sized:
            return Sized.exact(number).scaled(farthest)

        values[y] = [Sized.exact(entry).scaled(factor).losing() for entry, factor in zip(entries, factors, strict=True)]
        values[MINUS_LOG_Y] = _WhenAsked(lambda number: far(-mpmath.log(entries[number])))
        values[REST] = _WhenAsked(lambda number: far(rests[number]))
        values[MINUS_LOG_REST] = _WhenAsked(lambda number: far(-mpmath.log(rests[number])))
    meanings = {name: meaning for name, meaning in defined.definitions.items() if name not in values}
    return Point(Sizes(), defined.n, values, meanings, defined.indices)


class _WhenAsked:
    """A vector whose entries are computed when they are asked for, once: many a closed form has no log(1 - y)."""

    def __init__(self, entry: Callable[[int], Any]) -> None:
        self._entry = cache(entry)

    def __getitem__(self, number: int) -> Any:
        return self._entry(number)


def _entries_of_y(definition: Expr, defined: Point) -> tuple[list[Any], _WhenAsked]:
    """The entries of y, and those of 1 - y when they are asked for."""
    rest = _rest(definition)
    for digits in (DIGITS, DIGITS_OF_REST):
        with mpmath.workdps(digits):
            point = Point(Reals(), defined.n, defined.values)
            entries = [evaluate(definition, point.at({i: number})) for number in range(defined.n)]
            if min(1 - entry for entry in entries) > mpmath.mpf(10) ** (-digits // 2):
                break

    def rest_at(number: int) -> Any:
        with mpmath.workdps(digits):
            found = evaluate(rest, point.at({i: number}))
            return found if found > 0 else mpmath.mpf(10) ** -digits

    return entries, _WhenAsked(rest_at)


@cache
def _rest(definition: Expr) -> Expr:
    """1 - y on one fraction line, where a logistic function's does not cancel: exp(-z)/(1 + exp(-z))."""
    rest: Expr = sympy.together(1 - definition)
    return rest


MINUS_LOG_Y, REST, MINUS_LOG_REST = (IndexedBase(name) for name in ("-log y", "1 - y", "-log(1 - y)"))
"""What a closed form writes in terms of y, and a kernel computes without cancellation; all of it is positive."""


@cache
def _set_apart(expression: Expr) -> Expr:
    """`expression` with names for log y, log(1 - y), and 1 - y where it is raised to a power or divides."""

    def visit(node: Expr) -> Expr | None:
        match node:
            case sympy.log(args=(Indexed(base=base, indices=(index,)),)) if base == y:
                return -MINUS_LOG_Y[index]
            case sympy.log(args=(rest,)) if (left := _left_of_one(rest)) is not None and left[0] == 1:
                return -MINUS_LOG_REST[left[1]]
            case sympy.Pow(base=base, exp=exponent) if (left := _left_of_one(base)) is not None:
                return (left[0] * REST[left[1]]) ** rewrite(exponent, visit)
        return None

    return rewrite(expression, visit)


def _left_of_one(expression: Expr) -> tuple[int, Symbol] | None:
    """The sign and the index where `expression` is 1 - y or y - 1."""
    for entry in (each for each in occurrences(expression, Indexed) if each.base == y):
        for sign in (1, -1):
            if expression == sign * (1 - entry):
                return sign, entry.indices[0]
    return None
