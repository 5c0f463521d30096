"""What a run measured: read from the measuring processes, kept as JSON."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cells import Cell
from benchmarks.derived import AVX2_NAME, C_NAME, NUMPY_NAME, OURS


@dataclass(frozen=True)
class Measured:
    """One cell and its timings.

    Attributes:
        cell: what was measured.
        seconds: the median time of a call, by contender.
        ratios: the median of each contender's time divided by that of our C in the same round.
        rounds: how many samples these are the medians of.
    """

    cell: Cell
    seconds: Mapping[str, float]
    ratios: Mapping[str, float]
    rounds: Mapping[str, int]

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> "Measured":
        """What a line of a measuring process says."""
        cell = Cell(*(line[name] for name in ("operation", "n", "batch", "dtype", "threads")))
        timings = line["timings"]
        return cls(
            cell,
            {name: timing["seconds"] for name, timing in timings.items()},
            {name: timing["ratio"] for name, timing in timings.items()},
            {name: timing["rounds"] for name, timing in timings.items()},
        )

    @property
    def nanoseconds(self) -> float:
        """Of our C, for one logit."""
        return 1e9 * self.seconds[C_NAME] / self.cell.size

    @property
    def peers(self) -> dict[str, float]:
        """The ratio to each peer."""
        return {name: ratio for name, ratio in self.ratios.items() if name not in OURS}

    @property
    def best(self) -> float:
        """The ratio to the fastest peer; NaN where there is none."""
        return min(self.peers.values(), default=math.nan)

    @property
    def avx2_ratio(self) -> float:
        """How fast our C is without AVX-512, as a part of its speed; NaN where that was not measured."""
        return 1 / self.ratios[AVX2_NAME] if AVX2_NAME in self.ratios else math.nan

    def numpy_ratio(self, peer: str) -> float:
        """How much faster than `peer` our NumPy module is; NaN where either was not measured."""
        if peer not in self.seconds or NUMPY_NAME not in self.seconds:
            return math.nan
        return self.ratios[peer] / self.ratios[NUMPY_NAME]


@dataclass
class Results:
    """A whole run.

    Attributes:
        machine: what it ran on.
        versions: of the libraries.
        copy: bytes a second of a copy, by the number of threads, measured before and after.
        arithmetic: floating-point operations a second, by threads and dtype.
        left_out: what was not measured, and why.
        cells: the rest.
    """

    machine: dict[str, str]
    versions: dict[str, str] = field(default_factory=dict)
    copy: dict[int, list[float]] = field(default_factory=dict)
    arithmetic: dict[int, dict[str, float]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    cells: list[Measured] = field(default_factory=list)

    def add(self, line: Mapping[str, Any]) -> None:
        """Take in one line of a measuring process."""
        if line["kind"] == "cell":
            self.cells.append(Measured.read(line))
            return
        self.copy.setdefault(line["threads"], []).append(line["copy"])
        if line["kind"] == "start":
            self.versions |= line["versions"]
            self.arithmetic[line["threads"]] = line["arithmetic"]
        else:
            self.left_out |= line["left_out"]

    def bandwidth(self, threads: int) -> float:
        """Bytes a second of a copy, the mean of what was measured before and after."""
        return float(np.mean(self.copy[threads]))

    def bandwidth_share(self, measured: Measured) -> float:
        """The part of the bandwidth of a copy that our C reaches, counting what has to be moved at least."""
        cell = measured.cell
        return cell.bytes_moved / measured.seconds[C_NAME] / self.bandwidth(cell.threads)

    def contenders(self) -> list[str]:
        """Every contender there is a timing of, in the order of the tables."""
        return list(dict.fromkeys(name for measured in self.cells for name in measured.seconds))

    def write(self, path: Path) -> None:
        """Keep everything as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = {**asdict(self), "cells": [asdict(measured) for measured in self.cells]}
        path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def geometric_mean(values: Iterable[float]) -> float:
    """The geometric mean; NaN of nothing."""
    logarithms = [math.log(value) for value in values if value == value]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else math.nan
