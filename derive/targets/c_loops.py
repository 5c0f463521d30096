"""Arrange the statements of a kernel as C statements and loops, in one of two ways that compilers make vector code of.

Across rows, for few classes: rows are turned into columns, and LANES of them are worked on side by side.

Along rows, for more: LANES classes of a row are worked on side by side, and every lane keeps sums and maxima of its
own. What is left of a row is no case by itself: the first LANES classes are worked on first, those after them in whole
lanes up to the end of the row, and what both did is counted once.

Either way the innermost loop is one vector, and what a row reduces to is an array over rows, so that the arithmetic of
a row's scalars is vector code as well.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from derive.errors import UnsupportedError
from derive.kernel.expressions import arrays, indices, scalars, walk
from derive.kernel.ir import LABEL, Call, Element, Expression, Kernel, Let, Loop, Map, Reduce, Same, Scalar, Statement
from derive.kernel.statements import flat
from derive.targets.c_expression import Printer, own_functions
from derive.targets.c_precision import PRECISIONS

STEPS = 8
"""Values that a lane adds one after another; their sums are added without error. Eight equal values, the worst case,
lose 2.5 units of rounding; 16 would lose 5, and twice that in a sum of squares."""

SQUARES_ANY = 8
"""Squares of 16 bytes that hold as many rows as are turned into columns at a time: two vectors of AVX-512. The columns
of 40 classes then take 5 KiB, and those of four arrays stay in the first-level cache."""

COLUMN_ENTRIES = 256
"""Classes times such squares, where the classes are few and fixed: for three, twice as many rows cost a fifth less."""

MOST_ACROSS = 160
"""Bytes of a row up to which rows are worked on across: those of 40 float32 or 20 float64. On AVX-512 such a row takes
as long along; with AVX2 along is faster from 100 bytes on. It may not be less than the lanes of a compiler, 128 bytes:
along, the first lanes of a row are worked on together."""

BLOCK = 16
"""Rows that are worked on along, one after another, before the arithmetic of their scalars."""

BLOCK_ENTRIES = 2048
"""Entries of such rows: with as many of each other array they stay in the first-level cache."""

_REDUCERS = {
    (True, "max"): ("maximum",),
    (True, "sum"): ("sum",),
    (False, "max"): ("maximum", "largest_lane"),
    (False, "sum"): ("sum", "end_of_piece"),
}
"""The functions that reduce values, across rows or along them."""


@dataclass(frozen=True)
class Assignment:
    """`left = right;`, where `left` may begin with a declaration; `+=` for `=` where it adds."""

    left: str
    right: str
    sign: str = "="


@dataclass(frozen=True)
class Gather:
    """The entry of `array` at each row's label, kept apart: a loop that gathers is not vector code everywhere.

    Across rows it is chosen among those of all classes: for ten, a third of the instructions of going to each.
    """

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
class Row:
    """A row of an array that a pass reads or writes."""

    array: str
    is_output: bool


@dataclass(frozen=True)
class Pass:
    """One pass over the classes.

    Attributes:
        index: the loop's variable.
        stores: what it does for one class, in order.
        sums: the names of the sums that it finds.
        maxima: the names of the maxima that it finds.
        rows: the rows that it reads or writes.
        scalars: the values of a row that it reads.
        changes: the arrays of which it needs what they held before, and which it writes.
        in_lanes: whether it works along rows in lanes: it has something to reduce, or asks for the label's class.
        asks_for_label: whether it asks for the label's class.
        patches: what is done for the label's class after the others.
        fetches: the rows of which it fetches in advance what comes next: those that no pass before it has touched.
    """

    index: str
    stores: tuple[Assignment, ...]
    sums: tuple[str, ...]
    maxima: tuple[str, ...]
    rows: tuple[Row, ...]
    scalars: tuple[str, ...]
    changes: tuple[str, ...]
    in_lanes: bool
    asks_for_label: bool
    patches: tuple[Assignment, ...]
    fetches: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Maximum:
    """The largest entry of a row of `array`, in each of the rows; `name` is the array over rows that holds them."""

    name: str
    array: str


Item = Gather | Lets | Maximum | Pass
"""A part of a body: one or more loops."""


def squares(n: int | None) -> int:
    """How many squares hold the rows that are turned into columns at a time, a multiple of `SQUARES_ANY`."""
    return SQUARES_ANY if n is None else SQUARES_ANY * max(1, min(COLUMN_ENTRIES // n, 64) // SQUARES_ANY)


def arrange(printer: Printer) -> tuple[Item, ...]:
    """What is done to rows side by side; `UnsupportedError` for a kernel that C does not take."""
    outputs = tuple(Row(array.name, is_output=True) for array in printer.kernel.outputs if array.rank)
    return tuple(_fetch_ahead(_items(printer), outputs))


def _fetch_ahead(items: Iterable[Item], outputs: tuple[Row, ...]) -> Iterator[Item]:
    """The items, passes in lanes with what they fetch in advance: each row once, outputs before they are written."""
    touched: set[str] = set()
    for item in items:
        if isinstance(item, Pass) and item.in_lanes:
            fetches = tuple(row for row in dict.fromkeys((*item.rows, *outputs)) if row.array not in touched)
            touched.update(row.array for row in fetches)
            yield replace(item, fetches=fetches)
            continue
        if isinstance(item, Pass):
            touched.update(row.array for row in item.rows)
        if isinstance(item, Maximum):
            touched.add(item.array)
        yield item


def _items(printer: Printer) -> Iterator[Item]:
    """What is done to rows, in order.

    A run of assignments is one loop over the rows; what it reads at the labels is kept apart before it.
    """
    gathered: set[str] = set()
    parameters = {parameter.name for parameter in printer.kernel.parameters}
    outputs = {array.name for array in printer.kernel.outputs}
    done = 0
    for together, run in groupby(printer.kernel.body, lambda statement: isinstance(statement, Let)):
        statements = tuple(run)
        for part in (statements,) if together else ((each,) for each in statements):
            done += len(part)
            for array in sorted(_read_at_labels(part) - (gathered - outputs)):
                yield Gather(array, declares=array not in gathered, is_parameter=array in parameters)
                gathered.add(array)
            lets = [statement for statement in part if isinstance(statement, Let)]
            if lets:
                yield Lets(
                    tuple(let.name for let in lets if let.name not in outputs),
                    tuple(Assignment(printer.scalar(let.name), printer.text(let.value)) for let in lets),
                )
            else:
                yield from (_arranged(printer, statement, printer.kernel.body[done:]) for statement in part)


def _arranged(printer: Printer, statement: Statement, later: Sequence[Statement]) -> Maximum | Pass:
    match statement:
        case Reduce(name, "max", index, Element(array, own)) if own == index:
            return Maximum(name, array)
        case Map(indices=(index,)):
            return _pass(printer, index, (statement,), later)
        case Reduce(index=index):
            return _pass(printer, index, (statement,), later)
        case Loop(index, body):
            return _pass(printer, index, body, later)
    raise UnsupportedError(f"the C target cannot print {statement} (in the kernel {printer.kernel.name})")


def _pass(printer: Printer, index: str, body: tuple[Map | Reduce, ...], later: Sequence[Statement]) -> Pass:
    read = frozenset[str]().union(*(scalars(statement.value) for statement in body))
    patches: tuple[Assignment, ...] = ()
    if not printer.across and (parts := _label_apart(body)) is not None:
        patch, others = parts
        apart = printer.along_row(lanes=False).text(patch.value)
        patches, body = (Assignment(f"{patch.array}_row[label]", apart),), (others,)
    reductions = [statement for statement in body if isinstance(statement, Reduce)]
    asks_for_label = any(_asks_for_label(statement.value) for statement in body)
    in_lanes = not printer.across and (bool(reductions) or asks_for_label)
    own = printer if printer.across else printer.along_row(in_lanes)
    outputs = {array.name for array in printer.kernel.outputs}
    inputs = {array.name for array in printer.kernel.inputs}
    read_first = _read_first(body)
    not_stored = {array for array in _kept(body) if array not in read_first and _is_written_anew(array, later)}
    written = {statement.array for statement in body if isinstance(statement, Map)} - not_stored
    used = arrays_at_class(body) - not_stored | written
    return Pass(
        index=index,
        stores=tuple(_stores(own, body, index, not_stored)),
        scalars=tuple(sorted(read - {parameter.name for parameter in printer.kernel.parameters})),
        sums=tuple(each.name for each in reductions if each.operation == "sum"),
        maxima=tuple(each.name for each in reductions if each.operation == "max"),
        rows=tuple(
            Row(array.name, array.name in outputs)
            for array in (*printer.kernel.inputs, *printer.kernel.outputs)
            if array.name in used & (inputs | outputs)
        ),
        changes=tuple(array for array in read_first if array in written),
        in_lanes=in_lanes,
        asks_for_label=asks_for_label,
        patches=patches,
    )


def _is_written_anew(array: str, later: Sequence[Statement]) -> bool:
    """Whether what an array holds is overwritten before it is read: nobody sees it, and it need not be stored."""
    for statement in flat(later):
        if array in arrays(statement.value):
            return False
        if isinstance(statement, Map) and statement.array == array:
            return True
    return False


def _label_apart(body: tuple[Map | Reduce, ...]) -> tuple[Map, Map] | None:
    """What a pass stores for the label's class and what for the others, where it does nothing else.

    Asking each class whether it is the label's takes longer than to store the label's entry again.
    """
    match body:
        case (Map(array, (index,), Call("select", (Same() as same, apart, others))),):
            if {same.left, same.right} == {index, LABEL} and index not in indices(apart) and array not in arrays(apart):
                return Map(array, (index,), apart), Map(array, (index,), others)
    return None


def _stores(
    printer: Printer, body: tuple[Map | Reduce, ...], index: str, not_stored: Collection[str]
) -> Iterator[Assignment]:
    """What a loop does for one class: load entries, compute with them, store those that it changes.

    Those of arrays in `not_stored` are of use here alone, and not stored.

    Entries are loaded before anything is asked, and not in a branch of a choice: what a choice may leave out, compilers
    do not make vector code of everywhere.
    """
    real = printer.precision.type
    known: set[str] = set()
    kept = _kept(body)
    for array in _read_first(body):
        const = "" if array in kept else "const "
        yield Assignment(f"{const}{real} {printer.element(array, index)}", printer.place(array, index))
        known.add(array)
    for statement in body:
        text = printer.text(statement.value)
        match statement:
            case Map(array) if array in kept:
                yield Assignment(f"{'' if array in known else f'{real} '}{printer.element(array, index)}", text)
                known.add(array)
            case Map(array):
                yield Assignment(printer.place(array, index), text)
            case Reduce(name, "sum"):
                yield Assignment(f"{name}_lanes.piece[lane]", text, "+=")
            case Reduce(name):
                left = f"{name}[lane]" if printer.across else f"{name}_lanes[lane]"
                yield Assignment(left, f"{printer.precision.named('maximum')}({left}, {text})")
    for array in kept:
        if array not in not_stored:
            yield Assignment(printer.place(array, index), printer.element(array, index))


def _kept(body: Sequence[Map | Reduce]) -> tuple[str, ...]:
    """The arrays that `body` writes and then reads or writes again for the same class."""
    return tuple(
        dict.fromkeys(
            statement.array
            for number, statement in enumerate(body)
            if isinstance(statement, Map)
            and any(
                statement.array in arrays_at_class((later,))
                or (isinstance(later, Map) and later.array == statement.array)
                for later in body[number + 1 :]
            )
        )
    )


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


def arrays_at_class(body: Sequence[Statement]) -> set[str]:
    """The arrays of which `body` reads the entry of the class at hand."""
    nodes = (node for statement in flat(body) for node in walk(statement.value))
    return {node.array for node in nodes if isinstance(node, Element) and node.index != LABEL}


def _asks_for_label(value: Expression) -> bool:
    """Whether `value` depends on which class is the label's, other than by what an array holds there."""
    return any(isinstance(node, Same) and LABEL in (node.left, node.right) for node in walk(value))


def ways_of(kernel: Kernel) -> tuple[bool, ...]:
    """In which ways `kernel` is printed, True being across rows: both where either type may need another."""
    if kernel.n is None:
        return True, False
    needed = {kernel.n * precision.bytes <= MOST_ACROSS for precision in PRECISIONS}
    return tuple(way for way in (True, False) if way in needed)


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
        if isinstance(item, Pass):
            operations = ("sum",) * bool(item.sums) + ("max",) * bool(item.maxima)
            names.update(name for operation in operations for name in _REDUCERS[across, operation])
            if item.in_lanes:
                names.add("end_of_piece")
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
