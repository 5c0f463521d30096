"""One pass over the row for everything that is known at the same time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from derive.kernel.expressions import arrays, indices, scalars
from derive.kernel.ir import LABEL, Kernel, Let, Loop, Map, Reduce, Statement
from derive.kernel.statements import Plain, loop_indices, plain


def fuse(kernel: Kernel) -> Kernel:
    """Gather maps and sums into loops, each as early as the scalars that it reads are known.

    A maximum keeps a loop of its own, because it is found in another way than a sum; so does a matrix. A sum that could
    stand beside the maximum waits for the next loop, if there is one before it is read.
    """
    statements = plain(kernel)
    levels = _delay_sums(statements, _find_levels(statements, {}))
    body: list[Statement] = []
    for level in range(max(levels) + 1):
        here = [statement for statement, own in zip(statements, levels, strict=True) if own == level]
        body += [statement for statement in here if isinstance(statement, Let)]
        body += _gather([statement for statement in here if not isinstance(statement, Let)])
    return replace(kernel, body=tuple(body))


def _find_levels(statements: Sequence[Plain], at_least: Mapping[int, int]) -> list[int]:
    """For each statement, how many loops must have ended before it: what is reduced is known after its loop."""
    levels: list[int] = []
    for place, statement in enumerate(statements):
        level = at_least.get(place, 0)
        read = scalars(statement.value)
        for earlier, own in zip(statements[:place], levels, strict=True):
            if not isinstance(earlier, Map) and earlier.name in read:
                level = max(level, own + isinstance(earlier, Reduce))
            elif _share_an_array(earlier, statement):
                level = max(level, own + (not _is_entrywise(earlier, statement)))
        levels.append(level)
    return levels


def _share_an_array(earlier: Plain, later: Plain) -> bool:
    """Whether one of two statements writes an array that the other reads or writes."""
    return any(
        isinstance(one, Map)
        and (one.array in arrays(other.value) or (isinstance(other, Map) and other.array == one.array))
        for one, other in ((earlier, later), (later, earlier))
    )


def _is_entrywise(earlier: Plain, later: Plain) -> bool:
    """Whether each class of `later` needs but the same class of `earlier`, and one loop can run both."""
    runs_with_others = len(loop_indices(earlier)) == len(loop_indices(later)) == 1 and not _is_maximum(later)
    return runs_with_others and LABEL not in indices(later.value)


def _delay_sums(statements: Sequence[Plain], levels: list[int]) -> list[int]:
    """Sums out of the levels that look for a maximum, where that delays no other loop."""
    crowded = {level for statement, level in zip(statements, levels, strict=True) if _is_maximum(statement)}
    at_least: dict[int, int] = {}
    for place, statement in enumerate(statements):
        if isinstance(statement, Reduce) and statement.operation == "sum" and levels[place] in crowded:
            wanted = {**at_least, place: levels[place] + 1}
            delayed = _find_levels(statements, wanted)
            if all(
                new == old or other == place or isinstance(statements[other], Let)
                for other, (new, old) in enumerate(zip(delayed, levels, strict=True))
            ) and max(delayed) == max(levels):
                at_least, levels = wanted, delayed
    return levels


def _is_maximum(statement: Plain) -> bool:
    return isinstance(statement, Reduce) and statement.operation == "max"


def _gather(statements: Sequence[Map | Reduce]) -> list[Statement]:
    """The statements of one level: maxima and matrices by themselves, the rest in one loop."""
    alone: list[Statement] = [line for line in statements if _is_maximum(line) or len(loop_indices(line)) > 1]
    together = [line for line in statements if line not in alone]
    if len(together) < 2:
        return [*alone, *together]
    (index,) = {loop_indices(line)[0] for line in together}
    return [*alone, Loop(index, tuple(together))]
