"""How far a kernel may be from the truth: the accuracy table, one function for each of its lines.

A bound is factor * u * scale + floor, with u half the distance from 1 to the next number. `d` is z - max z. The scale
of a sum of terms is its largest term, not its result: terms may cancel. Where a term is itself a sum over the classes,
it counts with the absolute values of its addends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tests.numeric.cases import Array, Batch
from tests.numeric.truth import dense, exact

DISTANCE_LIMIT = 64.0
"""|d| counts up to here in the lines for log-softmax and the losses: far out they would allow any number at all."""
CONFIDENT = 0.9


@dataclass(frozen=True)
class Bound:
    """Factor and scale, broadcast against the output; `u` and `floor` are numbers of the dtype."""

    factor: Array
    scale: Array
    u: float
    floor: Array

    @property
    def width(self) -> Array:
        """The error allowed, of the output's shape."""
        return self.factor * self.u * self.scale + self.floor


@dataclass(frozen=True)
class Rows:
    """A batch in float64, with what the lines of the table speak of; vectors of shape (rows, n)."""

    module: str
    y: Array
    d: Array
    t: Array
    g: Array
    v: Array
    values: Array

    @property
    def n(self) -> int:
        return int(self.y.shape[1])

    @property
    def total(self) -> Array:
        """Sum of |t|, shape (rows, 1)."""
        return np.abs(self.t).sum(axis=1, keepdims=True)


def unit_roundoff(dtype: np.dtype[Any]) -> float:
    return float(np.finfo(dtype).eps) / 2


def read(batch: Batch, module: str, values: Array) -> Rows:
    y = exact(batch, "softmax", "value").high
    z = batch.z.astype(np.longdouble)
    with np.errstate(over="ignore"):
        d = (z.max(axis=1, keepdims=True) - z).astype(np.float64)
    t, g, v = (array.astype(np.float64) for array in (dense(batch), batch.g, batch.v))
    return Rows(module, y, d, t, g, v, values)


def weighted(rows: Rows, direction: Array) -> Array:
    """max(|v_j|, sum_i y_i |v_i|): what y_j multiplies in a product with the softmax Jacobian."""
    size = np.abs(direction)
    return np.maximum(size, (rows.y * size).sum(axis=1, keepdims=True))


def largest(terms: Array) -> Array:
    """The largest of each row's terms, with an axis for every axis of the row."""
    axes = tuple(range(1, terms.ndim))
    return np.asarray(np.abs(terms).max(axis=axes, keepdims=True))


def distance(rows: Rows, counted: Array) -> Array:
    """The largest |d_i| where `counted`, up to the limit, shape (rows, 1)."""
    return np.where(counted & np.isfinite(rows.d), np.minimum(rows.d, DISTANCE_LIMIT), 0.0).max(axis=1, keepdims=True)


Line = Callable[[Rows], tuple[Array | float, Array]]
"""Factor and scale."""


def probability(rows: Rows) -> tuple[Array, Array]:
    factor = (8.0 if rows.n <= 16 else 16.0) + np.minimum(rows.d, 1e4)
    return factor, rows.y


def log_probability(rows: Rows) -> tuple[Array, Array]:
    return 8 + distance(rows, np.isfinite(rows.d)), largest(np.where(np.isfinite(rows.values), rows.values, 0.0))


def cross_entropy_loss(rows: Rows) -> tuple[Array, Array]:
    loss = np.where(np.isfinite(rows.values), rows.values, 0.0)
    return 8 + distance(rows, rows.t > 0)[:, 0], np.abs(loss)


def mse_loss(rows: Rows) -> tuple[Array, Array]:
    """Relative to its terms: y - t cancels, and leaves nothing where t is y."""
    return 8 + distance(rows, rows.t > 0)[:, 0], (np.maximum(rows.y, rows.t) ** 2).mean(axis=1)


def cross_entropy_gradient(rows: Rows) -> tuple[float, Array]:
    return 16.0, largest(np.maximum(rows.y * rows.total, rows.t))


def mse_gradient(rows: Rows) -> tuple[float, Array]:
    return 16.0, largest(rows.y * np.maximum(rows.y, rows.t) * 2 / rows.n)


def softmax_product(direction: str) -> Line:
    return lambda rows: (16.0, largest(rows.y * weighted(rows, getattr(rows, direction))))


def log_softmax_vjp(rows: Rows) -> tuple[float, Array]:
    return 16.0, largest(np.maximum(np.abs(rows.g), rows.y * np.abs(rows.g).sum(axis=1, keepdims=True)))


def log_softmax_jvp(rows: Rows) -> tuple[float, Array]:
    return 16.0, largest(rows.v)


def cross_entropy_hvp(rows: Rows) -> tuple[float, Array]:
    return 16.0, largest(rows.y * weighted(rows, rows.v) * rows.total)


def mse_hvp(rows: Rows) -> tuple[float, Array]:
    """Terms y_j v_j max(y_j, t_j) 2/n, and the same with a sum over the classes in place of a factor."""
    size, residual = weighted(rows, rows.v), np.maximum(rows.y, rows.t)
    summed = (rows.y * size * residual).sum(axis=1, keepdims=True)
    mean = (rows.y * residual).sum(axis=1, keepdims=True)
    return 16.0, largest(rows.y * np.maximum(size * np.maximum(residual, mean), summed) * 2 / rows.n)


def softmax_jacobian(rows: Rows) -> tuple[float, Array]:
    return 16.0, largest(rows.y)[..., None]


def log_softmax_jacobian(rows: Rows) -> tuple[float, Array]:
    return 16.0, np.ones((len(rows.y), 1, 1))


def cross_entropy_hessian(rows: Rows) -> tuple[float, Array]:
    return 16.0, largest(rows.y * rows.total)[..., None]


def mse_hessian(rows: Rows) -> tuple[float, Array]:
    residual = np.maximum(rows.y, rows.t)
    mean = (rows.y * residual).sum(axis=1, keepdims=True)
    return 16.0, largest(rows.y * np.maximum(residual, mean) * 2 / rows.n)[..., None]


TABLE: dict[tuple[str, str], Line] = {
    ("softmax", "value"): probability,
    ("softmax", "jacobian"): softmax_jacobian,
    ("softmax", "vjp"): softmax_product("g"),
    ("softmax", "jvp"): softmax_product("v"),
    ("log_softmax", "value"): log_probability,
    ("log_softmax", "jacobian"): log_softmax_jacobian,
    ("log_softmax", "vjp"): log_softmax_vjp,
    ("log_softmax", "jvp"): log_softmax_jvp,
    ("softmax_cross_entropy", "loss"): cross_entropy_loss,
    ("softmax_cross_entropy", "gradient"): cross_entropy_gradient,
    ("softmax_cross_entropy", "hessian"): cross_entropy_hessian,
    ("softmax_cross_entropy", "hvp"): cross_entropy_hvp,
    ("softmax_mse", "loss"): mse_loss,
    ("softmax_mse", "gradient"): mse_gradient,
    ("softmax_mse", "hessian"): mse_hessian,
    ("softmax_mse", "hvp"): mse_hvp,
}


def underflow(rows: Rows, module: str, quantity: str, smallest: float) -> Array:
    """What may be lost below the smallest normal number, shape (rows, 1): one such number for each exponential that
    became 0, times what it is multiplied by."""
    ones = np.ones_like(rows.y)
    direction = {"vjp": rows.g, "jvp": rows.v, "hvp": rows.v}.get(quantity, ones)
    targets = np.maximum(rows.total, 1.0) if module in ("softmax_cross_entropy", "softmax_mse") else 1.0
    if (module, quantity) == ("softmax", "value"):
        return np.full((len(rows.y), 1), smallest)
    return np.asarray(smallest * np.maximum(np.abs(direction).sum(axis=1, keepdims=True), 1.0) * targets)


@cache
def bound(batch: Batch, module: str, quantity: str) -> Bound:
    """The bound of every entry of the output; its arrays broadcast against it."""
    rows = read(batch, module, exact(batch, module, quantity).high)
    factor, scale = TABLE[module, quantity](rows)
    floor = underflow(rows, module, quantity, float(np.finfo(batch.z.dtype).smallest_normal))
    if batch.t is not None and batch.t.ndim == 1 and quantity in ("loss", "gradient"):
        factor, scale = confident(rows, factor, scale)
    shape = rows.values.shape
    floor = floor.reshape((len(rows.y),) + (1,) * (len(shape) - 1))
    return Bound(np.broadcast_to(factor, shape), np.broadcast_to(scale, shape), unit_roundoff(batch.z.dtype), floor)


def confident(rows: Rows, factor: Array | float, scale: Array) -> tuple[Array, Array]:
    """The line for labels of probability above 0.9: 12 u relative, entry by entry, whatever the other lines allow."""
    sure = (rows.y * rows.t).sum(axis=1) > CONFIDENT
    sure = sure.reshape((-1,) + (1,) * (rows.values.ndim - 1))
    return np.where(sure, 12.0, factor), np.where(sure, np.abs(rows.values), scale)
