"""What is made of the letters and numbers that a formula has, and its definition has not."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, partial
from itertools import islice, product
from typing import Any

from sympy import IndexedBase, Symbol

from derive.catalogue import losses
from derive.catalogue.model import Loss
from derive.catalogue.parameters import Parameter
from derive.checking.functions import Array
from derive.checking.habits import UPSTREAM, plain
from derive.checking.mistakes.losses import own_parameters, vanishes
from derive.checking.mistakes.model import Wrong, compose
from derive.checking.world import World

IN_GRADIENT = "in a gradient"
"""The detail of an upstream gradient that stands where none comes in."""
_MOST_BINDINGS = 24
"""Ways in which letters and numbers are tried as the parameters of one loss."""


@dataclass(frozen=True)
class Foreign:
    """What a formula has and its definition has not, and the other way round.

    Attributes:
        scalars: the letters that stand for one number.
        vectors: those that stand for one number for each class.
        numbers: the numbers that are written in it.
        absent: the parameters of the definition that are not in it.
    """

    scalars: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()
    numbers: tuple[Fraction, ...] = ()
    absent: tuple[str, ...] = ()


NOTHING_FOREIGN = Foreign()


def is_upstream(name: str) -> bool:
    """Whether a letter is an upstream gradient by habit."""
    return plain(name) in UPSTREAM


def with_upstream(world: World, foreign: Foreign) -> Iterator[Wrong]:
    """The gradient with an upstream gradient in it, which nobody speaks of: a number for the row, or a vector."""

    def combined(upstream: Callable[[], Array], a: int, b: int, c: int) -> Array:
        truth, other = world.truth("gradient"), upstream()
        return world.reduce(a * truth * other + b * truth + c * other)

    ways = {"multiplied": (1, 0, 0), "added": (0, 1, 1), "subtracted": (0, 1, -1)}
    letters = {name: partial(world.array, Symbol(name, real=True)) for name in foreign.scalars}
    vectors = {name: partial(world.vector, IndexedBase(name)) for name in foreign.vectors}
    for name, upstream in {**letters, **vectors}.items():
        for key, weights in ways.items() if is_upstream(name) else ():
            made = partial(combined, upstream, *weights)
            yield Wrong(("upstream-mishandled",), f"{name} {key}", made, IN_GRADIENT)


def bound_losses(world: World, quantity: str, foreign: Foreign) -> Iterator[Wrong]:
    """The same quantity of every other loss that has parameters, these being letters and numbers of the formula.

    The losses with fewer parameters come first: that of two is the same with one of them at 1.
    """
    others = {other: own_parameters(world, other) for other in losses().values() if other != world.composition.loss}
    for other, own in sorted(others.items(), key=lambda pair: len(pair[1])):
        ways = product(*(_meanings(world, parameter, foreign) for parameter in own.values()))
        for way in islice(ways, _MOST_BINDINGS) if own else ():
            said = {name: written for name, (written, _) in zip(own, way, strict=True)}
            if not all(_is_itself(own[name], written, foreign) for name, written in said.items()):
                there = _bind(world, other, own, [value for _, value in way])
                words = [
                    name if name == written.removeprefix("\\") else f"{name} = {written}"
                    for name, written in said.items()
                ]
                detail = f"{other.name} with {' and '.join(words)}"
                zero = vanishes(world, quantity, other)
                yield Wrong(("other-loss",), detail, partial(there.truth, quantity), detail, zero)


def _is_itself(parameter: Parameter, written: str, foreign: Foreign) -> bool:
    """Whether a letter is the parameter that it is taken for, so that the other loss is tried as it stands anyway."""
    return parameter.name == written and written in (foreign.vectors if parameter.per_class else foreign.scalars)


def _meanings(world: World, parameter: Parameter, foreign: Foreign) -> Iterator[tuple[str, Any]]:
    """What a parameter may be: how it is written, and its value at the world, or the number that it is everywhere."""
    scalars = {name: world.inside([world.number(Symbol(name, real=True))])[0] for name in foreign.scalars}
    # A share of 1 leaves nothing of what it is taken from, and 1 stands in every other formula.
    numbers = {
        f"{float(each):g}": each
        for each in foreign.numbers
        if parameter.range.contains(each) and (each != 1 or not _is_share(parameter))
    }
    if not parameter.per_class:
        yield from {**scalars, **numbers}.items()
        return
    yield from ((name, world.inside(world.vector(IndexedBase(name)))) for name in foreign.vectors)
    # That 1 is one of the weights is written nowhere: it stands in every other formula.
    weights = {written: world.field.number(number) for written, number in numbers.items() if number != 1}
    same = {**scalars, **weights}
    yield from ((written, [value] * world.n) for written, value in same.items())


def _is_share(parameter: Parameter) -> bool:
    """Whether a parameter runs from 0 to 1, both among them."""
    return parameter.range.high == 1 and parameter.range.contains(0) and parameter.range.contains(1)


def _bind(world: World, other: Loss, own: dict[str, Parameter], values: list[Any]) -> World:
    """The world under another loss whose own parameters have these values."""
    pairs = list(zip(own.values(), values, strict=True))
    numbers = tuple((parameter.name, value) for parameter, value in pairs if isinstance(value, Fraction))
    there = world.of(compose(world.composition.activation, _written_out(other, numbers)))
    letters = {
        IndexedBase(each.name) if each.per_class else Symbol(each.name, real=True): value
        for each, value in pairs
        if not isinstance(value, Fraction)
    }
    return there.given(letters) if letters else there


@cache
def _written_out(other: Loss, numbers: tuple[tuple[str, Fraction], ...]) -> Loss:
    """A loss with numbers for parameters in its definition, so that a whole power of it is one."""
    definition = other.definition
    for name, number in numbers:
        definition = re.sub(rf"\b{name}\b", f"({number})", definition)
    return replace(other, definition=definition, where="" if numbers else other.where)
