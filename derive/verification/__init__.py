"""Verify a build on this machine: its files, its proofs, and every function against its definition."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
from sympy import IndexedBase

from derive import native
from derive.catalogue.model import Activation, Composition, Loss
from derive.errors import DeriveError, OutputError, ProofError
from derive.kernel.ir import Kernel
from derive.kernel.plan import quantities_of
from derive.notation import g, t, v, z
from derive.pipeline import Track, derive_quantities, plan_kernels, silently
from derive.proof.field import BadPointError
from derive.verification.callers import LANGUAGES, Caller, CallError, NumpyCaller
from derive.verification.layers import compare_layer
from derive.verification.rows import Array, make_rows
from derive.verification.truth import Truth, find_truth
from derive.write import MANIFEST, damaged, read_manifest, read_spec

PRECISIONS = (np.dtype(np.float32), np.dtype(np.float64))
CLASS_COUNTS = (1, 2, 3, 17, 200)
"""What kernels for any number of classes are tested with: each small shape, and rows of more than one block."""
LARGEST_MATRIX = 200
"""The most classes at which a Jacobian or Hessian is computed."""
ALLOWED = 16
"""The error allowed, in units of u times the size that `derive.verification.truth` gives."""


@dataclass(frozen=True)
class Finding:
    """The outcome of one part of the verification.

    Attributes:
        folder: the build folder.
        composition: what it is about; empty for the files of the folder.
        part: `files`, `derivation`, or a language and precision: `c float32`.
        passed: whether all of it is as it should be.
        count: how many files, checks or numbers were looked at.
        worst: the largest error, in units of u times the size of the entry; None where nothing was measured.
        problem: what was wrong, one sentence; empty where it passed.
    """

    folder: Path
    composition: str
    part: str
    passed: bool
    count: int
    worst: float | None = None
    problem: str = ""


def verify(folder: Path, track: Track = silently) -> tuple[Finding, ...]:
    """Verify one build folder, or every build folder in `folder`.

    Raises:
        OutputError: there is no build.
        MissingToolError: a build has C, and this machine has no compiler; nothing is verified then.
    """
    builds = {build: (read_spec(build), read_manifest(build)["files"]) for build in find_builds(folder)}
    if any(path.endswith(".c") for _, files in builds.values() for path in files):
        native.find_compiler()
    findings: list[Finding] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for build, (spec, files) in builds.items():
            compositions = read_compositions(build, spec)
            # Compilers work while derivations are proved and the truth is evaluated.
            loading = [start_loading(pool, build, composition, files) for composition in compositions]
            findings.append(check_files(build, files))
            for composition, callers in zip(track(compositions, f"verifying {build}"), loading, strict=True):
                findings.append(prove(build, composition, spec["n"]))
                findings += try_functions(build, composition, spec["n"], callers)
                findings += try_layer(build, composition, spec["n"], files)
    return tuple(findings)


def start_loading(
    pool: Executor, build: Path, composition: Composition, files: Collection[str]
) -> Mapping[str, "Future[Caller]"]:
    """The functions of a composition in each language that the build has, being compiled or imported."""
    names = {language: f"{language}/{composition.stem}{suffix}" for language, (suffix, _) in LANGUAGES.items()}
    return {
        language: pool.submit(load, build / names[language])
        for language, (_, load) in LANGUAGES.items()
        if names[language] in files
    }


def find_builds(folder: Path) -> tuple[Path, ...]:
    """`folder` itself where it has a manifest, otherwise the folders in it that have one."""
    if (folder / MANIFEST).is_file():
        return (folder,)
    builds = tuple(sorted(manifest.parent for manifest in folder.glob(f"*/{MANIFEST}")))
    if not builds:
        raise OutputError(f"{folder} holds no build; make one with: derive build")
    return builds


def read_compositions(build: Path, spec: Mapping[str, Any]) -> list[Composition]:
    """The compositions of a build, from the definitions in its manifest.

    Raises:
        OutputError: the manifest does not hold definitions that this version reads.
    """
    try:
        return [
            Composition(Activation(**each["activation"]), _read_loss(each["loss"]), tuple(each.get("further", ())))
            for each in spec["compositions"]
        ]
    except (KeyError, TypeError):
        raise OutputError(
            f"{build / MANIFEST} holds no definitions that this version of derive reads; build it again"
        ) from None


def _read_loss(entry: dict[str, Any] | None) -> Loss | None:
    return None if entry is None else Loss(**{**entry, "assumes": tuple(entry.get("assumes", ()))})


def check_files(build: Path, files: Collection[str]) -> Finding:
    """Whether the files of a build are what its manifest says."""
    wrong = damaged(build)
    problem = f"{wrong[0]} is missing or was changed; write it again with: derive build" if wrong else ""
    return Finding(build, "", "files", not wrong, len(files), problem=problem)


def prove(build: Path, composition: Composition, n: int | None) -> Finding:
    """Derive every quantity again; every step and closed form is checked on the way."""
    try:
        results = derive_quantities(composition, n)
    except ProofError as failure:
        return Finding(build, composition.name, "derivation", False, 0, problem=str(failure))
    checks = sum(len(result.steps) + len(result.proofs) for result in results)
    return Finding(build, composition.name, "derivation", True, checks)


def try_functions(
    build: Path, composition: Composition, n: int | None, callers: Mapping[str, "Future[Caller]"]
) -> Iterator[Finding]:
    """Compare every function of every language with the definition, in single and double precision."""
    kernels = plan_kernels(composition, n)
    for language, loading in callers.items():
        part = language
        try:
            caller = loading.result()
            for dtype in PRECISIONS:
                part = f"{language} {dtype.name}"
                count, worst = compare(caller, kernels, composition, dtype)
                yield Finding(build, composition.name, part, True, count, worst)
        except Exception as failure:  # noqa: BLE001 - code that is wrong may raise anything
            problem = str(failure) if isinstance(failure, (CallError, DeriveError)) else repr(failure)
            yield Finding(build, composition.name, part, False, 0, problem=problem)


def try_layer(build: Path, composition: Composition, n: int | None, files: Collection[str]) -> Iterator[Finding]:
    """Compare the functions of a linear layer, where there is one, with the definition."""
    name = f"numpy/{composition.stem}_layer.py"
    if name not in files:
        return
    part = "layer"
    try:
        module = NumpyCaller.load(build / name).module
        for dtype in PRECISIONS:
            part = f"layer {dtype.name}"
            count, worst = compare_layer(module, composition, n, dtype, ALLOWED)
            yield Finding(build, composition.name, part, True, count, worst)
    except Exception as failure:  # noqa: BLE001 - code that is wrong may raise anything
        problem = str(failure) if isinstance(failure, (CallError, DeriveError)) else repr(failure)
        yield Finding(build, composition.name, part, False, 0, problem=problem)


def compare(
    caller: Caller, kernels: Sequence[Kernel], composition: Composition, dtype: np.dtype[Any]
) -> tuple[int, float]:
    """How many numbers were compared with the truth, and the largest error in units of u times the size.

    Raises:
        CallError: an error is larger than allowed, or a call failed.
    """
    count, worst = 0, 0.0
    for kernel in filter(caller.has, kernels):
        rank = max(array.rank for array in kernel.outputs)
        for n in CLASS_COUNTS if kernel.n is None else (kernel.n,):
            if rank == 2 and n > LARGEST_MATRIX:
                continue
            outputs = caller.call(kernel, make_rows(n, dtype))
            for quantity, output in zip(quantities_of(composition, kernel.name), outputs.values(), strict=True):
                truths = _truths(composition, quantity, n, kernel.labels)
                for row, (got, truth) in enumerate(zip(output, truths, strict=True)):
                    if truth is None:
                        continue
                    error = truth.error(got)
                    if not error <= ALLOWED:
                        where = f"{kernel.name}{' with labels' if kernel.labels else ''} in {dtype.name} at n = {n}"
                        raise CallError(f"{where}: row {row} is off by {error:.3g} u, and {ALLOWED} are allowed")
                    count, worst = count + len(truth.places), max(worst, error)
    return count, worst


@cache
def _truths(composition: Composition, quantity: str, n: int, labels: bool) -> tuple[Truth | None, ...]:
    """The truth of each row; None where the definition has no finite value, and nothing can be asked of a kernel."""
    rows = make_rows(n, PRECISIONS[0])
    vectors = {z: rows.z, t: rows.one_hot if labels else rows.t, g: rows.g, v: rows.v}
    each = [dict(zip(vectors, row, strict=True)) for row in zip(*vectors.values(), strict=True)]
    label_of = [int(label) for label in rows.labels] if labels else [None] * len(each)
    return tuple(_truth_or_none(composition, quantity, row, at) for row, at in zip(each, label_of, strict=True))


def _truth_or_none(
    composition: Composition, quantity: str, row: Mapping[IndexedBase, Array], label: int | None
) -> Truth | None:
    try:
        truth = find_truth(composition, quantity, row, label)
    except (ZeroDivisionError, BadPointError):
        return None
    return truth if all(map(mpmath.isfinite, (*truth.values, *truth.sizes))) else None
