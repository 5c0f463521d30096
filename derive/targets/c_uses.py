"""What the C of a kernel needs: functions of its own, arrays, numbers of a row, and the label."""

from collections.abc import Sequence

from derive.kernel.expressions import arrays, indices, walk
from derive.kernel.ir import LABEL, Kernel, Map, Scalar
from derive.kernel.statements import flat
from derive.targets.c_expression import own_functions
from derive.targets.c_items import Item, Maximum, Pass

_REDUCERS = {
    (True, "max"): ("maximum",),
    (True, "sum"): ("sum",),
    (False, "max"): ("maximum", "largest_lane"),
    (False, "sum"): ("sum", "end_of_piece"),
}
"""The functions that reduce values, across rows or along them."""


def functions_called(kernel: Kernel, body: Sequence[Item], across: bool) -> frozenset[str]:
    """The names of the functions of `templates/c/functions` that the C of `kernel` calls, `body` being a body of it."""
    names: set[str] = {name for statement in flat(kernel.body) for name in own_functions(kernel, statement.value)}
    for suffix in ("", "_nonpositive"):
        if names & {f"exp{suffix}", f"exp_difference{suffix}"}:
            names.add(f"exp_of_sum{suffix}")
    if names & {"log", "log1p"}:
        names.add("log_of_sum")
    if kernel.largest_is_label:
        names |= {"maximum", "largest_lane", "row_maximum", "largest_class"}
    for item in body:
        if isinstance(item, Maximum):
            names |= {"maximum"} if across else {"maximum", "largest_lane", "row_maximum"}
        for each in (item, *item.inner) if isinstance(item, Pass) else ():
            operations = ("sum",) * bool(each.sums) + ("max",) * bool(each.maxima)
            names.update(name for operation in operations for name in _REDUCERS[across, operation])
            if each.in_lanes:
                names.add("end_of_piece")
    return frozenset(names)


def arrays_used(kernel: Kernel) -> frozenset[str]:
    """The arrays that `kernel` reads or writes, entry by entry."""
    written = {statement.array for statement in flat(kernel.body) if isinstance(statement, Map)}
    return frozenset(written.union(*(arrays(statement.value) for statement in flat(kernel.body))))


def scalars_used(kernel: Kernel) -> frozenset[str]:
    """The numbers of a row that `kernel` reads."""
    used = (node for statement in flat(kernel.body) for node in walk(statement.value))
    return frozenset(node.name for node in used if isinstance(node, Scalar))


def uses_label(kernel: Kernel) -> bool:
    """Whether the body of `kernel` needs the row's label."""
    return any(LABEL in indices(statement.value) for statement in flat(kernel.body))
