"""Shift by the row's maximum: no exponential overflows, and at least one of them is 1.

The association matters: (a - m) - log(s) keeps its digits where all logits carry a large offset, and exp(a - m)/s
errs by half of exp(a - m - log(s)) (Blanchard, Higham and Higham, IMA J. Numer. Anal. 41(4), 2021).
"""

from dataclasses import replace

from derive.kernel.expressions import add, arguments, at, call, contains, div, indices, mul, neg, rewrite, sub
from derive.kernel.ir import Call, Element, Expression, Kernel, Reduce, Scalar
from derive.kernel.statements import find_sum, fresh_name, names, nodes, noted, plain, rewrite_kernel, sums

NOTE = "Shift by the row's maximum: no exponential overflows, and the quotients stay the same."


def shift(kernel: Kernel) -> Kernel:
    """Σ exp(a_j) becomes Σ exp(a_j - m) with m = max a_j, and every use of it follows."""
    for name in sums(kernel):
        match find_sum(kernel, name):
            case Reduce(_, _, _, Call("exp", (exponent,))) as total if _is_normaliser(kernel, total):
                kernel = _shift_sum(kernel, total, exponent)
    return kernel


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
    wanted = f"{exponent.array}_max" if isinstance(exponent, Element) else "exponent_max"
    maximum = Scalar(fresh_name(wanted, names(kernel)))
    known = Scalar(total.name)

    def is_exponent(node: Expression) -> bool:
        found = indices(node)
        return len(found) == 1 and node == at(exponent, total.index, *found)

    def rule(node: Expression) -> Expression | None:
        match node:
            case Call("div", (Call("exp", (above,)), below)) if below == known and is_exponent(above):
                return div(call("exp", sub(above, maximum)), known)
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
                shifted = sub(positive, maximum)
                others = list(terms)
                others.remove(term)
                others.remove(logarithm if logarithm in terms else neg(logarithm))
                rest = arguments(rewrite(add(*others), rule), "add") if others else ()
                return add(*rest, *((neg(shifted), logarithm) if logarithm in terms else (shifted, neg(logarithm))))
        return None

    shifted_sum = replace(total, value=call("exp", sub(exponent, maximum)))
    before = plain(kernel).index(total)
    rest = rewrite_kernel(replace(kernel, body=kernel.body[before + 1 :]), rule).body
    largest = Reduce(maximum.name, "max", total.index, exponent)
    return noted(replace(kernel, body=(*kernel.body[:before], largest, shifted_sum, *rest)), NOTE)
