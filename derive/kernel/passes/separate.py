"""The sum of the exponentials without one class, where the whole sum is nothing but 1 and noise.

In a confident row the sum of the shifted exponentials is 1 + r with a small r; log(1 + r) and 1 - 1/(1 + r) lose r
when they are computed from the rounded sum, and lose nothing when they are computed from r.
"""

from dataclasses import dataclass, replace

from derive.kernel.expressions import (
    ONE,
    ZERO,
    add,
    arguments,
    at,
    call,
    div,
    indices,
    is_call,
    left_of,
    neg,
    rewrite,
    select,
    sub,
    walk,
)
from derive.kernel.ir import LABEL, Call, Expression, Kernel, Let, Reduce, Same, Scalar, Statement
from derive.kernel.statements import (
    find_sum,
    fresh_name,
    mentions,
    names,
    noted,
    plain,
    rewrite_kernel,
    sums,
    without_unread,
)

NOTE_LABEL = (
    "The other classes have a sum of their own, so that neither log(y) nor 1 - y cancels where y is close to 1."
)
NOTE_LARGEST = "The logarithm is log1p of the sum without its largest term: it does not cancel where that is all but 1."


@dataclass(frozen=True)
class _Normaliser:
    """A sum s of shifted exponentials exp(d), d = a - m."""

    total: Reduce
    difference: Expression

    @property
    def known(self) -> Scalar:
        return Scalar(self.total.name)

    @property
    def logarithm(self) -> Call:
        return call("log", self.known)

    @property
    def at_label(self) -> Expression:
        """The shifted logit d of the label's class."""
        return at(self.difference, self.total.index, LABEL)

    @property
    def label_share(self) -> Call:
        """exp(d)/s of the label's class."""
        return call("div", call("exp", self.at_label), self.known)


def _find_normaliser(kernel: Kernel, name: str) -> _Normaliser | None:
    match find_sum(kernel, name):
        case Reduce(_, _, _, Call("exp", (difference,))) as total:
            is_shifted = any(is_call(node, "sub") for node in walk(difference))
            return _Normaliser(total, difference) if is_shifted else None
    return None


def separate(kernel: Kernel) -> Kernel:
    """The sum of exponentials without the label's class, or without the largest, wherever it is needed."""
    for name in sums(kernel):
        normaliser = _find_normaliser(kernel, name)
        if normaliser is None:
            continue
        if not kernel.has_label:
            if mentions(kernel, normaliser.logarithm):
                kernel = _separate_largest(kernel, normaliser)
            continue
        if not kernel.largest_is_label and _is_read_of_others(kernel, normaliser):
            kernel = _separate_largest(kernel, normaliser)
        kernel = _separate_label(kernel, normaliser)
    return kernel


def _is_read_of_others(kernel: Kernel, normaliser: _Normaliser) -> bool:
    """Whether a class other than the label's, which may have all but 1, has its log-probability d - log(s) taken.

    A sum of them over all classes needs no care: it is as large as that of the least probable.
    """
    difference, index = normaliser.difference, normaliser.total.index
    return any(
        at(difference, index, other) in terms
        for line in plain(kernel)
        for node in walk(line.value)
        if neg(normaliser.logarithm) in (terms := arguments(node, "add"))
        and not (isinstance(line, Reduce) and node == line.value)
        for other in indices(node) - {LABEL}
    )


def _separate_label(kernel: Kernel, normaliser: _Normaliser) -> Kernel:
    """With s = r + exp(d_label), s - 1 = r + expm1(d_label), log(s) is log1p of that, and 1 - exp(d_label)/s = r/s.

    Where the largest is left out for the logarithm already, s is known as it is.
    """
    taken = names(kernel)
    others, other_share = (Scalar(fresh_name(name, taken)) for name in ("other_sum", "other_share"))
    less_1 = add(others, call("expm1", normaliser.at_label))

    def rule(node: Expression) -> Expression | None:
        match node:
            case Call("log", _) if node == normaliser.logarithm:
                return call("log1p", less_1)
            case Call("add", terms):
                if normaliser.known in terms and neg(ONE) in terms:
                    rest = left_of(terms, normaliser.known, neg(ONE))
                    return add(less_1, *(rewrite(term, rule) for term in rest))
                for one, share, sign in (
                    (ONE, neg(normaliser.label_share), add),
                    (neg(ONE), normaliser.label_share, neg),
                ):
                    if one in terms and share in terms:
                        rest = left_of(terms, one, share)
                        return add(*(rewrite(term, rule) for term in rest), sign(other_share))
        return None

    rewritten = rewrite_kernel(kernel, rule)
    if rewritten == kernel:
        return kernel
    total = normaliser.total
    known = next(line for line in plain(kernel) if isinstance(line, (Let, Reduce)) and line.name == total.name)
    without_label = select(Same(total.index, LABEL), ZERO, total.value)
    statements = (
        Reduce(others.name, "sum", total.index, without_label),
        Let(total.name, add(others, call("exp", normaliser.at_label))) if known == total else known,
        Let(other_share.name, div(others, normaliser.known)),
    )
    return noted(_with(rewritten, known, statements), NOTE_LABEL)


def _separate_largest(kernel: Kernel, normaliser: _Normaliser) -> Kernel:
    """With s = 1 + r, where r leaves out one class at the maximum, log(s) = log1p(r).

    The classes at the maximum are those with d = 0 (a row of -inf alone has none, and gives NaN); r counts all of
    them but one.
    """
    taken = names(kernel)
    below, ties, rest = (Scalar(fresh_name(name, taken)) for name in ("exp_below", "ties", "exp_rest"))
    total, index = normaliser.total, normaliser.total.index
    is_largest = call("equal", normaliser.difference, ZERO)
    statements = (
        Reduce(below.name, "sum", index, select(is_largest, ZERO, total.value)),
        Reduce(ties.name, "sum", index, select(is_largest, ONE, ZERO)),
        Let(rest.name, add(below, sub(ties, ONE))),
        Let(total.name, add(rest, ONE)),
    )
    logarithm = call("log1p", rest)
    rewritten = rewrite_kernel(kernel, lambda node: logarithm if node == normaliser.logarithm else None)
    return noted(_with(rewritten, total, statements), NOTE_LARGEST)


def _with(kernel: Kernel, old: Statement, new: tuple[Statement, ...]) -> Kernel:
    """`kernel` with the statement `old` replaced, and without scalars that nothing reads."""
    position = plain(kernel).index(old)
    body = (*kernel.body[:position], *new, *kernel.body[position + 1 :])
    return without_unread(replace(kernel, body=body))
