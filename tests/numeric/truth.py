"""What every function should return for a batch of cases: the oracle's answers as pairs of float64."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from mpmath import mp

from tests.numeric import oracle
from tests.numeric.cases import Array, Batch
from tests.numeric.oracle import Vector


@dataclass(frozen=True)
class Exact:
    """high + low, shape (rows, ...): a number to 2^-106 of itself. Beyond the range high is infinite and low 0."""

    high: Array
    low: Array


@dataclass(frozen=True, eq=False)
class Point:
    """One row of a batch as exact numbers."""

    bits: int
    logs: Vector
    y: Vector
    t: Vector
    g: Vector
    v: Vector


FUNCTIONS: dict[tuple[str, str], Callable[[Point], object]] = {
    ("softmax", "value"): lambda p: p.y,
    ("softmax", "jacobian"): lambda p: oracle.softmax_jacobian(p.y),
    ("softmax", "vjp"): lambda p: oracle.softmax_product(p.y, p.g),
    ("softmax", "jvp"): lambda p: oracle.softmax_product(p.y, p.v),
    ("log_softmax", "value"): lambda p: p.logs,
    ("log_softmax", "jacobian"): lambda p: oracle.log_softmax_jacobian(p.y),
    ("log_softmax", "vjp"): lambda p: oracle.log_softmax_vjp(p.y, p.g),
    ("log_softmax", "jvp"): lambda p: oracle.log_softmax_jvp(p.y, p.v),
    ("softmax_cross_entropy", "loss"): lambda p: oracle.cross_entropy(p.logs, p.t),
    ("softmax_cross_entropy", "gradient"): lambda p: oracle.cross_entropy_gradient(p.y, p.t),
    ("softmax_cross_entropy", "hessian"): lambda p: oracle.cross_entropy_hessian(p.y, p.t),
    ("softmax_cross_entropy", "hvp"): lambda p: oracle.cross_entropy_hvp(p.y, p.t, p.v),
    ("softmax_mse", "loss"): lambda p: oracle.mse(p.y, p.t),
    ("softmax_mse", "gradient"): lambda p: oracle.mse_gradient(p.y, p.t),
    ("softmax_mse", "hessian"): lambda p: oracle.mse_hessian(p.y, p.t),
    ("softmax_mse", "hvp"): lambda p: oracle.mse_hvp(p.y, p.t, p.v),
}
"""By module and quantity."""


@cache
def exact_logits(row: bytes) -> tuple[int, Vector, Vector]:
    """Working bits, log-softmax and softmax of a row given as the bytes of float64."""
    logits = np.frombuffer(row)
    bits = oracle.working_bits(logits)
    with mp.workprec(bits):
        z = oracle.vector(logits)
        return bits, oracle.log_softmax(z), oracle.softmax(z)


def dense(batch: Batch) -> Array:
    """The targets as rows of n: labels as one-hot rows, none as zeros."""
    if batch.t is not None and batch.t.ndim == 2:
        return batch.t
    made = np.zeros(batch.z.shape)
    if batch.t is not None:
        made[np.arange(len(batch.t)), batch.t] = 1.0
    return made


@cache
def points(batch: Batch) -> tuple[Point, ...]:
    """The rows of `batch` as exact numbers."""
    logits = batch.z.astype(np.float64)
    vectors = zip(dense(batch), batch.g, batch.v, strict=True)
    return tuple(
        Point(*exact_logits(row.tobytes()), *(oracle.vector(entry) for entry in entries))
        for row, entries in zip(logits, vectors, strict=True)
    )


@cache
def exact(batch: Batch, module: str, quantity: str) -> Exact:
    """The exact answers for every row of `batch`."""
    pairs = []
    for point in points(batch):
        with mp.workprec(point.bits):
            pairs.append(oracle.to_pair(FUNCTIONS[module, quantity](point)))
    high, low = (np.stack(part) for part in zip(*pairs, strict=True))
    return Exact(high, low)
