"""Plain NumPy, as one who cares writes it: shifted by the maximum, in place, into buffers that are there already."""

from collections.abc import Callable

import numpy as np

from benchmarks.cells import Array, Case

VERSION = np.__version__


def limit_threads(threads: int) -> None:
    """NumPy uses one thread for all of this."""


def exponentials(case: Case) -> tuple[Array, Array]:
    """exp(z - max z) in `case.rows`, and its sum, shape (batch, 1)."""
    np.subtract(case.z, case.z.max(axis=-1, keepdims=True), out=case.rows)
    np.exp(case.rows, out=case.rows)
    return case.rows, case.rows.sum(axis=-1, keepdims=True)


def softmax(case: Case) -> Callable[[], object]:
    def call() -> object:
        y, total = exponentials(case)
        y /= total
        return y

    return call


def log_softmax(case: Case) -> Callable[[], object]:
    def call() -> object:
        log_y = np.subtract(case.z, case.z.max(axis=-1, keepdims=True), out=case.rows)
        np.exp(log_y, out=case.scratch)
        log_y -= np.log(case.scratch.sum(axis=-1, keepdims=True))
        return log_y

    return call


def softmax_vjp(case: Case) -> Callable[[], object]:
    def call() -> object:
        y, total = exponentials(case)
        y /= total
        np.multiply(y, case.v, out=case.scratch)
        np.subtract(case.v, case.scratch.sum(axis=-1, keepdims=True), out=case.scratch)
        y *= case.scratch
        return y

    return call


def cross_entropy_labels(case: Case) -> Callable[[], object]:
    every = np.arange(len(case.labels))

    def call() -> object:
        y = np.subtract(case.z, case.z.max(axis=-1, keepdims=True), out=case.rows)
        at_label = y[every, case.labels]
        np.exp(y, out=y)
        total = y.sum(axis=-1, keepdims=True)
        np.subtract(np.log(total[:, 0]), at_label, out=case.loss)
        y /= total
        y[every, case.labels] -= 1
        return case.loss, y

    return call


def cross_entropy_labels_loss(case: Case) -> Callable[[], object]:
    every = np.arange(len(case.labels))

    def call() -> object:
        shifted = np.subtract(case.z, case.z.max(axis=-1, keepdims=True), out=case.rows)
        at_label = shifted[every, case.labels]
        np.exp(shifted, out=shifted)
        np.subtract(np.log(shifted.sum(axis=-1)), at_label, out=case.loss)
        return case.loss

    return call


def _dense_loss(case: Case) -> tuple[Array, Array]:
    """The loss in `case.loss`, the exponentials in `case.rows`, and returned their sum and that of the targets."""
    np.subtract(case.z, case.z.max(axis=-1, keepdims=True), out=case.rows)
    np.multiply(case.t, case.rows, out=case.scratch)
    dot = case.scratch.sum(axis=-1)
    np.exp(case.rows, out=case.rows)
    total, weight = case.rows.sum(axis=-1, keepdims=True), case.t.sum(axis=-1, keepdims=True)
    np.subtract(weight[:, 0] * np.log(total[:, 0]), dot, out=case.loss)
    return total, weight


def cross_entropy_dense(case: Case) -> Callable[[], object]:
    def call() -> object:
        total, weight = _dense_loss(case)
        grad = case.rows
        grad *= weight / total
        grad -= case.t
        return case.loss, grad

    return call


def cross_entropy_dense_loss(case: Case) -> Callable[[], object]:
    def call() -> object:
        _dense_loss(case)
        return case.loss

    return call


def mean_squared_error(case: Case) -> Callable[[], object]:
    n = case.z.shape[1]

    def call() -> object:
        y, total = exponentials(case)
        y /= total
        difference = np.subtract(y, case.t, out=case.scratch)
        np.divide(np.vecdot(difference, difference), n, out=case.loss)
        difference -= np.vecdot(y, difference)[:, None]
        y *= difference
        y *= 2 / n
        return case.loss, y

    return call


FORMS = {
    "softmax": softmax,
    "log-softmax": log_softmax,
    "softmax-vjp": softmax_vjp,
    "ce-labels": cross_entropy_labels,
    "ce-labels-loss": cross_entropy_labels_loss,
    "ce-dense": cross_entropy_dense,
    "ce-dense-loss": cross_entropy_dense_loss,
    "mse": mean_squared_error,
    "hvp": softmax_vjp,
}
"""The product of the Hessian of cross-entropy with labels is that of the Jacobian of softmax."""
