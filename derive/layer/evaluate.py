"""Evaluate index expressions exactly, at given sizes of the axes, and compare two of them entry by entry.

Derivatives are dual numbers, from the definitions alone; a row is evaluated by `derive.proof.evaluate`. Products of
matrices are multiplied out with their shapes compared: where the three sizes differ, a wrong transpose is no product.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product as choices
from typing import Any

from sympy import Indexed

from derive import notation
from derive.catalogue.model import Assumption
from derive.errors import ProofError, UnsupportedError
from derive.layer.nodes import (
    AXES,
    CLASSES,
    INDICES,
    ONES,
    ROW_LOSS,
    ROWS,
    Array,
    Axis,
    Cell,
    Delta,
    Entry,
    Factor,
    Index,
    Inverse,
    Matrix,
    Node,
    Number,
    Plus,
    Product,
    RowForm,
    Slope,
    Sum,
    T,
    Z,
    free_indices,
)
from derive.layer.rules import Definitions
from derive.proof import evaluate as rows
from derive.proof.dual import Dual, derivative
from derive.proof.field import BadPointError, Field, PrimeField, RationalFunctions

Place = tuple[int, ...]
Table = Mapping[Place, Any]
Shape = tuple[int, int, int]
"""The numbers of rows, features and classes."""

SHAPES: Sequence[Shape] = ((2, 3, 4), (4, 2, 3))
"""Three different sizes each, so that no wrong transpose can be multiplied, in two orders; 3 classes or more."""
PROOF_SHAPES: Sequence[Shape] = ((2, 1, 3), (1, 3, 2))
ATTEMPTS = 40
GENERATORS = 64

_ROW, _COLUMN = INDICES[ROWS][0], INDICES[CLASSES][0]
_SLOPES = Array("c", (ROWS, CLASSES))


@dataclass(frozen=True, eq=False)
class System:
    """What the arrays stand for.

    Attributes:
        arrays: the definition of each array that is not free.
        row: what the names of one row stand for.
    """

    arrays: Definitions
    row: rows.Definitions


@dataclass(frozen=True)
class Point:
    """Where an expression is evaluated: sizes, numbers for the free arrays, the place of each free index.

    `memory` holds what was computed at these numbers; a perturbed point has a memory of its own.
    """

    system: System
    field: Field
    sizes: Mapping[Axis, int]
    values: Mapping[Array, Table] = dataclasses.field(default_factory=dict)
    places: Mapping[Index, int] = dataclasses.field(default_factory=dict)
    level: int = 0
    memory: dict[Any, Any] = dataclasses.field(default_factory=dict, compare=False)

    def at(self, places: Mapping[Index, int]) -> "Point":
        """This point with further indices placed."""
        return replace(self, places={**self.places, **places})

    def all_places(self, array: Array) -> list[Place]:
        """Every place of an array."""
        return list(choices(*(range(self.sizes[axis]) for axis in array.axes)))

    def entry(self, array: Array, place: Place) -> Any:
        """The number of an array at a place."""
        if array in self.values:
            return self.values[array][place]
        key = (array, place)
        if key not in self.memory:
            self.memory[key] = self._computed(array, place)
        return self.memory[key]

    def _computed(self, array: Array, place: Place) -> Any:
        if array == ONES:
            return self.field.number(1)
        if array not in self.system.arrays:
            return self.field.unknown(array.name, *place)
        indices, body = self.system.arrays[array]
        return evaluate(body, self.at(dict(zip(indices, place, strict=True))))

    def perturbed(self, variable: Entry) -> "Point":
        """This point with ε added to an entry, one level up; whatever is defined by it is computed anew."""
        level, place = self.level + 1, tuple(self.places[index] for index in variable.indices)
        table = {each: self.entry(variable.array, each) for each in self.all_places(variable.array)}
        table[place] = Dual(table[place], self.field.number(1), level)
        return replace(self, values={**self.values, variable.array: table}, level=level, memory={})

    def row(self, number: int) -> rows.Point:
        """One row as a point of its own; as labels, the rows take the classes in turn."""
        key = ("row", number)
        if key not in self.memory:
            n = self.sizes[CLASSES]
            vectors = {base: [self.entry(array, (number, c)) for c in range(n)] for base, array in _GIVEN.items()}
            self.memory[key] = rows.Point(
                self.field, n, vectors, self.system.row, {notation.label: number % n}, level=self.level
            )
        point: rows.Point = self.memory[key]
        return point


_GIVEN = {notation.z: Z, notation.t: T}
"""The vectors of a row that its definitions start from."""


def evaluate(node: Node, point: Point) -> Any:
    """The value of `node` at `point`.

    Raises:
        ProofError: a product of matrices whose shapes do not fit.
        BadPointError: a denominator is zero at this point.
    """
    match node:
        case Number(value):
            return point.field.number(value)
        case Inverse(axis):
            return point.field.inverse(point.field.number(point.sizes[axis]))
        case Entry(array, indices, is_transposed):
            place = tuple(point.places[index] for index in indices)
            return point.entry(array, place[::-1] if is_transposed else place)
        case Delta(left, right):
            return point.field.number(int(point.places[left] == point.places[right]))
        case Slope(body, variable):
            shifted = point.perturbed(variable)
            slope = derivative(evaluate(body, shifted), shifted.level)
            return slope if slope != 0 else point.field.number(0)
        case Sum(index, body):
            places = range(point.sizes[index.axis])
            return _total([evaluate(body, point.at({index: each})) for each in places], point)
        case Plus(terms):
            return _total([evaluate(term, point) for term in terms], point)
        case Product(factors):
            result = point.field.number(1)
            for factor in factors:
                result = result * evaluate(factor, point)
            return result
        case RowForm(form, row, column):
            free = {} if column is None else {notation.j: point.places[column]}
            return rows.evaluate(form, point.row(point.places[row]).at(free))
        case Cell(matrix, indices):
            table = _table(matrix, point)
            if tuple(filter(None, matrix.shape)) != tuple(index.axis for index in indices):
                raise ProofError(f"a matrix of other axes has no entry {', '.join(index.name for index in indices)}")
            *above, column_place = (point.places[index] for index in indices)
            return table[above[0] if above else 0][column_place]


def _total(numbers: Sequence[Any], point: Point) -> Any:
    total = point.field.number(0)
    for number in numbers:
        total = total + number
    return total


def _table(matrix: Matrix, point: Point) -> list[list[Any]]:
    """A matrix, multiplied out."""
    if matrix not in point.memory:
        scale = point.field.number(1) if matrix.over is None else evaluate(Inverse(matrix.over), point)
        total: list[list[Any]] = []
        for number, factors in matrix.terms:
            term = _factor_table(factors[0], point)
            for factor in factors[1:]:
                term = _multiplied(term, _factor_table(factor, point), point)
            weight = scale * point.field.number(number)
            scaled = [[weight * entry for entry in row] for row in term]
            if total and (len(total), len(total[0])) != (len(scaled), len(scaled[0])):
                raise ProofError("matrices of different shapes cannot be added")
            total = [_added(*pair) for pair in zip(total, scaled, strict=True)] if total else scaled
        point.memory[matrix] = total
    table: list[list[Any]] = point.memory[matrix]
    return table


def _factor_table(factor: Factor, point: Point) -> list[list[Any]]:
    sizes = [1 if axis is None else point.sizes[axis] for axis in Factor(factor.array).shape]
    flat = [point.entry(factor.array, place) for place in point.all_places(factor.array)]
    table = [flat[first : first + sizes[1]] for first in range(0, len(flat), sizes[1])]
    return [list(column) for column in zip(*table, strict=True)] if factor.is_transposed else table


def _multiplied(left: list[list[Any]], right: list[list[Any]], point: Point) -> list[list[Any]]:
    if len(left[0]) != len(right):
        shapes = " by ".join(f"{len(each)} × {len(each[0])}" for each in (left, right))
        raise ProofError(f"matrices of shapes {shapes} cannot be multiplied")
    columns = list(zip(*right, strict=True))
    return [[_total([a * b for a, b in zip(row, c, strict=True)], point) for c in columns] for row in left]


def _added(left: list[Any], right: list[Any]) -> list[Any]:
    return [a + b for a, b in zip(left, right, strict=True)]


def check(left: Node, right: Node, system: System, assumptions: tuple[Assumption, ...] = ()) -> tuple[Shape, ...]:
    """Check left = right modulo a prime, entry by entry, at random numbers that satisfy nothing but `assumptions`.

    Returns:
        The shapes at which it was checked.

    Raises:
        ProofError: they differ, or one of them cannot be multiplied; says where.
    """
    for shape in SHAPES:
        for attempt in range(ATTEMPTS):
            try:
                _compare(left, right, _modular_point(system, shape, assumptions, attempt))
                break
            except BadPointError:
                continue
        else:
            raise ProofError("no point at which both sides are defined was found")
    return tuple(SHAPES)


def prove(left: Node, right: Node, system: System) -> tuple[Shape, ...]:
    """Prove left = right at small shapes, for every differentiable loss: both are the same polynomial.

    A first derivative sees of the loss of a row its linear part alone, Σ_j c_rj Z_rj with any numbers c_rj: what holds
    for unknown c holds for every loss.

    Raises:
        ProofError: they are not.
        UnsupportedError: they are no rational functions.
    """
    linear = Sum(_COLUMN, Product((Entry(_SLOPES, (_ROW, _COLUMN)), Entry(Z, (_ROW, _COLUMN)))))
    opaque = System({**system.arrays, ROW_LOSS: ((_ROW,), linear)}, {})
    for shape in PROOF_SHAPES:
        _compare(left, right, _point(opaque, shape, (), RationalFunctions(GENERATORS)))
    return tuple(PROOF_SHAPES)


@lru_cache(maxsize=32)
def _modular_point(system: System, shape: Shape, assumptions: tuple[Assumption, ...], seed: int) -> Point:
    """The same point for every step of a derivation: what it remembers is computed once."""
    return _point(system, shape, assumptions, PrimeField(seed))


def _point(system: System, shape: Shape, assumptions: tuple[Assumption, ...], field: Field) -> Point:
    """A point of that shape where nothing but the assumptions holds."""
    bare = Point(system, field, dict(zip(AXES, shape, strict=True)))
    return replace(bare, values={T: _targets(bare, assumptions)}, memory={})


def _targets(point: Point, assumptions: tuple[Assumption, ...]) -> Table:
    """Random targets; the last one of each row is what the assumption of their sum leaves for it."""
    table = {place: point.field.unknown(T.name, *place) for place in point.all_places(T)}
    *free, last = range(point.sizes[CLASSES])
    for assumption in assumptions:
        body = assumption.left.body
        if not (isinstance(body, Indexed) and body.base == notation.t):
            raise UnsupportedError(f"the assumption {assumption.id} is no sum of the targets")
        for row in range(point.sizes[ROWS]):
            others = _total([table[row, column] for column in free], point)
            total = rows.evaluate(assumption.right, rows.Point(point.field, point.sizes[CLASSES]))
            table[row, last] = total + -others
    return table


def _compare(left: Node, right: Node, point: Point) -> None:
    indices = sorted(free_indices(left) | free_indices(right), key=lambda index: index.name)
    for places in choices(*(range(point.sizes[index.axis]) for index in indices)):
        placed = point.at(dict(zip(indices, places, strict=True)))
        if evaluate(left, placed) != evaluate(right, placed):
            where = ", ".join(f"{index.name} = {place + 1}" for index, place in zip(indices, places, strict=True))
            sizes = ", ".join(f"{axis.size} = {size}" for axis, size in point.sizes.items())
            raise ProofError(f"the two sides differ at {sizes}{'; ' if where else ''}{where}")
