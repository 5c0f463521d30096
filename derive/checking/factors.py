"""The factor by which a formula is off: a small number, with powers of n and of a parameter."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import mpmath
import numpy as np
from sympy import Integer, Symbol, log

from derive.checking.functions import Array
from derive.checking.values import Values
from derive.checking.world import Precision, World
from derive.proof.field import PRIME, PrimeField

_LARGEST_FACTOR = 12
_BASES = {"log(2)": log(Integer(2)), "log(10)": log(Integer(10))}
"""What logarithms of another base bring."""


@dataclass(frozen=True)
class Multiple:
    """What a formula is, divided by another, at a world, and how exactly that is known."""

    world: World
    ratio: Any
    precision: Precision


def find_factor(places: Iterable[tuple[World, Values]], quantity: str, parameters: Sequence[str]) -> str | None:
    """Theirs divided by the truth, where it is the same number, power of n or parameter at every place."""
    ratios: list[Multiple] = []
    for world, theirs in places:
        truth = world.truth(quantity)
        if all(_zero(world, each, theirs.precision) for each in (*truth.flat, *theirs.values.flat)):
            continue
        ratio = constant_ratio(world, theirs, truth)
        if ratio is None:
            return None
        ratios.append(Multiple(world, ratio, theirs.precision))
    return name_factor(ratios, parameters) if ratios else None


def constant_ratio(world: World, theirs: Values, truth: Array) -> Any | None:
    """theirs/truth where it is the same at every entry that is given; None otherwise, or where it is 0."""
    if truth.shape != theirs.values.shape:
        return None
    pairs = list(zip(theirs.values[theirs.given].flat, truth[theirs.given].flat, strict=True))
    if isinstance(world.field, PrimeField):
        above, below = next((pair for pair in pairs if pair[1] % PRIME), (0, 0))
    else:
        above, below = max(pairs, key=lambda pair: abs(pair[1]), default=(0, 0))
    if any(_zero(world, each, theirs.precision) for each in (above, below)):
        return None
    (ratio,) = world.reduce(np.array([above * world.inverse(below)], dtype=object))
    return ratio if theirs.agrees(world, world.reduce(ratio * truth)) else None


def _zero(world: World, value: Any, precision: Precision) -> bool:
    return int(value) % PRIME == 0 if isinstance(world.field, PrimeField) else abs(value) < precision.absolute / 10


def name_factor(ratios: Sequence[Multiple], parameters: Sequence[str]) -> str | None:
    """The factor as text, `-1`, `2/n`, `1/T`; None where it is nothing so simple."""
    units: list[dict[str, int]] = [{}]
    own = [(name, "n", *parameters[:place]) for place, name in enumerate(parameters)]
    for name, *others in ("n",), *((base, "n") for base in _BASES), *own:
        units += [{name: power} for power in (1, -1, 2, -2)]
        units += [{other: power, name: each} for other in others for power, each in product((1, -1), repeat=2)]
    for powers in units:
        constants = {_constant(multiple, powers) for multiple in ratios}
        if len(constants) == 1 and (constant := constants.pop()) is not None:
            return _write(constant, powers)
    return None


def _constant(multiple: Multiple, powers: Mapping[str, int]) -> Fraction | None:
    """The ratio without the powers that it is to have, where that is a small rational number."""
    world, ratio = multiple.world, multiple.ratio
    for name, exponent in powers.items():
        value = world.n if name == "n" else world.number(_BASES.get(name) or Symbol(name, real=True))
        for _ in range(abs(exponent)):
            ratio = ratio * (world.inverse(value) if exponent > 0 else value)
    if isinstance(world.field, PrimeField):
        return _small_residues().get(int(ratio) % PRIME)
    nearest = Fraction(float(ratio)).limit_denominator(_LARGEST_FACTOR)
    written = mpmath.mpf(nearest.numerator) / nearest.denominator
    equal = world.equal(np.array([ratio]), np.array([written]), multiple.precision)
    return nearest if nearest and equal and abs(nearest.numerator) <= _LARGEST_FACTOR else None


@cache
def _small_residues() -> dict[int, Fraction]:
    """Small rational numbers by what they are modulo the prime."""
    sizes = range(1, _LARGEST_FACTOR + 1)
    numbers = [Fraction(sign * above, below) for sign in (1, -1) for above in sizes for below in sizes]
    return {number.numerator * pow(number.denominator, -1, PRIME) % PRIME: number for number in numbers}


def _write(constant: Fraction, powers: Mapping[str, int]) -> str:
    def raised(name: str, power: int) -> str:
        return name if power == 1 else f"{name}**{power}"

    above = [raised(name, power) for name, power in powers.items() if power > 0]
    below = [raised(name, -power) for name, power in powers.items() if power < 0]
    if constant.denominator != 1:
        below = [str(constant.denominator), *below]
    number = constant.numerator
    top = "*".join(above if abs(number) == 1 and above else [str(abs(number)), *above])
    bottom = "*".join(below)
    written = top if not below else f"{top}/{bottom}" if len(below) == 1 else f"{top}/({bottom})"
    return f"-{written}" if number < 0 else written
