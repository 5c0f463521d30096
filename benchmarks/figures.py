"""The figures that the kernels are meant to reach, and what was reached."""

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.cells import DTYPES, SIZES
from benchmarks.derived import C_NAME
from benchmarks.results import Measured, Results, geometric_mean

BANDS = {"n ≤ 10": (1, 10), "16–128": (11, 128), "1000–4096": (129, 4096), "≥ 32000": (4097, 1 << 62)}
"""Class counts by the columns of the table."""

FLOAT64_SHARE = 0.5
"""What of a figure has to be reached in double precision, and at least 1."""
TWO_THREADS_SHARE = 0.7
"""What of a figure has to be reached on two threads, the peers having two as well."""


@dataclass(frozen=True)
class Figure:
    """A ratio to be reached, in each band.

    Attributes:
        title: what is compared.
        operations: of which operations.
        ratio: how much faster a cell is; NaN where that was not measured.
        wanted: by band, for float32 and one thread.
        threads: the numbers of threads that it is for.
    """

    title: str
    operations: tuple[str, ...]
    ratio: Callable[[Measured], float]
    wanted: tuple[float, float, float, float]
    threads: tuple[int, ...] = (1, 2)


FIGURES = (
    Figure(
        "cross-entropy, labels, forward + backward, against PyTorch eager",
        ("ce-labels",),
        lambda each: each.peers.get("PyTorch", math.nan),
        (15, 5, 6, 4),
    ),
    Figure("the same, against the best peer", ("ce-labels",), lambda each: each.best, (4, 2.5, 3, 3)),
    Figure(
        "softmax and log-softmax, against the best peer",
        ("softmax", "log-softmax"),
        lambda each: each.best,
        (5, 1.5, 2, 1.5),
    ),
    Figure("mse, forward + backward, against the best peer", ("mse",), lambda each: each.best, (5, 3, 3, 3)),
    Figure(
        "NumPy module, against SciPy",
        ("softmax", "log-softmax"),
        lambda each: each.numpy_ratio("SciPy"),
        (1.5, 1.5, 1.5, 1.5),
        (1,),
    ),
    Figure(
        "NumPy module, against plain NumPy",
        ("softmax", "log-softmax"),
        lambda each: each.numpy_ratio("NumPy"),
        (1, 1, 1.2, 1.2),
        (1,),
    ),
)


@dataclass(frozen=True)
class Reached:
    """One figure in one place of the table.

    Attributes:
        title, where: what was compared.
        wanted: the figure.
        median, least: over the cells.
        cells: how many there are.
        least_at: the cell of the least.
    """

    title: str
    where: str
    wanted: float
    median: float
    least: float
    cells: int
    least_at: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the median of the cells is what was wanted."""
        return self.median >= self.wanted


def judge(results: Results) -> Iterator[Reached]:
    """Every figure, wherever there is a cell to judge it by: the table's, then those of the whole run."""
    for figure in FIGURES:
        for threads in figure.threads:
            for dtype in DTYPES:
                for (band, (low, high)), wanted in zip(BANDS.items(), figure.wanted, strict=True):
                    cells = [
                        each
                        for each in results.cells
                        if each.cell.operation in figure.operations
                        and (each.cell.dtype, each.cell.threads) == (dtype, threads)
                        and low <= each.cell.n <= high
                    ]
                    where = f"{dtype}, {threads} thread{'s' if threads > 1 else ''}, {band}"
                    yield from _reached(
                        figure.title, where, _scaled(wanted, dtype, threads), _named(figure.ratio, cells)
                    )
    yield from judge_all(results)


def judge_all(results: Results) -> Iterator[Reached]:
    """The figures of all cells together."""
    ratios = [(ratio, f"{name_cell(each)}: {peer}") for each in results.cells for peer, ratio in each.peers.items()]
    if ratios:
        least, where = min(ratios)
        yield Reached("the slowest cell, against any peer", "all cells", 0.9, least, least, len(ratios), where)
        mean = geometric_mean(each.best for each in results.cells)
        least, where = min((each.best, name_cell(each)) for each in results.cells if each.peers)
        yield Reached("geometric mean, against the best peer", "all cells", 3, mean, least, len(results.cells), where)
    large = [
        each
        for each in results.cells
        if (each.cell.operation, each.cell.threads) == ("ce-labels", 1)
        and each.cell.n >= 1000
        and each.cell.size > max(SIZES) // 2
    ]
    for dtype in DTYPES:
        shares = _named(results.bandwidth_share, [each for each in large if each.cell.dtype == dtype])
        title = "cross-entropy, labels, forward + backward: share of the copy bandwidth"
        yield from _reached(title, f"{dtype}, out of cache, n ≥ 1000", 0.6, shares)
    yield from _reached("two threads against one", "1 M logits", 1.6, _speed_ups(results))
    title = "AVX2, as a part of the speed with AVX-512"
    yield from _reached(title, "1 M logits", 0.5, [(each.avx2_ratio, name_cell(each)) for each in results.cells])


def name_cell(measured: Measured) -> str:
    """A cell in a few words."""
    cell = measured.cell
    return f"{cell.operation} {cell.batch} × {cell.n}, {cell.dtype}, {cell.threads} thread{'s' * (cell.threads > 1)}"


def _name_rows(measured: Measured) -> str:
    """What tells a cell from the others of its dtype and its threads."""
    cell = measured.cell
    return f"{cell.operation} {cell.batch} × {cell.n}"


Named = tuple[float, str]
"""A ratio and the cell that it is of."""


def _named(ratio: Callable[[Measured], float], cells: Iterable[Measured]) -> list[Named]:
    return [(ratio(each), _name_rows(each)) for each in cells]


def _speed_ups(results: Results) -> Sequence[Named]:
    """How much faster two threads are, in cells that the cache holds and that are worth the second thread."""
    one = {_without_threads(each): each.seconds for each in results.cells if each.cell.threads == 1}
    return [
        (one[_without_threads(each)][C_NAME] / each.seconds[C_NAME], name_cell(each))
        for each in results.cells
        if each.cell.threads == 2 and 1 << 18 < each.cell.size <= 1 << 20 and _without_threads(each) in one
    ]


def _without_threads(measured: Measured) -> tuple[str, int, int, str]:
    cell = measured.cell
    return cell.operation, cell.n, cell.batch, cell.dtype


def _reached(title: str, where: str, wanted: float, ratios: Iterable[Named]) -> Iterator[Reached]:
    known = [(ratio, name) for ratio, name in ratios if not math.isnan(ratio)]
    if known:
        least, name = min(known)
        yield Reached(title, where, wanted, statistics.median(ratio for ratio, _ in known), least, len(known), name)


def _scaled(wanted: float, dtype: str, threads: int) -> float:
    if dtype == "float64":
        wanted = max(FLOAT64_SHARE * wanted, 1)
    return wanted * TWO_THREADS_SHARE if threads > 1 else wanted
