"""Multiply stored exponentials by the reciprocal of their sum once, where several statements would."""

from dataclasses import replace

from derive.kernel.expressions import ONE, arguments, is_call, mul, renaming, rewrite, walk
from derive.kernel.ir import Call, Element, Expression, Kernel, Let, Map, Scalar
from derive.kernel.statements import Plain, fresh_name, loop_indices, names, plain, rewrite_kernel

_SCALED = "#scaled"
"""Stands for an array once it is scaled."""


def scale(kernel: Kernel) -> Kernel:
    """Where two statements multiply a stored x by the same 1/s, and none wants x bare after that, store x · (1/s)."""
    for array in dict.fromkeys(statement.array for statement in plain(kernel) if isinstance(statement, Map)):
        for statement in plain(kernel):
            match statement:
                case Let(name, Call("div", (numerator, _))) if numerator == ONE:
                    kernel = _scale_by(kernel, array, Scalar(name))
    return kernel


def _scale_by(kernel: Kernel, array: str, factor: Scalar) -> Kernel:
    def rule(node: Expression) -> Expression | None:
        if not is_call(node, "mul"):
            return None
        factors = list(arguments(node, "mul"))
        for part in [part for part in factors if isinstance(part, Element) and part.array == array]:
            if factor in factors:
                factors.remove(factor)
                factors[factors.index(part)] = Element(_SCALED, part.index)
        return mul(*(rewrite(part, rule) for part in factors))

    body = plain(rewrite_kernel(kernel, rule))
    users = [place for place, statement in enumerate(body) if _reads(statement, _SCALED)]
    # A matrix multiplies again for each entry of its row or column.
    if sum(len(loop_indices(body[place])) for place in users) < 2:
        return kernel
    if any(_reads(statement, array) for statement in body[users[0] :]):
        return kernel
    index = loop_indices(body[users[0]])[0]
    scaling = Map(array, (index,), mul(Element(array, index), factor))
    scaled = replace(kernel, body=(*body[: users[0]], scaling, *body[users[0] :]))
    return _name_probabilities(rewrite_kernel(scaled, renaming({_SCALED: array})), array)


def _name_probabilities(kernel: Kernel, array: str) -> Kernel:
    """A work array of exponentials that are scaled by their sum holds probabilities: y."""
    if array not in kernel.work:
        return kernel
    name = fresh_name("y", names(kernel))
    body = (
        replace(statement, array=name) if isinstance(statement, Map) and statement.array == array else statement
        for statement in plain(rewrite_kernel(kernel, renaming({array: name})))
    )
    return replace(kernel, body=tuple(body), work=tuple(name if work == array else work for work in kernel.work))


def _reads(statement: Plain, array: str) -> bool:
    return any(isinstance(node, Element) and node.array == array for node in walk(statement.value))
