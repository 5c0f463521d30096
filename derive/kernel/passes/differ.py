"""Two logits that are the same differ by 0, two of -inf too, where a loss compares one class with another.

So do two probabilities in `abs` and `sign`, which tell 0 from what rounding leaves: a compiler that multiplies and
subtracts at once rounds only one of the two.
"""

from collections.abc import Sequence
from itertools import permutations

from derive.kernel.expressions import (
    ONE,
    ZERO,
    add,
    arguments,
    arrays,
    at,
    call,
    indices,
    is_call,
    left_of,
    neg,
    rewrite,
    select,
    sub,
    walk,
)
from derive.kernel.ir import LABEL, Call, Expression, Kernel
from derive.kernel.statements import noted, rewrite_kernel

NOTE = "Equal logits differ by 0, two of -inf too."

_LOGITS = "z"

_AT_0 = {"exp": ONE, "tanh": ZERO, "abs": ZERO, "sign": ZERO}
"""What functions are at 0."""


def differ(kernel: Kernel) -> Kernel:
    """a_k - a_j becomes 0 where the two are equal, a_k - a_j elsewhere."""
    rewritten = rewrite_kernel(kernel, _rule)
    return kernel if rewritten == kernel else noted(rewritten, NOTE)


def _rule(node: Expression) -> Expression | None:
    match node:
        case Call("abs" | "sign" as kink, (inner,)) if (found := _find_difference(inner)) is not None:
            return call(kink, _difference(*found))
        case Call("add") if (found := _find_difference(node)) is not None and not _has_exponential(found[0]):
            return _difference(*found)
        case Call("add", terms) if len(terms) > 2 and (differences := _of_differences(terms)):
            return add(*differences)
    return None


def _of_differences(terms: Sequence[Expression]) -> tuple[Expression, ...]:
    """Terms that all are of a class less the same of another, as differences, each 0 at one class; else none."""
    if not terms:
        return ()
    first, *others = terms
    for other in others:
        one, taken = (other, first) if is_call(first, "neg") else (first, other)
        if is_call(taken, "neg") and not is_call(one, "neg") and _are_the_same_of_two_classes(one, neg(taken)):
            rest = left_of(others, other)
            inner = _of_differences(rest)
            return (sub(one, neg(taken)), *inner) if inner or not rest else ()
    return ()


def _difference(one: Expression, other: Expression, rest: Sequence[Expression]) -> Expression:
    difference = select(call("equal", one, other), ZERO, sub(one, other))
    return add(difference, *(rewrite(term, _rule) for term in rest))


def _has_exponential(value: Expression) -> bool:
    """Whether `value` is made of an exponential, as a probability is: it is finite where a logit is -inf."""
    return any(is_call(node, "exp") for node in walk(value))


def at_one_class(expression: Expression, index: str, other: str) -> Expression:
    """`expression` with the class at `index` the one at `other`: their logits differ by 0, and exp(0) is 1."""

    def rule(node: Expression) -> Expression | None:
        if (found := _find_difference(node)) is not None and indices(add(*found[:2])) == {index, other}:
            return add(*(rewrite(term, rule) for term in found[2]), ZERO)
        if isinstance(node, Call) and node.operation in _AT_0 and rewrite(node.arguments[0], rule) == ZERO:
            return _AT_0[node.operation]
        return None

    return at(rewrite(expression, rule), index, other)


def _find_difference(node: Expression) -> tuple[Expression, Expression, tuple[Expression, ...]] | None:
    """In a sum, what is the same of two classes' logits, the one added and the other taken off; and the other terms."""
    terms = arguments(node, "add")
    for one, taken in permutations(terms, 2):
        if is_call(taken, "neg") and not is_call(one, "neg") and _are_of_two_classes(one, neg(taken)):
            return one, neg(taken), left_of(terms, one, taken)
    return None


def _are_of_two_classes(one: Expression, other: Expression) -> bool:
    """Whether both are the same of the logit of one class and of another, neither of them the label's."""
    return (
        LABEL not in indices(one) | indices(other)
        and _LOGITS in arrays(one)
        and _are_the_same_of_two_classes(one, other)
    )


def _are_the_same_of_two_classes(one: Expression, other: Expression) -> bool:
    if not (indices(one) != indices(other) and len(indices(one)) == len(indices(other)) == 1):
        return False
    (index,), (second,) = indices(one), indices(other)
    return at(one, index, second) == other
