"""Exponentials over their own sum become probabilities, so that what is stable of a softmax is stable of them too.

A definition in the logits has exp(a_j) and S = Σ exp(a_i) by themselves, as in exp(a_i) (S - exp(a_j))/S². With
p = exp(a)/S that is p_i (1 - p_j): the sum cancels, and with it what could overflow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from derive.kernel.degrees import HIGHEST_POWER
from derive.kernel.expressions import (
    ONE,
    add,
    arguments,
    at,
    call,
    contains,
    div,
    indices,
    is_call,
    mul,
    neg,
    power,
    rebuild,
)
from derive.kernel.ir import Call, Const, Expression, Kernel, Reduce, Scalar
from derive.kernel.statements import (
    find_sum,
    fresh_name,
    names,
    nodes,
    noted,
    plain,
    rewrite_kernel,
    sums,
    without_unread,
)

NOTE = "Exponentials are divided by their sum where they stand: the quotients cannot overflow."


@dataclass(frozen=True)
class _Normaliser:
    """A sum S of exponentials.

    Attributes:
        known: S where it is read.
        share: exp(a)/S of a value that is one of the exponentials in S; None of any other.
        averages: the sums Σ w exp(a) beside S by their names, as Σ w p.
    """

    known: Expression
    share: Callable[[Expression], Expression | None]
    averages: Mapping[str, Reduce] = field(default_factory=dict)

    def apart(self, value: Expression) -> tuple[Fraction, Expression]:
        """A degree d and an expression of probabilities: `value` is the one times S to the d."""
        if value == self.known:
            return Fraction(1), ONE
        if (share := self.share(value)) is not None:
            return Fraction(1), share
        match value:
            case Scalar(name) if name in self.averages:
                return Fraction(1), Scalar(self.averages[name].name)
            case Call("div", (above, below)) if below == self.known and (share := self.share(above)) is not None:
                return Fraction(0), share
            case Call("neg", (inner,)):
                degree, rest = self.apart(inner)
                return degree, neg(rest)
            case Call("mul", factors):
                parts = [self.apart(factor) for factor in factors]
                return sum((degree for degree, _ in parts), Fraction(0)), mul(*(rest for _, rest in parts))
            case Call("div", (above, below)):
                (one, upper), (two, lower) = self.apart(above), self.apart(below)
                return one - two, div(upper, lower)
            case Call("pow", (base, Const(exponent))):
                degree, rest = self.apart(base)
                return degree * exponent, power(rest, Const(exponent))
            case Call("add", terms):
                parts = [self.apart(term) for term in terms]
                if len({degree for degree, _ in parts}) == 1:
                    return parts[0][0], add(*(rest for _, rest in parts))
        return Fraction(0), self.within(value)

    def within(self, value: Expression) -> Expression:
        """`value` with each of its arguments put in terms of probabilities."""
        if not isinstance(value, Call):
            return value
        return rebuild(value.operation, tuple(self.whole(argument) for argument in value.arguments))

    def whole(self, value: Expression) -> Expression:
        """`value` in terms of probabilities where S cancels; as it stands, but for its parts, where it does not."""
        degree, rest = self.apart(value)
        if degree == 0:
            return rest
        return value if value == self.known or self.share(value) is not None else self.within(value)


def normalise(kernel: Kernel) -> Kernel:
    """What is homogeneous of degree 0 in exponentials is written in terms of exp(a)/Σ exp(a)."""
    for name in sums(kernel):
        if name in sums(kernel):
            kernel = _normalise(kernel, find_sum(kernel, name))
    for pair in dict.fromkeys(node for node in nodes(kernel) if _is_pair(node)):
        kernel = _normalise_pair(kernel, pair)
    return kernel


def _is_pair(node: Expression) -> bool:
    """Whether `node` is exp(a) + exp(b)."""
    terms = arguments(node, "add")
    return len(terms) == 2 and all(is_call(term, "exp") for term in terms)


def _normalise_pair(kernel: Kernel, pair: Expression) -> Kernel:
    """With S = exp(a) + exp(b), exp(a)/S is 1/(1 + exp(b - a))."""
    one, two = (term.arguments[0] for term in arguments(pair, "add") if isinstance(term, Call))

    def share(value: Expression) -> Expression | None:
        for own, other in ((one, two), (two, one)):
            if value == call("exp", own):
                return div(ONE, add(call("exp", add(other, neg(own))), ONE))
        return None

    powers: dict[Expression, Expression] = {}
    for own in (one, two):
        for number in range(2, HIGHEST_POWER + 1):
            times = Const(Fraction(number))
            powers[call("exp", mul(times, own))] = power(call("exp", own), times)
    pairs = _Normaliser(pair, share)
    apart = rewrite_kernel(kernel, powers.get)
    body = tuple(replace(line, value=pairs.whole(line.value)) for line in plain(apart))
    return kernel if body == plain(kernel) else noted(replace(kernel, body=body), NOTE)


def _normalise(kernel: Kernel, total: Reduce) -> Kernel:
    if not is_call(total.value, "exp"):
        return kernel
    averages = {
        line.name: replace(line, name=fresh_name(f"{line.name}_over_sum", names(kernel)), value=divided)
        for line in plain(kernel)
        if isinstance(line, Reduce) and line != total and (divided := _average(line, total)) is not None
    }
    known = Scalar(total.name)

    def share(value: Expression) -> Expression | None:
        found = indices(value)
        is_term = len(found) == 1 and value == at(total.value, total.index, *found)
        return div(value, known) if is_term else None

    normaliser = _Normaliser(known, share, averages)
    body = plain(kernel)
    before = body.index(total) + 1
    after = [replace(line, value=normaliser.whole(line.value)) for line in body[before:]]
    if tuple(after) == body[before:]:
        return kernel
    early = [averages[line.name] for line in body[:before] if isinstance(line, Reduce) and line.name in averages]
    late = [
        each
        for line in after
        for each in ((line, averages[line.name]) if isinstance(line, Reduce) and line.name in averages else (line,))
    ]
    return noted(without_unread(replace(kernel, body=(*body[:before], *early, *late))), NOTE)


def _average(line: Reduce, total: Reduce) -> Expression | None:
    """Σ w exp(a) over Σ exp(a), term by term; None where the sum `line` is something else."""
    exponential = at(total.value, total.index, line.index)
    terms = []
    for term in arguments(line.value, "add"):
        inner = term.arguments[0] if isinstance(term, Call) and term.operation == "neg" else term
        # By a parameter a whole product is divided: the derivative by a temperature, by its square.
        above, below = inner.arguments if is_call(inner, "div") and isinstance(inner, Call) else (inner, ONE)
        factors = list(arguments(above, "mul"))
        if line.operation != "sum" or factors.count(exponential) != 1:
            return None
        factors[factors.index(exponential)] = div(exponential, Scalar(total.name))
        if any(contains(factor, Scalar(line.name)) for factor in (*factors, below)):
            return None
        average = div(mul(*factors), below)
        terms.append(average if inner is term else neg(average))
    return add(*terms)
