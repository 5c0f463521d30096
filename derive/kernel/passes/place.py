"""Where shared exponentials live: in an output that is written last anyway, in a work array, or nowhere."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from derive.kernel.expressions import (
    ONE,
    ZERO,
    Rewrite,
    arrays,
    at,
    call,
    contains,
    indices,
    renaming,
    rewrite,
    select,
    walk,
)
from derive.kernel.ir import LABEL, Call, Element, Expression, Kernel, Let, Map, PairSum, Reduce, Same, Scalar
from derive.kernel.statements import (
    Plain,
    fresh_name,
    is_over_pairs,
    loop_indices,
    names,
    plain,
    rewrite_kernel,
    rewrite_statement,
)

_COSTLY = ("exp", "exp_difference", "expm1", "log", "log1p", "tanh", "sqrt")
"""Operations that take longer than loading what they gave."""

_CLASS = "#"
"""Stands for the class, whatever index a statement runs over."""


def place(kernel: Kernel, work: bool) -> Kernel:
    """Store what more than one statement computes for each class, where there is room for it.

    Args:
        kernel: a stable kernel.
        work: whether the kernel may have work arrays; without them, what finds no room is computed again.
    """
    last = plain(kernel)[-1]
    room = last.array if isinstance(last, Map) and len(last.indices) == 1 else None
    if not work and is_over_pairs(kernel):
        # An output is no room for exponentials: sums over pairs read those of all classes while it is being written.
        return _sum_again(kernel, room)
    for value in _shared_values(kernel):
        if room is None and work:
            room = fresh_name("exponentials" if value.operation.startswith("exp") else "shared", names(kernel))
            kernel = replace(kernel, work=(*kernel.work, room))
        if room is not None:
            kernel = _store(kernel, value, room)
            room = None
    return kernel


def _sum_again(kernel: Kernel, room: str | None) -> Kernel:
    """Sums for each class that several statements read are stored where there is room, or else found for each again."""
    sums = {line.array for line in plain(kernel) if isinstance(line, PairSum)}
    kernel = replace(kernel, body=tuple(_at_own_class(line, sums) for line in plain(kernel)))
    for line in [line for line in reversed(plain(kernel)) if isinstance(line, PairSum)]:
        readers = [other for other in plain(kernel) if line.array in arrays(other.value)]
        if len(readers) < 2 or not all(_reads_own_class(line.array, reader) for reader in readers):
            continue
        if room is not None and not any(isinstance(reader, PairSum) for reader in readers):
            kernel = _store_sums(kernel, line, room)
            room = None
        else:
            kernel = _copy_sums(kernel, line, readers[1:])
    return kernel


def _at_own_class(line: Plain, sums: Collection[str]) -> Plain:
    """`line` with sums of the label's class, where that is the class at hand, as those of the class at hand."""

    def rule(node: Expression) -> Expression | None:
        for index in loop_indices(line):
            match node:
                case Call("select", (condition, if_true, if_false)) if condition == Same(index, LABEL):
                    return select(condition, rewrite(if_true, own(index)), rewrite(if_false, rule))
        return None

    def own(index: str) -> Rewrite:
        return lambda node: Element(node.array, index) if isinstance(node, Element) and node.array in sums else None

    return rewrite_statement(line, rule)


def _reads_own_class(array: str, reader: Plain) -> bool:
    """Whether `reader` reads the entries of `array` for the class at hand alone."""
    if isinstance(reader, Let) or (isinstance(reader, Map) and len(reader.indices) > 1):
        return False
    found = {node.index for node in walk(reader.value) if isinstance(node, Element) and node.array == array}
    return found == {loop_indices(reader)[0]}


def _store_sums(kernel: Kernel, line: PairSum, room: str) -> Kernel:
    """`kernel` with the sums of `line` in the array `room`."""
    index = line.indices[0]
    read = rewrite_kernel(kernel, renaming({line.array: room})).body
    place = plain(kernel).index(line)
    return replace(
        kernel, body=(*read[: place + 1], Map(room, (index,), Element(line.array, index)), *read[place + 1 :])
    )


def _copy_sums(kernel: Kernel, line: PairSum, readers: Sequence[Plain]) -> Kernel:
    """`kernel` with the sums of `line` found once more before each of `readers`."""
    body: list[Plain] = []
    for statement in plain(kernel):
        if statement not in readers:
            body.append(statement)
            continue
        name = fresh_name(line.array, names(kernel))
        kernel = replace(kernel, work=(*kernel.work, name))
        body += [replace(line, array=name), rewrite_statement(statement, renaming({line.array: name}))]
    return replace(kernel, body=tuple(body))


def _shared_values(kernel: Kernel) -> list[Call]:
    """The costly values of a class that more than one statement computes, in the order of the program."""
    uses: dict[Call, int] = {}
    for statement in plain(kernel):
        for value, times in _costly_values(statement).items():
            uses[value] = uses.get(value, 0) + times
    for value in uses:
        # Whether a class is the largest can be asked of its exponential, which is 1 then.
        uses[value] += sum(_asks_for_largest(kernel, statement, value) for statement in plain(kernel))
    return [value for value, times in uses.items() if times > 1]


def _costly_values(statement: Plain) -> Mapping[Call, int]:
    """The costly values in `statement`, with `_CLASS` for its index, and how often it computes each."""
    found: dict[Call, int] = {}
    for index in loop_indices(statement):
        for node in walk(statement.value):
            if isinstance(node, Call) and node.operation in _COSTLY and indices(node) == {index}:
                # A matrix computes the value of a class again for each entry of its row or column.
                found[call(node.operation, *(at(part, index, _CLASS) for part in node.arguments))] = len(
                    loop_indices(statement)
                )
    return found


def _asks_for_largest(kernel: Kernel, statement: Plain, value: Call) -> bool:
    question = _is_largest(value, kernel)
    return question is not None and any(
        contains(statement.value, at(question, _CLASS, index)) for index in loop_indices(statement)
    )


def _is_largest(value: Call, kernel: Kernel) -> Expression | None:
    """Whether d is 0, `value` being exp(d) and d the distance to the largest; None where it is something else.

    A logarithm d of a probability can be too small for exp(d) to differ from 1, and matter all the same.
    """
    if not value.operation.startswith("exp") or value.operation == "expm1":
        return None
    maxima = {Scalar(line.name) for line in plain(kernel) if isinstance(line, Reduce) and line.operation == "max"}
    difference = value.arguments[0] if value.operation == "exp" else call("sub", *value.arguments)
    distances = (node for node in walk(difference) if isinstance(node, Call) and node.operation == "sub")
    distance = next(distances, None)
    return call("equal", difference, ZERO) if distance is not None and distance.arguments[1] in maxima else None


def _store(kernel: Kernel, value: Call, room: str) -> Kernel:
    """`kernel` with `value` in the array `room`, from the first statement that computes it on."""
    others = select(Same(_CLASS, LABEL), ZERO, value)
    stored = others if _suffices(kernel, value, others) else value
    body: list[Plain] = []
    is_stored = False
    for statement in plain(kernel):
        swapped = _read_stored(kernel, statement, value, stored, room)
        if swapped != statement and not is_stored:
            body.append(Map(room, (_INDEX,), at(stored, _CLASS, _INDEX)))
            is_stored = True
        body.append(swapped)
    return replace(kernel, body=tuple(body))


_INDEX = "j"


def _read_stored(kernel: Kernel, statement: Plain, value: Call, stored: Expression, room: str) -> Plain:
    for index in loop_indices(statement):
        element = Element(room, index)
        swaps: dict[Expression, Expression] = {
            at(stored, _CLASS, index): element,
            at(value, _CLASS, index): element,
        }
        if (question := _is_largest(value, kernel)) is not None:
            swaps[at(question, _CLASS, index)] = call("equal", element, ONE)
        statement = rewrite_statement(statement, _replacing(swaps))
    return statement


def _replacing(swaps: Mapping[Expression, Expression]) -> Rewrite:
    def rule(node: Expression) -> Expression | None:
        return swaps.get(node)

    return rule


def _suffices(kernel: Kernel, value: Call, others: Expression) -> bool:
    """Whether `others`, which is `value` but for a 0 at the label, is computed somewhere and will do everywhere.

    It will do where a choice already sets the label's class apart.
    """
    is_computed = False
    for statement in plain(kernel):
        for index in loop_indices(statement):
            is_computed |= contains(statement.value, at(others, _CLASS, index))
            if contains(rewrite(statement.value, _at_label(index)), at(value, _CLASS, index)):
                return False
    return is_computed


def _at_label(index: str) -> Rewrite:
    """Keep of every choice that sets the label apart what it is at the label."""

    def rule(node: Expression) -> Expression | None:
        match node:
            case Call("select", (condition, if_true, _)) if condition == Same(index, LABEL):
                return rewrite(if_true, rule)
        return None

    return rule
