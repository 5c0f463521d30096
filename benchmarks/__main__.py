"""`python -m benchmarks`: measure, show, keep, draw."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import cells, machine
from benchmarks.cells import Grid
from benchmarks.page import write_page
from benchmarks.plots import draw
from benchmarks.results import Measured, Results
from benchmarks.table import cell_tables, figure_tables, progress_line

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
WIDTH = 100
"""Of the tables where they go into a file or a pipe."""
MOST_SHOWN = 200
"""Cells whose tables are printed; those of more are in the JSON, and on the page that `--docs` writes."""
FULL_SECONDS, QUICK_SECONDS = 18 * 60, 60
"""For measuring; starting, the plots, the tables and calls longer than their share come on top: ten minutes, or one."""
KEEP_SECONDS = 10
"""After which what was measured so far is written, should the run be stopped."""


def _chosen(known: tuple[Any, ...], read: Callable[[str], Any]) -> Callable[..., tuple[Any, ...]]:
    """The reader of an option: a list with commas, of which each must be known."""

    def choose(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[Any, ...]:
        if value is None:
            return ()
        try:
            chosen = tuple(read(part.strip()) for part in value.split(","))
        except ValueError:
            raise click.BadParameter(f"{value!r} is no list of numbers") from None
        for each in chosen:
            if not known and each < 1:
                raise click.BadParameter(f"{each} is no count; it should be 1 or more")
            if known and each not in known:
                raise click.BadParameter(f"{each!r} is not measured; there are {', '.join(map(str, known))}")
        return chosen

    return choose


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Fewer cells, one thread, in two minutes.")
@click.option("--ops", callback=_chosen(tuple(cells.OPERATIONS), str), help="Operations, such as softmax,mse.")
@click.option("--n", "class_counts", callback=_chosen((), int), help="Class counts.")
@click.option("--dtype", "dtypes", callback=_chosen(cells.DTYPES, str), help="float32 or float64.")
@click.option("--size", "sizes", callback=_chosen((), int), help="Logits in all, batch times n.")
@click.option("--threads", callback=_chosen((1, 2), int), help="1 or 2.")
@click.option("--minutes", type=float, help="How long to measure.")
@click.option("--docs", is_flag=True, help="Write the tables and plots of docs/benchmarks.md.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=ROOT / "build" / "benchmarks", help="For JSON and plots."
)
def main(
    quick: bool,
    ops: tuple[str, ...],
    class_counts: tuple[int, ...],
    dtypes: tuple[str, ...],
    sizes: tuple[int, ...],
    threads: tuple[int, ...],
    minutes: float | None,
    docs: bool,
    out: Path,
) -> None:
    """Compare the generated kernels with their peers: PyTorch, JAX, scikit-learn, SciPy and NumPy."""
    grid = Grid(
        ops or tuple(cells.OPERATIONS),
        class_counts or (cells.QUICK_CLASS_COUNTS if quick else cells.CLASS_COUNTS),
        sizes or (cells.QUICK_SIZES if quick else cells.SIZES),
        dtypes or (cells.QUICK_DTYPES if quick else cells.DTYPES),
    )
    counts = threads or ((1,) if quick else (1, 2))
    budget = (60 * minutes if minutes else QUICK_SECONDS if quick else FULL_SECONDS) / len(counts)
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    results = Results(machine.describe())
    if machine.is_busy():
        console.print("other programs keep the processors busy: times on two threads, most of all, mean little")
    kept = time.monotonic()
    for count in counts:
        for _ in _measure(results, grid, count, budget, compiled=not quick, console=console):
            if time.monotonic() - kept > KEEP_SECONDS:
                results.write(out / "results.json")
                kept = time.monotonic()
    results.write(out / "results.json")
    if len(results.cells) <= MOST_SHOWN:
        for table in cell_tables(results):
            console.print(table)
    for table in figure_tables(results):
        console.print(table)
    console.print(", ".join(f"{key}: {value}" for key, value in results.machine.items() if value), highlight=False)
    for what, why in results.left_out.items():
        console.print(f"left out: {what}: {why}", highlight=False)
    plots = _draw(results, PAGE.with_suffix("") if docs else out, console)
    if docs:
        write_page(results, PAGE, plots)
    console.print(f"written: {out / 'results.json'}{f', {PAGE}' if docs else ''}, {len(plots)} plots", soft_wrap=True)


def _measure(
    results: Results, grid: Grid, threads: int, budget: float, *, compiled: bool, console: Console
) -> Iterator[None]:
    """Let a process of its own measure on that many threads, show how far it is, and yield after each cell."""
    if hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) < threads:
        results.left_out[f"{threads} threads"] = "there are not so many processors"
        return
    columns = (
        TextColumn("{task.percentage:3.0f} %"),
        BarColumn(20),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"starting on {threads} threads", total=None)
        for line in _lines(grid, threads, budget, compiled=compiled):
            results.add(line)
            if line["kind"] == "start":
                progress.update(task, total=line["cells"])
            elif line["kind"] == "cell":
                progress.update(task, advance=1, description=progress_line(Measured.read(line)))
                yield


def _lines(grid: Grid, threads: int, budget: float, *, compiled: bool) -> Iterator[dict[str, Any]]:
    """What the measuring process writes, line by line.

    Raises:
        click.ClickException: it failed.
    """
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {
        **os.environ,
        **dict.fromkeys(names, str(threads)),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # it would start processes of its own, which disturb the others
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    }
    request = {"grid": astuple(grid), "threads": threads, "budget": budget, "compiled": compiled}
    command = [sys.executable, "-m", "benchmarks.measure"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request))
        process.stdin.close()
        for line in process.stdout:
            if line.startswith('{"kind"'):  # a library may have something to say, too
                yield json.loads(line)
    if process.returncode != 0:
        raise click.ClickException(f"measuring on {threads} threads ended with status {process.returncode}")


def _draw(results: Results, folder: Path, console: Console) -> list[Path]:
    try:
        return draw(results, folder)
    except ImportError as error:
        console.print(f"no plots: {error}")
        return []


if __name__ == "__main__":
    main()
