"""What a kernel should give, by differences of the formulas of `tests.catalogue.formulas`, and how well.

A kernel is right when what it returns is the exact result for inputs that are a little off: each target, upstream
gradient and direction by a few parts of u, each logit by a few parts of u of its distance to the largest, and all
logits alike by a few of the largest. What that may move an entry by, to first order, is its condition; nothing here
depends on how a formula is written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import mpmath
from mpmath import mpf

from tests.catalogue.formulas import ACTIVATIONS, LOSSES

DIGITS = 520
"""Enough for what is left of 10^-324, the smallest number, when a second difference has taken 180 digits."""
STEP = mpf(10) ** -90

FAR = -(mpf(10) ** 6)
"""What stands for a logit of -inf: what then exceeds a thousand is infinite in the limit."""
LARGE = 1000


@dataclass(frozen=True)
class Inputs:
    """One row of exact numbers."""

    z: tuple[Any, ...]
    t: tuple[Any, ...]
    g: tuple[Any, ...]
    v: tuple[Any, ...]
    parameters: Mapping[str, Any]

    def moved(self, vector: str, *changes: tuple[int, Any]) -> "Inputs":
        entries = list(getattr(self, vector))
        for place, change in changes:
            entries[place] += change
        return replace(self, **{vector: tuple(entries)})

    def along(self, step: Any) -> "Inputs":
        """The logits moved in the direction v."""
        return replace(self, z=tuple(a + step * b for a, b in zip(self.z, self.v, strict=True)))


@dataclass(frozen=True)
class Exact:
    """The quantities of one composition, from its formula.

    Attributes:
        activation, loss: their names in the catalogue; no loss for an activation alone.
    """

    activation: str
    loss: str | None

    def value(self, at: Inputs) -> list[Any]:
        row = ACTIVATIONS[self.activation](at.z, at.t, at.parameters)
        return list(row.y) if self.loss is None else [LOSSES[self.loss](row)]

    def gradient(self, at: Inputs) -> list[Any]:
        return [_slope(lambda step, j=j: self.value(at.moved("z", (j, step)))[0]) for j in range(len(at.z))]

    def hessian(self, at: Inputs) -> list[Any]:
        n = len(at.z)

        def entry(i: int, j: int) -> Any:
            def shifted(one: Any, two: Any) -> Any:
                return self.value(at.moved("z", (i, one), (j, two)))[0]

            return _mixed(shifted)

        known = {(i, j): entry(i, j) for i, j in product(range(n), repeat=2) if i <= j}
        return [known[min(i, j), max(i, j)] for i, j in product(range(n), repeat=2)]

    def hvp(self, at: Inputs) -> list[Any]:
        def shifted(j: int, one: Any, two: Any) -> Any:
            return self.value(at.moved("z", (j, one)).along(two))[0]

        return [_mixed(lambda one, two, j=j: shifted(j, one, two)) for j in range(len(at.z))]

    def jacobian(self, at: Inputs) -> list[Any]:
        n = len(at.z)
        columns = [_slopes(lambda step, j=j: self.value(at.moved("z", (j, step)))) for j in range(n)]
        return [columns[j][i] for i, j in product(range(n), repeat=2)]

    def vjp(self, at: Inputs) -> list[Any]:
        def total(step: Any, j: int) -> Any:
            return sum(a * b for a, b in zip(at.g, self.value(at.moved("z", (j, step))), strict=True))

        return [_slope(lambda step, j=j: total(step, j)) for j in range(len(at.z))]

    def jvp(self, at: Inputs) -> list[Any]:
        return _slopes(lambda step: self.value(at.along(step)))

    def of(self, quantity: str, at: Inputs) -> list[Any]:
        """The entries of a quantity, those of a matrix row by row."""
        return getattr(self, quantity)(at)


def find_entries(exact: Exact, quantity: str, at: Inputs) -> tuple[Any, ...] | None:
    """The entries of a quantity; None where the loss or the quantity is infinite or undefined.

    A logit of `FAR` stands for -inf.
    """
    with mpmath.workdps(DIGITS):
        try:
            entries = (*exact.of(quantity, at), *exact.value(at))
        except (ZeroDivisionError, ValueError, TypeError):
            return None
        if not all(isinstance(each, mpf) and mpmath.isfinite(each) for each in entries):
            return None
        is_infinite = FAR in at.z and max(map(abs, entries)) > LARGE
        return None if is_infinite else entries[: -len(exact.value(at))]


def _slope(value: Callable[[Any], Any]) -> Any:
    return (value(STEP) - value(-STEP)) / (2 * STEP)


def _slopes(values: Callable[[Any], list[Any]]) -> list[Any]:
    return [(a - b) / (2 * STEP) for a, b in zip(values(STEP), values(-STEP), strict=True)]


def _mixed(value: Callable[[Any, Any], Any]) -> Any:
    return sum(a * b * value(a * STEP, b * STEP) for a in (1, -1) for b in (1, -1)) / (4 * STEP**2)
