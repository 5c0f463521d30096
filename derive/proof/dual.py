"""Dual numbers, nested by level, over any numbers that add, multiply and divide.

`Dual(a, b, level)` is a + b·ε with ε² = 0. A derivative inside a derivative works one level up, so that the ε of one is
never taken for that of the other (Siskind and Pearlmutter, Nesting forward-mode AD in a functional framework, 2008).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Number = Any
"""An element of a field (`derive.proof.field`), or a `Dual` of one."""


def add(left: Number, right: Number) -> Number:
    """Left + right. The dual goes first: that it cannot add one takes mpmath 40 microseconds to find out."""
    return right + left if isinstance(right, Dual) else left + right


def multiply(left: Number, right: Number) -> Number:
    """Left · right, the dual first likewise."""
    return right * left if isinstance(right, Dual) else left * right


@dataclass(frozen=True, slots=True)
class Dual:
    """value + derivative·ε at `level`; both parts may be duals of lower levels."""

    value: Number
    derivative: Number
    level: int

    def __add__(self, other: Number) -> "Dual":
        if isinstance(other, Dual):
            if other.level > self.level:
                return other + self
            if other.level == self.level:
                return Dual(add(self.value, other.value), add(self.derivative, other.derivative), self.level)
        return Dual(add(self.value, other), self.derivative, self.level)

    __radd__ = __add__

    def __mul__(self, other: Number) -> "Dual":
        if isinstance(other, Dual):
            if other.level > self.level:
                return other * self
            if other.level == self.level:
                change = add(multiply(self.value, other.derivative), multiply(self.derivative, other.value))
                return Dual(multiply(self.value, other.value), change, self.level)
        return Dual(multiply(self.value, other), multiply(self.derivative, other), self.level)

    __rmul__ = __mul__

    def __neg__(self) -> "Dual":
        return Dual(-self.value, -self.derivative, self.level)


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
        return Dual(value, multiply(slope(number.value), number.derivative), number.level)
    return function(number)
