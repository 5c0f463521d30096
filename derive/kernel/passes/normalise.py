"""Exponentials over their own sum become probabilities, so that what is stable of a softmax is stable of them too.

A definition in the logits has exp(a_j) and S = Σ exp(a_i) by themselves, as in exp(a_i) (S - exp(a_j))/S². With
p = exp(a)/S that is p_i (1 - p_j): the sum cancels, and with it what could overflow.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from derive.kernel.expressions import (
    ONE,
    add,
    arguments,
    at,
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
from derive.kernel.statements import find_sum, fresh_name, names, nodes, noted, plain, sums

NOTE = "Exponentials are divided by their sum where they stand: the quotients cannot overflow."


@dataclass(frozen=True)
class _Normaliser:
    """S = Σ exp(a), and the sums Σ w exp(a) beside it by their names, as Σ w p."""

    total: Reduce
    averages: dict[str, Reduce]

    @property
    def known(self) -> Scalar:
        return Scalar(self.total.name)

    def share(self, value: Expression) -> Expression | None:
        """exp(a)/S where `value` is exp(a) at whatever index."""
        found = indices(value)
        if len(found) == 1 and value == at(self.total.value, self.total.index, *found):
            return div(value, self.known)
        return None

    def apart(self, value: Expression) -> tuple[Fraction, Expression]:
        """A degree d and an expression of probabilities: `value` is the one times S to the d."""
        if value == self.known:
            return Fraction(1), ONE
        if (share := self.share(value)) is not None:
            return Fraction(1), share
        match value:
            case Scalar(name) if name in self.averages:
                return Fraction(1), Scalar(self.averages[name].name)
            case Call("div", (above, below)) if below == self.known and self.share(above) is not None:
                return Fraction(0), value
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
    return kernel


def _normalise(kernel: Kernel, total: Reduce) -> Kernel:
    if not is_call(total.value, "exp"):
        return kernel
    averages = {
        line.name: replace(line, name=fresh_name(f"{line.name}_over_sum", names(kernel)), value=divided)
        for line in plain(kernel)
        if isinstance(line, Reduce) and line != total and (divided := _average(line, total)) is not None
    }
    normaliser = _Normaliser(total, averages)
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
    return noted(_without_unread(replace(kernel, body=(*body[:before], *early, *late))), NOTE)


def _without_unread(kernel: Kernel) -> Kernel:
    """`kernel` without the sums that nothing reads."""
    read = {node.name for node in nodes(kernel) if isinstance(node, Scalar)}
    kept = tuple(line for line in plain(kernel) if not isinstance(line, Reduce) or line.name in read)
    return kernel if kept == kernel.body else _without_unread(replace(kernel, body=kept))


def _average(line: Reduce, total: Reduce) -> Expression | None:
    """Σ w exp(a) over Σ exp(a), term by term; None where the sum `line` is something else."""
    exponential = at(total.value, total.index, line.index)
    terms = []
    for term in arguments(line.value, "add"):
        inner = term.arguments[0] if isinstance(term, Call) and term.operation == "neg" else term
        factors = list(arguments(inner, "mul"))
        if line.operation != "sum" or factors.count(exponential) != 1:
            return None
        factors[factors.index(exponential)] = div(exponential, Scalar(total.name))
        if any(contains(factor, Scalar(line.name)) for factor in factors):
            return None
        terms.append(mul(*factors) if inner is term else neg(mul(*factors)))
    return add(*terms)
