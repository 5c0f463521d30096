"""Numbers that know how far rounding moves them: a field for `derive.proof.evaluate`."""

from dataclasses import dataclass
from typing import Any

import mpmath

from derive.proof.field import Reals


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
        if not (self.size and other.size):
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

    def rounded(self, product: Sized) -> Sized:
        """A product is off by one part more than its factors together."""
        return Sized(product.value, product.size + abs(product.value))

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
