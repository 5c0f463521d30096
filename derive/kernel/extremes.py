"""Sums of powers of probabilities that may underflow or overflow, and what reads them."""

from collections.abc import Collection
from fractions import Fraction

from derive.catalogue.parameters import Range
from derive.kernel.expressions import arguments, is_call
from derive.kernel.ir import Call, Const, Expression, Kernel, Scalar
from derive.kernel.products import factors_of, is_share, without_choice
from derive.kernel.ranges import Ranges
from derive.kernel.statements import find_sum, nodes, sums

_FLAT = Range(Fraction(0), Fraction(4), low_included=True, high_included=True)
"""Exponents of a probability with which the largest class never underflows: (1/n)^4 is a number up to n = 2^31."""

_AT_LEAST_0 = Range(Fraction(0), None, low_included=True, high_included=False)
"""Exponents with which no probability overflows."""


def is_steep(kernel: Kernel, value: Expression) -> bool:
    """Whether a sum has a power of a probability of which every class's may underflow, or one overflow."""
    return not _has_exponents_in(_FLAT, kernel, value)


def _has_exponents_in(allowed: Range, kernel: Kernel, value: Expression) -> bool:
    """Whether each power of a probability among the factors of the terms of `value` has an `allowed` exponent."""
    ranges = Ranges(kernel)
    return all(
        allowed.includes(ranges.of(exponent))
        for term in arguments(value, "add")
        for factor, exponent in factors_of(without_choice(term))
        if is_share(factor)
    )


def is_critical(kernel: Kernel, known: Scalar) -> bool:
    """Whether a logarithm of `known` is taken, or something is divided by it."""
    for node in nodes(kernel):
        match node:
            case Call("log", (inner,)) if any(factor == known for factor, _ in factors_of(inner, sums=(known,))):
                return True
            case Call("div" | "pow") if is_divided(node, (known,)):
                return True
    return False


def find_large(kernel: Kernel) -> frozenset[Expression]:
    """The sums that may overflow where their product with something small does not."""
    values = {name: find_sum(kernel, name).value for name in sums(kernel)}
    return frozenset(
        Scalar(name)
        for name, value in values.items()
        if is_unbounded(value) or not _has_exponents_in(_AT_LEAST_0, kernel, value)
    )


def meets_large(kernel: Kernel, known: Scalar, large: Collection[Expression]) -> bool:
    """Whether `known`, one of the `large` sums, is multiplied by another or by an exponential."""
    return known in large and any(is_multiplied(node, (known,), large) for node in nodes(kernel))


def is_multiplied(product: Expression, known: Collection[Expression], large: Collection[Expression]) -> bool:
    """Whether `product` has one of `known` that is `large`, or a sum with it, times another or an exponential."""
    if not (is_call(product, "mul") or is_call(product, "div")):
        return False
    own = {each for each in known if each in large}
    factors = [factor for factor, exponent in factors_of(product) if not is_negative(exponent)]
    return any(has_factor(factor, own) for factor in factors) and any(
        is_share(factor) or (factor in large and factor not in own) for factor in factors
    )


def has_factor(value: Expression, known: Collection[Expression]) -> bool:
    """Whether `value`, or a term of it, is one of `known`, or a product with one above the fraction line."""
    return any(
        factor in known and not is_negative(exponent)
        for term in arguments(value, "add")
        for factor, exponent in factors_of(term)
    )


def is_negative(exponent: Expression) -> bool:
    """Whether an exponent is written as a negative one, that of a divisor."""
    return is_call(exponent, "neg") or (isinstance(exponent, Const) and exponent.value < 0)


def is_divided(product: Expression, known: Collection[Expression]) -> bool:
    """Whether a product has one of `known` to a power that may be negative."""
    return any(
        factor in known and not (isinstance(exponent, Const) and exponent.value > 0)
        for factor, exponent in factors_of(product, sums=known)
    )


def is_unbounded(expression: Expression, sums: Collection[Expression] = ()) -> bool:
    """Whether `expression` has an exponential that is no probability, or one of the `sums` of such."""
    if expression in sums or is_call(expression, "exp"):
        return True
    if is_share(expression) or not isinstance(expression, Call) or expression.operation == "log":
        return False
    return any(is_unbounded(each, sums) for each in expression.arguments)


def mentions_quotient(expression: Expression, known: Collection[Expression]) -> bool:
    """Whether something in `expression` is divided by one of `known`."""
    if isinstance(expression, Call):
        return is_divided(expression, known) or any(mentions_quotient(each, known) for each in expression.arguments)
    return False
