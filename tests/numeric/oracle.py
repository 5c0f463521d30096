"""The truth: softmax, log-softmax, cross-entropy and mean squared error, and their derivatives, in mpmath.

Vectors are NumPy arrays of `mpf`, exact for every float they are made from. Softmax is written as in a textbook, with
no shift: the exponents of mpmath do not overflow. What is derived from it is a closed form, proved in `test_oracle.py`
against the bare definition: logarithms directly, derivatives by differences. Nothing here is shared with the code
under test.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from mpmath import mp, mpf

Vector = np.ndarray[Any, np.dtype[np.object_]]

GUARD_BITS = 200
"""Bits kept when everything that can cancel has cancelled: 60 digits."""
SMALLEST_EXPONENT = 800.0
"""exp(-800) is far below the smallest float64; what is smaller need not be resolved against 1."""


def vector(values: Iterable[Any]) -> Vector:
    """`values`, floats or `mpf`, as a vector without rounding."""
    items = values.tolist() if isinstance(values, np.ndarray) else list(values)
    made = np.empty(len(items), dtype=object)
    made[:] = [item if isinstance(item, mpf) else mpf(item) for item in items]
    return made


def working_bits(z: np.ndarray[Any, Any]) -> int:
    """Bits that leave `GUARD_BITS` after 1 - y, log y and the difference of two logits have cancelled."""
    finite = z[np.isfinite(z)].astype(np.float64)
    largest = float(np.max(np.abs(finite), initial=1.0))
    spread = min(float(finite.max() / 2 - finite.min() / 2) * 2, SMALLEST_EXPONENT) if finite.size else 0.0
    return GUARD_BITS + int(1.5 * spread) + max(0, int(np.log2(largest)))


def exponentials(z: Vector) -> Vector:
    """exp(z_i), each distinct logit evaluated once."""
    known = {logit: mp.exp(logit) for logit in set(z)}
    return vector(known[logit] for logit in z)


def softmax(z: Vector) -> Vector:
    """exp(z_i) / sum_k exp(z_k)."""
    powers = exponentials(z)
    return powers / mp.fsum(powers)


def log_softmax(z: Vector) -> Vector:
    """z_i - m - log sum_k exp(z_k - m), with m the largest logit: exactly 0 where one class has everything."""
    shifted = z - max(z)
    return shifted - mp.log(mp.fsum(exponentials(shifted)))


def cross_entropy(logs: Vector, t: Vector) -> mpf:
    """-sum_i t_i log y_i, given the logarithms of y; a target of 0 contributes 0."""
    return -mp.fsum(target * log for target, log in zip(t, logs, strict=True) if target != 0)


def mse(y: Vector, t: Vector) -> mpf:
    """(1/n) sum_i (y_i - t_i)^2."""
    return mp.fsum((y - t) ** 2) / len(y)


def dot(left: Vector, right: Vector) -> mpf:
    return mp.fsum(left * right)


def identity(n: int) -> Vector:
    made = np.full((n, n), mpf(0), dtype=object)
    np.fill_diagonal(made, mpf(1))
    return made


def softmax_jacobian(y: Vector) -> Vector:
    """J[i, j] = dy_i/dz_j, shape (n, n)."""
    return y[:, None] * (identity(len(y)) - y[None, :])


def softmax_product(y: Vector, v: Vector) -> Vector:
    """J v, which is also J^T v: the softmax Jacobian is symmetric."""
    return y * (v - dot(y, v))


def log_softmax_jacobian(y: Vector) -> Vector:
    """J[i, j] = d log y_i/dz_j, shape (n, n)."""
    return identity(len(y)) - y[None, :]


def log_softmax_vjp(y: Vector, g: Vector) -> Vector:
    """J^T g for log-softmax."""
    return g - y * mp.fsum(g)


def log_softmax_jvp(y: Vector, v: Vector) -> Vector:
    """J v for log-softmax."""
    return v - dot(y, v)


def cross_entropy_gradient(y: Vector, t: Vector) -> Vector:
    return y * mp.fsum(t) - t


def cross_entropy_hvp(y: Vector, t: Vector, v: Vector) -> Vector:
    return softmax_product(y, v) * mp.fsum(t)


def cross_entropy_hessian(y: Vector, t: Vector) -> Vector:
    return softmax_jacobian(y) * mp.fsum(t)


def mse_gradient(y: Vector, t: Vector) -> Vector:
    return softmax_product(y, y - t) * 2 / len(y)


def mse_hvp(y: Vector, t: Vector, v: Vector) -> Vector:
    """The derivative of the gradient along v, by the product rule."""
    residual = y - t
    change = softmax_product(y, v)
    outer = change * (residual - dot(y, residual))
    inner = y * (change - dot(change, residual) - dot(y, change))
    return (outer + inner) * 2 / len(y)


def mse_hessian(y: Vector, t: Vector) -> Vector:
    return np.stack([mse_hvp(y, t, column) for column in identity(len(y))], axis=1)


def to_pair(exact: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """`exact` as an unevaluated sum of two float64, good to 2^-106 of it; (inf, 0) beyond the range."""
    values = np.asarray(exact, dtype=object)
    high = np.array([float(value) for value in values.flat], dtype=np.float64)
    low = np.array([float(v - h) if np.isfinite(h) else 0.0 for v, h in zip(values.flat, high.tolist(), strict=True)])
    return high.reshape(values.shape), low.reshape(values.shape)
