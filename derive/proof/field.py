"""The fields that expressions are evaluated over.

- `PrimeField`: residues modulo a 61-bit prime. Fast; two different rational functions agree at a random point with a
  probability below degree·2^-60 (Schwartz 1980, Zippel 1979).
- `RationalFunctions`: exact rational functions. Slow; equality is a proof.
- `Reals`: mpmath at a given precision, for truth from a definition.

In the exact fields a function that is not rational (exp, log, a power with a symbolic exponent) of a value is an
unknown, the same one for the same value. The laws that connect such unknowns, log(ab) = log a + log b and the like,
are applied to the expression before, by `derive.proof.evaluate`.
"""

import hashlib
import random
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any, Protocol

import mpmath
from sympy import QQ
from sympy.polys.fields import FracElement, FracField

from derive.errors import UnsupportedError

PRIME = 2**61 - 2373
"""The largest safe prime below 2^61, 2q + 1 with q prime: roots of odd degree are unique, and square roots multiply."""

MOST_BITS_OF_EXPONENT = 4096
"""Binary digits before the point of a number whose exponential mpmath is asked for."""

Value = Any


class BadPointError(Exception):
    """The random point hits a zero denominator, or a root that the field lacks: try another."""


class Field(Protocol):
    """Numbers, and named unknowns for everything that is not rational."""

    def number(self, value: Fraction | int) -> Value:
        """The rational `value`."""
        ...

    def unknown(self, kind: str, *key: Value) -> Value:
        """A value that depends on `kind` and `key` alone."""
        ...

    def rounded(self, product: Value) -> Value:
        """A product of several numbers, where it is not exact; the product itself in a field."""
        ...

    def inverse(self, value: Value) -> Value:
        """1/value; raises BadPointError at zero."""
        ...

    def apply(self, function: str, value: Value) -> Value:
        """A function of one number: `exp`, `log`, `tanh`, `abs`, `sign`."""
        ...

    def root(self, value: Value, degree: int) -> Value:
        """The positive root of `degree`; raises BadPointError where the field has none at this point."""
        ...

    def power(self, base: Value, exponent: Value) -> Value:
        """`base` to an exponent that is no rational number."""
        ...


@dataclass(frozen=True, slots=True)
class Residue:
    """An integer modulo `PRIME`."""

    value: int

    def __add__(self, other: Any) -> "Residue":
        if isinstance(other, Residue):
            return Residue((self.value + other.value) % PRIME)
        return Residue((self.value + other) % PRIME) if isinstance(other, int) else NotImplemented

    __radd__ = __add__

    def __mul__(self, other: Any) -> "Residue":
        if isinstance(other, Residue):
            return Residue(self.value * other.value % PRIME)
        return Residue(self.value * other % PRIME) if isinstance(other, int) else NotImplemented

    __rmul__ = __mul__

    def __neg__(self) -> "Residue":
        return Residue(-self.value % PRIME)


@dataclass
class PrimeField:
    """Residues modulo `PRIME`; an unknown is a hash of its key, drawn anew for each `seed`.

    Unknowns are squares, as the positive numbers that they stand for are, so that most have a root.
    """

    seed: int

    def number(self, value: Fraction | int) -> Residue:
        if isinstance(value, int):
            return Residue(value % PRIME)
        exact = Fraction(value)
        return Residue(exact.numerator * pow(exact.denominator, -1, PRIME) % PRIME)

    def unknown(self, kind: str, *key: Any) -> Residue:
        text = repr((self.seed, kind, key)).encode()
        root = Residue(int.from_bytes(hashlib.blake2b(text, digest_size=16).digest()) % (PRIME - 1) + 1)
        return root * root

    def rounded(self, product: Residue) -> Residue:
        return product

    def inverse(self, value: Residue) -> Residue:
        if value.value == 0:
            raise BadPointError
        return Residue(pow(value.value, -1, PRIME))

    def apply(self, function: str, value: Residue) -> Residue:
        return self.unknown(function, value)

    def root(self, value: Residue, degree: int) -> Residue:
        """The root that is itself a square, so that roots multiply; raises BadPointError where `value` is no square."""
        while degree % 2 == 0:
            root = Residue(pow(value.value, (PRIME + 1) // 4, PRIME))
            if root * root != value:
                raise BadPointError
            value, degree = root, degree // 2
        return Residue(pow(value.value, pow(degree, -1, PRIME - 1), PRIME))

    def power(self, base: Residue, exponent: Residue) -> Residue:
        return self.unknown("power", base, exponent)


class TooManyUnknownsError(UnsupportedError):
    """There are more unknowns than generators."""


@dataclass
class RationalFunctions:
    """Rational functions with one generator for each unknown, made when it is first asked for."""

    size: int
    """How many generators there are at most."""
    generators: dict[Any, FracElement] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._field = FracField([f"x{number}" for number in range(self.size)], QQ)

    def number(self, value: Fraction | int) -> FracElement:
        exact = Fraction(value)
        element: FracElement = self._field(QQ(exact.numerator, exact.denominator))
        return element

    def unknown(self, kind: str, *key: Any) -> FracElement:
        name = (kind, *key)
        if name not in self.generators:
            if len(self.generators) == self.size:
                raise TooManyUnknownsError(f"a proof has room for {self.size} unknowns")
            self.generators[name] = self._field.gens[len(self.generators)]
        return self.generators[name]

    def rounded(self, product: FracElement) -> FracElement:
        return product

    def inverse(self, value: FracElement) -> FracElement:
        if not value:
            raise BadPointError
        return 1 / value

    def apply(self, function: str, value: FracElement) -> FracElement:
        return self.unknown(function, value)

    def root(self, value: FracElement, degree: int) -> FracElement:
        raise UnsupportedError(f"the root of {value} of degree {degree} is no rational function")

    def power(self, base: FracElement, exponent: FracElement) -> FracElement:
        return self.unknown("power", base, exponent)


@lru_cache(maxsize=2**14)
def _applied(function: str, value: mpmath.mpf, precision: int) -> mpmath.mpf:  # noqa: ARG001 - a part of the key
    """A function of a real number, once: derivatives around a point ask for the exponentials at that point again."""
    functions = {"exp": _exp, "log": mpmath.log, "tanh": mpmath.tanh, "abs": abs, "sign": mpmath.sign}
    return functions[function](value)


def _exp(value: mpmath.mpf) -> mpmath.mpf:
    """The exponential; 0, or BadPointError, where the number has so many digits that mpmath would take minutes."""
    if mpmath.mag(value) <= MOST_BITS_OF_EXPONENT:
        return mpmath.exp(value)
    if mpmath.re(value) > 0:
        raise BadPointError
    return mpmath.mpf(0)


@dataclass
class Reals:
    """Real numbers to the precision that mpmath works in; unknowns are drawn from `[low, high]`."""

    seed: int = 0
    low: float = -2.0
    high: float = 2.0

    def number(self, value: Fraction | int) -> mpmath.mpf:
        if isinstance(value, int):
            return mpmath.mpf(value)
        return mpmath.mpf(value.numerator) / value.denominator

    def unknown(self, kind: str, *key: Any) -> mpmath.mpf:
        draw = random.Random(repr((self.seed, kind, key)))  # noqa: S311 - a point to evaluate at, not a secret
        return mpmath.mpf(draw.uniform(self.low, self.high))

    def rounded(self, product: mpmath.mpf) -> mpmath.mpf:
        return product

    def inverse(self, value: mpmath.mpf) -> mpmath.mpf:
        if value == 0:
            raise BadPointError
        return 1 / value

    def apply(self, function: str, value: mpmath.mpf) -> mpmath.mpf:
        return _applied(function, value, mpmath.mp.prec)

    def root(self, value: mpmath.mpf, degree: int) -> mpmath.mpf:
        return mpmath.root(value, degree)

    def power(self, base: mpmath.mpf, exponent: mpmath.mpf) -> mpmath.mpf:
        return mpmath.power(base, exponent)
