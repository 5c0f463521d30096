"""Shift by the row's maximum: no exponential overflows, and at least one of them is 1.

The association matters: (a - m) - log(s) keeps its digits where all logits carry a large offset, and exp(a - m)/s
errs by half of exp(a - m - log(s)) (Blanchard, Higham and Higham, IMA J. Numer. Anal. 41(4), 2021).
"""

from collections.abc import Callable
from dataclasses import replace

from derive.kernel.expressions import (
    add,
    arguments,
    at,
    call,
    contains,
    div,
    indices,
    left_of,
    mul,
    neg,
    rewrite,
    sub,
)
from derive.kernel.ir import Call, Element, Expression, Kernel, Reduce, Scalar
from derive.kernel.statements import find_sum, fresh_name, names, nodes, noted, plain, rewrite_kernel, sums

NOTE = "Shift by the row's maximum: no exponential overflows, and the quotients stay the same."


def shift(kernel: Kernel) -> Kernel:
    """Σ exp(a_j) becomes Σ exp(a_j - m) with m = max a_j, and every use of it follows."""
    for name in sums(kernel):
        match find_sum(kernel, name):
            case Reduce(_, _, index, Call("exp", (exponent,))) as total:
                is_open = indices(exponent) == {index} and not _is_shifted(kernel, exponent, index)
                if is_open and _is_normaliser(kernel, total):
                    kernel = _shift_sum(kernel, total, exponent)
    return kernel


def _is_shifted(kernel: Kernel, exponent: Expression, index: str) -> bool:
    """Whether `exponent` is a - max a."""
    match exponent:
        case Call("sub", (value, Scalar(name))):
            maxima = [each for each in plain(kernel) if isinstance(each, Reduce) and each.operation == "max"]
            return any(each.name == name and at(each.value, each.index, index) == value for each in maxima)
    return False


def _is_normaliser(kernel: Kernel, total: Reduce) -> bool:
    """Whether the sum divides an exponential, or its logarithm is taken: where a shift cancels."""
    known = Scalar(total.name)
    for node in nodes(kernel):
        match node:
            case Call("log", (inner,)) if inner == known:
                return True
            case Call("div", (_, below)) if contains(below, known):
                return True
    return False


def _shift_sum(kernel: Kernel, total: Reduce, exponent: Expression) -> Kernel:
    inner, outer = _take_off(kernel, exponent)
    known_maximum = _find_maximum(kernel, inner, total.index)
    wanted = f"{inner.array}_max" if isinstance(inner, Element) else "exponent_max"
    greatest = Scalar(fresh_name(wanted, names(kernel)) if known_maximum is None else known_maximum.name)
    maximum = outer(greatest)
    known = Scalar(total.name)

    def below_maximum(value: Expression) -> Expression:
        """Value - maximum, the difference of what is not scaled taken first."""
        (index,) = indices(value)
        return outer(sub(at(inner, total.index, index), greatest))

    def is_exponent(node: Expression) -> bool:
        found = indices(node)
        return len(found) == 1 and node == at(exponent, total.index, *found)

    def rule(node: Expression) -> Expression | None:
        match node:
            case Call("div", (Call("exp", (above,)), below)) if below == known and is_exponent(above):
                return div(call("exp", below_maximum(above)), known)
            case Call("add", terms):
                return shift_terms(terms)
            case Call("log", (inner,)) if inner == known:
                return add(maximum, node)
            case Scalar() if node == known:
                return mul(call("exp", maximum), known)
        return None

    def shift_terms(terms: tuple[Expression, ...]) -> Expression | None:
        """Among other terms, a - log(s) becomes (a - m) - log(s); and log(s) - a becomes (m - a) + log(s)."""
        logarithm = call("log", known)
        for term in terms:
            positive = neg(term) if logarithm in terms else term
            if is_exponent(positive) and (logarithm in terms or neg(logarithm) in terms):
                shifted = below_maximum(positive)
                others = left_of(terms, term, logarithm if logarithm in terms else neg(logarithm))
                rest = arguments(rewrite(add(*others), rule), "add") if others else ()
                return add(*rest, *((neg(shifted), logarithm) if logarithm in terms else (shifted, neg(logarithm))))
        return None

    shifted_sum = replace(total, value=call("exp", below_maximum(exponent)))
    before = plain(kernel).index(total)
    head, tail = plain(kernel)[:before], plain(kernel)[before + 1 :]
    if known_maximum not in head:
        largest = known_maximum or Reduce(greatest.name, "max", total.index, inner)
        head, tail = (*head, largest), tuple(line for line in tail if line != largest)
    rest = rewrite_kernel(replace(kernel, body=tail), rule).body
    return noted(replace(kernel, body=(*head, shifted_sum, *rest)), NOTE)


def _find_maximum(kernel: Kernel, value: Expression, index: str) -> Reduce | None:
    """The maximum of an input's entries that `kernel` knows, where `value` is such an entry."""
    for line in plain(kernel) if isinstance(value, Element) else ():
        if isinstance(line, Reduce) and line.operation == "max" and at(line.value, line.index, index) == value:
            return line
    return None


def _take_off(kernel: Kernel, exponent: Expression) -> tuple[Expression, Callable[[Expression], Expression]]:
    """What a positive parameter scales in `exponent`, and the scaling: z and x/T of z/T. The maximum is that of z then.

    Rounding z/T alone would cost the digits of a large offset that all logits have in common.
    """
    positive = {Scalar(each.name) for each in kernel.parameters if each.range.low is not None and each.range.low >= 0}
    match exponent:
        case Call("div", (Element() as inner, Scalar() as divisor)) if divisor in positive:
            return inner, lambda value: div(value, divisor)
        case Call("mul", (Scalar() as factor, Element() as inner)) if factor in positive:
            return inner, lambda value: mul(factor, value)
    return exponent, lambda value: value
