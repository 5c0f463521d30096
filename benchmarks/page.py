"""The page of the documents: prose by hand, and between two markers what a run measured."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.cells import DTYPES, OPERATIONS
from benchmarks.figures import judge
from benchmarks.results import Measured, Results
from benchmarks.table import FIGURE_COLUMNS, cell_row, figure_row, other_contenders

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def write_page(results: Results, page: Path, plots: Sequence[Path]) -> None:
    """Replace what stands between the markers of `page`, and write the tables of all cells beside its plots.

    Raises:
        ValueError: the page has no such markers.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has no lines {BEGIN} and {END}")
    measured = "\n".join(_section(results, page, plots))
    page.write_text(f"{before}{BEGIN}\n\n{measured}\n\n{END}{after}", encoding="utf-8")
    for threads in results.copy:
        for dtype in DTYPES:
            _write_cells(results, page.with_suffix("") / f"{dtype}-{threads}.md", dtype, threads)


def _section(results: Results, page: Path, plots: Sequence[Path]) -> Iterator[str]:
    words = {threads: f"{threads} thread{'s' if threads > 1 else ''}" for threads in results.copy}
    facts = [f"{key}: {value}" for key, value in results.machine.items() if value]
    facts += [f"{name} {version}" for name, version in results.versions.items()]
    facts += [f"copy, {word}: {results.bandwidth(threads) / 1e9:.1f} GB/s" for threads, word in words.items()]
    yield "\n".join(f"- {fact}" for fact in facts)
    yield "\n## Figures: how much faster\n"
    yield from _markdown(("", *FIGURE_COLUMNS), map(figure_row, judge(results)))
    yield "\n## Our C kernels: ns for one logit, and how much faster than the best peer\n"
    for threads in results.copy:
        for dtype in DTYPES:
            yield from _summary(results, dtype, threads)
    folder = page.with_suffix("").name
    listed = ", ".join(f"[{d}, {word}]({folder}/{d}-{t}.md)" for t, word in words.items() for d in DTYPES)
    yield f"\nEvery cell, with the ratio to each peer: {listed}.\n"
    yield "## Plots\n"
    yield from (f"![{path.stem}]({path.relative_to(page.parent).as_posix()})" for path in plots)
    if results.left_out:
        yield "\n## Left out\n"
        yield "\n".join(f"- {what}: {why}" for what, why in results.left_out.items())


def _summary(results: Results, dtype: str, threads: int) -> Iterator[str]:
    """A line for each n, a column for each operation, at 1 M logits."""
    shown: dict[int, dict[str, Measured]] = {}
    for each in results.cells:
        cell = each.cell
        if (cell.dtype, cell.threads) == (dtype, threads) and 1 << 19 < cell.size <= 1 << 20:
            shown.setdefault(cell.n, {})[cell.operation] = each
    operations = [name for name in OPERATIONS if any(name in row for row in shown.values())]
    if not operations:
        return
    yield f"\n{dtype}, {threads} thread{'s' if threads > 1 else ''}, 1 M logits:\n"
    rows = [
        [
            str(n),
            *(f"{row[name].nanoseconds:.2f} · {row[name].best:.1f}×" if name in row else "" for name in operations),
        ]
        for n, row in sorted(shown.items())
    ]
    yield from _markdown(("n", *operations), rows)


def _write_cells(results: Results, path: Path, dtype: str, threads: int) -> None:
    cells = [each for each in results.cells if (each.cell.dtype, each.cell.threads) == (dtype, threads)]
    others = other_contenders(results, cells)
    lines = [f"# Every cell: {dtype}, {threads} thread{'s' if threads > 1 else ''}", ""]
    lines += [
        "Time of our C kernel, share of the copy bandwidth, and how much faster it is than each of the others.",
        "",
    ]
    columns = ("n", "batch", "ns/element", "of copy", *others)
    for operation in OPERATIONS:
        own = [each for each in cells if each.cell.operation == operation]
        if own:
            own.sort(key=lambda each: (each.cell.n, each.cell.batch))
            rows = [cell_row(results, each, others) for each in own]
            lines += [f"## {OPERATIONS[operation].title}", "", *_markdown(columns, rows), ""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")


def _markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
