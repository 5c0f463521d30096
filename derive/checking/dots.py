r"""A matrix written out with dots: which class each row and column is, and what stands in the gap."""

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np

from derive.checking.formula import Dotted, IllFormedError, Item, Name, Node, Number, walk
from derive.checking.functions import Array

DOTS = (r"\dots", r"\cdots", r"\vdots", r"\ddots", r"\ldots")


def read_dots(rows: tuple[tuple[Node, ...], ...]) -> Dotted:
    """The matrix of the rows, some of which hold dots.

    Raises:
        IllFormedError: rows of different lengths, a row or column in which dots stand beside entries, or several
            letters for the last class.
    """
    if len({len(row) for row in rows}) != 1:
        raise IllFormedError("the rows of the matrix differ in length")
    kept_rows = [number for number, row in enumerate(rows) if not all(map(_is_dots, row))]
    kept_columns = [number for number in range(len(rows[0])) if not all(_is_dots(row[number]) for row in rows)]
    written = tuple(tuple(rows[r][c] for c in kept_columns) for r in kept_rows)
    if not written or not written[0] or any(_is_dots(entry) for row in written for entry in row):
        raise IllFormedError("the dots of the matrix leave out no whole row and column")
    names = {
        index.name for node in walk(written) if isinstance(node, Item) for index in node.indices
        if isinstance(index, Name)
    }  # fmt: skip
    if len(names) > 1:
        raise IllFormedError(f"the last class of the matrix has several names: {', '.join(sorted(names))}")
    skipped = (_gap(kept_rows, len(rows)), _gap(kept_columns, len(rows[0])))
    return Dotted(written, next(iter(names), ""), skipped)


def _is_dots(node: Node) -> bool:
    return isinstance(node, Name) and node.name in DOTS


def _gap(kept: list[int], length: int) -> int | None:
    """How many stand before what is left out; None where nothing is."""
    return None if len(kept) == length else next((place for place, at in enumerate(kept) if place != at), len(kept))


def fill(table: Dotted, n: int, first: int, evaluate: Callable[[Node, Mapping[Node, int]], Array]) -> Array:
    """The entries at `n` classes.

    What is left out is taken after the entry of classes 1 and 1 on the diagonal, 1 and n above, n and 1 below.

    Args:
        table: the matrix.
        n: the number of classes.
        first: how the first class is numbered.
        evaluate: gives an entry, some class numbers and letters standing for other classes.

    Raises:
        IllFormedError: more rows or columns than there are classes.
    """
    lengths = [len(table.written), len(table.written[0])]
    shape = tuple(n if gap is not None else length for gap, length in zip(table.gaps, lengths, strict=True))
    last = Name(table.last)
    found = np.empty(shape, dtype=object)
    one = Number(Fraction(first))
    for place in np.ndindex(found.shape):
        at = [_written(number, gap, length, n) for number, gap, length in zip(place, table.gaps, lengths, strict=True)]
        row, column = place
        if None not in at:
            value = evaluate(table.written[at[0] or 0][at[1] or 0], {last: n - 1})
        elif row == column or 1 in shape:
            value = evaluate(table.written[0][0], {one: max(place)})
        elif row < column:
            value = evaluate(table.written[0][-1], {one: row, last: column})
        else:
            value = evaluate(table.written[-1][0], {last: row, one: column})
        if value.ndim:
            raise IllFormedError("the matrix holds vectors")
        found[place] = value[()]
    return found


def _written(number: int, gap: int | None, length: int, n: int) -> int | None:
    """The place among the rows that are written of row `number`; None where it is left out."""
    if gap is None or number < gap:
        return number
    from_end = n - number
    return length - from_end if from_end <= length - gap else None
