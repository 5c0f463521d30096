"""The results on a terminal."""

from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table

from benchmarks.cells import OPERATIONS
from benchmarks.derived import C_NAME
from benchmarks.figures import Reached
from benchmarks.results import Measured, Results

FIGURE_COLUMNS = ("", "where", "wanted", "median", "least", "cells", "")
"""The heads of the table of figures."""


def cell_tables(results: Results) -> Iterator[Table]:
    """A table for each operation, dtype and number of threads, with a line for each cell."""
    peers = [name for name in results.contenders() if name != C_NAME]
    groups: dict[tuple[str, str, int], list[Measured]] = {}
    for each in results.cells:
        groups.setdefault((each.cell.operation, each.cell.dtype, each.cell.threads), []).append(each)
    for (operation, dtype, threads), cells in groups.items():
        title = f"{OPERATIONS[operation].title}, {dtype}, {threads} thread{'s' if threads > 1 else ''}"
        table = Table(title=title, title_justify="left")
        for column in ("n", "batch", "ns/element", "of copy", *(f"× {name}" for name in peers)):
            table.add_column(column, justify="right", no_wrap=True)
        for each in sorted(cells, key=lambda one: (one.cell.n, one.cell.batch)):
            table.add_row(*cell_row(results, each, peers))
        yield table


def cell_row(results: Results, measured: Measured, peers: Sequence[str]) -> list[str]:
    """One cell: its size, our time, the share of the copy bandwidth, and the ratio to each of `peers`."""
    cell = measured.cell
    share = f"{100 * results.bandwidth_share(measured):.0f} %"
    ratios = [f"{measured.ratios[name]:.2f}" if name in measured.ratios else "" for name in peers]
    return [str(cell.n), str(cell.batch), f"{measured.nanoseconds:.3f}", share, *ratios]


def figure_table(reached: Iterable[Reached]) -> Table:
    """What was to be reached and what was."""
    table = Table(title="Figures to reach: how much faster", title_justify="left")
    for column in FIGURE_COLUMNS:
        table.add_column(column, justify="right" if column in FIGURE_COLUMNS[2:-1] else "left", no_wrap=True)
    title = ""
    for each in reached:
        what, *rest = figure_row(each)
        if each.title != title:
            table.add_section()
        table.add_row("" if each.title == title else what, *rest, style="" if each.is_met else "bold")
        title = each.title
    return table


def figure_row(reached: Reached) -> list[str]:
    """One line of it."""
    return [
        reached.title,
        reached.where,
        f"{reached.wanted:.2f}",
        f"{reached.median:.2f}",
        f"{reached.least:.2f}",
        str(reached.cells),
        "reached" if reached.is_met else "falls short",
    ]


def progress_line(measured: Measured) -> str:
    """A cell, in a few words, while it is measured."""
    cell = measured.cell
    best = f"{measured.best:.1f} × the best peer" if measured.peers else "no peer"
    return f"{cell.operation}, n = {cell.n}, {cell.dtype}: {measured.nanoseconds:.2f} ns, {best}"
