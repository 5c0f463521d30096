"""A place to judge a formula at: a number of classes, values, and what each quantity truly is there.

What is true is the definition, evaluated exactly; derivatives by dual numbers. In a `World` modulo a prime equality is
exact; in one of floating-point numbers it holds up to rounding, for functions that can only be run.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from typing import Any

import mpmath
import numpy as np
from sympy import Expr, Indexed, IndexedBase, Symbol

from derive.calculus.problem import Problem
from derive.catalogue.model import Composition
from derive.checking.functions import Array, as_array
from derive.notation import Contraction, Partial, g, i, j, k, label, loss, rename, t, v, vectors, z
from derive.proof.evaluate import Definitions, Point, evaluate
from derive.proof.field import PRIME, Field, PrimeField, Reals, Residue

FREE, SUM_ONE, ONE_HOT, BINARY = "", "sum-t-1", "t-one-hot", "t-binary"
BINARY_SUMS = 3
"""How many sums targets of 0 and 1 have, one for each of as many seeds."""
HYPOTHESES = (FREE, SUM_ONE, BINARY, ONE_HOT)
"""What targets may be assumed to be, the weakest first."""

SECOND_ORDER = ("hessian", "hvp", "gauss-newton", "gnvp")
"""The quantities that are second derivatives, or products with them."""

IMPLIED = {FREE: (SUM_ONE, BINARY, ONE_HOT), SUM_ONE: (ONE_HOT,), BINARY: (ONE_HOT,), ONE_HOT: ()}
"""What else of targets each of them covers: what holds for it holds there."""

Substitution = Mapping[IndexedBase | Symbol, Any]


@dataclass(frozen=True)
class Precision:
    """How closely numbers that were worked out in floating point are compared.

    Attributes:
        digits: how many digits that is, for a person.
        relative: the difference that is allowed to a number, as a part of it; a tenth of it of the largest one.
        absolute: the difference that is allowed to every number, those near 0 among them.
    """

    digits: int
    relative: float
    absolute: float


DOUBLE = Precision(7, 1e-7, 1e-9)
SINGLE = Precision(5, 1e-5, 2e-6)
"""float32 has a relative rounding error of 6e-8; a gradient is a sum of some rounded terms of about 1."""


def variable_of(composition: Composition, quantity: str) -> Symbol | Indexed | None:
    """What `gradient:NAME` is the derivative by: a number, or entry j of a vector; None for any other quantity."""
    name = quantity.partition(":")[2]
    if not name:
        return None
    if name == "t" or any(each.name == name and each.per_class for each in composition.parameters):
        return IndexedBase(name)[j]
    return Symbol(name, real=True)


def definition_of(composition: Composition, quantity: str) -> Expr:
    """What a quantity is by definition: free index j for a vector, i (row) and j (column) for a matrix."""
    output = composition.output
    match quantity:
        case "value":
            return loss if composition.loss is not None else rename(output, {i: j})
        case "jacobian":
            return Partial(output, z[j])
        case "vjp":
            return Contraction(g[k] * Partial(rename(output, {i: k}), z[j]), k)
        case "jvp":
            return Contraction(Partial(rename(output, {i: j}), z[k]) * v[k], k)
        case "gradient":
            return Partial(loss, z[j])
        case "hessian":
            return Partial(Partial(loss, z[i]), z[j])
    if (variable := variable_of(composition, quantity)) is not None:
        return Partial(loss, variable)
    return Contraction(Partial(Partial(loss, z[j]), z[k]) * v[k], k)


@dataclass(frozen=True)
class World:
    """Where a formula is judged.

    Attributes:
        composition: what it is a formula of.
        n: the number of classes.
        field: the numbers.
        values: fixed values of vectors and parameters; the rest are unknowns of the field.
        label: the class of the label, counted from 0.
        precision: how closely real numbers of formulas are compared here.
    """

    composition: Composition
    n: int
    field: Field
    values: Substitution = dataclasses.field(default_factory=dict)
    label: int = 1
    precision: Precision = DOUBLE

    @property
    def definitions(self) -> Definitions:
        """What y, the output and the loss stand for."""
        return _definitions(self.composition)

    @cached_property
    def point(self) -> Point:
        """The point of `derive.proof`."""
        return Point(self.field, self.n, self.values, self.definitions, {label: self.label})

    def number(self, expression: Expr, classes: Mapping[Symbol, int] | None = None) -> Any:
        """The value of an expression, its free indices at `classes`: an integer modulo the prime, or a number."""
        point = self.point.at(classes) if classes else self.point
        return _plain(evaluate(expression, point))

    def array(self, expression: Expr, *indices: Symbol) -> Array:
        """The values of an expression, the indices running over the classes."""
        found = np.empty((self.n,) * len(indices), dtype=object)
        for place in np.ndindex(found.shape):
            found[place] = self.number(expression, dict(zip(indices, place, strict=True)))
        return found

    def entries(self, array: Array) -> Array:
        """The values of an array of expressions."""
        found = np.empty(array.shape, dtype=object)
        for place in np.ndindex(array.shape):
            found[place] = self.number(array[place])
        return found

    def vector(self, base: IndexedBase) -> Array:
        """The values of a vector."""
        return self.array(base[j], j)

    def given(self, values: Substitution) -> "World":
        """This world with further values fixed."""
        return replace(self, values={**self.values, **values})

    def of(self, composition: Composition) -> "World":
        """The same values under another composition."""
        other = replace(self, composition=composition)
        if composition.loss is not None and composition.activation == self.composition.activation:
            other.kept["alone"] = self.alone  # so that its Jacobian is found once
        return other

    @property
    def alone(self) -> "World":
        """The same world without the loss."""
        if "alone" not in self.kept:
            self.kept["alone"] = replace(self, composition=Composition(self.composition.activation))
        alone: World = self.kept["alone"]
        return alone

    def inside(self, values: Iterable[Any]) -> list[Any]:
        """Plain values as the field's own."""
        if isinstance(self.field, PrimeField):
            return [Residue(int(each) % PRIME) for each in values]
        return [mpmath.mpf(each) for each in values]

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What was worked out here already, by what it is."""
        return {}

    def truth(self, quantity: str) -> Array:
        """The quantity by its definition, a loss that the logits reach through the output by the chain rule."""
        key = ("truth", quantity)
        if key not in self.kept:
            self.kept[key] = self._by_chain(quantity) if self._goes_through_output(quantity) else self._truth(quantity)
        truth: Array = self.kept[key]
        return truth

    def _truth(self, quantity: str) -> Array:
        definition = definition_of(self.composition, quantity)
        match quantity:
            case "hessian":
                return self._hessian()
            case "jacobian":
                return self.array(definition, i, j)
            case "value" if self.composition.loss is not None:
                return self.array(definition)
            case "vjp":
                return self.reduce(self.vector(g) @ self.truth("jacobian"))
            case "jvp":
                return self.reduce(self.truth("jacobian") @ self.vector(v))
            case "hvp":
                return self.reduce(self.truth("hessian") @ self.vector(v))
            case "gauss-newton":
                jacobian = self.alone.truth("jacobian")
                return self.reduce(jacobian.T @ self.curvature() @ jacobian)
            case "gnvp":
                return self.reduce(self.truth("gauss-newton") @ self.vector(v))
        return self.array(definition, *({j} & definition.free_symbols))

    def _hessian(self) -> Array:
        """Second derivatives, each pair once: the order of the two does not matter."""
        found = np.empty((self.n, self.n), dtype=object)
        definition = definition_of(self.composition, "hessian")
        for row in range(self.n):
            for column in range(row, self.n):
                found[row, column] = found[column, row] = self.number(definition, {i: row, j: column})
        return found

    def curvature(self) -> Array:
        """Second derivatives of the loss with respect to the output."""
        output = self.composition.output_vector
        return self.array(Partial(Partial(loss, output[i]), output[j]), i, j)

    def _goes_through_output(self, quantity: str) -> bool:
        definition = self.composition.loss_definition if quantity in ("gradient", "hessian", "hvp") else None
        return definition is not None and self.composition.output_vector != z and z not in vectors(definition)

    def _by_chain(self, quantity: str) -> Array:
        """Derivatives of a loss: those with respect to the output times those of the output, a tenth of the work."""
        if quantity == "hvp":
            return self.reduce(self.truth("hessian") @ self.vector(v))
        alone = self.alone
        jacobian, slope = alone.truth("jacobian"), self.array(Partial(loss, self.composition.output_vector[i]), i)
        if quantity == "gradient":
            return self.reduce(slope @ jacobian)
        return self.reduce(jacobian.T @ self.curvature() @ jacobian + np.tensordot(slope, alone.bend(), 1))

    def bend(self) -> Array:
        """The second derivatives of the output: output, then the two logits."""
        if "bend" not in self.kept:
            self.kept["bend"] = self.array(
                Partial(Partial(rename(self.composition.output, {i: k}), z[i]), z[j]), k, i, j
            )
        bend: Array = self.kept["bend"]
        return bend

    def reduce(self, array: Any) -> Array:
        """Numbers brought back into the field after arithmetic on plain values."""
        found = as_array(array)
        return as_array(found % PRIME) if isinstance(self.field, PrimeField) else found

    def inverse(self, value: Any) -> Any:
        """1/value."""
        return pow(int(value), -1, PRIME) if isinstance(self.field, PrimeField) else 1 / value

    def are_real(self, values: Array) -> bool:
        """Whether all are finite real numbers, as everything is in an exact field."""
        return isinstance(self.field, PrimeField) or all(
            not isinstance(each, mpmath.mpc) and mpmath.isfinite(each) for each in values.flat
        )

    def equal(self, left: Any, right: Any, precision: Precision = DOUBLE) -> bool:
        """Whether two arrays, of shapes that fit, are equal here; where numbers are rounded, to a precision."""
        a, b = np.asarray(left, dtype=object), np.asarray(right, dtype=object)
        if a.shape != b.shape:
            return False
        if isinstance(self.field, PrimeField):
            return bool(np.all((a - b) % PRIME == 0))
        if not (self.are_real(a) and self.are_real(b)):
            return False  # the logarithm of what is negative here
        if precision.digits > DOUBLE.digits:  # than floating-point numbers have
            bound = precision.absolute + precision.relative * max(map(abs, b.flat), default=0)
            return all(abs(p - q) <= bound for p, q in zip(a.flat, b.flat, strict=True))
        x, w = a.astype(float), b.astype(float)
        largest = float(np.max(np.abs(w), initial=0.0))
        near = precision.absolute + precision.relative / 10 * largest
        return bool(np.allclose(x, w, rtol=precision.relative, atol=near))


@cache
def _definitions(composition: Composition) -> Definitions:
    return Problem(composition).definitions


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Residue) else value


def targets_under(hypothesis: str, n: int, label_class: int, world_field: Field, seed: int) -> list[Any] | None:
    """Values for the targets that satisfy the hypothesis and nothing more; None to leave them free."""
    number = world_field.number
    match hypothesis:
        case "sum-t-1":
            entries = [world_field.unknown("t", index) for index in range(n - 1)]
            last = number(1)
            for entry in entries:
                last = last + -entry
            return [*entries, last]
        case "t-one-hot":
            return [number(int(index == label_class)) for index in range(n)]
        case "t-binary":
            ones = min(1 + seed % BINARY_SUMS, n)  # so that no sum of them is taken for granted
            return [number(int((index + seed) % n < ones)) for index in range(n)]
    return None


@lru_cache(maxsize=64)
def make_world(composition: Composition, n: int, seed: int, hypothesis: str = FREE, label_class: int = 1) -> World:
    """A world modulo the prime, drawn anew for each seed."""
    numbers = PrimeField(seed)
    where = label_class % n
    targets = targets_under(hypothesis, n, where, numbers, seed)
    values: Substitution = {} if targets is None else {t: targets}
    return World(composition, n, numbers, values, where)


def _rounded(value: Any) -> Any:
    """A number with two decimals, to be shown."""
    return mpmath.mpf(round(float(value), 2))


def draw_parameter(n: int, name: str, number: int) -> Any:
    """The value of a parameter at a class, between 0.2 and 0.8: the same for every row."""
    return _rounded(Reals(n, 0.2, 0.8).unknown(name, number))


@lru_cache(maxsize=256)
def make_real_world(composition: Composition, n: int, seed: int, hypothesis: str = FREE, label_class: int = 1) -> World:
    """A world of real numbers: logits and the rest within ±2, targets positive, parameters between 0.2 and 0.8.

    Parameters are the same for every seed: the rows of a batch share them.
    """
    draw = Reals(seed)
    where = label_class % n
    values: dict[IndexedBase | Symbol, Any] = {
        base: [_rounded(draw.unknown(str(base.label), number)) for number in range(n)] for base in (z, g, v)
    }
    positive = Reals(seed, 0.2, 0.8)
    if composition.output_vector == z:  # what a loss of z itself takes the logarithm of is a probability
        values[z] = [_rounded(positive.unknown("z", number)) for number in range(n)]
    soft = [_rounded(positive.unknown("t", number)) for number in range(n)]
    if hypothesis == SUM_ONE:
        shares = [_rounded(each / sum(soft)) for each in soft[:-1]]
        soft = [*shares, 1 - sum(shares)]
    fixed = targets_under(hypothesis, n, where, draw, seed) if hypothesis in (ONE_HOT, BINARY) else soft
    values[t] = fixed
    for parameter in composition.parameters:
        name = IndexedBase(parameter.name) if parameter.per_class else Symbol(parameter.name, real=True)
        drawn = [draw_parameter(n, parameter.name, number) for number in range(n)]
        values[name] = drawn if parameter.per_class else drawn[0]
    return World(composition, n, draw, values, where)
