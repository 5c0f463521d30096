"""Split a weighted sum of log-probabilities into two sums that need no second look at the row."""

from dataclasses import replace
from fractions import Fraction

from derive.kernel.expressions import add, arguments, is_call, mul, neg, sub, walk
from derive.kernel.ir import Call, Const, Element, Expression, Kernel, Let, Reduce, Scalar
from derive.kernel.names import name_element_sum
from derive.kernel.statements import find_sum, fresh_name, names, noted, plain, rewrite_kernel, sums

NOTE = "Distances to the maximum are summed by halves: the distance of two finite logits can overflow, its half cannot."

_HALF = Const(Fraction(1, 2))
_TWO = Const(Fraction(2))


def split_sums(kernel: Kernel) -> Kernel:
    """Σ w ((a - m) - log1p(r)) becomes -(2 Σ w (m/2 - a/2) + log1p(r) Σ w).

    Neither a - m nor -log1p(r) is ever positive, so that nothing cancels that did not cancel before.
    """
    for name in sums(kernel):
        kernel = _split_sum(kernel, find_sum(kernel, name))
    return kernel


def _split_sum(kernel: Kernel, total: Reduce) -> Kernel:
    factors = arguments(total.value, "mul")
    position, parts = next(
        ((place, parts) for place, factor in enumerate(factors) if (parts := _parts(factor))), (None, None)
    )
    if position is None or parts is None or len(factors) == 1:
        return kernel
    logit, maximum, logarithm = parts
    weight = mul(*factors[:position], *factors[position + 1 :])
    if any(is_call(node, "pow") for node in walk(weight)):
        return kernel  # a power of 0 may be infinite where the logarithm beside it is 0

    taken = names(kernel)
    weight_name = weight.array if isinstance(weight, Element) else "weight"
    gap = Reduce(
        fresh_name(f"{weight_name}_dot_half_gap", taken),
        "sum",
        total.index,
        mul(weight, sub(mul(_HALF, maximum), mul(_HALF, logit))),
    )
    weights = Reduce(fresh_name(name_element_sum(weight_name), taken), "sum", total.index, weight)
    known = next(
        (line for line in plain(kernel) if isinstance(line, Reduce) and replace(line, name=weights.name) == weights),
        weights,
    )

    whole = neg(add(mul(_TWO, Scalar(gap.name)), mul(Scalar(known.name), logarithm)))
    body = plain(kernel)
    place = body.index(total)
    before = body[:place] if known in body[:place] else (*body[:place], known)
    after = tuple(line for line in body[place + 1 :] if line != known)
    if sum(node == Scalar(total.name) for line in after for node in walk(line.value)) > 1:
        return noted(replace(kernel, body=(*before, gap, Let(total.name, whole), *after)), NOTE)
    rest = rewrite_kernel(replace(kernel, body=after), lambda node: whole if node == Scalar(total.name) else None)
    return noted(replace(kernel, body=(*before, gap, *rest.body)), NOTE)


def _parts(factor: Expression) -> tuple[Expression, Expression, Expression] | None:
    """(a, m, log1p(r)) where `factor` is (a - m) - log1p(r)."""
    match factor:
        case Call("add", (first, second)):
            for difference, other in ((first, second), (second, first)):
                match difference, other:
                    case Call("sub", (logit, Scalar() as maximum)), Call("neg", (Call("log1p", _) as logarithm,)):
                        return logit, maximum, logarithm
    return None
