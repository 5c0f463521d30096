"""Arrange the statements of a kernel as C statements and loops, in one of two ways that compilers make vector code of.

Across rows, for few classes: a number of rows are turned into columns, and every value of a row is an array over those
rows. The innermost loops then have the same length whatever the number of classes is.

Along a row, for more: classes are taken a chunk at a time, and every lane of a chunk keeps sums and maxima of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from derive.errors import UnsupportedError
from derive.kernel.expressions import arrays, indices, walk
from derive.kernel.ir import LABEL, Element, Expression, Kernel, Let, Loop, Map, Reduce, Same, Scalar, Statement
from derive.kernel.statements import flat
from derive.targets.c_expression import Printer, own_functions

LANES = 32
"""Classes of a chunk: two vectors of AVX-512 in single precision."""

SUMS = 4 * LANES
"""Sums of a piece of a row that its classes are added to in turn, and which are then added in pairs: that is more exact
than one after another."""

PIECE = 4 * SUMS
"""Classes of a row that are taken at a time."""

SQUARES = 8
"""Squares of 16 bytes that hold as many rows as are worked on side by side: two vectors of AVX-512. The columns of 128
classes then take 16 KiB, and stay in the first-level cache."""

PARTS = 32
"""Sums that the classes of a row are added to in turn, where rows are side by side."""

MOST_ACROSS = 128
"""Classes up to which rows are worked on side by side."""

_REDUCERS = {
    (True, "max"): ("maximum",),
    (True, "sum"): ("sum_parts",),
    (False, "max"): ("maximum", "largest_lane"),
    (False, "sum"): ("sum", "add_sums"),
}
"""The functions that reduce values, across rows or along one."""


@dataclass(frozen=True)
class Assignment:
    """`left = right;`, where `left` may begin with a declaration; `+=` for `=` where it adds."""

    left: str
    right: str
    sign: str = "="


@dataclass(frozen=True)
class Gather:
    """The entry of `array` at each row's label, kept apart: a loop that gathers is not vector code everywhere."""

    array: str
    declares: bool
    is_parameter: bool


@dataclass(frozen=True)
class Lets:
    """Values of each of the rows that are worked on side by side.

    Attributes:
        declares: the arrays that hold those which are not outputs.
        lets: how each is computed, in order.
    """

    declares: tuple[str, ...]
    lets: tuple[Assignment, ...]


@dataclass(frozen=True)
class Pass:
    """One pass over the classes.

    Attributes:
        index: the loop's variable.
        stores: what it does for one class, in order.
        sums: the names of the sums that it finds.
        maxima: the names of the maxima that it finds.
        reads: the arrays of which it needs what they held before, and how a row of each is written.
        writes: the arrays that it writes.
        in_pieces: whether it works along a row in chunks: it has something to reduce, or asks for the label's class.
        asks_for_label: whether it asks for the label's class.
    """

    index: str
    stores: tuple[Assignment, ...]
    sums: tuple[str, ...]
    maxima: tuple[str, ...]
    reads: tuple[tuple[str, str], ...]
    writes: tuple[str, ...]
    in_pieces: bool
    asks_for_label: bool


@dataclass(frozen=True)
class Maximum:
    """The largest entry of a row of an array, or of each of the rows that are worked on side by side.

    Attributes:
        name: the variable that holds it.
        row: how the row, or the array of columns, is written.
    """

    name: str
    row: str


Item = Assignment | Gather | Lets | Maximum | Pass
"""A part of a body: one statement, or one loop."""


def arrange(printer: Printer) -> tuple[Item, ...]:
    """What is done to one row, or across rows; `UnsupportedError` for a kernel that C does not take."""
    if printer.across:
        return tuple(_arrange_across(printer))
    return tuple(_arranged(printer, statement) for statement in printer.kernel.body)


def _arrange_across(printer: Printer) -> Iterator[Item]:
    """Each run of assignments as one loop over the rows, and what is read at the labels gathered before it."""
    gathered: set[str] = set()
    parameters = {parameter.name for parameter in printer.kernel.parameters}
    outputs = {printer.scalar(array.name) for array in printer.kernel.outputs if array.rank == 0}
    for together, run in groupby(printer.kernel.body, lambda statement: isinstance(statement, Let)):
        statements = tuple(run)
        for part in (statements,) if together else ((each,) for each in statements):
            for array in sorted(_read_at_labels(part)):
                yield Gather(array, declares=array not in gathered, is_parameter=array in parameters)
                gathered.add(array)
            items = [_arranged(printer, statement) for statement in part]
            lets = tuple(item for item in items if isinstance(item, Assignment))
            if together:
                yield Lets(tuple(each.left.removesuffix("[row]") for each in lets if each.left not in outputs), lets)
            else:
                yield from items


def _arranged(printer: Printer, statement: Statement) -> Assignment | Maximum | Pass:
    match statement:
        case Reduce(name, "max", index, Element(array, own)) if own == index:
            return Maximum(name, f"{array}_rows" if printer.across else printer.vector(array))
        case Let(name, value):
            left = printer.scalar(name)
            if left == name:
                left = f"const {printer.precision.type} {name}"
            return Assignment(left, printer.text(value))
        case Map(indices=(index,)):
            return _pass(printer, index, (statement,))
        case Reduce(index=index):
            return _pass(printer, index, (statement,))
        case Loop(index, body):
            return _pass(printer, index, body)
    raise UnsupportedError(f"the C target cannot print {statement} (in the kernel {printer.kernel.name})")


def _pass(printer: Printer, index: str, body: tuple[Map | Reduce, ...]) -> Pass:
    reductions = [statement for statement in body if isinstance(statement, Reduce)]
    writes = tuple(dict.fromkeys(statement.array for statement in body if isinstance(statement, Map)))
    asks_for_label = any(_asks_for_label(statement.value) for statement in body)
    in_pieces = not printer.across and (bool(reductions) or asks_for_label)
    own = printer.in_pieces() if in_pieces else printer
    return Pass(
        index=index,
        stores=tuple(_store(own, statement, index) for statement in body),
        sums=tuple(each.name for each in reductions if each.operation == "sum"),
        maxima=tuple(each.name for each in reductions if each.operation == "max"),
        reads=tuple((array, printer.vector(array)) for array in _read_first(body)),
        writes=writes,
        in_pieces=in_pieces,
        asks_for_label=asks_for_label,
    )


def _store(printer: Printer, statement: Map | Reduce, index: str) -> Assignment:
    """What a loop does for one class: store its value, add it, or keep it if it is the largest so far."""
    text = printer.text(statement.value)
    match statement:
        case Map(array):
            return Assignment(printer.element(array, index), text)
        case Reduce(name, "sum"):
            across, along = f"{name}_parts[{index} & (parts - 1)][row]", f"{name}_sums[k % SUMS + lane]"
            return Assignment(across if printer.across else along, text, "+=")
        case Reduce(name):
            left = f"{name}[row]" if printer.across else f"{name}_lanes[lane]"
            return Assignment(left, f"maximum_{printer.precision.name}({left}, {text})")


def _read_first(body: tuple[Map | Reduce, ...]) -> tuple[str, ...]:
    """The arrays that `body` reads at its own index before it writes them, in order."""
    found: dict[str, None] = {}
    written: set[str] = set()
    for statement in body:
        for node in walk(statement.value):
            if isinstance(node, Element) and node.index != LABEL and node.array not in written:
                found[node.array] = None
        if isinstance(statement, Map):
            written.add(statement.array)
    return tuple(found)


def _asks_for_label(value: Expression) -> bool:
    """Whether `value` depends on which class is the label's, other than by what an array holds there."""
    return any(isinstance(node, Same) and LABEL in (node.left, node.right) for node in walk(value))


def ways_of(kernel: Kernel) -> tuple[bool, ...]:
    """In which ways `kernel` is printed, True being across rows: both where the number of classes is not fixed."""
    if kernel.n is None:
        return True, False
    return (kernel.n <= MOST_ACROSS,)


def functions_called(kernel: Kernel, body: Sequence[Item], across: bool) -> frozenset[str]:
    """The names of the functions of `templates/c/functions` that the C of `kernel` calls, `body` being a body of it."""
    names: set[str] = {name for statement in flat(kernel.body) for name in own_functions(kernel, statement.value)}
    for suffix in ("", "_nonpositive"):
        if names & {f"exp{suffix}", f"exp_difference{suffix}"}:
            names.add(f"exp_of_sum{suffix}")
    if names & {"log", "log1p"}:
        names.add("log_of_sum")
    for item in body:
        if isinstance(item, Maximum):
            names |= {"maximum", "row_maxima"} if across else {"maximum", "largest_lane", "row_maximum"}
        if isinstance(item, Pass):
            operations = ("sum",) * bool(item.sums) + ("max",) * bool(item.maxima)
            names.update(name for operation in operations for name in _REDUCERS[across, operation])
            if item.in_pieces and item.reads:
                names |= {"count_of_piece", "filled"}
    return frozenset(names)


def _read_at_labels(statements: Sequence[Statement]) -> frozenset[str]:
    """The arrays that `statements` read at the row's label."""
    nodes = (node for statement in flat(statements) for node in walk(statement.value))
    return frozenset(node.array for node in nodes if isinstance(node, Element) and node.index == LABEL)


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
