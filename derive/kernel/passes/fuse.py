"""One pass over the row for everything that is known at the same time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from derive.kernel.expressions import arrays, indices, renaming, rewrite, scalars, walk
from derive.kernel.ir import LABEL, Element, Expression, Kernel, Let, Loop, Map, PairSum, Reduce, Statement
from derive.kernel.statements import Plain, fresh_name, loop_indices, names, plain


def fuse(kernel: Kernel) -> Kernel:
    """Gather maps and sums into loops, each as early as the scalars that it reads are known.

    A maximum keeps a loop of its own, because it is found in another way than a sum; so does a matrix. A sum that could
    stand beside the maximum waits for the next loop, if there is one before it is read. A sum for each class shares its
    loop with what reads that class's alone, and needs no array then. No array that it reads is written again: `place`
    stores nothing but such sums in a kernel that has any.
    """
    statements = plain(kernel)
    stored: frozenset[str] = frozenset()
    levels = _find_levels(statements, {}, stored)
    while found := _read_elsewhere(statements, levels) - stored:
        stored |= found
        levels = _find_levels(statements, {}, stored)
    levels = _delay_sums(statements, levels, stored)
    taken = names(kernel)
    body: list[Statement] = []
    for level in range(max(levels) + 1):
        here = [statement for statement, own in zip(statements, levels, strict=True) if own == level]
        body += [statement for statement in here if isinstance(statement, Let)]
        body += _gather([statement for statement in here if not isinstance(statement, Let)], stored, taken)
    known = {line.array for line in statements if isinstance(line, PairSum)} - stored
    return replace(kernel, body=tuple(body), work=tuple(name for name in kernel.work if name not in known))


def _read_elsewhere(statements: Sequence[Plain], levels: Sequence[int]) -> frozenset[str]:
    """The sums for each class that are read where their loop has ended, or for another class than that at hand."""
    return frozenset(
        line.array
        for line, level in zip(statements, levels, strict=True)
        if isinstance(line, PairSum)
        and any(
            line.array in arrays(reader.value) and not (own == level and _is_entrywise(line, reader))
            for reader, own in zip(statements, levels, strict=True)
        )
    )


def _find_levels(statements: Sequence[Plain], at_least: Mapping[int, int], stored: Collection[str]) -> list[int]:
    """For each statement, how many loops must have ended before it: what is reduced is known after its loop.

    So are the sums for each class that are `stored`.
    """
    levels: list[int] = []
    for place, statement in enumerate(statements):
        level = at_least.get(place, 0)
        read = scalars(statement.value)
        for earlier, own in zip(statements[:place], levels, strict=True):
            if isinstance(earlier, (Let, Reduce)) and earlier.name in read:
                level = max(level, own + isinstance(earlier, Reduce))
            elif _share_an_array(earlier, statement):
                is_stored = isinstance(earlier, PairSum) and earlier.array in stored
                level = max(level, own + (is_stored or not _is_entrywise(earlier, statement)))
        levels.append(level)
    # A sum for each class waits for the loop of those that read it.
    for place, statement in reversed([*enumerate(statements)]):
        if isinstance(statement, PairSum) and statement.array not in stored:
            readers = {
                own
                for reader, own in zip(statements, levels, strict=True)
                if statement.array in arrays(reader.value) and _is_entrywise(statement, reader)
            }
            levels[place] = min(readers, default=levels[place])
    return levels


def _share_an_array(earlier: Plain, later: Plain) -> bool:
    """Whether one of two statements writes an array that the other reads or writes."""
    return any(
        isinstance(one, (Map, PairSum))
        and (one.array in arrays(other.value) or (isinstance(other, (Map, PairSum)) and other.array == one.array))
        for one, other in ((earlier, later), (later, earlier))
    )


def _is_entrywise(earlier: Plain, later: Plain) -> bool:
    """Whether each class of `later` needs but the same class of `earlier`, and one loop can run both."""
    if isinstance(later, Let) or _is_maximum(later):
        return False
    if isinstance(earlier, PairSum):
        outer = loop_indices(later)[0]
        runs_with_others = isinstance(later, PairSum) or len(loop_indices(later)) == 1
        return runs_with_others and {node.index for node in _entries(earlier.array, later.value)} == {outer}
    if LABEL in indices(later.value):
        return False
    return len(loop_indices(earlier)) == len(loop_indices(later)) == 1


def _entries(array: str, value: Expression) -> Iterator[Element]:
    """The entries of `array` that are read in `value`."""
    return (node for node in walk(value) if isinstance(node, Element) and node.array == array)


def _delay_sums(statements: Sequence[Plain], levels: list[int], stored: Collection[str]) -> list[int]:
    """Sums out of the levels that look for a maximum, where that delays no other loop."""
    crowded = {level for statement, level in zip(statements, levels, strict=True) if _is_maximum(statement)}
    at_least: dict[int, int] = {}
    bound = {line.array for line in statements if isinstance(line, PairSum)} - {*stored}
    for place, statement in enumerate(statements):
        can_wait = (
            isinstance(statement, Reduce) and statement.operation == "sum" and not bound & arrays(statement.value)
        )
        if can_wait and levels[place] in crowded:
            wanted = {**at_least, place: levels[place] + 1}
            delayed = _find_levels(statements, wanted, stored)
            if all(
                new == old or other == place or isinstance(statements[other], Let)
                for other, (new, old) in enumerate(zip(delayed, levels, strict=True))
            ) and max(delayed) == max(levels):
                at_least, levels = wanted, delayed
    return levels


def _is_maximum(statement: Plain) -> bool:
    return isinstance(statement, Reduce) and statement.operation == "max"


def _gather(
    statements: Sequence[Map | Reduce | PairSum], stored: Collection[str], taken: Collection[str]
) -> list[Statement]:
    """The statements of one level: maxima, matrices and what is stored by itself; sums for each class with their
    readers in one loop, and the rest in another.
    """
    alone = [line for line in statements if _stands_alone(line, stored)]
    others = [line for line in statements if line not in alone]
    over_pairs: list[Map | Reduce | PairSum] = []
    found_there: set[str] = set()
    for line in others:
        if isinstance(line, PairSum) or found_there & arrays(line.value):
            over_pairs.append(line)
            found_there |= set() if isinstance(line, Reduce) else {line.array}
    return [
        *(_store(line, taken) for line in alone),
        *_loop([line for line in others if line not in over_pairs]),
        *_loop(_each_once(over_pairs)),
    ]


def _store(line: Map | Reduce | PairSum, taken: Collection[str]) -> Statement:
    """A sum for each class that has an array: within its loop it is known by another name."""
    if not isinstance(line, PairSum):
        return line
    index, here = line.indices[0], fresh_name(f"{line.array}_here", taken)
    return Loop(index, (replace(line, array=here), Map(line.array, (index,), Element(here, index))))


def _each_once(statements: Sequence[Map | Reduce | PairSum]) -> list[Map | Reduce | PairSum]:
    """`statements` without sums for each class that are there twice."""
    found: list[Map | Reduce | PairSum] = []
    known: dict[Expression, str] = {}
    same: dict[str, str] = {}
    for statement in statements:
        line = replace(statement, value=rewrite(statement.value, renaming(same)))
        if isinstance(line, PairSum) and known.setdefault(line.value, line.array) != line.array:
            same[line.array] = known[line.value]
        else:
            found.append(line)
    return found


def _stands_alone(line: Map | Reduce | PairSum, stored: Collection[str]) -> bool:
    if isinstance(line, PairSum):
        return line.array in stored
    return _is_maximum(line) or len(loop_indices(line)) > 1


def _loop(statements: Sequence[Map | Reduce | PairSum]) -> list[Statement]:
    """One loop for all `statements`, or the only one as it is."""
    if len(statements) < 2:
        return [*statements]
    (index,) = {loop_indices(line)[0] for line in statements}
    return [Loop(index, tuple(statements))]
