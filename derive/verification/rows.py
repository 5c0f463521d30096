"""The rows on which a kernel is tested: random ones, and a few that are hard."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

SEED = 20060101


@dataclass(frozen=True)
class Rows:
    """A batch of rows.

    Attributes:
        z, t, g, v: logits, dense targets, upstream gradient and direction, each of shape (batch, n).
        labels: one class for each row, shape (batch,).
    """

    z: Array
    t: Array
    g: Array
    v: Array
    labels: Array

    @property
    def one_hot(self) -> Array:
        """The labels as dense targets."""
        dense = np.zeros_like(self.t)
        dense[np.arange(len(self.labels)), self.labels] = 1
        return dense

    def repeat(self, times: int) -> "Rows":
        """The same rows so many times over."""
        return Rows(*(np.concatenate([getattr(self, each.name)] * times) for each in fields(self)))


def make_rows(n: int, dtype: np.dtype[Any]) -> Rows:
    """Rows of n classes: of several scales, equal, shifted far, and sure of one class; the same in each precision.

    Targets are soft, unnormalised, one-hot and zero by turns. The maximum and the labels move from class to class.
    """
    random = np.random.default_rng([SEED, n])
    spread = random.standard_normal(n)
    sure = np.where(np.arange(n) == n // 2, 0.0, -30.0) + 0.5 * random.standard_normal(n)
    z = np.stack(
        [
            0.1 * spread,
            3.0 * np.roll(spread, 1),
            np.full(n, 1.75),
            1e4 + 2.0 * np.roll(spread, 2),
            -1e4 - 20.0 * spread,
            sure,
            np.linspace(-60.0, 60.0, n),
        ]
    )
    batch = len(z)
    soft = random.dirichlet(np.ones(n), size=batch)
    scale = np.array([1.0, 7.0, 0.3, 1.0, 1.0, 1.0, 0.0])[:, None]
    labels = (np.arange(batch) * 2 + n // 2) % n
    labels[5] = n // 2
    t = soft * scale
    t[4] = np.arange(n) == labels[4]
    g, v = random.standard_normal((2, batch, n))
    z, t, g, v = (array.astype(np.float32).astype(dtype) for array in (z, t, g, v))
    return Rows(z, t, g, v, labels.astype(np.int64))
