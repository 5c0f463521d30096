"""Arithmetic on the numbers of a field, duals of them included: each function carries its derivative along."""

from fractions import Fraction
from functools import reduce

from derive.proof import dual
from derive.proof.dual import Dual, Number, lift, split
from derive.proof.field import Field


def add_up(numbers: list[Number], field: Field) -> Number:
    """The sum; 0 of none."""
    return reduce(dual.add, numbers) if numbers else field.number(0)


def multiply(numbers: list[Number], field: Field) -> Number:
    """The product; 1 of none."""
    return field.rounded(reduce(dual.multiply, numbers)) if numbers else field.number(1)


def apply(function: str, number: Number, field: Field) -> Number:
    """exp, log, tanh, abs or sign of a number, and the derivative of each."""

    def applied(value: Number) -> Number:
        return lift(value, lambda inner: field.apply(function, inner), slope)

    def slope(value: Number) -> Number:
        match function:
            case "exp":
                return applied(value)
            case "log":
                return invert(value, field)
            case "tanh":
                return field.number(1) + -(applied(value) * applied(value))
            case "abs":
                return apply("sign", value, field)
            case _:
                return field.number(0)

    return applied(number)


def invert(number: Number, field: Field) -> Number:
    """1/x; raises BadPointError where x is 0."""

    def slope(value: Number) -> Number:
        inverse = invert(value, field)
        return -(inverse * inverse)

    return lift(number, field.inverse, slope)


def raise_to(number: Number, exponent: int, field: Field) -> Number:
    """A whole power, by squares: of an exponent such as 123456789/10^9 the one of a root is as large."""
    if exponent < 0:
        return raise_to(invert(number, field), -exponent, field)
    if exponent == 0:
        return field.number(1)
    square, factors = number, []
    while exponent:
        if exponent % 2:
            factors.append(square)
        exponent //= 2
        square = dual.multiply(square, square) if exponent else square
    return multiply(factors, field)


def take_root(number: Number, degree: int, field: Field) -> Number:
    """The root of a degree; raises BadPointError where the field has none."""
    if degree == 1:
        return number

    def root(value: Number) -> Number:
        return lift(value, lambda inner: field.root(inner, degree), slope)

    def slope(value: Number) -> Number:
        return multiply([field.number(Fraction(1, degree)), root(value), invert(value, field)], field)

    return root(number)


def power(base: Number, exponent: Number, field: Field) -> Number:
    """base^exponent, both of which may be dual: d(a^b) = a^b (b da/a + log a db)."""
    if isinstance(base, Dual) or isinstance(exponent, Dual):
        level = max(number.level for number in (base, exponent) if isinstance(number, Dual))
        (a, da), (b, db) = split(base, level), split(exponent, level)
        value = power(a, b, field)
        growth = multiply([b, da, invert(a, field)], field) if da != 0 else field.number(0)
        if db != 0:
            growth = add_up([growth, multiply([apply("log", a, field), db], field)], field)
        return Dual(value, multiply([value, growth], field), level)
    return field.power(base, exponent)
