"""What NumPy has operations of its own for: a stored kernel with these in the place of several statements."""

from collections.abc import Collection
from dataclasses import replace

from derive.kernel.expressions import (
    ONE,
    ZERO,
    Rewrite,
    add,
    arguments,
    call,
    contains,
    indices,
    is_call,
    renaming,
    rewrite,
    select,
    sub,
    walk,
)
from derive.kernel.ir import LABEL, Call, Element, Expression, Kernel, Let, Map, Reduce, Scalar
from derive.kernel.statements import Plain, fresh_name, names, nodes, plain, rewrite_kernel, rewrite_statement

SUM_OF_REST = "sum_of_rest"
"""The sum of a row's exponentials without the largest, which is 1."""
EXP_WHERE_SURE = "exp_difference_where_sure"
"""exp_difference, with the rounding error put back in those rows alone that are sure of their largest class."""


def use_operations(kernel: Kernel, stable: Kernel) -> Kernel:
    """`kernel`, which is stored, with NumPy's own operations; `stable` is what it was before it was stored."""
    if not _weights_exponentials(stable):
        kernel = rewrite_kernel(kernel, _spare_compensation)
    return _keep_difference(_sum_rest_at_once(kernel))


def _weights_exponentials(kernel: Kernel) -> bool:
    """Whether a product weights an exponential with something else of its class, so that a small one may count most."""
    weights = {array.name for array in kernel.inputs} | {each.name for each in kernel.parameters if each.per_class}
    return any(
        any(isinstance(part, Element) and part.array in weights for part in factors)
        and any(is_call(part, "exp_difference") for factor in factors for part in walk(factor))
        for factors in (arguments(node, "mul") for node in nodes(kernel))
        if len(factors) > 1
    )


def _spare_compensation(node: Expression) -> Expression | None:
    """Beside the sum of the others the exponential of the label's class needs none: the two come to 1 at least."""
    match node:
        case Call("add", (Scalar() as others, Call("exp_difference", (logit, maximum)))) if indices(logit) == {LABEL}:
            return call("add", others, call("exp", sub(logit, maximum)))
        case Call("exp_difference", (logit, maximum)) if indices(logit) != {LABEL}:
            return call(EXP_WHERE_SURE, logit, maximum)
    return None


def _sum_rest_at_once(kernel: Kernel) -> Kernel:
    """Σ e where e < 1, plus the count of e = 1 less 1: two sums with choices become one operation."""
    body = list(plain(kernel))
    for rest in [line for line in body if isinstance(line, Let)]:
        for below in [line for line in body if isinstance(line, Reduce)]:
            match below.value:
                case Call("select", (Call("equal", (Element() as e, one)), zero, other)) if (one, zero, other) == (
                    ONE,
                    ZERO,
                    e,
                ):
                    ties = _find_ties(body, e)
                    if ties is None or rest.value != add(Scalar(below.name), sub(Scalar(ties.name), ONE)):
                        continue
                    others = [line for line in body if line not in (below, ties, rest)]
                    if _reads(others, {below.name, ties.name}):
                        continue
                    position = body.index(rest)
                    body[position] = replace(rest, value=call(SUM_OF_REST, e))
                    body = [line for line in body if line not in (below, ties)]
                    break
    return replace(kernel, body=tuple(body))


def _find_ties(body: Collection[Plain], e: Element) -> Reduce | None:
    counted = select(call("equal", e, ONE), ONE, ZERO)
    return next((line for line in body if isinstance(line, Reduce) and line.value == counted), None)


def _reads(lines: Collection[Plain], scalars: Collection[str]) -> bool:
    return any(isinstance(node, Scalar) and node.name in scalars for line in lines for node in walk(line.value))


def _keep_difference(kernel: Kernel) -> Kernel:
    """An output that holds exp(d) and ends as something made of d keeps d; exp(d) has an array of its own."""
    *before, last = plain(kernel)
    if not (isinstance(last, Map) and len(last.indices) == 1):
        return kernel
    own = Element(last.array, last.indices[0])
    first = next((line for line in before if isinstance(line, Map) and line.array == last.array), None)
    match first:
        case Map(_, (index,), Call("exp", (Call("sub") as difference,))) if index == last.indices[0]:
            pass
        case _:
            return kernel
    if not contains(last.value, difference) or contains(last.value, own):
        return kernel
    room = fresh_name("exponentials", names(kernel))
    place = before.index(first)
    body = (
        *before[:place],
        replace(first, value=difference),
        Map(room, (index,), call("exp", own)),
        *(rewrite_statement(line, renaming({last.array: room})) for line in before[place + 1 :]),
        replace(last, value=rewrite(last.value, _replacing(difference, own))),
    )
    return replace(kernel, work=(*kernel.work, room), body=body)


def _replacing(old: Expression, new: Expression) -> Rewrite:
    return lambda node: new if node == old else None
