"""The benchmark measures what it says: the same results, honest medians, figures as they are stated."""

import math
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from benchmarks import timing
from benchmarks.__main__ import main
from benchmarks.cells import OPERATIONS, Cell, Grid, make_case
from benchmarks.derived import AVX2_NAME, C_NAME, NUMPY_NAME, load_c, prepare_avx2, prepare_c, prepare_numpy
from benchmarks.figures import judge
from benchmarks.measure import expected_seconds, run
from benchmarks.page import BEGIN, END, write_page
from benchmarks.peers import find_peers
from benchmarks.plots import draw
from benchmarks.results import Measured, Results, geometric_mean
from benchmarks.table import cell_tables, figure_tables
from benchmarks.timing import measure
from derive.compiler import processor_flags

SLOW_TO_COMPILE = "torch.compile"


def line(operation: str, n: int, seconds: dict[str, float], dtype: str = "float32", threads: int = 1) -> dict:
    cell = {"operation": operation, "n": n, "batch": (1 << 20) // n, "dtype": dtype, "threads": threads}
    ours = seconds[C_NAME]
    timings = {name: {"seconds": each, "ratio": each / ours, "rounds": 3} for name, each in seconds.items()}
    return {"kind": "cell", **cell, "timings": timings}


def results(*lines: dict) -> Results:
    made = Results({"processor": "a processor"}, copy={1: [1e10, 1e10], 2: [2e10]})
    for each in lines:
        made.add(each)
    return made


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_contender_computes_the_same(operation: str, dtype: str) -> None:
    case = make_case(Cell(operation, 5, 7, dtype, 1))
    peers, _ = find_peers(1)
    forms = {NUMPY_NAME: lambda each: prepare_numpy(operation, each)}
    forms |= {peer.name: peer.forms[operation] for peer in peers if operation in peer.forms}
    forms.pop(SLOW_TO_COMPILE, None)
    expected = prepare_c(operation, case)()
    kept = [np.array(each) for each in (expected if isinstance(expected, tuple) else (expected,))]
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    for name, form in forms.items():
        got = form(case)()
        for one, other in zip(got if isinstance(got, tuple) else (got,), kept, strict=True):
            np.testing.assert_allclose(np.asarray(one), other, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.skipif("avx2" not in processor_flags(), reason="instruction sets of x86-64")
def test_the_c_without_avx512_is_compiled_apart() -> None:
    case = make_case(Cell("softmax", 5, 7, "float32", 1))
    with_all = np.array(prepare_c("softmax", case)())
    np.testing.assert_allclose(prepare_avx2("softmax", case)(), with_all, rtol=1e-6)
    assert load_c("softmax", 5, on_avx2=True) is not load_c("softmax", 5)


def test_a_time_is_the_median_over_rounds_in_which_everyone_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, calls = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])

    def takes(name: str, *seconds: float):
        left = [*seconds]

        def call() -> None:
            calls.append(name)
            clock[0] += left.pop(0)

        return call

    first = {"one": 1.0, "two": 2.0}
    made = measure({"one": takes("one", 1, 1, 9), "two": takes("two", 2, 2, 2)}, budget=16, first=first)
    assert calls == ["one", "two", "two", "one", "one", "two"]
    assert (made["one"].seconds, made["one"].ratio) == (1, 1)
    assert (made["two"].seconds, made["two"].ratio) == (2, 2)
    assert made["two"].rounds == 3


def test_the_first_call_stands_for_a_round_that_there_is_no_time_for() -> None:
    def never() -> None:
        raise AssertionError("called again")

    made = measure({"one": never, "two": never}, budget=2.5, first={"one": 1.0, "two": 2.0})
    assert (made["two"].seconds, made["two"].ratio, made["two"].rounds) == (2, 2, 1)


def test_short_rounds_are_three_whatever_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    left = [0.001, 0.080, 0.001]

    def waits_once() -> None:
        clock[0] += left.pop(0)

    made = measure({"one": waits_once}, budget=0.0, first={"one": 0.001})
    assert (round(made["one"].seconds, 6), made["one"].rounds) == (0.001, 3)


def test_every_cell_has_its_share_of_the_time_and_none_is_left_out() -> None:
    short, long = Cell("softmax", 1000, 4, "float32", 1), Cell("softmax", 3, 1 << 22, "float64", 1)
    assert expected_seconds(short) < 1 < 5 < expected_seconds(long)
    lines = list(run(Grid(("softmax",), (40,), (80, 160), ("float32",)), 1, 0.0, compiled=False))
    assert [line["kind"] for line in lines] == ["start", "cell", "cell", "end"]
    assert all(timing["rounds"] == 3 for line in lines[1:3] for timing in line["timings"].values())


def test_a_grid_leaves_out_rows_longer_than_all_logits() -> None:
    cells = list(Grid(("softmax",), (3, 1000), (100, 3000), ("float32",)).cells(1))
    assert [(cell.n, cell.batch) for cell in cells] == [(3, 33), (1000, 3), (3, 1000)]
    assert cells[0].bytes_moved == 2 * 4 * 99


def test_figures_are_half_in_double_precision_and_less_on_two_threads() -> None:
    seconds = {C_NAME: 1.0, "PyTorch": 16.0, "PyTorch kernels": 14.0, "JAX": 3.0}
    found = {
        (each.title, each.where): each
        for each in judge(
            results(
                line("ce-labels", 3, seconds),
                line("ce-labels", 3, seconds, dtype="float64"),
                line("ce-labels", 3, seconds, threads=2),
            )
        )
    }
    eager = "cross-entropy, labels, forward + backward, against PyTorch eager"
    best = "the same, against the best peer"
    assert found[eager, "float32, 1 thread, n ≤ 10"].is_met
    assert not found[best, "float32, 1 thread, n ≤ 10"].is_met
    assert found[eager, "float64, 1 thread, n ≤ 10"].wanted == 7.5
    assert found[eager, "float32, 2 threads, n ≤ 10"].wanted == pytest.approx(10.5)
    assert found["two threads against one", "1 M logits"].median == 1


def test_the_slowest_cell_is_named() -> None:
    found = {
        each.title: each
        for each in judge(
            results(
                line("mse", 10, {C_NAME: 1.0, "JAX": 3.0, "NumPy": 2.0}),
                line("softmax", 3, {C_NAME: 1.0, "JAX": 0.5, AVX2_NAME: 1.25}, threads=2),
            )
        )
    }
    slowest = found["the slowest cell, against any peer"]
    assert (slowest.median, slowest.least_at) == (0.5, "softmax 349525 × 3, float32, 2 threads: JAX")
    assert found["mse, forward + backward, against the best peer"].least_at == "mse 104857 × 10"
    assert found["AVX2, as a part of the speed with AVX-512"].median == 0.8


def test_tables_are_no_wider_than_100_columns() -> None:
    names = (
        C_NAME,
        AVX2_NAME,
        NUMPY_NAME,
        "PyTorch",
        "PyTorch kernels",
        "torch.compile",
        "JAX",
        "scikit-learn",
        "NumPy",
    )
    lines = [line(name, n, dict.fromkeys(names, 1.0)) for name in ("ce-dense-loss", "mse") for n in (2, 128)]
    console = Console(width=200, record=True, file=StringIO())
    for table in (*cell_tables(results(*lines)), *figure_tables(results(*lines))):
        console.print(table)
    text = console.export_text()
    assert max(len(each.rstrip()) for each in text.splitlines()) <= 100
    assert "…" not in text


def test_plots_show_every_contender(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    names = (C_NAME, AVX2_NAME, NUMPY_NAME, "PyTorch", "PyTorch kernels", "torch.compile", "JAX", "SciPy", "NumPy")
    made = results(*(line("softmax", n, dict.fromkeys(names, 1e-3 * n)) for n in (2, 10, 128)))
    made.arithmetic[1] = {"float32": 1e11, "float64": 5e10}
    speed, roofline = (path.read_text() for path in draw(made, tmp_path))
    assert all(f">{name}</text>" in speed for name in names)
    assert ">copy, 10.0 GB/s</text>" in roofline


def test_the_best_peer_is_the_fastest_and_none_of_ours() -> None:
    measured = Measured.read(line("softmax", 3, {C_NAME: 1.0, NUMPY_NAME: 0.5, "SciPy": 4.0, "NumPy": 2.0}))
    assert measured.best == 2
    assert measured.numpy_ratio("SciPy") == 8
    assert math.isnan(measured.numpy_ratio("JAX"))
    assert geometric_mean([2.0, 8.0, math.nan]) == pytest.approx(4)


def test_the_page_keeps_its_prose(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    for _ in range(2):
        write_page(results(line("softmax", 3, {C_NAME: 1e-3, "SciPy": 4e-3})), page, [tmp_path / "benchmarks/a.svg"])
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| 3 | 0.95 · 4.0× |" in text
    assert "![a](benchmarks/a.svg)" in text
    assert "| 3 | 349525 | 0.954 | 84 % | 4.00 |" in (tmp_path / "benchmarks" / "float32-1.md").read_text()
    page.write_text("no markers")
    with pytest.raises(ValueError, match="has no lines"):
        write_page(results(), page, [])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--ops", "softmax,sofmax"], "'sofmax' is not measured; there are ce-labels"),
        (["--n", "3,x"], "'3,x' is no list of numbers"),
        (["--n", "0"], "0 is no count; it should be 1 or more"),
        (["--dtype", "float16"], "'float16' is not measured; there are float32, float64"),
    ],
)
def test_a_wrong_option_is_one_sentence(arguments: list[str], sentence: str) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert sentence in done.output
