"""The benchmark measures what it says: the same results, honest medians, figures as they are stated."""

import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import timing
from benchmarks.__main__ import main
from benchmarks.cells import OPERATIONS, Cell, Grid, make_case
from benchmarks.derived import C_NAME, NUMPY_NAME, prepare_c, prepare_numpy
from benchmarks.figures import judge
from benchmarks.page import BEGIN, END, write_page
from benchmarks.peers import find_peers
from benchmarks.results import Measured, Results, geometric_mean
from benchmarks.timing import measure

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


def test_a_time_is_the_median_over_rounds_in_which_everyone_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, calls = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])

    def takes(name: str, *seconds: float):
        left = [seconds[0], *seconds]  # the first call only finds out how often to repeat

        def call() -> None:
            calls.append(name)
            clock[0] += left.pop(0)

        return call

    made = measure({"one": takes("one", 1, 1, 9), "two": takes("two", 2, 2, 2)}, budget=0)
    assert calls == ["one", "two", "one", "two", "two", "one", "one", "two"]
    assert (made["one"].seconds, made["one"].ratio) == (1, 1)
    assert (made["two"].seconds, made["two"].ratio) == (2, 2)
    assert made["two"].rounds == 3


def test_a_grid_leaves_out_rows_longer_than_all_logits() -> None:
    cells = list(Grid(("softmax",), (3, 1000), (100, 3000), ("float32",)).cells(1))
    assert [(cell.n, cell.batch) for cell in cells] == [(3, 33), (1000, 3), (3, 1000)]
    assert cells[0].bytes_moved == 2 * 4 * 99


def test_figures_are_half_in_double_precision_and_less_on_two_threads() -> None:
    seconds = {C_NAME: 1.0, "PyTorch": 16.0, "JAX": 3.0}
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
    eager = "cross-entropy, labels, forward + backward, against PyTorch"
    best = "the same, against the best peer"
    assert found[eager, "float32, 1 thread, n ≤ 10"].is_met
    assert not found[best, "float32, 1 thread, n ≤ 10"].is_met
    assert found[eager, "float64, 1 thread, n ≤ 10"].wanted == 7.5
    assert found[eager, "float32, 2 threads, n ≤ 10"].wanted == pytest.approx(10.5)
    assert found["two threads against one", "1 M logits"].median == 1


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
