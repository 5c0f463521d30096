"""What is measured: operations, sizes, and the arrays of one cell."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Operation:
    """One function to be compared.

    Attributes:
        name: its short name, for `--ops`.
        title: what it is.
        composition, function: where it is found: `derive.load(composition)` has `function`.
        inputs: the arrays of `Case` that it takes.
        rows_moved: arrays of (batch, n) that it must read or write at least once.
        flops: floating-point operations for one logit, an exponential counted as 18.
    """

    name: str
    title: str
    composition: str
    function: str
    inputs: tuple[str, ...]
    rows_moved: int
    flops: int


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation(
            "ce-labels",
            "cross-entropy, labels, forward + backward",
            "softmax+cross-entropy",
            "loss_and_gradient",
            ("z", "labels"),
            2,
            22,
        ),
        Operation(
            "ce-labels-loss",
            "cross-entropy, labels, forward",
            "softmax+cross-entropy",
            "loss",
            ("z", "labels"),
            1,
            21,
        ),
        Operation(
            "ce-dense",
            "cross-entropy, dense, forward + backward",
            "softmax+cross-entropy",
            "loss_and_gradient",
            ("z", "t"),
            3,
            26,
        ),
        Operation("ce-dense-loss", "cross-entropy, dense, forward", "softmax+cross-entropy", "loss", ("z", "t"), 2, 24),
        Operation("softmax", "softmax", "softmax", "value", ("z",), 2, 22),
        Operation("log-softmax", "log-softmax", "log-softmax", "value", ("z",), 2, 22),
        Operation("softmax-vjp", "softmax, vector-Jacobian product", "softmax", "vjp", ("z", "v"), 3, 25),
        Operation(
            "mse", "mean squared error, forward + backward", "softmax+mse", "loss_and_gradient", ("z", "t"), 3, 29
        ),
        Operation(
            "hvp",
            "cross-entropy, labels, Hessian-vector product",
            "softmax+cross-entropy",
            "hvp",
            ("z", "labels", "v"),
            3,
            25,
        ),
    )
}

CLASS_COUNTS = (2, 3, 4, 8, 10, 16, 32, 100, 128, 1000, 1024, 4096, 32000, 128256)
SIZES = (1 << 20, 1 << 16, 1 << 12, 1 << 24)
"""Logits in all, in the order in which they are measured."""
DTYPES = ("float32", "float64")
LARGEST_FIXED = 32
"""Up to this n our kernels are those for a fixed n; a user who knows n has them too."""

QUICK_CLASS_COUNTS = (3, 10, 128, 1000, 32000)
QUICK_SIZES = (1 << 20, 1 << 16)
QUICK_DTYPES = ("float32",)


@dataclass(frozen=True)
class Cell:
    """One place of the table: an operation on `batch` rows of `n` logits."""

    operation: str
    n: int
    batch: int
    dtype: str
    threads: int

    @property
    def size(self) -> int:
        """Logits in all."""
        return self.batch * self.n

    @property
    def bytes_moved(self) -> int:
        """What has to be read and written at least, one number a row aside."""
        return OPERATIONS[self.operation].rows_moved * self.size * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Grid:
    """Which cells are asked for."""

    operations: tuple[str, ...]
    class_counts: tuple[int, ...]
    sizes: tuple[int, ...]
    dtypes: tuple[str, ...]

    def cells(self, threads: int) -> Iterator[Cell]:
        """The cells, those that share arrays together."""
        for size in self.sizes:
            for n in sorted(self.class_counts, reverse=True):
                if n > size:
                    continue
                for dtype in self.dtypes:
                    for operation in self.operations:
                        yield Cell(operation, n, size // n, dtype, threads)


@dataclass(frozen=True, eq=False)
class Case:
    """The arrays of a cell. Every contender reads the same inputs and, where it can, writes to the same outputs.

    Attributes:
        z: logits, shape (batch, n), normal with a standard deviation of 3.
        t: dense targets, shape (batch, n), each row a distribution.
        v: a direction, or an upstream gradient, shape (batch, n).
        labels: classes, shape (batch,), int64.
        loss: room for one number a row.
        rows, scratch: room for one number a logit.
        threads: how many threads a contender may use.
    """

    z: Array
    t: Array
    v: Array
    labels: Array
    loss: Array
    rows: Array
    scratch: Array
    threads: int


def make_case(cell: Cell) -> Case:
    """The arrays of `cell`; those of the same shape are made once."""
    return _make_case(cell.n, cell.batch, cell.dtype, cell.threads)


@lru_cache(maxsize=1)
def _make_case(n: int, batch: int, dtype: str, threads: int) -> Case:
    random = np.random.default_rng(n)
    shape = (batch, n)
    z = random.standard_normal(shape, np.float32).astype(dtype)
    t = random.random(shape, np.float32).astype(dtype)
    t /= t.sum(axis=-1, keepdims=True)
    v = np.roll(z, 1).reshape(shape)
    z *= 3
    labels = random.integers(0, n, batch)
    # np.zeros would leave it to the first that writes to get the memory.
    loss, rows, scratch = (np.full(each, 0, dtype) for each in (batch, shape, shape))
    return Case(z, t, v, labels, loss, rows, scratch, threads)


def memory_needed(cell: Cell) -> int:
    """Bytes that a cell takes: our arrays, and as many again that peers make of their own."""
    return 14 * cell.size * np.dtype(cell.dtype).itemsize
