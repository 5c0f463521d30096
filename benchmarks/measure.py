"""The process that measures: one for each number of threads, so that every library starts with as many as it may use.

It writes a JSON object a line to standard output: `start` with what holds for all cells, a `cell` each, and `end`.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.cells import DTYPES, OPERATIONS, Case, Cell, Grid, make_case, memory_needed
from benchmarks.derived import C_NAME, NUMPY_NAME, prepare_c, prepare_numpy
from benchmarks.peers import Peer, find_peers
from benchmarks.timing import measure

COMPILED = "torch.compile"
COMPILED_CLASS_COUNTS, COMPILED_SIZE, COMPILED_DTYPE = (10, 1024, 32000), 1 << 20, "float32"
"""The shapes that torch.compile is tried with: it takes seconds for each."""
COMPILED_SHARE = 0.12
"""The share of the time that it may take for compiling; the shapes that are left then are left out."""
CHECKED_SIZE = 1 << 16
"""Up to this size the results of all contenders are compared."""


@dataclass
class _Run:
    """The state of a run.

    Attributes:
        peers: those that are installed.
        deadline: when it must end, by `time.monotonic`.
        compiling: seconds that torch.compile may still take for compiling.
        left_out: what could not be measured, and why.
        uncompiled: the cells for which torch.compile had no time left.
    """

    peers: Sequence[Peer]
    deadline: float
    compiling: float
    left_out: dict[str, str] = field(default_factory=dict)
    uncompiled: list[str] = field(default_factory=list)

    def measure(self, cell: Cell, budget: float) -> dict[str, Any]:
        """The timings of one cell."""
        case = make_case(cell)
        timings = measure(dict(self.warm(cell, case)), budget, threads=cell.threads)
        return {**asdict(cell), "timings": {name: asdict(timing) for name, timing in timings.items()}}

    def warm(self, cell: Cell, case: Case) -> Iterator[tuple[str, Callable[[], object]]]:
        """Every contender of a cell, ours first, each called once and found to give what ours gives."""
        forms = {C_NAME: prepare_c}
        if cell.threads == 1:
            forms[NUMPY_NAME] = prepare_numpy
        ours = None
        for name, prepare in forms.items():
            call = prepare(cell.operation, case)
            ours = self.checked(call, case, ours)
            yield name, call
        for peer in self.peers:
            if cell.operation not in peer.forms or not self.has_time_for(peer, cell):
                continue
            start = time.monotonic()
            try:
                call = peer.forms[cell.operation](case)
                self.checked(call, case, ours)
            except Exception as failure:  # noqa: BLE001 - a peer that fails is left out by name, whatever it raises
                reason = str(failure).splitlines() or [type(failure).__name__]
                self.left_out[f"{peer.name}, {cell.operation}, n = {cell.n}, {cell.dtype}"] = reason[0]
                continue
            if peer.name == COMPILED:
                self.compiling -= time.monotonic() - start
            yield peer.name, call

    def has_time_for(self, peer: Peer, cell: Cell) -> bool:
        """Whether `peer` is tried with this cell: for torch.compile some shapes, as long as its time lasts."""
        if peer.name != COMPILED:
            return True
        if (
            cell.dtype != COMPILED_DTYPE
            or cell.n not in COMPILED_CLASS_COUNTS
            or not COMPILED_SIZE // 2 < cell.size <= COMPILED_SIZE
        ):
            return False
        if self.compiling <= 0:
            self.uncompiled.append(f"{cell.operation} at n = {cell.n}")
        return self.compiling > 0

    @staticmethod
    def checked(call: Callable[[], object], case: Case, ours: list[np.ndarray] | None) -> list[np.ndarray]:
        """What `call` computes; ValueError if that is not what ours computed."""
        result = call()
        if case.z.size > CHECKED_SIZE:
            return []
        arrays = [np.asarray(each).copy() for each in (result if isinstance(result, tuple) else (result,))]
        tolerance = 2e-4 if case.z.dtype == np.float32 else 1e-10
        for got, want in zip(arrays, ours or [], strict=bool(ours)):
            if not np.allclose(got, want, rtol=tolerance, atol=tolerance):
                raise ValueError(f"it differs from ours by {np.abs(got - want).max():.3g}")
        return arrays


def run(grid: Grid, threads: int, budget: float, *, compiled: bool) -> Iterator[dict[str, Any]]:
    """Measure the cells of `grid` for at most `budget` seconds; what the time does not suffice for is left out."""
    start = time.monotonic()
    peers, absent = find_peers(threads)
    if not compiled:
        peers = tuple(peer for peer in peers if peer.name != COMPILED)
    state = _Run(peers, start + budget, COMPILED_SHARE * budget, absent)
    free = machine.memory_free()
    cells = [cell for cell in grid.cells(threads) if memory_needed(cell) <= free]
    if len(cells) < sum(1 for _ in grid.cells(threads)):
        state.left_out["cells larger than memory"] = f"{free >> 30} GiB are free"
    yield {
        "kind": "start",
        "threads": threads,
        "cells": len(cells),
        "copy": machine.measure_copy(threads),
        "arithmetic": {dtype: machine.measure_arithmetic(dtype) for dtype in DTYPES},
        "versions": {"NumPy": np.__version__, **{peer.name: peer.version for peer in peers}},
    }
    weights = [1 + cell.size / (1 << 22) for cell in cells]
    for index, cell in enumerate(cells):
        remaining = state.deadline - time.monotonic()
        if remaining <= 0:
            state.left_out[f"the last {len(cells) - index} cells on {threads} threads"] = "the time was over"
            break
        yield {"kind": "cell", **state.measure(cell, remaining * weights[index] / sum(weights[index:]))}
    if state.uncompiled:
        names = ", ".join(state.uncompiled)
        state.left_out[f"{COMPILED} on {threads} threads"] = f"no time was left to compile {names}"
    copy = machine.measure_copy(threads)
    yield {"kind": "end", "threads": threads, "copy": copy, "left_out": state.left_out}


def main() -> None:
    """Read the request, a JSON object, from standard input, and write the results."""
    request = json.load(sys.stdin)
    threads = request["threads"]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    operations, *rest = (tuple(each) for each in request["grid"])
    grid = Grid(operations or tuple(OPERATIONS), *rest)
    for line in run(grid, threads, request["budget"], compiled=request["compiled"]):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
