"""What a kernel should give, to 50 digits, and how far from it a rounded result may be.

For few classes the truth is the definition itself, differentiated by dual numbers. For many it is the closed form,
which a check has just proved equal to the definition: dual numbers would take the square of the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import mpmath
import numpy as np
from sympy import Expr, IndexedBase, Symbol

from derive import notation
from derive.calculus.engine import derive_quantity
from derive.calculus.problem import Problem
from derive.catalogue.model import Composition
from derive.catalogue.parameters import choose_parameters
from derive.errors import UnsupportedError
from derive.notation import Contraction, Partial, free_indices, g, i, j, k, loss, occurrences, rename, v, y, z
from derive.proof.evaluate import Point, evaluate
from derive.proof.field import Reals
from derive.verification.rows import Array

DIGITS = 50
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

        u is half the distance from 1 to the next number. What is below the smallest normal number may be lost.
        """
        limits = np.finfo(got.dtype)
        unit, lost = mpmath.mpf(float(limits.eps)) / 2, mpmath.mpf(float(limits.tiny))
        errors = [
            max(abs(mpmath.mpf(float(got[place])) - value) - lost, 0) / (unit * size + lost)
            for place, value, size in zip(self.places, self.values, self.sizes, strict=True)
        ]
        return float(np.max([float(error) for error in errors]))


def definition_of(composition: Composition, quantity: str) -> Expr:
    """The definition of a quantity, its derivatives not yet taken; free indices as in a closed form."""

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
    composition: Composition, quantity: str, row: Mapping[IndexedBase, Array], label: int | None = None
) -> Truth:
    """The truth of `quantity` for one row: vectors z, t, g and v of n numbers, taken to be exact.

    A derivative is a difference of terms: its entries are measured by the largest of the row.

    Args:
        composition: what is computed.
        quantity: one of its quantities.
        row: the vectors of the row; t is one-hot where the targets are labels.
        label: the class that the row's label names, where there is one.
    """
    definition = definition_of(composition, quantity)
    indices = sorted(free_indices(definition) - {notation.label}, key=lambda index: index.name)
    n = len(row[z])
    places = _places(n, len(indices))
    spots = [dict(zip(indices, place, strict=True)) for place in places]
    with mpmath.workdps(DIGITS):
        exact = {base: [mpmath.mpf(float(number)) for number in numbers] for base, numbers in row.items()}
        indices_fixed = {} if label is None else {notation.label: label}
        known = {**exact, **_parameter_values(composition, n)}
        defined = Point(Reals(), n, known, Problem(composition).definitions, indices_fixed)
        form, point = _hoist(_closed_form(composition, quantity), _sized(composition, defined))
        sized = [evaluate(form, point.at(spot)) for spot in spots]
        few = n <= FEW_CLASSES
        values = [evaluate(definition, defined.at(spot)) for spot in spots] if few else [each.value for each in sized]
    sizes = [each.size for each in sized]
    if quantity != "value":
        sizes = [max(sizes)] * len(sizes)
    return Truth(tuple(places), tuple(values), tuple(sizes))


def _places(n: int, rank: int) -> list[tuple[int, ...]]:
    """The entries of an output that are tested: all where there are few, some at the ends and in the middle of many."""
    several = sorted({*range(SAMPLED_ENTRIES // 2), n // 2, *range(n - SAMPLED_ENTRIES // 2, n)})
    return list(product(range(n) if n <= FEW_CLASSES else several, repeat=rank))


def _closed_form(composition: Composition, quantity: str) -> Expr:
    """An expression in y of what the kernel computes; it assumes nothing of the targets."""
    if quantity != "value":
        return derive_quantity(composition, quantity).closed_form
    return rename(composition.output, {i: j}) if composition.loss_definition is None else composition.loss_definition


def _parameter_values(composition: Composition, n: int) -> dict[IndexedBase | Symbol, Any]:
    """What the parameters are in every test, exactly."""
    values: dict[IndexedBase | Symbol, Any] = {}
    for name, chosen in choose_parameters(composition.parameters, n).items():
        if chosen.ndim == 0:
            values[Symbol(name, real=True)] = mpmath.mpf(float(chosen))
        else:
            values[IndexedBase(name)] = [mpmath.mpf(float(number)) for number in chosen]
    return values


def _sized(composition: Composition, defined: Point) -> Point:
    """The same point with sizes. An entry of y carries the rounding of its logit less the largest: |z_i - max z| u."""

    def size(number: Any) -> Any:
        return [size(each) for each in number] if isinstance(number, list) else Sized(number, abs(number))

    values = {name: size(number) for name, number in defined.values.items()}
    if composition.y_definition is not None:
        form, point = _hoist(composition.y_definition, defined)
        entries = [evaluate(form, point.at({i: number})) for number in range(defined.n)]
        largest = max(defined.values[z])
        distances = [largest - number for number in defined.values[z]]
        values[y] = [Sized(entry, entry * (1 + far)) for entry, far in zip(entries, distances, strict=True)]
    meanings = {name: meaning for name, meaning in defined.definitions.items() if name not in values}
    return Point(Sizes(), defined.n, values, meanings, defined.indices)


def _hoist(expression: Expr, point: Point) -> tuple[Expr, Point]:
    """`expression` with a name for each sum that is the same for every entry, and the point with their values."""
    closed = [node for node in occurrences(expression, Contraction) if not free_indices(node)]
    names = {node: Symbol(f"sum {number}") for number, node in enumerate(dict.fromkeys(closed))}
    totals = {name: evaluate(node, point) for node, name in names.items()}
    return expression.xreplace(names), replace(point, values={**point.values, **totals})
