"""Numbers that know how far rounding moves them: a field for `derive.proof.evaluate`."""

import math
from dataclasses import dataclass, field
from typing import Any

import mpmath

from derive.proof.field import BadPointError, Reals

NOTHING = -math.inf
"""The logarithm of 0."""
_SPARE_BITS = 40
"""How many bits longer than its last one a number has to be, for what cancels to be more than rounding."""


@dataclass(frozen=True, slots=True)
class Sized:
    """A number and its size: how far it moves, to first order, when all that went into it is off by one part.

    The size of a sum is the sum of the sizes, so that cancellation shows; relative sizes of factors add up. What falls
    below the smallest normal number is off by one such number at most, however small it is: that counts apart. So does
    what two factors are off by together, which is all that the square of what cancels to 0 is off by.

    Attributes:
        value: the number, to as many digits as mpmath works in.
        log_size: the logarithm of the size, base 2. Of a size the first digits matter: floats have those, and as
            logarithms the range too.
        log_loss: that of how far it moves for each number by which every probability in it moves.
        log_second: that of the product of the sizes of two factors, in terms; functions drop it.
    """

    value: Any
    log_size: float
    log_loss: float = NOTHING
    log_second: float = NOTHING

    @classmethod
    def exact(cls, value: Any) -> "Sized":
        """A number that is given, as large as it is."""
        return cls(value, log2(value))

    @property
    def size(self) -> mpmath.mpf:
        """The size."""
        return mpmath.mpf(2) ** self.log_size

    def scaled(self, factor: Any) -> "Sized":
        """The same number of `factor` times the size."""
        return Sized(self.value, self.log_size + log2(factor), self.log_loss)

    def losing(self) -> "Sized":
        """The same number as one that may fall below the smallest normal number."""
        return Sized(self.value, self.log_size, 0.0)

    def __add__(self, other: "Sized") -> "Sized":
        loss = log_sum(self.log_loss, other.log_loss)
        second = log_sum(self.log_second, other.log_second)
        return Sized(self.value + other.value, log_sum(self.log_size, other.log_size), loss, second)

    def __mul__(self, other: "Sized") -> "Sized":
        mine, others = self.log_size, other.log_size
        one, two = log2(self.value), log2(other.value)
        if mine == NOTHING or others == NOTHING:  # an exact 0 decides, even beside the logarithm of one
            seconds = ((self.log_second, two), (other.log_second, one))
            known = [second + factor for second, factor in seconds if second != NOTHING]
            return Sized(mpmath.mpf(0), NOTHING, NOTHING, max(known, default=NOTHING))
        loss = log_sum(self.log_loss + two, one + other.log_loss)
        second = log_sum(mine + others, log_sum(self.log_second + two, one + other.log_second))
        return Sized(self.value * other.value, log_sum(mine + two, one + others), loss, second)

    def __neg__(self) -> "Sized":
        return Sized(-self.value, self.log_size, self.log_loss, self.log_second)


def log2(value: Any) -> float:
    """The logarithm of |value| to base 2, to the digits of a float; NaN of NaN."""
    if not isinstance(value, mpmath.mpf):
        value = mpmath.mpf(abs(value))
    _, mantissa, exponent, _ = value._mpf_
    if mantissa:
        logarithm: float = math.log2(int(mantissa)) + exponent  # of gmpy2's integers it takes none beyond floats
        return logarithm
    return NOTHING if value == 0 else abs(float(value))


def log_sum(one: float, other: float) -> float:
    """log2(2^one + 2^other)."""
    larger, smaller = (one, other) if one >= other else (other, one)
    return larger if smaller == NOTHING or larger == math.inf else larger + math.log2(1 + 2 ** (smaller - larger))


@dataclass
class Defined(Reals):
    """Real numbers, and BadPointError where a logarithm, a root or a power has no real value.

    Attributes:
        lost: what may be 0 but for rounding, 1 less the only probability, has no logarithm either.
    """

    lost: mpmath.mpf = field(default_factory=mpmath.mpf)

    def apply(self, function: str, value: Any) -> Any:
        """As `Reals.apply`; raises BadPointError where there is no real value."""
        if function == "log" and 0 < abs(value) < self.lost:
            raise BadPointError
        return _real(super().apply(function, value))

    def root(self, value: Any, degree: int) -> Any:
        """As `Reals.root`; raises BadPointError where there is no real value."""
        return _real(super().root(value, degree))

    def power(self, base: Any, exponent: Any) -> Any:
        """As `Reals.power`; raises BadPointError where there is no real value."""
        return _real(super().power(base, exponent))


def _real(number: Any) -> Any:
    if isinstance(number, mpmath.mpc):
        raise BadPointError
    return number


class Sizes:
    """Real numbers with their sizes: a field for `evaluate`. A function passes a size on by its derivative."""

    reals = Defined()

    def number(self, value: Any) -> Sized:
        """An exact number."""
        return Sized.exact(self.reals.number(value))

    def unknown(self, kind: str, *key: Any) -> Sized:
        """A parameter, the same that `Reals` draws."""
        return Sized.exact(self.reals.unknown(kind, *key))

    def rounded(self, product: Sized) -> Sized:
        """A product is off by one part more than its factors together."""
        size = log_sum(product.log_size, log2(product.value))
        return Sized(product.value, size, product.log_loss, product.log_second)

    def inverse(self, value: Sized) -> Sized:
        """1/x, of size size/x²; BadPointError where x is but the rounding of what cancels, as a variance of equal y."""
        if log2(value.value) < value.log_size - mpmath.mp.prec + _SPARE_BITS:
            raise BadPointError
        slope = -2 * log2(value.value)
        return Sized(self.reals.inverse(value.value), value.log_size + slope, value.log_loss + slope)

    def apply(self, function: str, value: Sized) -> Sized:
        """f(x), of size |f(x)| + |f'(x)|·size."""
        if function == "log" and value.log_size == NOTHING:
            return Sized(-mpmath.inf, math.inf)
        result = self.reals.apply(function, value.value)
        match function:
            case "exp":
                slope = log2(result)
            case "log":
                slope = -log2(value.value)
            case "tanh":
                slope = log2(1 - result**2)
            case "abs":
                slope = 0.0
            case _:
                slope = NOTHING
        return Sized(result, log_sum(log2(result), slope + value.log_size), slope + value.log_loss)

    def root(self, value: Sized, degree: int) -> Sized:
        """A root, whose relative size is at most that of its argument."""
        result = self.reals.root(value.value, degree)
        relative = log2(result) - log2(value.value)
        size = log2(result) + max(0.0, value.log_size - log2(value.value))
        return Sized(result, size, relative + value.log_loss)

    def power(self, base: Sized, exponent: Sized) -> Sized:
        """x^c, of relative size 1 + |c|·size/|x|."""
        result = self.reals.power(base.value, exponent.value)
        carried = exponent.log_size + base.log_size - log2(base.value)
        relative = exponent.log_size - log2(base.value) + log2(result)
        return Sized(result, log2(result) + log_sum(0.0, carried), relative + base.log_loss)
