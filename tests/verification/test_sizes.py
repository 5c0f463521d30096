"""Sizes are kept as logarithms, whatever integers mpmath works with."""

import math

import mpmath
import pytest

from derive.verification.sizes import NOTHING, log2, log_sum


class OtherInteger:
    """An integer as that of gmpy2, which mpmath takes where it is installed: too large for a float it is an error."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __int__(self) -> int:
        return self.value

    def __float__(self) -> float:
        return float(self.value)


@pytest.mark.parametrize("shift", [-3000, -4, 0, 5000])
def test_a_logarithm_is_found_beyond_the_range_of_floats(shift):
    assert log2(mpmath.ldexp(3, shift)) == pytest.approx(math.log2(3) + shift, rel=1e-15)


def test_integers_that_are_not_pythons_have_logarithms():
    mantissa = 3**2000
    number = mpmath.mp.make_mpf((0, OtherInteger(mantissa), -3000, mantissa.bit_length()))
    assert log2(number) == pytest.approx(2000 * math.log2(3) - 3000, rel=1e-14)


def test_nothing_adds_nothing():
    assert log2(mpmath.mpf(0)) == NOTHING
    assert log_sum(NOTHING, 5.0) == 5.0
    assert log_sum(10.0, 10.0) == 11.0
