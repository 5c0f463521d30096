"""Losses over pairs of classes: every function against differences of the loss, which is written out by hand here."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import derive
from derive.catalogue.model import Composition
from derive.pipeline import plan_kernels
from derive.verification.callers import LANGUAGES, Caller
from derive.verification.rows import Rows
from tests.numeric.test_c_clean import SANITIZERS, WARNINGS, require, run

Array = np.ndarray[Any, Any]
CLASSES = (1, 2, 5, 40, 41, 150, 300)
"""Across rows and along them; rows of one vector, of some, and of more than are added in a line."""
ROWS = 3
SMALL = ("-DPRECISIONS=64", "-DINSTRUCTION_SETS=1")
"""What a test compiles that needs but one of everything."""


def softmax(z: Array) -> Array:
    exponentials = np.exp(z - z.max())
    return exponentials / exponentials.sum()


def differences(z: Array) -> Array:
    """z[k] - z[i] at [i, k]."""
    return z[np.newaxis, :] - z[:, np.newaxis]


def ranknet(z: Array, t: Array, _label: int) -> Any:
    return (t[:, np.newaxis] * (1 - t) * np.logaddexp(0, differences(z))).sum()


def ranked_probability(z: Array, t: Array, _label: int) -> Any:
    n = len(z)
    return (t * np.abs(z - 1)).sum() - np.abs(differences(z)).sum() / (2 * n**2)


def bayesian(z: Array, _t: Array, label: int) -> Any:
    return np.logaddexp(0, z - z[label]).sum() + (np.tanh(differences(z)) ** 2).sum()


def of_ratios(z: Array, t: Array, _label: int) -> Any:
    y = softmax(z)
    return (t[:, np.newaxis] * t * np.sqrt(y[np.newaxis, :] + y[:, np.newaxis] + 1)).sum()


def smooth_rank(z: Array, t: Array, _label: int) -> Any:
    """What ApproxNDCG is made of: a function of each class's place among all, counted by a smooth step."""
    return (t * np.log(1.5 + (1 - np.tanh(-differences(z))).sum(axis=1))).sum()


@dataclass(frozen=True)
class Case:
    """A definition, and the loss of a row by hand."""

    definition: str
    loss: Callable[[Array, Array, int], Any]
    labels: bool = False
    has_kinks: bool = False


CASES = {
    "ranknet": Case(
        "identity+sum(sum(t[i]*(1 - t[k])*log(1 + exp(z[k] - z[i])) for k in range(n)) for i in range(n))", ranknet
    ),
    "ranked probability": Case(
        "identity+sum(t[i]*abs(z[i] - 1) for i in range(n))"
        " - 1/(2*n**2)*sum(sum(abs(z[i] - z[k]) for i in range(n)) for k in range(n))",
        ranked_probability,
        has_kinks=True,
    ),
    "bayesian, of a label": Case(
        "identity+sum(log(1 + exp(z[i] - z[k])) for i in range(n))"
        " + sum(sum(tanh(z[i] - z[j])**2 for i in range(n)) for j in range(n))",
        bayesian,
        labels=True,
    ),
    "smooth rank": Case(
        "identity+sum(t[i]*log(1.5 + sum(1 - tanh(z[i] - z[k]) for k in range(n))) for i in range(n))", smooth_rank
    ),
    "of sums": Case("softmax+sum(sum(t[i]*t[j]*sqrt(1 + y[i] + y[j]) for i in range(n)) for j in range(n))", of_ratios),
}


@cache
def composition_of(name: str) -> Composition:
    return derive.derive(CASES[name].definition, name="pairs").composition


@pytest.fixture(scope="module", params=CASES)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A case, and the folder of its kernels."""
    folder = tmp_path_factory.mktemp("pairs")
    derive.build(compositions=[CASES[request.param].definition], name="pairs", out=folder, targets=["numpy", "c"])
    return request.param, folder / "any"


@cache
def rows_of(n: int) -> Rows:
    random = np.random.default_rng(n)
    z, t, g, v = (random.normal(scale=2, size=(ROWS, n)) for _ in "ztgv")
    return Rows(z, softmax_rows(t), g, v, random.integers(n, size=ROWS))


def softmax_rows(z: Array) -> Array:
    return np.apply_along_axis(softmax, -1, z)


@cache
def along_direction(name: str, n: int) -> tuple[Array, Array, Array]:
    """The loss of each row, its first and its second derivative along v, by differences of extended precision."""
    rows, loss, has_kinks = rows_of(n), CASES[name].loss, CASES[name].has_kinks
    step = np.longdouble(2) ** (-34 if has_kinks else -9)
    found = []
    for z, t, v, label in zip(rows.z, rows.t, rows.v, rows.labels, strict=True):
        wide, target, direction = (each.astype(np.longdouble) for each in (z, t, v))
        at = {m: loss(wide + m * step * direction, target, label) for m in range(-4, 5)}
        first = sum(w * (at[m] - at[-m]) for m, w in {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}.items()) / step
        even = {1: 8 / 5, 2: -1 / 5, 3: 8 / 315, 4: -1 / 560}
        # Between its kinks a loss of absolute values is linear.
        second = 0 if has_kinks else sum(w * (at[m] + at[-m] - 2 * at[0]) for m, w in even.items()) / step**2
        found.append((at[0], first, second))
    values, firsts, seconds = zip(*found, strict=True)
    return np.array(values, np.float64), np.array(firsts, np.float64), np.array(seconds, np.float64)


@pytest.mark.parametrize("n", CLASSES)
@pytest.mark.parametrize("language", ["numpy", "c"])
def test_the_functions_agree_with_differences_of_the_loss(built: tuple[str, Path], language: str, n: int) -> None:
    name, folder = built
    rows = rows_of(n)
    value, first, second = along_direction(name, n)
    for kernel, outputs in called(name, folder, language, rows):
        for output, got in outputs.items():
            expected = {"loss": value, "grad": first, "product": second, "hess": second}[output]
            match output:
                case "grad" | "product":
                    found = (got * rows.v).sum(axis=-1)
                case "hess":
                    found = np.einsum("bi,bij,bj->b", rows.v, got, rows.v)
                case _:
                    found = got
            size = max(1.0, float(np.max(np.abs(expected))))
            assert np.max(np.abs(found - expected)) <= 1e-6 * size, (kernel, output)


@cache
def caller_of(name: str, folder: Path, language: str) -> Caller:
    suffix, load = LANGUAGES[language]
    return load(folder / language / f"{composition_of(name).stem}{suffix}")


def called(name: str, folder: Path, language: str, rows: Rows) -> Iterator[tuple[str, dict[str, Array]]]:
    """The outputs of every function of a language."""
    caller = caller_of(name, folder, language)
    for kernel in plan_kernels(composition_of(name), None):
        if caller.has(kernel):
            yield kernel.name, dict(caller.call(kernel, rows))


@pytest.mark.parametrize("n", CLASSES)
def test_the_languages_agree(built: tuple[str, Path], n: int) -> None:
    name, folder = built
    by_language = [dict(called(name, folder, language, rows_of(n))) for language in ("numpy", "c")]
    one, other = by_language
    assert {"loss", "gradient", "loss_and_gradient", "hvp"} <= one.keys() & other.keys()
    for function in other:
        for output, numbers in other[function].items():
            size = max(1.0, float(np.max(np.abs(numbers))))
            assert np.max(np.abs(one[function][output] - numbers)) <= 1e-12 * n * size, (function, output)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_c_compiles_without_a_warning(built: tuple[str, Path], compiler: str, tmp_path: Path) -> None:
    (source,) = (built[1] / "c").glob("*.c")
    run(
        [
            require(compiler),
            "-std=c11",
            "-O1",
            "-DINSTRUCTION_SETS=2",
            *WARNINGS,
            "-c",
            source,
            "-o",
            tmp_path / "object.o",
        ]
    )


def test_the_c_reads_and_writes_within_bounds(built: tuple[str, Path], tmp_path: Path) -> None:
    """A C program calls the gradient on arrays of exactly their size, under sanitizers."""
    name, folder = built
    (source,) = (folder / "c").glob("*.c")
    stem = source.stem
    labels = CASES[name].labels
    targets = "labels" if labels else "t, n"
    program = f"""
#include <stdlib.h>
#include "{folder / "c" / stem}.h"
int main(void) {{
    for (size_t n = 1; n < 70; n += n < 8 ? 1 : 13) {{
        for (size_t batch = 1; batch < 20; batch += 6) {{
            double *z = malloc(batch * n * sizeof *z), *t = malloc(batch * n * sizeof *t);
            double *grad = malloc(batch * n * sizeof *grad), *loss = malloc(batch * sizeof *loss);
            int64_t *labels = malloc(batch * sizeof *labels);
            for (size_t k = 0; k < batch * n; k++) {{ z[k] = (double)(k % 7) - 3.0; t[k] = 1.0 / (double)n; }}
            for (size_t k = 0; k < batch; k++) {{ labels[k] = (int64_t)(k % n); }}
            if ({stem}_loss_and_gradient{"_labels" * labels}_f64(batch, n, z, n, {targets}, loss, grad, n)) return 1;
            free(z); free(t); free(grad); free(loss); free(labels);
        }}
    }}
    return 0;
}}
"""
    (tmp_path / "main.c").write_text(program)
    compiler = require("gcc")
    run([compiler, *SANITIZERS, *SMALL, tmp_path / "main.c", source, "-lm", "-o", tmp_path / "main"])
    done = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
