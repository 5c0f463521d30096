"""Vectors and matrices written out entry by entry, for a given number of classes."""

from collections.abc import Callable, Mapping, Sequence

from sympy import Expr, Integer, Symbol

from derive.language.layout import lay_out
from derive.language.tree import Dots, Grid, Node
from derive.notation import rename

MOST_SHOWN = 6
"""Rows or columns that are written out; a larger vector or matrix shows its first two and its last, with dots."""

_Position = int | None
"""A class number, or None for the dots."""


def matrix(expression: Expr, row: Symbol, column: Symbol, n: int, most: int = MOST_SHOWN) -> Grid:
    """The matrix of `expression`, `row` and `column` running over `n` classes, numbered from 1."""
    return _grid(lambda i, j: entry(expression, {row: i, column: j}), shown(n, most), shown(n, most))


def row_vector(expression: Expr, index: Symbol, n: int, most: int = MOST_SHOWN) -> Grid:
    """The row vector of `expression`, `index` running over `n` classes, numbered from 1."""
    return _grid(lambda _, j: entry(expression, {index: j}), (1,), shown(n, most))


def column_vector(expression: Expr, index: Symbol, n: int, most: int = MOST_SHOWN) -> Grid:
    """The column vector of `expression`, `index` running over `n` classes, numbered from 1."""
    return _grid(lambda i, _: entry(expression, {index: i}), shown(n, most), (1,))


def entry(expression: Expr, classes: Mapping[Symbol, int]) -> Node:
    """`expression` with class numbers for its free indices."""
    return lay_out(rename(expression, {index: Integer(number) for index, number in classes.items()}))


def shown(count: int, most: int = MOST_SHOWN) -> Sequence[_Position]:
    """The class numbers that are written out, None where dots stand for the rest."""
    return range(1, count + 1) if count <= most else (1, 2, None, count)


def _grid(at: Callable[[int, int], Node], rows: Sequence[_Position], columns: Sequence[_Position]) -> Grid:
    return Grid(tuple(tuple(_cell(at, i, j) for j in columns) for i in rows))


def _cell(at: Callable[[int, int], Node], i: _Position, j: _Position) -> Node:
    if i is None:
        return Dots("v" if j is not None else "d")
    return Dots("h") if j is None else at(i, j)
