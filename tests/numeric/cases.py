"""The table of inputs: named rows of logits, and for each its targets, labels, upstream gradients and directions.

Rows are made in float64 and rounded to the dtype under test; the oracle sees the rounded numbers. Rows of one class
count are stacked into one batch, so that a kernel meets them side by side.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any
from zlib import crc32

import numpy as np

Array = np.ndarray[Any, Any]

SIZES = (1, 2, 3, 8, 16, 17, 100)
LONG = 1000
LONGEST = 100_000
GAPS = (1, 2, 4, 8, 10, 12, 14, 16, 18, 20, 25, 30, 40, 60, 80)


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of one class count.

    Attributes:
        names: what each row is, in words; the row's targets after a semicolon.
        z: logits, shape (rows, n).
        g: upstream gradients, shape (rows, n).
        v: directions, shape (rows, n).
        t: dense targets of shape (rows, n), labels of shape (rows,), or None for activations.
    """

    names: tuple[str, ...]
    z: Array
    g: Array
    v: Array
    t: Array | None = None

    @property
    def n(self) -> int:
        return int(self.z.shape[1])

    def rows(self, some: slice) -> "Batch":
        """The batch of `some` of its rows."""
        t = None if self.t is None else self.t[some]
        return Batch(self.names[some], self.z[some], self.g[some], self.v[some], t)


@dataclass(frozen=True, eq=False)
class Row:
    """One named row of logits, rounded to its dtype."""

    name: str
    z: Array

    @property
    def finite(self) -> Array:
        return np.isfinite(self.z)

    @property
    def largest(self) -> int:
        return int(np.argmax(self.z))

    @property
    def smallest(self) -> int:
        return int(np.argmin(self.z))

    @property
    def overflows(self) -> bool:
        """Whether the difference of two of its finite logits exceeds the range of its dtype."""
        with np.errstate(over="ignore"):
            return bool(np.isinf(np.ptp(self.z[self.finite])))


def generator(name: str) -> np.random.Generator:
    """Random numbers that depend on the name of the case alone."""
    return np.random.default_rng(crc32(name.encode()))


def unit(n: int, position: int) -> Array:
    made = np.zeros(n)
    made[position] = 1.0
    return made


def random_rows() -> Iterator[tuple[str, Array]]:
    for n in SIZES:
        for scale in (1e-3, 1.0, 10.0, 100.0, 1000.0):
            name = f"normal times {scale:g}, n = {n}"
            yield name, generator(name).normal(size=n) * scale
    for scale in (1.0, 10.0):
        name = f"normal times {scale:g}, n = {LONG}"
        yield name, generator(name).normal(size=LONG) * scale


def extreme_rows(largest: float, tiny: float) -> Iterator[tuple[str, Array]]:
    """`largest` is a number near the top of the dtype's range, `tiny` its smallest subnormal."""
    for n in (1, 2, 3, 8, 17):
        noise = generator(f"extreme {n}").normal(size=n)
        for offset in (1e4, -1e4, 1e30, -1e30):
            yield f"normal plus {offset:g}, n = {n}", noise + offset
        yield f"normal times 1e30, n = {n}", noise * 1e30
        yield f"all {largest:g}, n = {n}", np.full(n, largest)
        yield f"all {-largest:g}, n = {n}", np.full(n, -largest)
        yield f"subnormal, n = {n}", np.arange(n) * tiny
        for position in sorted({0, n // 2, n - 1}):
            yield f"{largest:g} at {position}, else {-largest:g}, n = {n}", largest * (2 * unit(n, position) - 1)
            yield f"{-largest:g} at {position}, else 0, n = {n}", -largest * unit(n, position)


def structured_rows() -> Iterator[tuple[str, Array]]:
    for n in SIZES:
        ramp = np.arange(n, dtype=np.float64)
        yield f"all zero, n = {n}", np.zeros(n)
        yield f"all 3.7, n = {n}", np.full(n, 3.7)
        yield f"ramp up, n = {n}", ramp
        yield f"ramp down by tenths, n = {n}", -ramp / 10
        yield f"two levels, n = {n}", np.where(ramp % 2 == 0, 0.0, 5.0)
        yield f"one-hot, n = {n}", unit(n, n // 2)
    for n in (2, 3, 8, 17):
        noise = -1 - generator(f"tie {n}").random(n)
        yield f"tie of first and last, n = {n}", np.where(unit(n, 0) + unit(n, n - 1) > 0, 2.0, noise)
        yield f"tie of all but the first, n = {n}", np.where(unit(n, 0) > 0, noise, 2.0)
        yield f"tie of all but the last, n = {n}", np.where(unit(n, n - 1) > 0, noise, 2.0)


def maximum_rows() -> Iterator[tuple[str, Array]]:
    """The maximum at every position: a comparison with the first entry alone passes most other tests."""
    for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 17):
        for position in range(n):
            name = f"maximum at {position}, n = {n}"
            z = generator(name).normal(size=n)
            z[position] = z.max() + 3
            yield name, z


def confident_rows() -> Iterator[tuple[str, Array]]:
    for n in (2, 3, 10, 17, 100):
        for gap in GAPS:
            position = (gap * 7) % n
            name = f"{gap} above the rest at {position}, n = {n}"
            rest = generator(name).random(n) - gap - 0.5
            yield name, np.where(unit(n, position) > 0, 0.5, rest)


def absent_rows() -> Iterator[tuple[str, Array]]:
    """Classes of probability 0: logits of -inf."""
    for n in (2, 3, 8, 16, 17, 100):
        for position in sorted({0, n // 2, n - 1}):
            noise = generator(f"absent {n} {position}").normal(size=n)
            yield f"-inf at {position}, n = {n}", np.where(unit(n, position) > 0, -np.inf, noise)
            yield f"-inf but at {position}, n = {n}", np.where(unit(n, position) > 0, noise, -np.inf)


@cache
def rows(dtype: type[Any]) -> tuple[Row, ...]:
    """Every row of up to `LONG` classes, sorted by class count, as numbers of `dtype`."""
    info = np.finfo(dtype)
    largest = 3e38 if dtype is np.float32 else 1e308
    families = (
        random_rows(),
        extreme_rows(largest, float(info.smallest_subnormal)),
        structured_rows(),
        maximum_rows(),
        confident_rows(),
        absent_rows(),
    )
    made = [Row(name, z.astype(dtype)) for family in families for name, z in family]
    return tuple(sorted(made, key=lambda row: row.z.size))


def longest_row(dtype: type[Any]) -> Row:
    """Logits in steps of 1/128 between -12 and 4, the same numbers in every dtype."""
    name = f"steps of 1/128, n = {LONGEST}"
    return Row(name, (generator(name).integers(-12 * 128, 4 * 128, size=LONGEST) / 128).astype(dtype))


def random_weights(row: Row, purpose: str) -> Array:
    return generator(f"{purpose} {row.name}").normal(size=row.z.size)


WEIGHTS: dict[str, Callable[[Row], tuple[Array, Array]]] = {
    "random weights": lambda row: (random_weights(row, "g"), random_weights(row, "v")),
    "weights of 1": lambda row: (np.ones(row.z.size), np.ones(row.z.size)),
    "weight 1 at the maximum": lambda row: (unit(row.z.size, row.largest), unit(row.z.size, row.largest)),
    "weight 1 at the minimum": lambda row: (unit(row.z.size, row.smallest), unit(row.z.size, row.smallest)),
}
"""Upstream gradient and direction of a row."""


def soft(row: Row, total: float) -> Array:
    """Positive targets that sum to about `total`; 0 at a logit of -inf."""
    shares = np.where(row.finite, generator(f"t {row.name}").exponential(size=row.z.size), 0.0)
    return shares / shares.sum() * total


def everywhere(row: Row) -> Array:
    """Positive targets, at a logit of -inf too."""
    shares = generator(f"everywhere {row.name}").exponential(size=row.z.size)
    return shares / shares.sum()


def probabilities(row: Row) -> Array:
    """The row's softmax, as near as float64 has it."""
    with np.errstate(over="ignore", under="ignore"):
        powers = np.exp(row.z.astype(np.float64) - row.z.max())
    return powers / powers.sum()


TARGETS: dict[str, Callable[[Row], Array]] = {
    "soft t": lambda row: soft(row, 1.0),
    "t = 1 at the maximum": lambda row: unit(row.z.size, row.largest),
    "t sums to 7": lambda row: soft(row, 7.0),
    "t = 1 at the minimum": lambda row: unit(row.z.size, row.smallest),
    "t = 0": lambda row: np.zeros(row.z.size),
    "t sums to 0.3": lambda row: soft(row, 0.3),
    "t is y": probabilities,
    "t positive everywhere": everywhere,
}

FOR_LONG_ROWS = ("soft t", "t = 1 at the maximum", "t sums to 7")
FOR_OVERFLOWING_ROWS = ("t = 1 at the maximum", "t = 1 at the minimum", "t = 0")


def target_names(row: Row) -> tuple[str, ...]:
    """The targets that a row is tried with: those for logits of -inf only where there is one."""
    if row.overflows:
        return FOR_OVERFLOWING_ROWS
    if row.z.size >= 100:
        return FOR_LONG_ROWS
    return tuple(name for name in TARGETS if name != "t positive everywhere" or not row.finite.all())


def label_choices(row: Row) -> tuple[int, ...]:
    return tuple(sorted({row.largest, row.smallest, row.z.size // 2, row.z.size - 1}))


Case = tuple[str, Row, Array, Array, Any]
"""Name, row, upstream gradient, direction, and the targets."""


def activation_cases(dtype: type[Any]) -> Iterator[Case]:
    for row in rows(dtype):
        for kind, weights in WEIGHTS.items():
            yield (f"{row.name}; {kind}", row, *weights(row), None)


def dense_cases(dtype: type[Any]) -> Iterator[Case]:
    for row in rows(dtype):
        for kind in target_names(row):
            weights = "weight 1 at the minimum" if kind == "t = 1 at the minimum" else "random weights"
            yield (f"{row.name}; {kind}", row, *WEIGHTS[weights](row), TARGETS[kind](row))


def label_cases(dtype: type[Any]) -> Iterator[Case]:
    for row in rows(dtype):
        for label in label_choices(row):
            yield (f"{row.name}; label {label}", row, *WEIGHTS["random weights"](row), label)


FAMILIES = {"activation": activation_cases, "dense": dense_cases, "labels": label_cases}


def stack(cases: list[Case], dtype: type[Any]) -> Batch:
    names, chosen, gs, vs, ts = zip(*cases, strict=True)
    t = None if ts[0] is None else np.array(ts, dtype=np.int64 if isinstance(ts[0], int) else dtype)
    return Batch(names, np.stack([row.z for row in chosen]), np.array(gs, dtype=dtype), np.array(vs, dtype=dtype), t)


@cache
def batches(family: str, dtype: type[Any]) -> tuple[Batch, ...]:
    """The cases of `activation`, `dense` or `labels`, one batch for each class count up to `LONG`."""
    cases = groupby(FAMILIES[family](dtype), key=lambda case: case[1].z.size)
    return tuple(stack(list(group), dtype) for _, group in cases)


@cache
def longest_batch(family: str, dtype: type[Any]) -> Batch:
    """One row of `LONGEST` classes."""
    row = longest_row(dtype)
    t = {"activation": None, "dense": soft(row, 1.0), "labels": row.largest}[family]
    return stack([(row.name, row, *WEIGHTS["random weights"](row), t)], dtype)
