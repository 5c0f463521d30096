"""The results on a terminal."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import JustifyMethod
from rich.table import Table

from benchmarks.cells import OPERATIONS
from benchmarks.derived import AVX2_NAME, C_NAME, NUMPY_NAME
from benchmarks.figures import Reached, judge
from benchmarks.results import Measured, Results

FIGURE_COLUMNS = ("where", "wanted", "median", "least", "cells", "", "least at")
"""The heads of the table of figures."""


_HEADS = {
    "of copy": "of\ncopy",
    AVX2_NAME: "derive\nAVX2",
    NUMPY_NAME: "derive\nNumPy",
    "PyTorch kernels": "PyTorch\nkernels",
    "torch.compile": "torch.\ncompile",
    "scikit-learn": "scikit-\nlearn",
}
"""The heads of the narrow columns of cells, where they are not the name of the contender."""


def cell_tables(results: Results) -> Iterator[Table]:
    """A table for each operation, dtype and number of threads, with a line for each cell."""
    groups: dict[tuple[str, str, int], list[Measured]] = {}
    for each in results.cells:
        groups.setdefault((each.cell.operation, each.cell.dtype, each.cell.threads), []).append(each)
    for (operation, dtype, threads), cells in groups.items():
        others = other_contenders(results, cells)
        title = f"{OPERATIONS[operation].title}, {dtype}, {threads} thread{'s' if threads > 1 else ''}"
        caption = "ns for one logit; share of the copy's bandwidth; how many times as long the others take"
        table = _table(title, caption=caption, caption_justify="left")
        for column in ("n", "batch", "ns", "of copy", *others):
            table.add_column(_HEADS.get(column, column), justify="right", no_wrap=True)
        for each in sorted(cells, key=lambda one: (one.cell.n, one.cell.batch)):
            table.add_row(*cell_row(results, each, others))
        yield table


def _table(title: str, **options: Any) -> Table:
    """An empty table that is narrow enough for 100 columns."""
    narrow = {"collapse_padding": True, "pad_edge": False, "box": SIMPLE_HEAD}
    return Table(title=f"\n{title}", title_justify="left", **narrow, **options)


def other_contenders(results: Results, cells: Sequence[Measured]) -> list[str]:
    """The contenders besides our C that some of `cells` have, in the order of the tables."""
    return [name for name in results.contenders() if name != C_NAME and any(name in each.ratios for each in cells)]


def cell_row(results: Results, measured: Measured, others: Sequence[str]) -> list[str]:
    """One cell: its size, our time, the share of the copy bandwidth, and the ratio to each of `others`."""
    cell = measured.cell
    share = f"{100 * results.bandwidth_share(measured):.0f} %"
    ratios = [measured.ratios.get(name) for name in others]
    return [str(cell.n), str(cell.batch), f"{measured.nanoseconds:.3f}", share, *map(_ratio, ratios)]


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def figure_tables(results: Results) -> Iterator[Table]:
    """What was to be reached and what was: a table for each comparison."""
    groups: dict[str, list[Reached]] = {}
    for each in judge(results):
        groups.setdefault(each.title, []).append(each)
    for title, reached in groups.items():
        table = _table(title)
        for column in FIGURE_COLUMNS:
            justify: JustifyMethod = "right" if column in FIGURE_COLUMNS[1:5] else "left"
            table.add_column(column, justify=justify, no_wrap=column != FIGURE_COLUMNS[-1])
        for each in reached:
            table.add_row(*figure_row(each)[1:], style="" if each.is_met else "bold")
        yield table


def figure_row(reached: Reached) -> list[str]:
    """One line of it, the title first."""
    return [
        reached.title,
        reached.where,
        f"{reached.wanted:.2f}",
        f"{reached.median:.2f}",
        f"{reached.least:.2f}",
        str(reached.cells),
        "reached" if reached.is_met else "short",
        reached.least_at,
    ]


def progress_line(measured: Measured) -> str:
    """A cell, in a few words, while it is measured."""
    cell = measured.cell
    best = f"{measured.best:.1f} × the best peer" if measured.peers else "no peer"
    return f"{cell.operation}, n = {cell.n}, {cell.dtype}: {measured.nanoseconds:.2f} ns, {best}"
