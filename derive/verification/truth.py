"""What a kernel should give, to a hundred digits, and how far from it a rounded result may be.

For few classes the truth is the definition itself, differentiated by dual numbers. For many it is the closed form,
which a check has just proved equal to the definition: dual numbers would take the square of the time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

import mpmath
import numpy as np
import sympy
from sympy import Expr, Indexed, IndexedBase, Symbol

from derive import notation
from derive.calculus.engine import derive_quantity
from derive.calculus.problem import Problem
from derive.calculus.rewrite import rewrite
from derive.catalogue.model import Composition
from derive.catalogue.parameters import choose_parameters
from derive.errors import UnsupportedError
from derive.notation import Contraction, Partial, free_indices, g, i, j, k, loss, occurrences, rename, v, y, z
from derive.proof.evaluate import Point, evaluate
from derive.proof.field import Reals
from derive.verification.rows import Array

DIGITS = 150
"""Enough for 1 - y in the rows of `derive.verification.rows`: their logits are 120 apart at most."""
DIGITS_OF_REST = 900
"""What 1 - y is evaluated to where it cancels, and no less than 10 to minus that: a power of it may divide."""
FEW_CLASSES = 3
SAMPLED_ENTRIES = 6
"""How many entries of each row are tested where there are many classes."""


@dataclass(frozen=True)
class Sized:
    """A number and its size: how far it moves, to first order, when all that went into it is off by one part.

    The size of a sum is the sum of the sizes, so that cancellation shows; relative sizes of factors add up.
    """

    value: Any
    size: Any

    def __add__(self, other: "Sized") -> "Sized":
        return Sized(self.value + other.value, self.size + other.size)

    def __mul__(self, other: "Sized") -> "Sized":
        if 0 in (self.size, other.size):
            return Sized(mpmath.mpf(0), mpmath.mpf(0))  # an exact 0 decides, even beside the logarithm of one
        return Sized(self.value * other.value, self.size * abs(other.value) + abs(self.value) * other.size)

    def __neg__(self) -> "Sized":
        return Sized(-self.value, self.size)


class Sizes:
    """Real numbers with their sizes: a field for `evaluate`. A function passes a size on by its derivative."""

    reals = Reals()

    def number(self, value: Any) -> Sized:
        """An exact number."""
        exact = self.reals.number(value)
        return Sized(exact, abs(exact))

    def unknown(self, kind: str, *key: Any) -> Sized:
        """A parameter, the same that `Reals` draws."""
        exact = self.reals.unknown(kind, *key)
        return Sized(exact, abs(exact))

    def inverse(self, value: Sized) -> Sized:
        """1/x, of size size/x²."""
        inverse = self.reals.inverse(value.value)
        return Sized(inverse, value.size * inverse**2)

    def apply(self, function: str, value: Sized) -> Sized:
        """f(x), of size |f(x)| + |f'(x)|·size."""
        if function == "log" and value.size == 0:
            return Sized(-mpmath.inf, mpmath.inf)
        result = self.reals.apply(function, value.value)
        match function:
            case "exp":
                carried = abs(result) * value.size
            case "log":
                carried = value.size / abs(value.value)
            case "tanh":
                carried = (1 - result**2) * value.size
            case "abs":
                carried = value.size
            case _:
                carried = 0
        return Sized(result, abs(result) + carried)

    def root(self, value: Sized, degree: int) -> Sized:
        """A root, whose relative size is at most that of its argument."""
        result = self.reals.root(value.value, degree)
        return Sized(result, abs(result) * max(1, value.size / abs(value.value)))

    def power(self, base: Sized, exponent: Sized) -> Sized:
        """x^c, of relative size 1 + |c|·size/|x|."""
        result = self.reals.power(base.value, exponent.value)
        return Sized(result, abs(result) * (1 + exponent.size * base.size / abs(base.value)))


@dataclass(frozen=True)
class Truth:
    """Entries of one output of one row: where they are, what they are, and their sizes."""

    places: tuple[tuple[int, ...], ...]
    values: tuple[Any, ...]
    sizes: tuple[Any, ...]

    def error(self, got: Array) -> float:
        """The largest error of a computed row, in units of u times the size of its entry, NaN where one is NaN.

        u is half the distance from 1 to the next number. What is below the smallest normal number may be lost; of what
        is close to the largest nothing is asked.
        """
        limits = np.finfo(got.dtype)
        unit, lost = mpmath.mpf(float(limits.eps)) / 2, mpmath.mpf(float(limits.tiny))
        errors = [
            max(abs(mpmath.mpf(float(got[place])) - value) - lost, 0) / (unit * size + lost)
            for place, value, size in zip(self.places, self.values, self.sizes, strict=True)
            if size < float(limits.max) / 16
        ]
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
    raise UnsupportedError(f"{quantity} has no definition to be tested against")


def find_truth(
    composition: Composition,
    quantity: str,
    row: Mapping[IndexedBase, Array],
    label: int | None = None,
    parameters: Mapping[str, Array] | None = None,
) -> Truth:
    """The truth of `quantity` for one row: vectors z, t, g and v of n numbers, taken to be exact.

    A derivative is a difference of terms: its entries are measured by the largest of the row.

    Args:
        composition: what is computed.
        quantity: one of its quantities.
        row: the vectors of the row; t is one-hot where the targets are labels.
        label: the class that the row's label names, where there is one.
        parameters: by name; those of `choose_parameters` where None.
    """
    definition = definition_of(composition, quantity)
    point = _point(composition, row, label, parameters)
    spots = _spots(definition, _sampled(point.n))
    sized = _measure(composition, quantity, point, spots)
    values = [each.value for each in sized]
    if point.n <= FEW_CLASSES:
        with mpmath.workdps(DIGITS):
            values = [evaluate(definition, point.at(spot)) for spot in spots]
    places = (tuple(spot.values()) for spot in spots)
    return Truth(tuple(places), tuple(map(_without_rounding, values)), _of_row(quantity, sized))


def _without_rounding(value: Any) -> Any:
    """0 for what only rounding keeps from it, as z - log(exp z) of a single class."""
    return mpmath.mpf(0) if abs(value) < mpmath.mpf(10) ** (10 - DIGITS) else value


def find_sizes(
    composition: Composition,
    quantity: str,
    row: Mapping[IndexedBase, Array],
    label: int | None = None,
    parameters: Mapping[str, Array] | None = None,
) -> tuple[Any, ...]:
    """The size of every entry, for a truth from somewhere else; arguments as for `find_truth`."""
    point = _point(composition, row, label, parameters)
    spots = _spots(definition_of(composition, quantity), range(point.n))
    return _of_row(quantity, _measure(composition, quantity, point, spots))


def _point(
    composition: Composition,
    row: Mapping[IndexedBase, Array],
    label: int | None,
    parameters: Mapping[str, Array] | None,
) -> Point:
    """Where the definitions of `composition` are evaluated."""
    n = len(row[z])
    chosen = choose_parameters(composition.parameters, n) if parameters is None else parameters
    exact = {base: [mpmath.mpf(float(number)) for number in numbers] for base, numbers in row.items()}
    fixed = {} if label is None else {notation.label: label}
    return Point(Reals(), n, {**exact, **_exactly(chosen)}, Problem(composition).definitions, fixed)


def _sampled(n: int) -> Sequence[int]:
    """The classes that are tested: all where there are few, some at the ends and in the middle of many."""
    several = {*range(SAMPLED_ENTRIES // 2), n // 2, *range(n - SAMPLED_ENTRIES // 2, n)}
    return range(n) if n <= FEW_CLASSES else sorted(several)


def _spots(definition: Expr, classes: Sequence[int]) -> list[dict[Symbol, int]]:
    """A class for each free index, in every way."""
    indices = sorted(free_indices(definition) - {notation.label}, key=lambda index: index.name)
    return [dict(zip(indices, place, strict=True)) for place in product(classes, repeat=len(indices))]


def _measure(
    composition: Composition, quantity: str, point: Point, spots: Sequence[Mapping[Symbol, int]]
) -> list[Sized]:
    """The entries from the closed form, with their sizes."""
    with mpmath.workdps(DIGITS):
        form, sized = _hoist(
            _set_apart(_closed_form(composition, quantity, notation.label in point.indices)), _sized(composition, point)
        )
        return [evaluate(form, sized.at(spot)) for spot in spots]


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

    def size(number: Any) -> Any:
        return [size(each) for each in number] if isinstance(number, list) else Sized(number, abs(number))

    def sizes(numbers: Sequence[Any], factors: Sequence[Any]) -> list[Sized]:
        return [Sized(number, abs(number) * factor) for number, factor in zip(numbers, factors, strict=True)]

    values = {name: size(number) for name, number in defined.values.items()}
    if composition.y_definition is not None:
        read = {name: value for name, value in defined.values.items() if composition.y_definition.has(name)}
        known = tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in read.items())
        entries, rests = _entries_of_y(composition.y_definition, defined.n, known)
        largest = max(defined.values[z])
        factors = [1 + largest - number for number in defined.values[z]]
        farthest = [max(factors)] * defined.n
        values[y] = sizes(entries, factors)
        values[LOG_Y] = sizes([mpmath.log(entry) for entry in entries], farthest)
        values[REST] = sizes(rests, farthest)
        values[LOG_REST] = sizes([mpmath.log(rest) for rest in rests], farthest)
    meanings = {name: meaning for name, meaning in defined.definitions.items() if name not in values}
    return Point(Sizes(), defined.n, values, meanings, defined.indices)


@lru_cache(maxsize=100)
def _entries_of_y(
    definition: Expr, n: int, known: tuple[tuple[IndexedBase | Symbol, Any], ...]
) -> tuple[list[Any], list[Any]]:
    """The entries of y and of 1 - y, from what the definition reads; kept, as every quantity of a row asks for them."""
    for digits in (DIGITS, DIGITS_OF_REST):
        with mpmath.workdps(digits):
            form, point = _hoist(definition, Point(Reals(), n, dict(known)))
            entries = [evaluate(form, point.at({i: number})) for number in range(n)]
            # On one fraction line a logistic function's rest does not cancel: exp(-z)/(1 + exp(-z)).
            rest, point = _hoist(sympy.together(1 - definition), point)
            found = [evaluate(rest, point.at({i: number})) for number in range(n)]
            rests = [each if each > 0 else mpmath.mpf(10) ** -digits for each in found]
            if min(rests) > mpmath.mpf(10) ** (-digits // 2):
                break
    return entries, rests


LOG_Y, REST, LOG_REST = (IndexedBase(name) for name in ("log y", "1 - y", "log(1 - y)"))
"""What a closed form writes in terms of y, and a kernel computes without cancellation."""


def _set_apart(expression: Expr) -> Expr:
    """`expression` with names for log y, log(1 - y), and 1 - y where it is raised to a power or divides."""

    def visit(node: Expr) -> Expr | None:
        match node:
            case sympy.log(args=(Indexed(base=base, indices=(index,)),)) if base == y:
                return LOG_Y[index]
            case sympy.log(args=(rest,)) if (left := _left_of_one(rest)) is not None and left[0] == 1:
                return LOG_REST[left[1]]
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


def _hoist(expression: Expr, point: Point) -> tuple[Expr, Point]:
    """`expression` with a name for each sum that is the same for every entry, and the point with their values."""
    closed = [node for node in occurrences(expression, Contraction) if not free_indices(node)]
    names = {node: Symbol(f"sum {number}") for number, node in enumerate(dict.fromkeys(closed))}
    totals = {name: evaluate(node, point) for node, name in names.items()}
    return expression.xreplace(names), replace(point, values={**point.values, **totals})
