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
        "cross-entropy, labels, forward + backward, against PyTorch",
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
    """

    title: str
    where: str
    wanted: float
    median: float
    least: float
    cells: int

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
                    yield from _reached(figure.title, where, _scaled(wanted, dtype, threads), map(figure.ratio, cells))
    yield from judge_all(results)


def judge_all(results: Results) -> Iterator[Reached]:
    """The figures of all cells together."""
    ratios = [ratio for each in results.cells for ratio in each.peers.values()]
    if ratios:
        yield Reached("the slowest cell, against any peer", "all cells", 0.9, min(ratios), min(ratios), len(ratios))
        mean = geometric_mean(each.best for each in results.cells)
        yield Reached("geometric mean, against the best peer", "all cells", 3, mean, mean, len(results.cells))
    large = [
        each
        for each in results.cells
        if (each.cell.operation, each.cell.threads) == ("ce-labels", 1)
        and each.cell.n >= 1000
        and each.cell.size > max(SIZES) // 2
    ]
    for dtype in DTYPES:
        shares = [results.bandwidth_share(each) for each in large if each.cell.dtype == dtype]
        title = "cross-entropy, labels, forward + backward: share of the copy bandwidth"
        yield from _reached(title, f"{dtype}, out of cache, n ≥ 1000", 0.6, shares)
    yield from _reached("two threads against one", "1 M logits", 1.6, _speed_ups(results))


def _speed_ups(results: Results) -> Sequence[float]:
    """How much faster two threads are, in cells that the cache holds and that are worth the second thread."""
    one = {_without_threads(each): each.seconds for each in results.cells if each.cell.threads == 1}
    return [
        one[_without_threads(each)][C_NAME] / each.seconds[C_NAME]
        for each in results.cells
        if each.cell.threads == 2 and 1 << 18 < each.cell.size <= 1 << 20 and _without_threads(each) in one
    ]


def _without_threads(measured: Measured) -> tuple[str, int, int, str]:
    cell = measured.cell
    return cell.operation, cell.n, cell.batch, cell.dtype


def _reached(title: str, where: str, wanted: float, ratios: Iterable[float]) -> Iterator[Reached]:
    known = [ratio for ratio in ratios if not math.isnan(ratio)]
    if known:
        yield Reached(title, where, wanted, statistics.median(known), min(known), len(known))


def _scaled(wanted: float, dtype: str, threads: int) -> float:
    if dtype == "float64":
        wanted = max(FLOAT64_SHARE * wanted, 1)
    return wanted * TWO_THREADS_SHARE if threads > 1 else wanted
