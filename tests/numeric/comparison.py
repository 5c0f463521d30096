"""Compare what a kernel returned with the truth; a failure says the case, the entry and the numbers that matter."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.numeric.bounds import Bound, bound
from tests.numeric.cases import Array, Batch
from tests.numeric.truth import Exact, exact

SHOWN = 12
"""Failures printed for one test, the worst first."""


@dataclass(frozen=True)
class Miss:
    """One entry that is further from the truth than it may be, error and bound in units of u times the scale."""

    case: str
    n: int
    entry: tuple[int, ...]
    got: float
    truth: float
    error: float
    allowed: float

    def __str__(self) -> str:
        return (
            f"{self.case} (n = {self.n}), entry {list(self.entry)}: got {self.got!r}, truth {self.truth!r}, "
            f"error {self.error:.3g} u, bound {self.allowed:.3g} u"
        )


WORST: dict[tuple[str, ...], tuple[float, str]] = {}
"""By function, backend and dtype: the largest share of its bound that an error took, and in which case; for reports."""


def keep(key: tuple[str, ...], share: float, case: str) -> None:
    """Note an error in `WORST`, if it is the largest so far."""
    WORST[key] = max(WORST.get(key, (0.0, "")), (share, case))


def measure(got: Array, truth: Exact, allowed: Bound) -> Array:
    """Error over bound for every entry: 0 where both are the same infinity, inf for a NaN."""
    with np.errstate(all="ignore"):
        expected = truth.high.astype(got.dtype)
        error = np.abs((got.astype(np.float64) - truth.high) - truth.low)
        share = np.where(error == 0, 0.0, error / allowed.width)
    same_infinity = np.isinf(expected) & (got == expected)
    return np.where(same_infinity, 0.0, np.where(np.isnan(share), np.inf, share))


def misses(batch: Batch, got: Array, truth: Exact, allowed: Bound) -> list[Miss]:
    """Every entry outside its bound, the worst of each row."""
    share = measure(got, truth, allowed)
    found = []
    for row in np.flatnonzero((share > 1).reshape(len(share), -1).any(axis=1)):
        entry = np.unravel_index(int(np.argmax(share[row])), share[row].shape)
        at = (row, *entry)
        with np.errstate(all="ignore"):
            whole = allowed.width[at] / (allowed.u * np.where(allowed.scale[at] > 0, allowed.scale[at], 1.0))
        found.append(
            Miss(
                batch.names[row],
                batch.n,
                tuple(int(place) for place in entry),
                float(got[at]),
                float(truth.high[at]),
                float(share[at] * whole),
                float(whole),
            )
        )
    return sorted(found, key=lambda miss: -miss.error / max(miss.allowed, 1e-300))


def compare(label: tuple[str, ...], batch: Batch, module: str, quantity: str, got: Any) -> list[Miss]:
    """The misses of one output for a whole batch, of the shape and dtype that it should have."""
    truth, allowed = exact(batch, module, quantity), bound(batch, module, quantity)
    assert isinstance(got, np.ndarray | np.generic), f"{label}: got {type(got).__name__}, not an array"
    got = np.asarray(got)
    assert got.shape == truth.high.shape, f"{label}: shape {got.shape}, should be {truth.high.shape}"
    assert got.dtype == batch.z.dtype, f"{label}: dtype {got.dtype}, should be {batch.z.dtype}"
    share = measure(got, truth, allowed).reshape(len(got), -1).max(axis=1)
    worst = int(np.argmax(share))
    keep((module, quantity, *label), float(share[worst]), f"{batch.names[worst]} (n = {batch.n})")
    return misses(batch, got, truth, allowed)


def report(label: tuple[str, ...], found: list[Miss]) -> None:
    """Fail with the worst of `found`, if there is any."""
    if not found:
        return
    lines = [str(miss) for miss in sorted(found, key=lambda miss: -miss.error / max(miss.allowed, 1e-300))[:SHOWN]]
    more = [f"... and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    raise AssertionError("\n".join([f"{' '.join(label)}: {len(found)} rows outside the bound", *lines, *more]))
