"""Rows on which every kernel of the catalogue is tried, and the parameters at which it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.catalogue.parameters import Parameter, Range

Array = np.ndarray[Any, np.dtype[Any]]
LOST = -np.inf

LOGITS: Mapping[int, tuple[tuple[float, ...], ...]] = {
    1: ((0.75,), (-1e4,)),
    2: ((0.5, -0.25), (40.0, 0.0), (60.0, 0.0), (400.0, 0.0), (LOST, 1.0)),
    3: (
        (0.3125, -1.125, 0.8125),
        (12.0, 0.5, -3.0),
        (40.0, 0.0, 2.5),
        (0.0, 120.0, -3.0),
        (-900.0, 1.0, 0.0),
        (LOST, 1.0, 0.0),
        (1e4, -1e4, 0.5),
        (10000.0, 10000.0, 9999.0),
        (2.0, 2.0, -1.0),
        (0.0, 0.0, 0.0),
        (20.0, 19.5, LOST),
    ),
    10: (
        (0.25, -1.5, 2.0, 0.75, -0.125, 1.0, -2.25, 0.5, 1.75, -0.5),
        (0.0, -3.0, 1.0, 25.0, -40.0, 2.0, 0.5, -1.0, 4.0, 3.0),
    ),
}
"""Random, peaked, confident, far apart, offset, tied, and with classes of probability 0."""

TARGETS: Mapping[int, tuple[tuple[float, ...], ...]] = {
    1: ((1.0,), (0.5,)),
    2: ((0.25, 0.75), (1.0, 0.0)),
    3: ((0.25, 0.25, 0.5), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (1.75, 0.0, 3.5), (0.0, 0.0, 0.0)),
    10: ((0.125, 0.0, 0.25, 0.25, 0.0625, 0.0625, 0.0, 0.125, 0.0625, 0.0625),),
}
"""Soft, one-hot, unnormalised, zero."""

DIRECTIONS = (1.25, 0.5, -0.75, 2.0, -1.5, 0.25, 0.0, 1.0, -0.5, 0.75)
UPSTREAM = (0.5, -1.0, 2.0, 0.25, -0.75, 1.5, 0.0, -0.5, 1.0, -2.0)


@dataclass(frozen=True)
class Case:
    """One row; `label` is the class that its label names where its targets are labels."""

    z: tuple[float, ...]
    t: tuple[float, ...]
    label: int | None

    @property
    def g(self) -> tuple[float, ...]:
        return UPSTREAM[: len(self.z)]

    @property
    def v(self) -> tuple[float, ...]:
        return DIRECTIONS[: len(self.z)]


def make_cases(n: int, labels: bool, largest: float) -> Iterator[Case]:
    """Every logit row with every target row whose classes of probability 0 have no target.

    Args:
        n: the number of classes.
        labels: whether the targets are labels.
        largest: the largest entry that targets may have.
    """
    for z in LOGITS[n]:
        possible = [number for number in range(n) if z[number] != LOST]
        if labels:
            for place in possible:
                yield Case(z, tuple(float(number == place) for number in range(n)), place)
        else:
            for t in TARGETS[n]:
                if max(t) <= largest and all(number in possible or not target for number, target in enumerate(t)):
                    yield Case(z, t, None)


def choose_ends(parameters: Sequence[Parameter], n: int) -> Iterator[Mapping[str, Array]]:
    """Parameters inside their ranges, at the lower ends and at the upper ends; numbers of single precision."""
    for place in range(3 if parameters else 1):
        yield {each.name: _vary(_ends(each.range), place, each.per_class, n) for each in parameters}


def _vary(ends: tuple[float, float, float], place: int, per_class: bool, n: int) -> Array:
    chosen = ends[place]
    if not per_class:
        return np.array(chosen)
    step = 0.0 if place else (ends[2] - ends[0]) / 16
    return np.array([chosen + step * (number % 8) for number in range(n)])


def _ends(bounds: Range) -> tuple[float, float, float]:
    """A number inside, and the lowest and the highest that are tried."""
    if bounds.low is not None and bounds.high is not None:
        return float(bounds.low + (bounds.high - bounds.low) * 3 / 8), *bounds.ends()
    if bounds.high is not None:
        return float(bounds.high) - 1.5, *bounds.ends()
    return float(bounds.low or 0) + 1.5, *bounds.ends()
