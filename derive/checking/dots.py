r"""A matrix written out with dots: which class each row and column is, and what stands in the gap."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np

from derive.checking.formula import (
    ZERO,
    Choice,
    Dotted,
    IllFormedError,
    Item,
    Listed,
    Name,
    Node,
    Number,
    Same,
    Table,
    rewrite,
    walk,
)
from derive.checking.functions import Array

BLANK = Name("")
"""A cell of a matrix in which nothing is written."""
DOTS = (r"\dots", r"\cdots", r"\vdots", r"\ddots", r"\ldots")


def read_table(rows: Sequence[tuple[Node, ...]]) -> Node:
    """The matrix of the rows, some cells of which may be blank or hold dots.

    Raises:
        IllFormedError: rows of different lengths, blanks or dots of which it is not evident what they leave out.
    """
    width = max(map(len, rows))
    if len({len(row) for row in rows}) > 1:
        if not any(_is_left_out(cell) for row in rows for cell in row):
            return Table(tuple(rows))  # which is ill-formed where it is worked out
        rows = [(*row, *[BLANK] * (width - len(row))) for row in rows]  # a row may end before its blanks
    cells = _without_blanks([list(row) for row in rows])
    if not any(_is_dots(cell) for row in cells for cell in row):
        return Table(tuple(map(tuple, cells)))
    line = [cell for row in cells for cell in row]
    if 1 in (len(cells), width) and sum(map(_is_dots, line)) == 2:
        return _with_one_entry(line)
    return _with_gap(cells)


def _without_blanks(cells: list[list[Node]]) -> list[list[Node]]:
    """The cells with dots for the blanks of rows and columns of dots, and 0 for those beside a diagonal."""
    height, width = len(cells), len(cells[0])
    lines = [
        *([(i, j) for j in range(width)] for i in range(height)),
        *([(i, j) for i in range(height)] for j in range(width)),
    ]
    dotted = [line for line in lines if _is_gap([cells[i][j] for i, j in line])]
    for i, j in (place for line in dotted for place in line):
        cells[i][j] = Name(DOTS[0])
    if BLANK not in (cell for row in cells for cell in row):
        return cells
    beside = [cells[i][j] for i in range(height) for j in range(width) if i != j]
    on_diagonal = [cells[i][i] for i in range(min(height, width))]
    if height != width or BLANK in on_diagonal or any(not (_is_left_out(cell) or cell == ZERO) for cell in beside):
        raise IllFormedError(
            "cells of the matrix are blank, and it is not evident what stands there: write 0, or the entries"
        )
    return [[ZERO if cell == BLANK else cell for cell in row] for row in cells]


def _is_gap(line: Sequence[Node]) -> bool:
    """Whether a row or a column is left out: it holds dots, and nothing else but blanks."""
    return any(map(_is_dots, line)) and all(map(_is_left_out, line))


def _is_left_out(node: Node) -> bool:
    return _is_dots(node) or node == BLANK


def _with_one_entry(line: Sequence[Node]) -> Node:
    """A vector with dots on both sides of one entry, (y_1, ..., y_k - 1, ..., y_n): all others are like the first."""
    first, *_ = written = [cell for cell in line if not _is_dots(cell)]
    at = [place for place, cell in enumerate(line) if _is_dots(cell)]
    number, last, index = _only_index(first), _only_index(written[-1]), Name("i'")
    like_first = _replaced(first, number, index)
    middle = line[at[0] + 1 : at[1]]
    others = [*line[: at[0]], *line[at[1] + 1 :]]
    label = _only_index(middle[0]) if len(middle) == 1 else None
    is_alike = all(_replaced(other, _only_index(other), index) == like_first for other in others)
    begins = [_only_index(other) for other in line[: at[0]]]
    counted = [Number(Fraction(start + place)) for start in (0, 1) for place in range(at[0])]
    is_counted = begins in (counted[: at[0]], counted[at[0] :]) and isinstance(last, Name)
    if None in (number, label) or not (is_alike and is_counted):
        raise IllFormedError("the dots of the vector leave out more than entries like its first")
    own = _replaced(middle[0], label, index)
    return Listed(Choice(((Same(index, label or index), own), (None, like_first))), index.name)


def _only_index(node: Node) -> Node | None:
    """The one class at which something is taken in an entry; None where there are more or none."""
    found = {
        index for part in walk(node) if isinstance(part, Item) for index in part.indices if isinstance(index, Node)
    }
    return found.pop() if len(found) == 1 else None


def _replaced(node: Node, index: Node | None, other: Node) -> Node:
    """An entry with another class for its own."""

    def at_other(part: Node) -> Node | None:
        if isinstance(part, Item) and part.indices == (index,):
            return Item(part.body, (other,))
        return None

    found: Node = rewrite(node, at_other)
    return found


def _with_gap(rows: Sequence[Sequence[Node]]) -> Dotted:
    """The matrix of the rows, of which dots leave out rows, columns or both."""
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
