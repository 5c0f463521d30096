"""An entry that an index singles out (the label's, the diagonal's) gets an expression of its own."""

from dataclasses import replace

from derive.kernel.expressions import ONE, ZERO, at, rewrite, select, walk
from derive.kernel.ir import LABEL, Call, Expression, Kernel, Map, Same
from derive.kernel.statements import Plain, plain


def split_cases(kernel: Kernel) -> Kernel:
    """f(δ) becomes: f(1) where the two indices of δ are the same, f(0) elsewhere.

    The first branch is then written with one index alone, so that a target can patch the label's entry, or the
    diagonal, after the rest.
    """
    return replace(kernel, body=tuple(_split(statement) for statement in plain(kernel)))


def _split(statement: Plain) -> Plain:
    if not isinstance(statement, Map):
        return statement
    for delta in walk(statement.value):
        match delta:
            case Call("select", (Same(left, right) as same, if_true, if_false)) if (if_true, if_false) == (ONE, ZERO):
                own = _own_index(statement, left, right)
                if own is not None:
                    where_same = at(_replace(statement.value, delta, ONE), *own)
                    return replace(statement, value=select(same, where_same, _replace(statement.value, delta, ZERO)))
    return statement


def _own_index(statement: Map, left: str, right: str) -> tuple[str, str] | None:
    """The index that the singled out entry can do without, and the one that stands for it."""
    if LABEL in (left, right):
        return (statement.indices[0], LABEL) if len(statement.indices) == 1 else None
    row, column = statement.indices
    return column, row


def _replace(value: Expression, part: Expression, by: Expression) -> Expression:
    return rewrite(value, lambda node: by if node == part else None)
