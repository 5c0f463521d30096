"""Try one build: prove its derivations again, and compare every function with its definition."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from derive.catalogue.model import Activation, Composition, Loss
from derive.errors import DeriveError, OutputError, ProofError
from derive.kernel.ir import Kernel
from derive.kernel.plan import quantities_of
from derive.kernel.statements import is_over_pairs
from derive.notation import Contraction, free_indices, g, label, occurrences, t, v, z
from derive.pipeline import derive_quantities, plan_kernels
from derive.progress import Track
from derive.proof.field import BadPointError
from derive.verification.callers import (
    LANGUAGES,
    NOTHING,
    Caller,
    CallError,
    Compiling,
    NumpyCaller,
    call_each_way,
)
from derive.verification.finding import Finding
from derive.verification.rows import make_rows
from derive.verification.truth import Case, Truth
from derive.write import MANIFEST

PRECISIONS = (np.dtype(np.float32), np.dtype(np.float64))
CLASS_COUNTS = (1, 2, 3, 17, 200)
"""What kernels for any number of classes are tested with: each small shape, and rows of more than one block."""
CLASS_COUNTS_OF_PAIRS = (1, 2, 3, 17, 48)
"""The same where a function takes something of every pair of classes: the truth of 200 has 40,000 terms a row."""
LARGEST_MATRIX = 200
"""The most classes at which a Jacobian or Hessian is computed."""
ALLOWED = 16
"""The error allowed, in units of u times the size that `derive.verification.truth` gives."""


def try_build(
    build: Path, spec: Mapping[str, Any], files: Collection[str], compiling: Compiling, track: Track
) -> Iterator[Finding]:
    """Everything that is to be found out about the compositions of a build."""
    for composition in track(read_compositions(build, spec), f"verifying {build}"):
        yield prove(build, composition, spec["n"])
        yield from try_functions(build, composition, spec["n"], loaders(build, composition, files, compiling))
        yield from try_layer(build, composition, spec["n"], files)


def loaders(
    build: Path, composition: Composition, files: Collection[str], compiling: Compiling = NOTHING
) -> Mapping[str, Callable[[], Caller]]:
    """What loads the functions of a composition, for each language that the build has."""
    names = {language: f"{language}/{composition.stem}{suffix}" for language, (suffix, _) in LANGUAGES.items()}
    return {
        language: partial(load, build / names[language], compiling)
        for language, (_, load) in LANGUAGES.items()
        if names[language] in files
    }


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


def prove(build: Path, composition: Composition, n: int | None) -> Finding:
    """Derive every quantity again; every step and closed form is checked on the way."""
    try:
        results = derive_quantities(composition, n)
    except ProofError as failure:
        return Finding(build, composition.name, "derivation", False, 0, problem=str(failure))
    checks = sum(len(result.steps) + len(result.proofs) for result in results)
    return Finding(build, composition.name, "derivation", True, checks)


def try_functions(
    build: Path, composition: Composition, n: int | None, loading: Mapping[str, Callable[[], Caller]]
) -> Iterator[Finding]:
    """Compare every function of every language with the definition, in single and double precision."""
    kernels = plan_kernels(composition, n)
    for language, load in loading.items():
        part = language
        try:
            caller = load()
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
    from derive.verification.layers import compare_layer  # noqa: PLC0415 - it loads a target, and few builds have layers

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
        CallError: an error is larger than allowed, a call failed, or nothing of a function could be compared.
    """
    count, worst = 0, 0.0
    for kernel in filter(caller.has, kernels):
        before = count
        is_matrix = any(array.rank == 2 for array in kernel.outputs)
        tried = [n for n in _class_counts(kernel, composition) if not is_matrix or n <= LARGEST_MATRIX]
        for n in tried:
            quantities = quantities_of(composition, kernel.name)
            for outputs in call_each_way(caller, kernel, make_rows(n, dtype)):
                for quantity, output in zip(quantities, outputs.values(), strict=True):
                    truths = _truths(composition, quantity, n, kernel.labels)
                    for row, (got, truth) in enumerate(zip(output, truths, strict=True)):
                        if truth is None:
                            continue
                        error = truth.error(got)
                        if not error <= ALLOWED:
                            where = f"{_describe(kernel)} in {dtype.name} at n = {n}"
                            raise CallError(f"{where}: row {row} is off by {error:.3g} u, and {ALLOWED} are allowed")
                        count, worst = count + len(truth.places), max(worst, error)
        if tried and count == before:
            raise CallError(f"{_describe(kernel)}: no row that is tried has a finite value to be compared with")
    return count, worst


def _describe(kernel: Kernel) -> str:
    return f"{kernel.name}{' with labels' if kernel.labels else ''}"


def _class_counts(kernel: Kernel, composition: Composition) -> tuple[int, ...]:
    if kernel.n is not None:
        return (kernel.n,)
    return CLASS_COUNTS_OF_PAIRS if is_over_pairs(kernel) or _is_of_pairs(composition) else CLASS_COUNTS


def _is_of_pairs(composition: Composition) -> bool:
    """Whether the definition of the loss has a sum for each class, also where a kernel makes do without."""
    definition = composition.loss_definition
    return definition is not None and any(free_indices(each) - {label} for each in occurrences(definition, Contraction))


@cache
def _truths(composition: Composition, quantity: str, n: int, labels: bool) -> tuple[Truth | None, ...]:
    """The truth of each row; None where the definition has no finite value, and nothing can be asked of a kernel."""
    return tuple(_truth_or_none(case, quantity) for case in _cases(composition, n, labels))


@cache
def _cases(composition: Composition, n: int, labels: bool) -> tuple[Case, ...]:
    rows = make_rows(n, PRECISIONS[0])
    vectors = {z: rows.z, t: rows.one_hot if labels else rows.t, g: rows.g, v: rows.v}
    each = [dict(zip(vectors, row, strict=True)) for row in zip(*vectors.values(), strict=True)]
    label_of = [int(label) for label in rows.labels] if labels else [None] * len(each)
    return tuple(Case.of(composition, row, label) for row, label in zip(each, label_of, strict=True))


def _truth_or_none(case: Case, quantity: str) -> Truth | None:
    try:
        truth = case.truth(quantity)
    except (ZeroDivisionError, BadPointError):
        return None
    found = (*truth.values, *truth.sizes)
    return truth if all(map(mpmath.isfinite, found)) else None
