"""Plots: speed over the number of classes for each operation and dtype, and a roofline."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cells import DTYPES, OPERATIONS
from benchmarks.derived import AVX2_NAME, C_NAME, NUMPY_NAME
from benchmarks.results import Measured, Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

SHOWN_SIZE = 1 << 20
"""Logits of the cells that are shown over n."""
_OURS = {C_NAME: ("#b3261e", "-", 2.4), AVX2_NAME: ("#b3261e", ":", 1.4), NUMPY_NAME: ("#b3261e", "--", 1.4)}
_COLOURS = ("#0b5cad", "#63a4e8", "#8250df", "#e08a00", "#1a7f37", "#6b7280", "#111827", "#b3261e", "#d6409f")
_MARKERS = "os^vD<>phX*"
_NANOSECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
_CLASSES = (2, 4, 10, 32, 100, 1000, 4096, 32000, 128256)
_INTENSITIES = (0.5, 1, 2, 4, 8, 16, 32)
_GIGAFLOPS = tuple(digit * 10**power for power in range(4) for digit in (1, 1.5, 2, 3, 5, 7))


def draw(results: Results, folder: Path) -> list[Path]:
    """Write the plots as SVG, and return where.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import matplotlib as mpl  # noqa: PLC0415 - the tables come without it

    mpl.use("svg")
    mpl.rcParams |= {
        "svg.hashsalt": "derive",
        "svg.fonttype": "none",
        "font.size": 9,
        "axes.grid": True,
        "grid.color": "#e5e7eb",
        "axes.edgecolor": "#9ca3af",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
    }
    folder.mkdir(parents=True, exist_ok=True)
    present = [name for name in OPERATIONS if any(each.cell.operation == name for each in results.cells)]
    if not present:
        return []
    return [*(_draw_speed(results, name, folder) for name in present), _draw_roofline(results, folder)]


def _draw_speed(results: Results, operation: str, folder: Path) -> Path:
    dtypes = [dtype for dtype in DTYPES if _on_one_thread(results, operation, dtype)] or list(DTYPES)
    figure, panels = _panels(dtypes)
    peers = [name for name in results.contenders() if name not in _OURS]
    styles = {**_OURS, **{name: (colour, "-", 1.4) for name, colour in zip(peers, _COLOURS, strict=False)}}
    for axis, dtype in zip(panels, dtypes, strict=True):
        cells = _on_one_thread(results, operation, dtype)
        for (name, (colour, line, width)), marker in zip(reversed(styles.items()), _MARKERS, strict=False):
            known = [(each.cell.n, 1e9 * each.seconds[name] / each.cell.size) for each in cells if name in each.seconds]
            if known:
                axis.plot(
                    *zip(*known, strict=True), line, color=colour, linewidth=width, marker=marker, ms=3, label=name
                )
        axis.set(xscale="log", yscale="log", xlabel="classes n", title=dtype)
        _mark(axis.xaxis, [n for n in _CLASSES if any(each.cell.n == n for each in cells)], "{:,}")
        axis.tick_params(axis="x", labelrotation=45)
        _mark(axis.yaxis, _NANOSECONDS, "{:g}")
    panels[0].set_ylabel("ns for one logit; less is better")
    figure.suptitle(f"{OPERATIONS[operation].title}: 2²⁰ logits, one thread")
    _name_lines(figure, panels, list(styles))
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
    threads = min(results.copy)
    dtypes = [dtype for dtype in DTYPES if any(each.cell.dtype == dtype for each in results.cells)]
    figure, panels = _panels(dtypes)
    for axis, dtype in zip(panels, dtypes, strict=True):
        peak, bandwidth = results.arithmetic[threads][dtype] / 1e9, results.bandwidth(threads) / 1e9
        cells = [each for each in results.cells if (each.cell.dtype, each.cell.threads) == (dtype, threads)]
        for operation, colour, marker in zip(OPERATIONS, _COLOURS, _MARKERS, strict=False):
            points = [_roofline_point(each) for each in cells if each.cell.operation == operation]
            if points:
                axis.scatter(*zip(*points, strict=True), s=14, color=colour, marker=marker, alpha=0.5, label=operation)
        left, ridge, right = _INTENSITIES[0], peak / bandwidth, max(_INTENSITIES[-2], 2 * peak / bandwidth)
        axis.plot([left, ridge, right], [left * bandwidth, peak, peak], color="black", linewidth=1.2)
        axis.set(xscale="log", yscale="log", xlabel="operations for one byte that must be moved", title=dtype)
        axis.annotate(f"product of matrices, {peak:.0f}·10⁹/s", (right, peak), (0, 3), **_LABEL, ha="right")
        axis.annotate(f"copy, {bandwidth:.1f} GB/s", (2 * left, 2 * left * bandwidth), (6, -8), **_LABEL, ha="left")
        _mark(axis.xaxis, [each for each in _INTENSITIES if each <= right], "{:g}")
        _mark(axis.yaxis, _GIGAFLOPS, "{:g}")
    panels[0].set_ylabel("10⁹ operations a second; more is better")
    figure.suptitle(f"Our C kernels under the roofs of the machine, {threads} thread{'s' * (threads > 1)}")
    _name_lines(figure, panels, list(OPERATIONS))
    return _save(figure, folder / "roofline.svg")


_LABEL = {"textcoords": "offset points", "fontsize": 8}


def _roofline_point(measured: Measured) -> tuple[float, float]:
    flops = OPERATIONS[measured.cell.operation].flops * measured.cell.size
    return flops / measured.cell.bytes_moved, flops / measured.seconds[C_NAME] / 1e9


def _panels(dtypes: Sequence[str]) -> tuple["Figure", list["Axes"]]:
    """A figure with one panel for each dtype, of the same scale."""
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(
        1, len(dtypes), figsize=(2.2 + 4 * len(dtypes), 4), sharey=True, layout="constrained", squeeze=False
    )
    return figure, list(axes[0])


def _mark(axis: "Axis", values: Sequence[float], pattern: str) -> None:
    """Ticks at `values` within the data and no others: those that a logarithmic axis chooses are powers of ten."""
    low, high = axis.get_view_interval()
    within = [value for value in values if low <= value <= high]
    axis.set_ticks(within, [pattern.format(value) for value in within])
    axis.set_ticks([], minor=True)


def _name_lines(figure: "Figure", panels: Sequence["Axes"], order: Sequence[str]) -> None:
    """A legend beside the panels, where it covers nothing."""
    found = {
        label: handle for panel in panels for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    names = [name for name in order if name in found]
    if names:
        figure.legend([found[name] for name in names], names, loc="outside right upper", fontsize=8)


def _save(figure: "Figure", path: Path) -> Path:
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path
