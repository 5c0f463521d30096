"""Try the functions of a linear layer: their gradients against those of the rows, summed exactly."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import mpmath
import numpy as np

from derive.catalogue.model import Composition
from derive.catalogue.parameters import choose_parameters
from derive.kernel.arguments import name_arguments
from derive.notation import t, z
from derive.targets.layer_numpy import RENAMED
from derive.verification.callers import CallError
from derive.verification.rows import Array
from derive.verification.truth import find_truth

ROWS, INPUTS, CLASSES = 4, 2, 3
SEED = 20060102
NAMES = ("loss", "w_grad", "b_grad", "x_grad")


@dataclass(frozen=True)
class _Batch:
    """Inputs, weights and biases in eighths, so that the logits are exact in each precision; and targets."""

    x: Array
    w: Array
    b: Array
    targets: Array
    labels: Array | None

    @property
    def logits(self) -> Array:
        logits: Array = self.x @ self.w + self.b
        return logits


def compare_layer(
    module: ModuleType, composition: Composition, n: int | None, dtype: np.dtype[Any], allowed: float
) -> tuple[int, float]:
    """How many numbers were compared with the truth, and the largest error in units of u times the size.

    Raises:
        CallError: an error is larger than `allowed`.
    """
    count, worst = 0, 0.0
    classes = CLASSES if n is None else n
    parameters = choose_parameters(tuple(name_arguments(composition.parameters).values()), classes)
    keywords = {RENAMED.get(name, name): value for name, value in parameters.items()}
    for batch in _make_batches(composition, classes):
        given = batch.targets.astype(dtype) if batch.labels is None else batch.labels
        arrays = (each.astype(dtype) for each in (batch.x, batch.w, batch.b))
        x, w, b = arrays
        for reduction, exact in _find_exact(composition, batch).items():
            got = module.loss_and_gradients(x, w, b, given, reduction=reduction, **keywords)
            for name, array, (values, sizes) in zip(NAMES, got, exact, strict=True):
                error = _measure(np.asarray(array), values, sizes)
                if not error <= allowed:
                    what = f"{name} of loss_and_gradients with reduction {reduction} in {dtype.name}"
                    raise CallError(f"{what} is off by {error:.3g} u, and {allowed} are allowed")
                count, worst = count + np.size(values), max(worst, error)
    return count, worst


def _make_batches(composition: Composition, n: int) -> Iterator[_Batch]:
    random = np.random.default_rng([SEED, n])
    x, w, b = (random.integers(-16, 17, shape) / 8 for shape in ((ROWS, INPUTS), (INPUTS, n), (n,)))
    soft = random.dirichlet(np.ones(n), size=ROWS).astype(np.float32).astype(np.float64)
    if composition.takes_dense:
        yield _Batch(x, w, b, soft, None)
    if composition.takes_labels:
        labels = np.arange(ROWS) % n
        yield _Batch(x, w, b, np.eye(n)[labels], labels)


Numbers = np.ndarray[Any, np.dtype[np.object_]]


def _find_exact(composition: Composition, batch: _Batch) -> Mapping[str, Sequence[tuple[Numbers, Numbers]]]:
    """For each reduction, the values and the sizes of the loss and of its gradients by w, b and x."""
    rows = [{z: logits, t: targets} for logits, targets in zip(batch.logits, batch.targets, strict=True)]
    labels = [None] * ROWS if batch.labels is None else batch.labels.tolist()
    losses, slopes = (
        [find_truth(composition, quantity, row, label) for row, label in zip(rows, labels, strict=True)]
        for quantity in ("value", "gradient")
    )
    exact = np.vectorize(lambda number: mpmath.mpf(float(number)), otypes=[object])
    found = []
    for attribute in ("values", "sizes"):
        x, w = (exact(each if attribute == "values" else np.abs(each)) for each in (batch.x, batch.w))
        loss = np.array([getattr(each, attribute)[0] for each in losses], dtype=object)
        slope = np.array([getattr(each, attribute) for each in slopes], dtype=object)
        found.append((np.asarray(loss.sum(), dtype=object), x.T @ slope, slope.sum(axis=0), slope @ w.T))
    pairs = list(zip(*found, strict=True))
    return {"sum": pairs, "mean": [(values / ROWS, sizes / ROWS) for values, sizes in pairs]}


def _measure(got: Array, values: Numbers, sizes: Numbers) -> float:
    """The largest error in units of u times the size; NaN where an entry is NaN."""
    limits = np.finfo(got.dtype)
    unit, lost = mpmath.mpf(float(limits.eps)) / 2, mpmath.mpf(float(limits.tiny))
    errors = [
        abs(mpmath.mpf(float(number)) - value) / (unit * size + lost)
        for number, value, size in zip(got.flat, np.ravel(values), np.ravel(sizes), strict=True)
    ]
    return float(np.max([float(error) for error in errors]))
