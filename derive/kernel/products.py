"""Products of weights and powers of probabilities, taken apart: w · exp(e)."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from derive.kernel.expressions import (
    ONE,
    ZERO,
    add,
    arguments,
    call,
    div,
    is_call,
    is_number,
    mul,
    neg,
    power,
    select,
    sub,
)
from derive.kernel.ir import Call, Const, Expression, Scalar

_HALF = Const(Fraction(1, 2))


@dataclass(frozen=True)
class Term:
    """A product: weight · exp(exponent), the exponent made of logarithms of probabilities; None where it has none."""

    weight: Expression
    exponent: Expression | None

    @property
    def size(self) -> Expression:
        """The logarithm of its absolute value: -inf where its weight is 0, whatever the exponent beside it."""
        exponent = self.exponent or ZERO
        match self.weight:
            case weight if weight == ONE:
                return exponent
            case Call("select", (condition, nothing, weight)) if nothing == ZERO:
                return select(condition, call("log", ZERO), Term(weight, self.exponent).size)
        if isinstance(self.weight, Const):
            return (
                exponent if abs(self.weight.value) == 1 else add(exponent, call("log", Const(abs(self.weight.value))))
            )
        logarithm = call("log", call("abs", self.weight))
        return where_zero(self.weight, logarithm, add(exponent, logarithm))

    def over(self, maximum: Expression) -> Expression:
        """The term over exp(maximum)."""
        match self.weight:
            case Call("select", (condition, nothing, weight)) if nothing == ZERO:
                return select(condition, ZERO, Term(weight, self.exponent).over(maximum))
        return where_zero(self.weight, ZERO, mul(self.weight, call("exp", sub(self.exponent or ZERO, maximum))))


def without_choice(product: Expression) -> Expression:
    """What a product is where it is not 0 by choice."""
    match product:
        case Call("select", (_, nothing, value)) if nothing == ZERO:
            return without_choice(value)
        case Call("mul", factors):
            return mul(*map(without_choice, factors))
    return product


def take_terms_apart(value: Expression) -> tuple[Term, ...] | None:
    """The products of a sum; None where one has no power of a probability, and does not underflow."""
    terms = tuple(take_apart(term) for term in arguments(value, "add"))
    return None if any(term.exponent is None for term in terms) else terms


def take_apart(product: Expression) -> Term:
    """A product as its weight and its powers of probabilities."""
    match product:
        case Call("select", (condition, nothing, value)) if nothing == ZERO:
            term = take_apart(value)
            return Term(select(condition, ZERO, term.weight), term.exponent)
        case Call("mul", factors):
            for place, factor in enumerate(factors):
                match factor:
                    case Call("select", (condition, nothing, value)) if nothing == ZERO:
                        rest = mul(*factors[:place], value, *factors[place + 1 :])
                        return take_apart(select(condition, ZERO, rest))
    weights: list[Expression] = []
    exponents: dict[Expression, Expression] = {}
    for factor, exponent in factors_of(product):
        if is_share(factor):
            exponents[factor] = add(exponents.get(factor, ZERO), exponent)
        else:
            weights.append(raised(factor, exponent))
    logarithms = [mul(exponent, call("log", share)) for share, exponent in exponents.items()]
    return Term(mul(*weights), add(*logarithms) if logarithms else None)


Factors = Iterator[tuple[Expression, Expression]]


def factors_of(value: Expression, exponent: Expression = ONE, sums: Collection[Expression] = ()) -> Factors:
    """The factors of a product with their exponents, its powers, roots and quotients taken apart.

    A probability stays whole, unless it is divided by one of `sums`.
    """
    match value:
        case Call("div", (_, below)) if is_share(value) and below not in sums:
            yield value, exponent
        case Call("neg", (inner,)) if exponent == ONE:
            yield neg(ONE), ONE
            yield from factors_of(inner, ONE, sums)
        case Call("mul", factors):
            for factor in factors:
                yield from factors_of(factor, exponent, sums)
        case Call("div", (above, below)):
            yield from factors_of(above, exponent, sums)
            yield from factors_of(below, neg(exponent), sums)
        case Call("sqrt", (base,)):
            yield from factors_of(base, mul(_HALF, exponent), sums)
        case Call("pow", (base, inner)):
            yield from factors_of(base, mul(inner, exponent), sums)
        case _ if value != ONE:
            yield value, exponent


def is_share(value: Expression) -> bool:
    """Whether `value` is exp(a), or a probability: exp(a)/s of a softmax, 1/(exp(a) + 1) of a logistic function."""
    match value:
        case Call("exp", _) | Call("div", (Call("exp", _), Scalar())):
            return True
    return is_logistic(value)


def parts_of_probability(value: Expression) -> tuple[Expression, Expression] | None:
    """The a and s of a probability exp(a)/s, s a sum over the classes; None of anything else."""
    match value:
        case Call("div", (Call("exp", (exponent,)), Scalar() as total)):
            return exponent, total
    return None


def is_logistic(value: Expression) -> bool:
    """Whether `value` is 1/(exp(a) + 1), which no sum over the classes keeps from being small."""
    match value:
        case Call("div", (above, Call("add", (Call("exp", _), one)) | Call("add", (one, Call("exp", _))))):
            return above == ONE and one == ONE
    return False


def raised(base: Expression, exponent: Expression) -> Expression:
    """A power as people write it: a quotient where its exponent is negative, a root where it is a half."""
    match exponent:
        case Call("neg", (inner,)):
            return div(ONE, raised(base, inner))
        case Const(value) if value < 0:
            return div(ONE, raised(base, Const(-value)))
    return call("sqrt", base) if exponent == _HALF else power(base, exponent)


def raised_together(product: Iterable[tuple[Expression, Expression]]) -> list[tuple[Expression, Expression]]:
    """Factors and exponents of a product, those with the same broken exponent or its opposite as one quotient.

    A quotient of two negative numbers has powers that neither of them has.
    """
    found: list[tuple[Expression, Expression]] = []
    together: dict[Expression, list[Expression]] = {}
    for base, exponent in product:
        if isinstance(exponent, Const) and exponent.value.denominator == 1:
            found.append((base, exponent))
        elif isinstance(exponent, Call) and exponent.operation == "neg":
            together.setdefault(exponent.arguments[0], []).append(div(ONE, base))
        else:
            together.setdefault(exponent, []).append(base)
    return found + [(one_fraction(*bases), exponent) for exponent, bases in together.items()]


def one_fraction(*factors: Expression) -> Expression:
    """The product of `factors` with all divisors in one, but for those of probabilities, which stay whole."""
    above: list[Expression] = []
    below: list[Expression] = []
    for factor in factors:
        match factor:
            case Call("div", (numerator, denominator)) if not is_share(factor):
                above.append(numerator)
                below.append(denominator)
            case _:
                above.append(factor)
    return div(mul(*above), mul(*below))


def where_zero(weight: Expression, then: Expression, value: Expression) -> Expression:
    """`then` where a factor is 0, and `value` elsewhere."""
    return value if is_number(weight) else select(call("equal", weight, ZERO), then, value)


def multiples(value: Expression, times: int) -> Iterator[Expression]:
    """`times` a value, in the ways in which it may be written."""
    number = Const(Fraction(times))
    yield mul(number, value)
    match value:
        case Call("add", terms):
            yield add(*(mul(number, term) for term in terms))
        case Call("div", (above, below)):
            for multiple in multiples(above, times):
                yield div(multiple, below)


def find_terms(value: Expression, terms: Sequence[Expression]) -> tuple[Expression, ...]:
    """Those of `terms` that add up to `value`, as it stands or multiplied out; none where they do not."""
    if value in terms:
        return (value,)
    found = [
        next((term for term in terms if _factors(term) == _factors(part)), None) for part in _multiplied_out(value)
    ]
    return tuple(each for each in found if each is not None) if None not in found else ()


def _multiplied_out(value: Expression) -> tuple[Expression, ...]:
    """The terms of a product with a sum in it."""
    match value:
        case Call("neg", (inner,)):
            return tuple(neg(each) for each in _multiplied_out(inner))
        case Call("mul", factors):
            for place, factor in enumerate(factors):
                if is_call(factor, "add"):
                    others = (*factors[:place], *factors[place + 1 :])
                    return tuple(mul(*others, term) for term in arguments(factor, "add"))
    return arguments(value, "add")


def _factors(term: Expression) -> tuple[bool, Counter[tuple[Expression, Expression]]]:
    """Whether a product is taken away, and its factors with their exponents, in no order."""
    found = Counter(factors_of(term))
    minuses = found.pop((neg(ONE), ONE), 0)
    return minuses % 2 == 1, found
