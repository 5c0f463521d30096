"""An entry that an index singles out (the label's, the diagonal's) gets an expression of its own."""

from dataclasses import replace

from derive.kernel.expressions import ONE, ZERO, rewrite, select, walk
from derive.kernel.ir import LABEL, Call, Expression, Kernel, Let, Same
from derive.kernel.passes.differ import at_one_class
from derive.kernel.statements import Plain, loop_indices, plain


def split_cases(kernel: Kernel) -> Kernel:
    """f(δ) becomes: f(1) where the two indices of δ are the same, f(0) elsewhere.

    The first branch is then written with one index less, so that a target can patch the label's entry, the diagonal,
    or the label's row and column, after the rest; and what cancels there alone can cancel.
    """
    return replace(kernel, body=tuple(_split(statement) for statement in plain(kernel)))


def _split(statement: Plain) -> Plain:
    if isinstance(statement, Let):
        return statement
    return replace(statement, value=_take_cases(statement.value, loop_indices(statement), apart=False))


def _take_cases(value: Expression, indices: tuple[str, ...], apart: bool) -> Expression:
    """`value` as a choice of what it is on the diagonal, at the label, and elsewhere; `apart` if off the diagonal."""
    same = min(_deltas(value), key=lambda each: LABEL in (each.left, each.right), default=None)
    if same is None:
        return value
    index, other = _own_index(same, indices)
    remaining = tuple(each for each in indices if each != index)
    where_same = at_one_class(_decide(value, same, ONE), index, other)
    if apart:
        # The other index is not the label's class, where this one is.
        for delta in _deltas(where_same):
            where_same = _decide(where_same, delta, ZERO)
    first = _take_cases(where_same, remaining, apart=False)
    return select(same, first, _take_cases(_decide(value, same, ZERO), indices, apart=apart or other != LABEL))


def _deltas(value: Expression) -> list[Same]:
    """The conditions of every δ in `value`, in order."""
    return [
        same
        for node in walk(value)
        if isinstance(node, Call)
        and node.operation == "select"
        and isinstance(same := node.arguments[0], Same)
        and node.arguments[1:] == (ONE, ZERO)
    ]


def _own_index(same: Same, indices: tuple[str, ...]) -> tuple[str, str]:
    """The index that the singled out entry can do without, and the one that stands for it."""
    if LABEL in (same.left, same.right):
        return (same.right if same.left == LABEL else same.left), LABEL
    row, column = indices
    return column, row


def _decide(value: Expression, same: Same, as_number: Expression) -> Expression:
    """`value` with the δ of `same` put as 1 or 0."""
    delta = Call("select", (same, ONE, ZERO))
    return rewrite(value, lambda node: as_number if node == delta else None)
