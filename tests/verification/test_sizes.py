"""Sizes are kept as logarithms, whatever integers mpmath works with."""

import math

import mpmath
import pytest

from derive.verification.sizes import NOTHING, Sized, Sizes, log2, log_sum


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


def test_what_is_lost_is_multiplied_as_what_it_is_lost_of():
    """Against differences: how far f(x) moves for each number by which x does."""
    field, at = Sizes(), mpmath.mpf("0.375")
    number = field.number(3)
    functions = {
        "3 x": (lambda x: number * x, lambda x: 3 * x),
        "x x": (lambda x: x * x, lambda x: x * x),
        "3 - x": (lambda x: number + -x, lambda x: 3 - x),
        "1/x": (field.inverse, lambda x: 1 / x),
        "exp x": (lambda x: field.apply("exp", x), mpmath.exp),
        "log x": (lambda x: field.apply("log", x), mpmath.log),
        "x^3": (lambda x: field.power(x, number), lambda x: x**3),
    }
    for name, (sized, exact) in functions.items():
        with mpmath.workdps(60):
            slope = abs(mpmath.diff(exact, at))
            found = sized(Sized.exact(at).losing()).log_loss
        assert found == pytest.approx(float(mpmath.log(slope, 2)), abs=1e-12), name
    assert number.log_loss == NOTHING


def test_the_square_of_what_cancels_is_off_by_the_square_of_what_it_is_off_by():
    one = Sized(mpmath.mpf(3), log2(5))
    difference = one + -one
    square = difference * difference
    assert (square.value, square.log_size) == (0, NOTHING)
    assert square.log_second == pytest.approx(2 * log2(10))
    assert (square * one).log_second == pytest.approx(2 * log2(10) + log2(3))
    assert (square + one).log_second == pytest.approx(2 * log2(10))
