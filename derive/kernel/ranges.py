"""What is known of the sign of an expression from the ranges that parameters are declared to have."""

from collections.abc import Mapping
from fractions import Fraction

from derive.catalogue.parameters import Range
from derive.kernel.expressions import arrays, scalars
from derive.kernel.ir import CLASS_COUNT, Call, Const, Element, Expression, Kernel, Scalar

ANY = Range(low=None)


class Ranges:
    """The ranges of expressions in a kernel's parameters; `ANY` where nothing is known."""

    def __init__(self, kernel: Kernel) -> None:
        counted = Range(Fraction(1), None, low_included=True)
        self.known: Mapping[str, Range] = {each.name: each.range for each in kernel.parameters} | {CLASS_COUNT: counted}

    def knows(self, expression: Expression) -> bool:
        """Whether `expression` is made of parameters and numbers alone."""
        return arrays(expression) | scalars(expression) <= self.known.keys()

    def is_nonzero(self, expression: Expression) -> bool:
        """Whether `expression` cannot be 0."""
        match expression:
            case Call("mul" | "div", factors):
                return all(self.is_nonzero(factor) for factor in factors)
            case Call("pow", (base, _)):
                return self.is_nonzero(base)
        return not self.of(expression).contains(Fraction(0))

    def is_positive(self, expression: Expression) -> bool:
        """Whether `expression` is greater than 0."""
        low = self.of(expression).low
        return low is not None and low >= 0 and self.is_nonzero(expression)

    def may_be_negative(self, expression: Expression) -> bool:
        """Whether `expression` is not known to be at least 0."""
        low = self.of(expression).low
        return low is None or low < 0

    def of(self, expression: Expression) -> Range:
        """An interval that `expression` lies in."""
        match expression:
            case Const(value):
                return Range(value, value, low_included=True, high_included=True)
            case Scalar(name) | Element(name, _):
                return self.known.get(name, ANY)
            case Call("neg", (inner,)):
                return _negative(self.of(inner))
            case Call("add", terms):
                total = self.of(terms[0])
                for term in terms[1:]:
                    total = _sum(total, self.of(term))
                return total
            case Call("mul" | "div", (first, *others)):
                sign = _sign(self.of(first))
                for factor in others:
                    sign *= _sign(self.of(factor))
                return {1: Range(Fraction(0)), -1: Range(None, Fraction(0)), 0: ANY}[sign]
        return ANY


def _negative(one: Range) -> Range:
    low, high = (None if end is None else -end for end in (one.high, one.low))
    return Range(low, high, low_included=one.high_included, high_included=one.low_included)


def _sum(one: Range, two: Range) -> Range:
    return Range(
        None if one.low is None or two.low is None else one.low + two.low,
        None if one.high is None or two.high is None else one.high + two.high,
        low_included=one.low_included and two.low_included,
        high_included=one.high_included and two.high_included,
    )


def _sign(one: Range) -> int:
    """1 or -1 where all of the range is on one side of 0, 0 where it is not."""
    if one.contains(Fraction(0)):
        return 0
    if one.low is not None and one.low >= 0:
        return 1
    return -1 if one.high is not None and one.high <= 0 else 0
