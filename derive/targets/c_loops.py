"""Arrange the statements of a kernel as C statements and loops over blocks of one row.

A sum is added block by block, each block as a balanced tree, and the sums of the blocks with what their additions
rounded off kept. So a loop with a reduction is a loop over blocks, in which every class writes its term to an array of
the length of a block; a reduction of an array's own entries needs no such array. A row of a fixed and small number of
classes is a single block.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from derive.errors import UnsupportedError
from derive.kernel.expressions import arrays, indices
from derive.kernel.ir import LABEL, Element, Kernel, Let, Loop, Map, Reduce, Statement
from derive.targets.c_expression import Printer, own_functions

BLOCK = 128
"""Entries of a block: short enough for its terms to stay in the first-level cache, long enough for whole vectors."""


_REDUCERS = {
    ("maximum", "max"): ("maximum",),
    ("block", "max"): ("maximum",),
    ("blocks", "max"): ("maximum", "larger"),
    ("block", "sum"): ("block_sum",),
    ("blocks", "sum"): ("block_sum", "sum"),
}
"""The functions that reduce the values of each kind of pass."""


@dataclass(frozen=True)
class Assignment:
    """`left = right;`, where `left` may begin with a declaration."""

    left: str
    right: str


@dataclass(frozen=True)
class Reduction:
    """The sum or the maximum of one block of values.

    Attributes:
        name: the variable that holds the result for the row.
        operation: `sum` or `max`.
        array: where the values are; `start` where the block begins in it is added by the template.
        owned: whether `array` is an array of the loop's own that holds one block, and has to be declared.
    """

    name: str
    operation: str
    array: str
    owned: bool


@dataclass(frozen=True)
class Pass:
    """One pass over the classes.

    Attributes:
        kind: `plain` without a reduction; `maximum` where it only looks for the largest entry of an array; `block`
            where the row is a single block; `blocks` otherwise.
        index: the loop's variable.
        stores: what it does for one class, in order.
        reductions: what is reduced, block by block.
    """

    kind: str
    index: str
    stores: tuple[Assignment, ...]
    reductions: tuple[Reduction, ...]


def arrange(printer: Printer) -> tuple[Assignment | Pass, ...]:
    """The body of the loop over the rows; `UnsupportedError` for a kernel that C does not take."""
    return tuple(_arranged(printer, statement) for statement in printer.kernel.body)


def _arranged(printer: Printer, statement: Statement) -> Assignment | Pass:
    match statement:
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
    place = index if is_one_block(printer.kernel) else f"{index} - start"
    stores: list[Assignment] = []
    reductions: list[Reduction] = []
    for position, statement in enumerate(body):
        text = printer.text(statement.value)
        if isinstance(statement, Map):
            stores.append(Assignment(printer.element(statement.array, index), text))
        elif array := _whole_array(statement, body[position + 1 :]):
            reductions.append(Reduction(statement.name, statement.operation, printer.vector(array), owned=False))
        else:
            terms = f"{statement.name}_terms"
            stores.append(Assignment(f"{terms}[{place}]", text))
            reductions.append(Reduction(statement.name, statement.operation, terms, owned=True))
    return Pass(_kind(printer.kernel, stores, reductions), index, tuple(stores), tuple(reductions))


def _kind(kernel: Kernel, stores: Sequence[Assignment], reductions: Sequence[Reduction]) -> str:
    if not reductions:
        return "plain"
    if not stores and [reduction.operation for reduction in reductions] == ["max"]:
        return "maximum"
    return "block" if is_one_block(kernel) else "blocks"


def _whole_array(reduction: Reduce, later: tuple[Map | Reduce, ...]) -> str | None:
    """The array whose entries as they stand after the loop are just what is reduced; None where there is none."""
    match reduction.value:
        case Element(array, index) if index == reduction.index:
            overwritten = any(isinstance(statement, Map) and statement.array == array for statement in later)
            return None if overwritten else array
    return None


def is_one_block(kernel: Kernel) -> bool:
    """Whether a row always fits in one block."""
    return kernel.n is not None and kernel.n <= BLOCK


def functions_called(kernel: Kernel, body: Sequence[Assignment | Pass]) -> frozenset[str]:
    """The names of the functions of `templates/c/functions` that the C of `kernel` calls, `body` being its body."""
    names: set[str] = {name for statement in _statements(kernel) for name in own_functions(statement.value)}
    if names & {"exp", "exp_difference"}:
        names.add("exp_of_sum")
    for item in body:
        if isinstance(item, Pass):
            for reduction in item.reductions:
                names.update(_REDUCERS[item.kind, reduction.operation])
    return frozenset(names)


def arrays_used(kernel: Kernel) -> frozenset[str]:
    """The arrays that `kernel` reads or writes, entry by entry."""
    written = {statement.array for statement in _statements(kernel) if isinstance(statement, Map)}
    return frozenset(written.union(*(arrays(statement.value) for statement in _statements(kernel))))


def uses_label(kernel: Kernel) -> bool:
    """Whether the body of `kernel` needs the row's label."""
    return any(LABEL in indices(statement.value) for statement in _statements(kernel))


def _statements(kernel: Kernel) -> Iterator[Let | Map | Reduce]:
    """The statements of `kernel`, those of its loops included."""
    for statement in kernel.body:
        yield from statement.body if isinstance(statement, Loop) else (statement,)
