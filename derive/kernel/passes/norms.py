"""A norm √Σ w² by the largest of its entries: N = m √Σ (w/m)² with m = max |w|, so that no square under- or overflows.

What is left of a target by a probability, y - t, is as small as rounding where both are close to 1: there it is
expm1(log y) + (1 - t), neither of which cancels. Where all of w is 0 the direction w/N has no value; it is 0 there.
"""

from dataclasses import replace
from fractions import Fraction

from derive.kernel.expressions import (
    ONE,
    ZERO,
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
    power,
    rewrite,
    select,
    sub,
)
from derive.kernel.ir import Call, Const, Expression, Kernel, Let, Reduce, Scalar
from derive.kernel.products import is_share
from derive.kernel.statements import Plain, find_sum, fresh_name, names, nodes, noted, plain, sums

NOTE = "A norm is that of its entries over the largest of them, so that no square overflows or underflows to 0."
NOTE_REST = "Where a target is above 1/2, y - t is (1 - t) + expm1(log y): it does not cancel where y is close to 1."

_HALF, _TWO = Const(Fraction(1, 2)), Const(Fraction(2))


def scale_norms(kernel: Kernel) -> Kernel:
    """√Σ w² becomes m √Σ (w/m)², and every use of Σ w² follows."""
    for name in sums(kernel):
        match find_sum(kernel, name):
            case Reduce(_, _, _, Call("pow", (entry, exponent))) as total if exponent == _TWO:
                if any(_is_root(node, Scalar(name)) for node in nodes(kernel)):
                    kernel = _scale(kernel, total, entry)
    return kernel


def _is_root(node: Expression, total: Scalar) -> bool:
    """Whether `node` is a broken power of `total`, or of a product with it."""
    match node:
        case Call("sqrt", (base,)) | Call("pow", (base, Const(Fraction(denominator=2)))):
            return contains(base, total)
    return False


def _scale(kernel: Kernel, total: Reduce, entry: Expression) -> Kernel:
    exact = _without_cancelling(entry)
    known = Scalar(total.name)
    taken = names(kernel)
    largest, scale, squares = (
        Scalar(fresh_name(f"{total.name}_{part}", taken)) for part in ("largest", "scale", "scaled")
    )
    root = call("sqrt", known)

    def rule(node: Expression) -> Expression | None:
        match node:
            case Call("div", (above, below)) if any(factor in (known, root) for factor in arguments(below, "mul")):
                quotient = rewrite(above, rule)
                rest = []
                for factor in arguments(below, "mul"):
                    if factor in (known, root):
                        # The square of the norm may underflow, where the norm does not.
                        quotient = div(quotient, mul(scale, root))
                        quotient = div(quotient, mul(scale, root)) if factor == known else quotient
                    else:
                        rest.append(rewrite(factor, rule))
                return div(quotient, mul(*rest))
            case Call("div", (above, Call("pow", (base, Const(Fraction(denominator=2) as exponent))))) if base == known:
                quotient = rewrite(above, rule)
                for _ in range(int(2 * exponent)):
                    quotient = div(quotient, mul(scale, root))
                return quotient
            case Call("sqrt", (base,)) if base == known:
                return mul(largest, root)
            case Call("pow", (base, Const(exponent))) if base == known:
                return power(mul(largest, root), Const(2 * exponent))
            case Scalar() if node == known:
                return power(mul(largest, root), _TWO)
        for value, sign in ((node, 1), (neg(node), -1)):
            found = indices(value)
            if len(found) == 1 and value == at(entry, total.index, *found):
                same = at(exact, total.index, *found)
                return same if sign > 0 else neg(same)
        return None

    body: list[Plain] = []
    for line in plain(kernel):
        if line == total:
            is_zero = call("equal", largest, ZERO)
            body += [
                Reduce(largest.name, "max", total.index, call("abs", exact)),
                Let(scale.name, select(is_zero, ONE, largest)),
                Reduce(squares.name, "sum", total.index, power(div(exact, scale), _TWO)),
                Let(total.name, select(is_zero, ONE, squares)),
            ]
        else:
            body.append(replace(line, value=rewrite(line.value, rule)))
    kernel = noted(replace(kernel, body=tuple(body)), NOTE)
    return kernel if exact == entry else noted(kernel, NOTE_REST)


def _without_cancelling(entry: Expression) -> Expression:
    """What `entry` is, y - t or t - y, without cancellation where both are close to 1; itself where it is neither."""
    terms = arguments(entry, "add")
    for term in terms:
        for share, sign in ((term, 1), (neg(term), -1)):
            logarithm = _logarithm(share)
            if logarithm is not None and len(terms) > 1:
                others = add(*left_of(terms, term))
                taken = neg(others) if sign > 0 else others
                close = add(call("expm1", logarithm), sub(ONE, taken))
                return select(call("less", _HALF, taken), close if sign > 0 else neg(close), entry)
    return entry


def _logarithm(value: Expression) -> Expression | None:
    """The logarithm of a probability, or of its root; None where `value` is something else."""
    match value:
        case Call("sqrt", (base,)) if is_share(base):
            return mul(_HALF, call("log", base))
    return call("log", value) if is_share(value) else None
