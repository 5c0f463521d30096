"""Logarithms and powers of what is known to be positive, through the logarithms of its factors.

log(exp(a)/s) = a - log(s): the logarithm of a probability needs no exponential, and stays finite where the probability
is too small for the precision.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import permutations

from derive.kernel.expressions import (
    ONE,
    ZERO,
    Rewrite,
    add,
    arguments,
    call,
    div,
    is_call,
    left_of,
    mul,
    neg,
    power,
    rewrite,
)
from derive.kernel.ir import Call, Const, Expression, Kernel, Reduce, Scalar
from derive.kernel.ranges import Ranges
from derive.kernel.statements import noted, plain, rewrite_kernel

NOTE = "The logarithm of a probability is its logit minus the logarithm of the sum of exponentials."
NOTE_POWER = "A power of a probability is the exponential of a multiple of its logarithm: it outlives an underflow."

_MINUS_LOG_2 = Const(Fraction(-693, 1000))
"""Where log(1 - exp(x)) goes from log1p(-exp(x)) to log(-expm1(x)) (Mächler, Accurately computing log(1 - exp(-a)))."""


def take_logarithms(kernel: Kernel) -> Kernel:
    """log(exp(a)/s) becomes a - log(s); x^c becomes exp(c log x) where x has an exponential and c is no integer.

    The logarithm of a sum of exponentials over n, their mean, becomes that of the sum and that of n.
    """
    found: set[str] = set()
    ranges = Ranges(kernel)
    sums_of_exponentials = {
        Scalar(line.name)
        for line in plain(kernel)
        if isinstance(line, Reduce) and line.operation == "sum" and is_call(line.value, "exp")
    }

    def rule(node: Expression) -> Expression | None:
        match node:
            case Call("log", (inner,)) if _has_exponential(inner):
                found.add(NOTE)
                return _log(inner, rule)
            case Call("log", (Call("mul" | "div") as inner,)):
                parts = list(_factors(inner))
                if all(part in sums_of_exponentials or ranges.is_positive(part) for part, _ in parts):
                    return add(*(_signed(call("log", part), sign) for part, sign in parts))
            case Call("mul", factors) if (merged := _with_powers_merged(factors)) is not None:
                return rewrite(merged, rule)
            case Call("pow", (base, exponent)) if not _is_whole(exponent):
                return raised(base, exponent)
            case Call("sqrt", (base,)):
                return raised(base, Const(Fraction(1, 2)))
        return None

    def raised(base: Expression, exponent: Expression) -> Expression | None:
        factors = list(_factors(base))
        known = [(factor, sign) for factor, sign in factors if _has_exponential(factor) and not is_call(factor, "neg")]
        if not known:
            return None
        found.add(NOTE_POWER)
        logarithm = add(*(_signed(_log(factor, rule), sign) for factor, sign in known))
        others = [(factor, sign) for factor, sign in factors if (factor, sign) not in known]
        root = exponent == Const(Fraction(1, 2))
        rest = rewrite(_product(others), rule)
        kept = ONE if rest == ONE else call("sqrt", rest) if root else power(rest, rewrite(exponent, rule))
        return mul(kept, call("exp", mul(rewrite(exponent, rule), logarithm)))

    rewritten = rewrite_kernel(kernel, rule)
    if NOTE_POWER in found:
        rewritten = rewrite_kernel(rewritten, _without_cancelling)
    for note in (NOTE, NOTE_POWER):
        rewritten = noted(rewritten, note) if note in found else rewritten
    return rewritten


def _without_cancelling(node: Expression) -> Expression | None:
    """1 - exp(x), or 1/d - exp(x)/d, as -expm1(x): a power with a small exponent is close to 1."""
    terms = arguments(node, "add")
    for one, other in permutations(terms, 2):
        (sign, above, below), (other_sign, power_of, other_below) = _numerator(one), _numerator(other)
        match power_of:
            case Call("exp", (Call("mul", _) as exponent,)) if (above, below, sign) == (ONE, other_below, -other_sign):
                rest = left_of(terms, one, other)
                small = div(call("expm1", rewrite(exponent, _without_cancelling)), below)
                return rewrite(add(*rest, _signed(small, other_sign)), _without_cancelling)
    return None


def _numerator(term: Expression) -> tuple[int, Expression, Expression]:
    """The sign of a term, what stands above its fraction line, and below."""
    sign, inner = (-1, term.arguments[0]) if isinstance(term, Call) and term.operation == "neg" else (1, term)
    match inner:
        case Call("div", (above, below)):
            return sign, above, below
        case Const(value) if value == -1:
            return -sign, ONE, ONE
    return sign, inner, ONE


def _with_powers_merged(factors: Sequence[Expression]) -> Expression | None:
    """A product with x x^c as x^(c + 1), where x has an exponential and may be 0; None where there is none such."""
    for factor in factors:
        match factor:
            case Call("pow", (base, exponent)) if (
                not _is_whole(exponent) and _has_exponential(base) and base in factors
            ):
                rest = [other for other in factors if other not in (base, factor)]
                return mul(
                    *rest,
                    *[factor] * (factors.count(factor) - 1),
                    power(base, add(exponent, Const(Fraction(factors.count(base))))),
                )
    return None


def _log(value: Expression, rule: Rewrite) -> Expression:
    """The logarithm of `value`, taken apart as far as its factors are known to be positive."""
    factors = list(_factors(value))
    known = [(factor, sign) for factor, sign in factors if _has_exponential(factor)]
    others = [(factor, sign) for factor, sign in factors if (factor, sign) not in known]
    terms = [_signed(_log_of_positive(factor, rule), sign) for factor, sign in known]
    whole = rewrite(_product(others), rule)
    if whole != ONE:
        above = mul(*(factor for factor, sign in others if sign > 0))
        if isinstance(above, Const) and above.value > 0:
            # A number over what may be too small for its reciprocal, or for a part of it.
            below = _product([(factor, 1) for factor, sign in others if sign < 0])
            terms += [] if above == ONE else [call("log", above)]
            terms += [] if below == ONE else [neg(call("log", rewrite(below, rule)))]
        else:
            terms.append(call("log", whole))
    return add(*terms)


def _log_of_positive(value: Expression, rule: Rewrite) -> Expression:
    match value:
        case Call("exp", (exponent,)):
            return rewrite(exponent, rule)
        case Call("div", (Call("exp", (exponent,)), total)):
            return add(rewrite(exponent, rule), neg(call("log", rewrite(total, rule))))
        case Call("pow", (base, exponent)):
            return mul(rewrite(exponent, rule), _log(base, rule))
        case Call("add", (Call("exp", (exponent,)), one)) | Call("add", (one, Call("exp", (exponent,)))) if one == ONE:
            inner = rewrite(exponent, rule)
            return add(call("max", inner, ZERO), call("log1p", call("exp", neg(call("abs", inner)))))
        case Call("add", (Call("exp", (first,)), Call("exp", (second,)))):
            one, two = rewrite(first, rule), rewrite(second, rule)
            gap = neg(call("abs", add(one, neg(two))))
            return add(call("max", one, two), call("log1p", call("exp", gap)))
        case Call("neg", (Call("expm1", (exponent,)),)):
            inner = rewrite(exponent, rule)
            small = call("log1p", neg(call("exp", inner)))
            return call("select", call("less", inner, _MINUS_LOG_2), small, call("log", neg(call("expm1", inner))))
    return call("log", rewrite(value, rule))


def _has_exponential(value: Expression) -> bool:
    """Whether `value` has a factor that is positive and made of exponentials: it may be too small for its logarithm."""
    match value:
        case Call("exp", _) | Call("neg", (Call("expm1", _),)):
            return True
        case Call("add", (_, _) as terms):
            number = Const(1 / _shared_number(terms))
            return all(term == ONE or is_call(term, "exp") for term in (mul(number, term) for term in terms))
        case Call("mul" | "div", factors):
            return any(_has_exponential(factor) for factor in factors)
        case Call("pow", (base, _)):
            return _has_exponential(base)
    return False


def _factors(value: Expression, sign: int = 1) -> Iterator[tuple[Expression, int]]:
    """The factors of `value`, each with 1, or with -1 where it divides."""
    match value:
        case Call("div", (Call("exp", _), Scalar())):
            yield value, sign  # a probability stays whole
        case Call("mul", factors):
            for factor in factors:
                yield from _factors(factor, sign)
        case Call("div", (above, below)):
            yield from _factors(above, sign)
            yield from _factors(below, -sign)
        case Call("add", terms) if (number := _shared_number(terms)) != 1:
            # Half of the smallest number is 0, and its logarithm infinite.
            yield Const(number**sign), 1
            yield add(*(mul(Const(1 / number), term) for term in terms)), sign
        case _ if value != ONE:
            yield value, sign


def _shared_number(terms: tuple[Expression, ...]) -> Fraction:
    """The positive number that every term is a multiple of; 1 where they differ."""
    numbers = {first.value if isinstance(first := arguments(term, "mul")[0], Const) else Fraction(1) for term in terms}
    return numbers.pop() if len(numbers) == 1 and min(numbers) > 0 else Fraction(1)


def _product(factors: list[tuple[Expression, int]]) -> Expression:
    above = mul(*(factor for factor, sign in factors if sign > 0))
    return div(above, mul(*(factor for factor, sign in factors if sign < 0)))


def _signed(value: Expression, sign: int) -> Expression:
    return value if sign > 0 else neg(value)


def _is_whole(exponent: Expression) -> bool:
    return isinstance(exponent, Const) and exponent.value.denominator == 1
