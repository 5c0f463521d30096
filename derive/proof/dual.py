"""Dual numbers, nested by level, over any numbers that add, multiply and divide.

`Dual(a, b, level)` is a + b·ε with ε² = 0. A derivative inside a derivative works one level up, so that the ε of one is
never taken for that of the other (Siskind and Pearlmutter, Nesting forward-mode AD in a functional framework, 2008).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Number = Any
"""An element of a field (`derive.proof.field`), or a `Dual` of one."""


@dataclass(frozen=True, slots=True)
class Dual:
    """value + derivative·ε at `level`; both parts may be duals of lower levels."""

    value: Number
    derivative: Number
    level: int

    def __add__(self, other: Number) -> "Dual":
        a, b = split(other, self.level)
        return Dual(self.value + a, self.derivative + b, self.level) if _fits(other, self.level) else other + self

    __radd__ = __add__

    def __mul__(self, other: Number) -> "Dual":
        if not _fits(other, self.level):
            product: Dual = other * self
            return product
        a, b = split(other, self.level)
        return Dual(self.value * a, self.value * b + self.derivative * a, self.level)

    __rmul__ = __mul__

    def __neg__(self) -> "Dual":
        return Dual(-self.value, -self.derivative, self.level)


def _fits(other: Number, level: int) -> bool:
    """Whether `other` is a coefficient at `level`: no dual, or one of this level or below."""
    return not isinstance(other, Dual) or other.level <= level


def split(other: Number, level: int) -> tuple[Number, Number]:
    """Value and derivative of `other` at `level`; a number without that ε has derivative 0."""
    if isinstance(other, Dual) and other.level == level:
        return other.value, other.derivative
    return other, 0


def derivative(number: Number, level: int) -> Number:
    """The coefficient of ε at `level`."""
    return split(number, level)[1]


def lift(number: Number, function: Callable[[Number], Number], slope: Callable[[Number], Number]) -> Number:
    """`function` applied to a number that may be dual, by the chain rule with its derivative `slope`.

    `function` takes numbers of the field alone; `slope` must take duals of lower levels.
    """
    if isinstance(number, Dual):
        value = lift(number.value, function, slope)
        return Dual(value, slope(number.value) * number.derivative, number.level)
    return function(number)
