"""Fractions in lowest terms with both parts factored, in bounded time.

A polynomial A x + B, linear in some variable x, is gcd(A, B) times one that has no factors: one without x would divide
both, and but one can have x. Numerators of derivatives are linear in a δ, or in an entry that occurs once: there a
greatest common divisor takes milliseconds and SymPy's lifting of factors, with a dozen variables, hours.
"""

from collections.abc import Iterator
from typing import Any

import sympy
from sympy import Expr
from sympy.polys.polyerrors import HeuristicGCDFailed
from sympy.polys.rings import PolyRing

MOST_VARIABLES = 6
"""Of a polynomial that is linear in none of them, for its factors to be looked for."""


def in_lowest_terms(expression: Expr) -> Expr:
    """`expression`, rational in its symbols, as one fraction in lowest terms, factored above and below the line."""
    above, below = sympy.fraction(sympy.cancel(expression))
    symbols = sorted(above.free_symbols | below.free_symbols, key=sympy.default_sort_key)
    if not symbols:
        return above / below
    ring = PolyRing(symbols, sympy.QQ)
    number, rest = sympy.S.One, sympy.S.One
    for part, exponent in ((above, 1), (below, -1)):
        content, primitive = ring.from_expr(part).primitive()
        number *= sympy.QQ.to_sympy(content) ** exponent
        for factor in _factors(primitive.set_ring(ring.clone(domain=sympy.ZZ))):
            sign = -1 if factor.LC < 0 else 1
            number *= sign
            rest *= (sign * factor.as_expr()) ** exponent
    if not rest.is_Add:
        return number * rest
    return rest if number == 1 else sympy.Mul(number, rest, evaluate=False)  # a number would be multiplied out


def _factors(polynomial: Any) -> Iterator[Any]:
    """What an element of a ring is the product of, each as far as it is known to go; 1 and -1 may be among them."""
    if polynomial.is_ground:
        yield polynomial
        return
    degrees = polynomial.degrees()
    linear = [variable for variable, degree in zip(polynomial.ring.gens, degrees, strict=True) if degree == 1]
    if linear:
        slopes = {variable: polynomial.diff(variable) for variable in linear}
        variable, slope = min(slopes.items(), key=lambda pair: len(pair[1]))
        try:
            shared = slope.gcd(polynomial - variable * slope)
        except HeuristicGCDFailed:
            yield polynomial
            return
        yield polynomial.exquo(shared)
        yield from _factors(shared)
    elif sum(degree > 0 for degree in degrees) <= MOST_VARIABLES:
        content, factors = polynomial.factor_list()
        yield polynomial.ring(content)
        yield from (factor for factor, times in factors for _ in range(times))
    else:
        yield polynomial
