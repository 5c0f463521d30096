"""exp(a)/(1 + exp(a)) = 1/(1 + exp(-a)): an exponential that overflows must not divide itself."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from derive.kernel.degrees import HIGHEST_POWER
from derive.kernel.expressions import ONE, add, arguments, call, div, is_call, mul, neg, rewrite
from derive.kernel.ir import Call, Const, Expression, Kernel
from derive.kernel.products import factors_of, multiples, raised
from derive.kernel.statements import noted, rewrite_kernel

NOTE = "exp(a)/(1 + exp(a)) is 1/(1 + exp(-a)): neither overflows."

_Factors = list[tuple[Expression, Expression]]


def divide_logistic(kernel: Kernel) -> Kernel:
    """An exponential over 1 and itself, in a term of a factor too, becomes the reciprocal of 1 and its inverse."""
    rewritten = rewrite_kernel(kernel, _rule)
    return kernel if rewritten == kernel else noted(rewritten, NOTE)


def _rule(node: Expression) -> Expression | None:
    if not isinstance(node, Call) or node.operation not in ("mul", "div"):
        return None
    factors = [
        (factor, power) if (below := _divisor(factor)) is None else (below, neg(power))
        for factor, power in factors_of(node)
    ]
    # Exponentials that stand alone first: the sums take divisors in, and none might be left for them.
    alone_first = sorted(enumerate(factors), key=lambda each: is_call(each[1][0], "add"))
    for number, (factor, exponent) in alone_first:
        if not isinstance(exponent, Const) or exponent.value < 1:
            continue
        for exponential in _exponentials(factor):
            found = _divisor_by(exponential, factors)
            if found is None:
                continue
            place, unit, times = found
            rest = [(base, add(power, ONE) if other == place else power) for other, (base, power) in enumerate(factors)]
            rest[number] = (factor, add(exponent, neg(ONE)))
            reciprocal = div(ONE, factors[place][0])
            if factor == exponential:
                divided = div(ONE, add(call("exp", neg(unit.arguments[0])), ONE))
                rest += [(unit, Const(Fraction(times - 1)))] * (times > 1)
            else:
                divided = add(*(mul(term, reciprocal) for term in arguments(factor, "add")))
            return rewrite(mul(divided, _product(rest)), _rule)
    return None


def _product(factors: _Factors) -> Expression:
    return mul(*(raised(*each) for each in factors))


def _divisor(factor: Expression) -> Expression | None:
    """1 + exp(a) where `factor` is its reciprocal."""
    match factor:
        case Call("div", (above, Call("add", terms) as below)) if above == ONE and ONE in terms and len(terms) == 2:
            return below if any(is_call(term, "exp") for term in terms) else None
    return None


def _exponentials(factor: Expression) -> Iterator[Call]:
    """`factor` where it is an exponential, and those that are factors of its terms where it is a sum."""
    match factor:
        case Call("exp", _):
            yield factor
        case Call("add", terms):
            for term in terms:
                for inner, _ in factors_of(term):
                    yield from _exponentials(inner)


def _divisor_by(exponential: Call, factors: Sequence[tuple[Expression, Expression]]) -> tuple[int, Call, int] | None:
    """Where 1 + exp(a) is divided by, exp(a), and m, where `exponential` is exp(m a)."""
    for place, (factor, exponent) in enumerate(factors):
        terms = arguments(factor, "add")
        if not (isinstance(exponent, Const) and exponent.value <= -1 and len(terms) == 2 and ONE in terms):
            continue
        for unit in terms:
            if isinstance(unit, Call) and unit.operation == "exp":
                for times in range(1, HIGHEST_POWER + 1):
                    if exponential.arguments[0] in multiples(unit.arguments[0], times):
                        return place, unit, times
    return None
