"""Arrange the statements of a kernel as C statements and loops, in one of two ways that compilers make vector code of.

Across rows, for few classes: rows are turned into columns, and LANES of them are worked on side by side.

Along rows, for more: LANES classes of a row are worked on side by side, and every lane keeps sums and maxima of its
own. What is left of a row is no case by itself: the first LANES classes are worked on first, those after them in whole
lanes up to the end of the row, and what both did is counted once.

Either way the innermost loop is one vector, and what a row reduces to is an array over rows, so that the arithmetic of
a row's scalars is vector code as well.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from derive.errors import UnsupportedError
from derive.kernel.expressions import arrays, indices, scalars, walk
from derive.kernel.ir import (
    LABEL,
    Call,
    Element,
    Kernel,
    Let,
    Loop,
    Map,
    PairSum,
    Reduce,
    Same,
    Statement,
)
from derive.kernel.statements import Plain, flat
from derive.targets.c_expression import Printer
from derive.targets.c_items import Assignment, Gather, Item, Lets, Maximum, Pass, Row
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
            rows = [row for row in item.rows if not row.is_work]
            fetches = tuple(row for row in dict.fromkeys((*rows, *outputs)) if row.array not in touched)
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
            alone = [line for line in body if not isinstance(line, PairSum)]
            if len(alone) < len(body):
                return _over_pairs(printer, index, body, later)
            return _pass(printer, index, alone, later)
    raise UnsupportedError(f"the C target cannot print {statement} (in the kernel {printer.kernel.name})")


def _pass(printer: Printer, index: str, body: Sequence[Map | Reduce], later: Sequence[Statement]) -> Pass:
    read = _scalars_read(printer.kernel, body)
    patches: tuple[Assignment, ...] = ()
    if not printer.across and (parts := _label_apart(body)) is not None:
        patch, others = parts
        apart = printer.along_row().text(patch.value)
        patches, body = (Assignment(f"{patch.array}_row[label]", apart),), (others,)
    reductions = [statement for statement in body if isinstance(statement, Reduce)]
    asks_for = _asked_for(body, index)
    in_lanes = not printer.across and bool(reductions or asks_for)
    own = printer if printer.across else printer.along_row(index if in_lanes else None)
    read_first, not_stored = _read_first(body, index), _not_stored(body, index, later)
    written = {statement.array for statement in body if isinstance(statement, Map)} - not_stored
    return Pass(
        index=index,
        stores=tuple(_stores(own, body, index, not_stored)),
        scalars=read,
        sums=tuple(each.name for each in reductions if each.operation == "sum"),
        maxima=tuple(each.name for each in reductions if each.operation == "max"),
        rows=_rows(printer.kernel, arrays_at_class(body) - not_stored | written),
        changes=tuple(array for array in read_first if array in written),
        in_lanes=in_lanes,
        asks_for=asks_for,
        patches=patches,
    )


def _over_pairs(
    printer: Printer, index: str, body: Sequence[Map | Reduce | PairSum], later: Sequence[Statement]
) -> Pass:
    """A pass that finds sums for a class and then does for it what needs them."""
    found = [line for line in body if isinstance(line, PairSum)]
    rest = [line for line in body if not isinstance(line, PairSum)]
    not_stored = _not_stored(rest, index, later)
    written = {line.array for line in rest if isinstance(line, Map)}
    known = {line.array for line in found}
    inner = tuple(_inner_pass(printer, index, group, known) for group in _found_together(found))
    before: tuple[Assignment, ...] = ()
    if printer.across:
        stores = (*_known_here(printer, index, rest, known), *_stores(printer, rest, index, not_stored, known))
    else:
        read = [array for array in _read_first(body, index) if array not in known | written]
        before = tuple(_loads(printer.along_row(), read, index))
        stores = tuple(_stores(printer.along_row(), rest, index, not_stored, known | {*read}))
    return Pass(
        index=index,
        stores=stores,
        sums=tuple(line.name for line in rest if isinstance(line, Reduce)),
        rows=_rows(printer.kernel, (arrays_at_class(body) | written) - not_stored),
        scalars=_scalars_read(printer.kernel, body),
        in_lanes=False,
        asks_for=tuple(dict.fromkeys((*_asked_for(rest, index), *(each for part in inner for each in part.asks_for)))),
        inner=inner,
        loads=before,
    )


def _found_together(sums: Sequence[PairSum]) -> list[list[PairSum]]:
    """Sums for a class in groups, each of which one pass finds: none of a group needs another."""
    groups: list[list[PairSum]] = []
    for line in sums:
        if groups and not arrays(line.value) & {other.array for other in groups[-1]}:
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _inner_pass(printer: Printer, outer: str, group: Sequence[PairSum], known: Collection[str]) -> Pass:
    """The pass that finds sums for the class at `outer`."""
    index = group[0].indices[1]
    body = [Reduce(line.array, "sum", index, line.value) for line in group]
    loads: tuple[Assignment, ...] = ()
    if printer.across:
        read = [array for array in _read_first(body, outer) if array not in known]
        loads = (*_loads(printer, read, outer), *_known_here(printer, outer, body, known))
    own = printer if printer.across else printer.along_row(index)
    return Pass(
        index=index,
        stores=(*loads, *_stores(own, body, index, ())),
        sums=tuple(line.name for line in body),
        in_lanes=not printer.across,
        asks_for=_asked_for(body, index),
    )


def _known_here(
    printer: Printer, index: str, body: Sequence[Map | Reduce], known: Collection[str]
) -> Iterator[Assignment]:
    """Across rows, the sums for a class that `body` reads, as variables of the row at hand."""
    for array in _read_first(body, index):
        if array in known:
            yield Assignment(f"const {printer.precision.type} {printer.element(array, index)}", f"{array}[lane]")


def _loads(printer: Printer, read: Iterable[str], index: str) -> Iterator[Assignment]:
    """Entries as variables."""
    for array in read:
        yield Assignment(f"const {printer.precision.type} {printer.element(array, index)}", printer.place(array, index))


def _scalars_read(kernel: Kernel, body: Sequence[Plain]) -> tuple[str, ...]:
    """The values of a row that `body` reads; parameters are the same for every row."""
    read = frozenset[str]().union(*(scalars(statement.value) for statement in body))
    return tuple(sorted(read - {parameter.name for parameter in kernel.parameters}))


def _rows(kernel: Kernel, used: Collection[str]) -> tuple[Row, ...]:
    """The rows of those arrays of `kernel` that are used."""
    rows = [
        *(Row(array.name, is_output=False) for array in kernel.inputs),
        *(Row(array.name, is_output=True) for array in kernel.outputs),
        *(Row(name, is_output=True, is_work=True) for name in kernel.work),
    ]
    return tuple(row for row in rows if row.array in used)


def _not_stored(body: Sequence[Map | Reduce], index: str, later: Sequence[Statement]) -> set[str]:
    """The arrays that `body` writes for its own use alone."""
    read_first = _read_first(body, index)
    return {array for array in _kept(body) if array not in read_first and _is_written_anew(array, later)}


def _is_written_anew(array: str, later: Sequence[Statement]) -> bool:
    """Whether what an array holds is overwritten before it is read: nobody sees it, and it need not be stored."""
    for statement in flat(later):
        if array in arrays(statement.value):
            return False
        if isinstance(statement, Map) and statement.array == array:
            return True
    return False


def _label_apart(body: Sequence[Map | Reduce]) -> tuple[Map, Map] | None:
    """What a pass stores for the label's class and what for the others, where it does nothing else.

    Asking each class whether it is the label's takes longer than to store the label's entry again.
    """
    match tuple(body):
        case (Map(array, (index,), Call("select", (Same() as same, apart, others))),):
            if {same.left, same.right} == {index, LABEL} and index not in indices(apart) and array not in arrays(apart):
                return Map(array, (index,), apart), Map(array, (index,), others)
    return None


def _stores(
    printer: Printer,
    body: Sequence[Map | Reduce],
    index: str,
    not_stored: Collection[str],
    loaded: Collection[str] = (),
) -> Iterator[Assignment]:
    """What a loop does for one class: load entries, compute with them, store those that it changes.

    Those of arrays in `not_stored` are of use here alone, and not stored; those of arrays in `loaded` are known.

    Entries are loaded before anything is asked, and not in a branch of a choice: what a choice may leave out, compilers
    do not make vector code of everywhere.
    """
    real = printer.precision.type
    known: set[str] = {*loaded}
    kept = _kept(body)
    lane = "lane" if printer.across or printer.over else f"{index} % LANES"
    for array in (array for array in _read_first(body, index) if array not in loaded):
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
                yield Assignment(f"{name}_lanes.piece[{lane}]", text, "+=")
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


def _read_first(body: Sequence[Plain], index: str) -> tuple[str, ...]:
    """The arrays of which `body` reads the entry at `index` before it writes it, in order."""
    found: dict[str, None] = {}
    written: set[str] = set()
    for statement in body:
        for node in walk(statement.value):
            if isinstance(node, Element) and node.index == index and node.array not in written:
                found[node.array] = None
        if isinstance(statement, Map):
            written.add(statement.array)
    return tuple(found)


def arrays_at_class(body: Sequence[Statement]) -> set[str]:
    """The arrays of which `body` reads the entry of the class at hand."""
    nodes = (node for statement in flat(body) for node in walk(statement.value))
    return {node.array for node in nodes if isinstance(node, Element) and node.index != LABEL}


def _asked_for(body: Sequence[Plain], index: str) -> tuple[str, ...]:
    """The classes, `LABEL` or another index, that `body` asks of the class at `index` whether it is one of them."""
    asked = (node for statement in body for node in walk(statement.value) if isinstance(node, Same))
    others = {other for same in asked for other in (same.left, same.right) if index in (same.left, same.right)}
    return tuple(sorted(others - {index}))


def ways_of(kernel: Kernel) -> tuple[bool, ...]:
    """In which ways `kernel` is printed, True being across rows: both where either type may need another."""
    if kernel.n is None:
        return True, False
    needed = {kernel.n * precision.bytes <= MOST_ACROSS for precision in PRECISIONS}
    return tuple(way for way in (True, False) if way in needed)


def _read_at_labels(statements: Sequence[Statement]) -> frozenset[str]:
    """The arrays that `statements` read at the row's label."""
    nodes = (node for statement in flat(statements) for node in walk(statement.value))
    return frozenset(node.array for node in nodes if isinstance(node, Element) and node.index == LABEL)
