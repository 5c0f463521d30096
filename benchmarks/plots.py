"""Plots: speed over the number of classes for each operation and dtype, and a roofline."""

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cells import DTYPES, OPERATIONS
from benchmarks.derived import C_NAME
from benchmarks.results import Measured, Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_SIZE = 1 << 20
"""Logits of the cells that are shown over n."""
_COLOURS = ("#b3261e", "#1f6feb", "#2da44e", "#9a6700", "#8250df", "#57606a", "#bf3989", "#0a7ea4")


def draw(results: Results, folder: Path) -> list[Path]:
    """Write the plots as SVG, and return where.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import matplotlib as mpl  # noqa: PLC0415 - the tables come without it

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "derive", "svg.fonttype": "none", "font.size": 9, "axes.grid": True}
    folder.mkdir(parents=True, exist_ok=True)
    present = [name for name in OPERATIONS if any(each.cell.operation == name for each in results.cells)]
    if not present:
        return []
    return [*(_draw_speed(results, name, folder) for name in present), _draw_roofline(results, folder)]


def _draw_speed(results: Results, operation: str, folder: Path) -> Path:
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(1, len(DTYPES), figsize=(9, 3.4), sharey=True, layout="constrained")
    for axis, dtype in zip(axes, DTYPES, strict=True):
        cells = _on_one_thread(results, operation, dtype)
        for name, colour in zip(results.contenders(), _COLOURS, strict=False):
            known = [(each.cell.n, 1e9 * each.seconds[name] / each.cell.size) for each in cells if name in each.seconds]
            if known:
                width = 2 if name == C_NAME else 1
                axis.plot(*zip(*known, strict=True), marker=".", color=colour, linewidth=width, label=name)
        axis.set(xscale="log", yscale="log", xlabel="classes n", title=f"{OPERATIONS[operation].title}\n{dtype}")
    axes[0].set_ylabel("ns for one logit")
    if axes[0].lines:
        axes[0].legend(fontsize=7)
    return _save(figure, folder / f"{operation}.svg")


def _on_one_thread(results: Results, operation: str, dtype: str) -> list[Measured]:
    chosen = [
        each
        for each in results.cells
        if (each.cell.operation, each.cell.dtype, each.cell.threads) == (operation, dtype, 1)
        and SHOWN_SIZE // 2 < each.cell.size <= SHOWN_SIZE
    ]
    return sorted(chosen, key=lambda each: each.cell.n)


def _draw_roofline(results: Results, folder: Path) -> Path:
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(1, len(DTYPES), figsize=(9, 3.6), sharey=True, layout="constrained")
    threads = min(results.copy)
    for axis, dtype in zip(axes, DTYPES, strict=True):
        peak, bandwidth = results.arithmetic[threads][dtype] / 1e9, results.bandwidth(threads) / 1e9
        intensities = [0.25, peak / bandwidth, 64]
        axis.plot(intensities, [min(peak, bandwidth * each) for each in intensities], color="black", linewidth=1)
        cells = [each for each in results.cells if (each.cell.dtype, each.cell.threads) == (dtype, threads)]
        for operation, colour in zip(OPERATIONS, _COLOURS * 2, strict=False):
            points = [_roofline_point(each) for each in cells if each.cell.operation == operation]
            if points:
                axis.scatter(*zip(*points, strict=True), s=9, color=colour, alpha=0.6, label=operation)
        axis.set(xscale="log", yscale="log", xlabel="operations for one byte that must be moved", title=dtype)
    axes[0].set_ylabel("10⁹ operations a second")
    if axes[0].collections:
        axes[0].legend(fontsize=6, ncols=2)
    return _save(figure, folder / "roofline.svg")


def _roofline_point(measured: Measured) -> tuple[float, float]:
    flops = OPERATIONS[measured.cell.operation].flops * measured.cell.size
    return flops / measured.cell.bytes_moved, flops / measured.seconds[C_NAME] / 1e9


def _save(figure: "Figure", path: Path) -> Path:
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path
