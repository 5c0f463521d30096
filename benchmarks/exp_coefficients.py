"""Find the constants of the exponential in generated C, and measure how far it is from the truth.

    python benchmarks/exp_coefficients.py

exp(x) = 2^k exp(r) with k the integer nearest to x/ln 2 and |r| <= ln(2)/2. On that interval exp(r) is replaced by
1 + r + r^2 q(r), where q is the polynomial of smallest worst relative error. It is found by the exchange algorithm
(Remez, 1934) at 60 digits; then its coefficients are rounded to the format, and the rounded evaluation is compared
with mpmath. ln 2 is split in two, the first part so short that its product with k is exact.
"""

from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import numpy as np
from mpmath import mpf

mpmath.mp.dps = 60

GRID = 4000
"""Points at which an extremum of the error is looked for, before it is refined."""


@dataclass(frozen=True)
class Format:
    """A floating-point format, and how its exponential is evaluated.

    Attributes:
        degree: degree of 1 + r + r^2 q(r).
        split: significant bits of the first part of ln 2; what is left of the format holds k.
        shift: adding and subtracting it rounds to an integer.
    """

    dtype: type[np.floating]
    digits: int
    degree: int
    split: int
    shift: float


FORMATS = (Format(np.float32, 24, 6, 15, 1.5 * 2.0**23), Format(np.float64, 53, 11, 41, 1.5 * 2.0**52))


def relative_error(coefficients: list[mpf], r: mpf) -> mpf:
    """(1 + r + r^2 q(r)) / exp(r) - 1, `coefficients` being those of q, lowest first."""
    return (1 + r + r * r * mpmath.polyval(coefficients[::-1], r)) / mpmath.exp(r) - 1


def fit(degree: int, bound: mpf) -> list[mpf]:
    """The coefficients of q, of `degree`, whose worst relative error on [-bound, bound] is smallest."""
    # Chebyshev's points, moved a little: the error is 0 at r = 0, which cannot be one of them
    points = [-bound * mpmath.cos(mpmath.pi * (m + mpf(1) / 5) / (degree + mpf(3) / 2)) for m in range(degree + 2)]
    for _ in range(12):
        system = mpmath.matrix(degree + 2, degree + 2)
        right = mpmath.matrix(degree + 2, 1)
        for row, r in enumerate(points):
            for power in range(degree + 1):
                system[row, power] = r ** (power + 2) / mpmath.exp(r)
            system[row, degree + 1] = (-1) ** row
            right[row] = (mpmath.exp(r) - 1 - r) / mpmath.exp(r)
        solution = list(mpmath.lu_solve(system, right))
        coefficients, level = solution[:-1], abs(solution[-1])
        points = exchange(lambda r, c=coefficients: relative_error(c, r), bound, degree + 2)
        worst = max(abs(relative_error(coefficients, r)) for r in points)
        if worst < level * (1 + mpf(10) ** -6):
            return coefficients
    raise ArithmeticError(f"no equal ripple of degree {degree} after 12 exchanges")


def exchange(error: Callable[[mpf], mpf], bound: mpf, count: int) -> list[mpf]:
    """The `count` points of alternating sign at which `error` is largest."""
    grid = [-bound + 2 * bound * m / GRID for m in range(GRID + 1)]
    values = [error(r) for r in grid]
    peaks: list[int] = []
    for m in range(GRID + 1):
        if peaks and values[peaks[-1]] * values[m] > 0:
            if abs(values[m]) > abs(values[peaks[-1]]):
                peaks[-1] = m
        elif values[m] != 0:
            peaks.append(m)
    while len(peaks) > count:
        peaks.pop(0 if abs(values[peaks[0]]) < abs(values[peaks[-1]]) else -1)
    return [refine(error, grid, m) for m in peaks]


def refine(error: Callable[[mpf], mpf], grid: list[mpf], m: int) -> mpf:
    """The extremum beside grid point `m`, by one parabola; an end of the interval stays where it is."""
    if m in (0, len(grid) - 1):
        return grid[m]
    before, here, after = (error(grid[m + step]) for step in (-1, 0, 1))
    return grid[m] + (grid[1] - grid[0]) * (before - after) / (2 * (before - 2 * here + after))


def evaluate(x: np.ndarray, form: Format, coefficients: list[np.floating], ln2: tuple[np.floating, ...]) -> np.ndarray:
    """The exponential as the generated C computes it, without fused multiply-add: the less accurate way."""
    k = x * form.dtype(1 / mpmath.ln(2)) + form.dtype(form.shift) - form.dtype(form.shift)
    r = (x - k * ln2[0]) - k * ln2[1]
    p = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        p = p * r + c
    return np.ldexp(p, k.astype(np.int32))


def ulps(x: np.ndarray, computed: np.ndarray, digits: int) -> mpf:
    """The largest error of `computed` against exp(x), in units of the last place of the result."""
    worst = mpf(0)
    for argument, result in zip(x.tolist(), computed.tolist(), strict=True):
        truth = mpmath.exp(mpf(argument))
        worst = max(worst, abs(result - truth) / mpf(2) ** (mpmath.frexp(truth)[1] - digits))
    return worst


def round_to(value: mpf, bits: int) -> mpf:
    """`value` with `bits` significant bits."""
    mantissa, exponent = mpmath.frexp(value)
    return mpmath.ldexp(mpmath.nint(mpmath.ldexp(mantissa, bits)), exponent - bits)


def main() -> None:
    """Print the constants of each format as hexadecimal floats, and the errors of the formula and of the code."""
    ln2 = mpmath.ln(2)
    bound = ln2 / 2 * (1 + mpf(2) ** -20)  # k is rounded from a rounded product: r may stick out a little
    for form in FORMATS:
        exact = [mpf(1), mpf(1), *fit(form.degree - 2, bound)]
        coefficients = [form.dtype(c) for c in exact]
        rounded = [mpf(float(c)) for c in coefficients][2:]
        high = round_to(ln2, form.split)
        parts = form.dtype(high), form.dtype(ln2 - high)
        x = np.random.default_rng(0).uniform(-80, 80, 40_000).astype(form.dtype)
        x[::2] = x[::2] / form.dtype(230)  # half of the points within |x| <= ln(2)/2
        grid = [-bound + 2 * bound * m / GRID for m in range(GRID + 1)]
        ripple = max(abs(relative_error(rounded, r)) for r in grid)
        measured = ulps(x, evaluate(x, form, coefficients, parts), form.digits)
        print(form.dtype.__name__)
        print("  1/ln 2", float(form.dtype(1 / ln2)).hex())
        print("  ln 2  ", *(float(part).hex() for part in parts))
        print("  lowest, highest argument", *(float(form.dtype(limit)).hex() for limit in limits(form)))
        for power, c in enumerate(coefficients):
            print(f"  r^{power:<2}", float(c).hex())
        print(f"  polynomial: {mpmath.nstr(ripple * 2**form.digits, 3)} u; measured: {mpmath.nstr(measured, 4)} ulp")


def limits(form: Format) -> tuple[mpf, mpf]:
    """The arguments between which the result is a finite normal number, each rounded inwards."""
    information = np.finfo(form.dtype)
    lowest, highest = mpmath.log(mpf(float(information.tiny))), mpmath.log(mpf(float(information.max)))
    inner_low, inner_high = form.dtype(lowest), form.dtype(highest)
    if mpf(float(inner_low)) < lowest:
        inner_low = np.nextafter(inner_low, form.dtype(0))
    if mpf(float(inner_high)) > highest:
        inner_high = np.nextafter(inner_high, form.dtype(0))
    return mpf(float(inner_low)), mpf(float(inner_high))


if __name__ == "__main__":
    main()
