"""The floating-point types of generated C, what stands for either, the constants of their exponentials and logarithms.

The constants are what `benchmarks/exp_coefficients.py` and `benchmarks/log_coefficients.py` print; the bounds beside
them are upper bounds of what tests see.
"""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Exponential:
    """exp(x) = 2^k p(r), with k the integer nearest to x/ln 2 and p a polynomial on |r| <= ln(2)/2.

    Attributes:
        inverse_ln2: 1/ln 2.
        ln2_high: the first bits of ln 2, so few that its product with any k is exact.
        ln2_low: what is left of ln 2.
        coefficients: those of p, from the constant upwards.
        lowest: below it the result is less than the smallest normal number.
        highest: above it the result is more than the largest number.
        bound: the largest error seen, in units of the last place, without fused multiply-add.
        half_bits: the bits of 1/2.
        bound_expm1: as `bound`, for exp(x) - 1.
    """

    inverse_ln2: str
    ln2_high: str
    ln2_low: str
    coefficients: tuple[str, ...]
    lowest: str
    highest: str
    bound: str
    half_bits: str
    bound_expm1: str


@dataclass(frozen=True)
class Logarithm:
    """log(x) = k ln 2 + log(m), with sqrt(1/2) <= m < sqrt(2), and log(m) from a polynomial in ((m - 1)/(m + 1))^2.

    Attributes:
        coefficients: those of the polynomial, from its first power upwards.
        smallest_normal: below it a number has no exponent of its own, and is scaled first.
        largest: above it there is only infinity.
        one_bits: the bits of 1.
        sqrt_half_bits: the bits of sqrt(1/2).
        fraction_mask: the bits of a number's fraction.
        integer_bits: or'ed with a small integer, they are the bits of 2^fraction plus that integer.
        integer_bias: 2^fraction plus the bias of the exponent.
        bound: the largest error seen, in units of the last place, without fused multiply-add.
        bound_log1p: the same for log(1 + x).
    """

    coefficients: tuple[str, ...]
    smallest_normal: str
    largest: str
    one_bits: str
    sqrt_half_bits: str
    fraction_mask: str
    integer_bits: str
    integer_bias: str
    bound: str
    bound_log1p: str


@dataclass(frozen=True)
class Precision:
    """A floating-point type as C names it.

    Attributes:
        name: the end of a function's name.
        type: the type's name.
        bits: the unsigned integer type of the same size.
        suffix: the end of a literal and of a function of libm.
        fraction: stored bits of the fraction; 1.5 * 2^fraction is the number that rounds to an integer when added.
        square: the numbers in 16 bytes: rows become columns in squares of that size.
    """

    name: str
    type: str
    bits: str
    suffix: str
    fraction: int
    square: int
    exponential: Exponential
    logarithm: Logarithm

    @property
    def size(self) -> int:
        """The bits of a number: `square` of them are 16 bytes."""
        return 16 * 8 // self.square

    @property
    def bytes(self) -> int:
        """The bytes of a number."""
        return self.size // 8

    def named(self, function: str) -> str:
        """The name of a function of the file for this type."""
        return f"{function}_{self.name}"

    def libm(self, function: str) -> str:
        """The name of a function of libm for this type."""
        return f"{function}{self.suffix}"

    def literal(self, value: Fraction) -> str:
        """C source for `value` where it is a whole number or a dyadic fraction that the type holds; else a quotient.

        The quotient of two numbers that the type holds is rounded once, so it is the number nearest to `value`.
        """
        numerator, denominator = value.as_integer_ratio()
        largest = 2 ** (self.fraction + 1)
        if denominator & (denominator - 1) == 0 and abs(numerator) <= largest and denominator <= largest:
            return f"{numerator / denominator!r}{self.suffix}"
        if max(abs(numerator), denominator) <= largest:
            return f"({numerator}.0{self.suffix} / {denominator}.0{self.suffix})"
        return f"{float(value)!r}{self.suffix}"


F32 = Precision(
    name="f32",
    type="float",
    bits="uint32_t",
    suffix="f",
    fraction=23,
    square=4,
    exponential=Exponential(
        inverse_ln2="0x1.715476p+0f",
        ln2_high="0x1.62e4p-1f",
        ln2_low="0x1.7f7d1cp-20f",
        coefficients=(
            "0x1p+0f",
            "0x1p+0f",
            "0x1.fffffcp-2f",
            "0x1.555492p-3f",
            "0x1.5558f2p-5f",
            "0x1.1239d4p-7f",
            "0x1.6a244cp-10f",
        ),
        lowest="-0x1.5d589ep+6f",
        highest="0x1.62e42ep+6f",
        bound="1.04",
        half_bits="0x3f000000u",
        bound_expm1="2.0",
    ),
    logarithm=Logarithm(
        coefficients=("0x1.55555cp-1f", "0x1.997c3p-2f", "0x1.2ee61p-2f"),
        smallest_normal="FLT_MIN",
        largest="FLT_MAX",
        one_bits="0x3f800000u",
        sqrt_half_bits="0x3f3504f3u",
        fraction_mask="0x007fffffu",
        integer_bits="0x4b000000u",
        integer_bias="(0x1p+23f + 127.0f)",
        bound="1.1",
        bound_log1p="1.5",
    ),
)

F64 = Precision(
    name="f64",
    type="double",
    bits="uint64_t",
    suffix="",
    fraction=52,
    square=2,
    exponential=Exponential(
        inverse_ln2="0x1.71547652b82fep+0",
        ln2_high="0x1.62e42fefa4p-1",
        ln2_low="-0x1.8432a1b0e2634p-43",
        coefficients=(
            "0x1p+0",
            "0x1p+0",
            "0x1.000000000000ap-1",
            "0x1.55555555554fap-3",
            "0x1.555555555088cp-5",
            "0x1.1111111127b9ep-7",
            "0x1.6c16c1842676cp-10",
            "0x1.a01a012a68d8bp-13",
            "0x1.a0199a16c5c69p-16",
            "0x1.71df253c1fb42p-19",
            "0x1.28ad68bddfa80p-22",
            "0x1.ad7f77e079098p-26",
        ),
        lowest="-0x1.6232bdd7abcd2p+9",
        highest="0x1.62e42fefa39efp+9",
        bound="1.04",
        half_bits="UINT64_C(0x3fe0000000000000)",
        bound_expm1="2.0",
    ),
    logarithm=Logarithm(
        coefficients=(
            "0x1.5555555555558p-1",
            "0x1.99999999952e2p-2",
            "0x1.2492492df14bcp-2",
            "0x1.c71c62e57c3c4p-3",
            "0x1.7462b4ac441afp-3",
            "0x1.39fe604146b74p-3",
            "0x1.2b584c6b42d60p-3",
        ),
        smallest_normal="DBL_MIN",
        largest="DBL_MAX",
        one_bits="UINT64_C(0x3ff0000000000000)",
        sqrt_half_bits="UINT64_C(0x3fe6a09e667f3bcd)",
        fraction_mask="UINT64_C(0x000fffffffffffff)",
        integer_bits="UINT64_C(0x4330000000000000)",
        integer_bias="(0x1p+52 + 1023.0)",
        bound="1.1",
        bound_log1p="1.5",
    ),
)

PRECISIONS = (F32, F64)


@dataclass(frozen=True)
class AnyPrecision:
    """Either type: what is the same in both is written once, and the file includes itself for each.

    Attributes:
        type, bits: macros for the types of `Precision`.
    """

    type: str = "REAL"
    bits: str = "BITS"

    def named(self, function: str) -> str:
        """As `Precision.named`, by a macro."""
        return f"OF({function})"

    def libm(self, function: str) -> str:
        """As `Precision.libm`, by a macro."""
        return f"LIBM({function})"

    def literal(self, value: Fraction) -> str:
        """As `Precision.literal`: a number that float holds is the same number in double."""
        numerator, denominator = value.as_integer_ratio()
        largest = 2 ** (F32.fraction + 1)
        if max(abs(numerator), denominator) > largest:
            return f"(REAL){float(value)!r}"
        if denominator & (denominator - 1) == 0:
            return f"{numerator / denominator!r}f"
        return f"({numerator}.0f / (REAL){denominator}.0f)"


REAL = AnyPrecision()
