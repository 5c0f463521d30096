"""Every kernel of the catalogue, on hard rows and at the ends of its parameters, against the formulas by hand.

The rule is that of the tables for a few losses: an error of at most 16 u times the largest term of the row,
where log y and 1 - y count as one term each, however close y is to 1 or 0; and, as an underflow may lose, four times
the smallest normal number. All of it takes an hour: `make test` tries a few losses, and `make catalogue` all.
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import mpmath
import numpy as np
import pytest
from mpmath import mpf

import derive
from derive.catalogue import read_composition
from derive.catalogue.model import Composition
from derive.kernel.ir import Kernel
from derive.notation import g, t, v, z
from derive.pipeline import plan_kernels
from derive.verification.callers import LANGUAGES, call_each_way
from derive.verification.rows import Rows
from derive.verification.truth import Case as Truths
from tests.catalogue.compositions import COMPOSITIONS
from tests.catalogue.exact import FAR, Exact, Inputs, find_entries
from tests.catalogue.hard_rows import LOST, Array, Case, choose_ends, make_cases

WHOLE = bool(os.environ.get("DERIVE_CATALOGUE"))
SAMPLE = (
    "sigmoid+binary-cross-entropy",
    "softmax+generalised-cross-entropy",
    "softmax+weighted-cross-entropy",
    "softmax-temperature+poly-1",
)
"""Losses whose derivations take seconds, and whose kernels use most of what keeps kernels stable."""

ALLOWED = 16
CLASS_COUNTS = (1, 2, 3, 10) if WHOLE else (1, 3)


@pytest.mark.parametrize("name", COMPOSITIONS if WHOLE else SAMPLE)
def test_every_kernel_is_right_on_hard_rows(name: str, tmp_path: Path) -> None:
    composition = read_composition(name)
    build = derive.build(out=tmp_path, compositions=[name], targets=["numpy", "c"])
    kernels = plan_kernels(composition, None)
    problems = []
    for language, (suffix, load) in LANGUAGES.items():
        caller = load(build.folder / language / f"{composition.stem}{suffix}")
        for kernel in filter(caller.has, kernels):
            for cases, parameters in _batches(composition, kernel):
                for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
                    for outputs in call_each_way(caller, kernel, _rows(cases, dtype), _cast(parameters, dtype)):
                        for quantity, got in zip(kernel.name.split("_and_"), outputs.values(), strict=True):
                            problems += [
                                f"{language} {kernel.name} {dtype.name} at {case}, {dict(parameters)}: {wrong}"
                                for case, row in zip(cases, got, strict=True)
                                if (wrong := _find_error(composition, quantity, case, parameters, row))
                            ]
    assert not problems, f"{len(problems)} wrong:\n" + "\n".join(problems[:8])


def _batches(composition: Composition, kernel: Kernel):
    """Rows and parameters to try a kernel with."""
    is_matrix = any(array.rank == 2 for array in kernel.outputs)
    largest = 1.0 if "binary" in composition.name else np.inf
    for n in CLASS_COUNTS:
        if is_matrix and n > 3:
            continue
        cases = list(make_cases(n, kernel.labels, largest))
        if not WHOLE:
            cases = cases[::2]
        for number, parameters in enumerate(choose_ends(composition.parameters, n)):
            if WHOLE or number == 0:
                yield cases, parameters


def _rows(cases: list[Case], dtype: np.dtype) -> Rows:
    stacked = (np.array([getattr(case, name) for case in cases], dtype) for name in ("z", "t", "g", "v"))
    return Rows(*stacked, labels=np.array([case.label or 0 for case in cases], np.int64))


def _cast(parameters: Mapping[str, Array], dtype: np.dtype) -> Mapping[str, Array]:
    return {name: each.astype(dtype) for name, each in parameters.items()}


def _find_error(
    composition: Composition, quantity: str, case: Case, parameters: Mapping[str, Array], got: Array
) -> str:
    """What is wrong with a computed row; nothing where it is right, or nothing can be asked of it."""
    frozen = tuple((name, tuple(np.ravel(each).tolist()), each.ndim) for name, each in parameters.items())
    entries, sizes = _find_truth(composition, "value" if quantity == "loss" else quantity, case, frozen)
    limits = np.finfo(got.dtype)
    if entries is None or max(map(abs, entries)) > limits.max / 4:
        return ""
    unit, lost = mpf(float(limits.eps)) / 2, mpf(float(limits.tiny))
    for number, truth, size in zip(np.ravel(got), entries, sizes, strict=True):
        bound = ALLOWED * unit * size + 4 * lost
        if not (np.isfinite(number) and abs(mpf(float(number)) - truth) <= bound):
            return f"{float(number)!r} for {float(truth)!r}, {float(abs(number - truth) / bound):.3g} times the bound"
    return ""


@cache
def _find_truth(composition: Composition, quantity: str, case: Case, frozen: tuple):
    exact = Exact(composition.activation.name, None if composition.loss is None else composition.loss.name)
    numbers = {name: mpf(each[0]) if rank == 0 else [*map(mpf, each)] for name, each, rank in frozen}
    logits = tuple(FAR if each == LOST else mpf(each) for each in case.z)
    inputs = Inputs(logits, *(tuple(map(mpf, each)) for each in (case.t, case.g, case.v)), numbers)
    entries = find_entries(exact, quantity, inputs)
    if entries is None:
        return None, ()
    row = {z: logits, t: case.t, g: case.g, v: case.v}
    parameters = {name: np.array(each[0] if rank == 0 else each) for name, each, rank in frozen}
    with mpmath.workdps(15):
        sizes = Truths.of(composition, row, case.label, parameters).sizes(quantity)
    return entries, sizes
