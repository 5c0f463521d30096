"""A quotient whose divisor is a probability alone where a target is 0: 0/0 where that probability underflows.

y²/(t + y) is y where t is 0. Where y underflows as well, the quotient has no value, and the limit does.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from derive.kernel.expressions import (
    ONE,
    ZERO,
    add,
    call,
    contains,
    div,
    mul,
    neg,
    power,
    rebuild,
    rewrite,
    select,
    walk,
)
from derive.kernel.ir import Call, Const, Element, Expression, Kernel
from derive.kernel.products import is_share
from derive.kernel.statements import noted, plain

NOTE = "Where a target is 0, a probability is not divided by itself: it may be 0 too."


def take_limits(kernel: Kernel) -> Kernel:
    """f(t, y) becomes f(0, y), with y cancelled, where t is 0 and f would divide by y."""
    limits = _Limits(frozenset(array.name for array in kernel.inputs[1:]))
    rewritten = replace(kernel, body=tuple(replace(line, value=limits.guard(line.value)) for line in plain(kernel)))
    return kernel if rewritten == kernel else noted(rewritten, NOTE)


@dataclass(frozen=True)
class _Limits:
    """The vectors whose entries may be 0."""

    vectors: frozenset[str]

    def guard(self, value: Expression, settled: tuple[Element, ...] = ()) -> Expression:
        """`value` with a choice around the smallest parts of it that have a limit, the `settled` entries not 0."""
        if not isinstance(value, Call) or value.operation == "log":
            return value
        for entry in dict.fromkeys(self.beside(value)):
            limit = None if entry in settled else _at_zero(value, entry)
            if limit is not None:
                return select(call("equal", entry, ZERO), limit, self.guard(value, (*settled, entry)))
        children = tuple(self.guard(child, settled) for child in value.arguments)
        guarded = value if children == value.arguments else rebuild(value.operation, children)
        for entry in dict.fromkeys(self.divided(guarded)):
            limit = None if entry in settled else _at_zero(value, entry)
            if limit is not None:
                return select(call("equal", entry, ZERO), limit, value)
        return guarded

    def beside(self, value: Expression) -> Iterator[Element]:
        """The entries among the factors of a product that stand beside a quotient by a probability, as in t · (v/y)."""
        match value:
            case Call("mul", factors):
                quotients = [factor for factor in factors if _divides_by_share(factor)]
                for factor in factors if quotients else ():
                    if factor not in quotients:
                        yield from self.entries(factor)

    def divided(self, value: Expression) -> Iterator[Element]:
        """The entries at whose zero some divisor in `value` is a product with a probability."""
        match value:
            case Call("select", (Call("equal", (Element(), zero)), _, _)) if zero == ZERO:
                return
            case Call("log", _):
                return
            case Call("div", (_, below)) if not is_share(value):
                for entry in dict.fromkeys(self.entries(value)):
                    at_zero = _without(below, entry)
                    if any(_degree(at_zero, share)[0] > 0 for share in _shares(at_zero)):
                        yield entry
        if isinstance(value, Call):
            for child in value.arguments:
                yield from self.divided(child)

    def entries(self, value: Expression) -> Iterator[Element]:
        for node in walk(value):
            if isinstance(node, Element) and node.array in self.vectors:
                yield node


def _at_zero(value: Expression, entry: Element) -> Expression | None:
    """`value` where `entry` is 0, with the probability cancelled; None where it still divides."""
    limit = _without(value, entry)
    for share in dict.fromkeys(_shares(limit)):
        degree, rest = _degree(limit, share)
        if degree < 0:
            return None
        limit = mul(rest, power(share, Const(degree)))
        if any(_divides(share, node) for node in walk(limit)):
            return None
    return limit


def _divides_by_share(value: Expression) -> bool:
    match value:
        case Call("div", (_, below)) if not is_share(value):
            return any(_degree(below, share)[0] > 0 for share in _shares(below))
    return False


def _divides(share: Expression, node: Expression) -> bool:
    match node:
        case Call("div", (_, below)) if not is_share(node):
            return contains(below, share)
    return False


def _without(value: Expression, entry: Element) -> Expression:
    return rewrite(value, lambda node: ZERO if node == entry else None)


def _shares(value: Expression) -> Iterator[Expression]:
    """The probabilities in `value`, logarithms aside."""
    if is_share(value):
        yield value
    elif isinstance(value, Call) and value.operation != "log":
        for child in value.arguments:
            yield from _shares(child)


def _degree(value: Expression, share: Expression) -> tuple[Fraction, Expression]:
    """A degree d and a rest: `value` is the rest times the share to the d."""
    if value == share:
        return Fraction(1), ONE
    match value:
        case Call("neg", (inner,)):
            degree, rest = _degree(inner, share)
            return degree, neg(rest)
        case Call("mul", factors):
            parts = [_degree(factor, share) for factor in factors]
            return sum((degree for degree, _ in parts), Fraction(0)), mul(*(rest for _, rest in parts))
        case Call("div", (above, below)):
            (one, upper), (two, lower) = _degree(above, share), _degree(below, share)
            return one - two, div(upper, lower)
        case Call("sqrt", (base,)):
            degree, rest = _degree(base, share)
            return degree / 2, ONE if rest == ONE else call("sqrt", rest)
        case Call("pow", (base, Const(exponent))):
            degree, rest = _degree(base, share)
            return degree * exponent, power(rest, Const(exponent))
        case Call("add", terms):
            parts = [_degree(term, share) for term in terms]
            least = min(degree for degree, _ in parts)
            return least, add(*(mul(rest, power(share, Const(degree - least))) for degree, rest in parts))
    return Fraction(0), value
