"""Find the constants of the logarithm in generated C.

    python benchmarks/log_coefficients.py

With f = m - 1 and s = f / (2 + f), log(m) = 2 s + s^3 L(s^2) for sqrt(1/2) <= m < sqrt(2). L is replaced by its
Chebyshev approximation on the s^2 that occur; its error is printed as a share of log(m), in units of u.
"""

import mpmath
import numpy as np
from mpmath import mpf

mpmath.mp.dps = 60

FORMATS = ((np.float32, 24, 3), (np.float64, 53, 7))
"""Type, bits of a number's significand, and number of coefficients."""


def rest_of_log(square: mpf) -> mpf:
    """L(s^2); by its series where the formula would cancel."""
    if square < mpf(10) ** -12:
        return sum(mpf(2) / (2 * power + 3) * square**power for power in range(8))
    s = mpmath.sqrt(square)
    return (mpmath.log((1 + s) / (1 - s)) - 2 * s) / (s * square)


def main() -> None:
    """Print the coefficients of each format as hexadecimal floats, lowest power first."""
    root = mpmath.sqrt(2)
    largest = ((root - 1) / (root + 1)) ** 2 * (1 + mpf(2) ** -20)
    for dtype, digits, count in FORMATS:
        coefficients, error = mpmath.chebyfit(rest_of_log, [0, largest], count, error=True)
        print(dtype.__name__, f"error {mpmath.nstr(error * largest / 2 * 2**digits, 3)} u")
        for coefficient in reversed(coefficients):
            print(f"  {float(dtype(coefficient)).hex()}")


if __name__ == "__main__":
    main()
