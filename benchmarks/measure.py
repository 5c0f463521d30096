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
from benchmarks.derived import (
    AVX2_NAME,
    C_NAME,
    NUMPY_NAME,
    fixed_count,
    load_c,
    prepare_avx2,
    prepare_c,
    prepare_numpy,
)
from benchmarks.peers import Peer, find_peers
from benchmarks.timing import SAMPLE, measure

COMPILED = "torch.compile"
COMPARED_SIZE = 1 << 20
COMPILED_CLASS_COUNTS, COMPILED_DTYPE = (10, 1024, 32000), "float32"
"""The shapes that torch.compile is tried with, of `COMPARED_SIZE`: it takes seconds for each."""
COMPARED_CLASS_COUNTS = (10, 128, 1024, 32000)
"""Those by which the instruction sets of a processor with AVX-512 are compared."""
COMPILED_SHARE = 0.08
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
        has_avx512: whether the processor has it.
        uncompiled: the cells for which torch.compile had no time left.
    """

    peers: Sequence[Peer]
    deadline: float
    compiling: float
    has_avx512: bool
    left_out: dict[str, str] = field(default_factory=dict)
    uncompiled: list[str] = field(default_factory=list)

    def measure(self, cell: Cell, budget: float) -> dict[str, Any]:
        """The timings of one cell."""
        case = make_case(cell)
        start = time.monotonic()
        calls, first = {}, {}
        for name, call, seconds in self.warm(cell, case):
            calls[name], first[name] = call, seconds
        left = budget - (time.monotonic() - start)
        timings = measure(calls, left, first=first, threads=cell.threads)
        return {**asdict(cell), "timings": {name: asdict(timing) for name, timing in timings.items()}}

    def warm(self, cell: Cell, case: Case) -> Iterator[tuple[str, Callable[[], object], float]]:
        """Every contender of a cell, ours first, called and found to give what ours gives; and how long that took."""
        forms = {C_NAME: prepare_c}
        if cell.threads == 1:
            forms[NUMPY_NAME] = prepare_numpy
            if self.is_tried_on_avx2(cell):
                forms[AVX2_NAME] = prepare_avx2
        ours = None
        for name, prepare in forms.items():
            call = prepare(cell.operation, case)
            self.checked(call, case, ours)  # the first of all has to bring the arrays to the processor
            ours, seconds = self.checked(call, case, ours)
            yield name, call, seconds
        for peer in self.peers:
            if cell.operation not in peer.forms or not self.has_time_for(peer, cell):
                continue
            start = time.monotonic()
            try:
                call = peer.forms[cell.operation](case)
                _, seconds = self.checked(call, case, ours)
                if peer.compiles and seconds > SAMPLE:
                    _, seconds = self.checked(call, case, ours)
            except Exception as failure:  # noqa: BLE001 - a peer that fails is left out by name, whatever it raises
                reason = str(failure).splitlines() or [type(failure).__name__]
                self.left_out[f"{peer.name}, {cell.operation}, n = {cell.n}, {cell.dtype}"] = reason[0]
                continue
            if peer.name == COMPILED:
                self.compiling -= time.monotonic() - start
            yield peer.name, call, seconds

    def is_tried_on_avx2(self, cell: Cell) -> bool:
        """Whether the cell is one of those by which the instruction sets are compared."""
        return self.has_avx512 and cell.n in COMPARED_CLASS_COUNTS and COMPARED_SIZE // 2 < cell.size <= COMPARED_SIZE

    def has_time_for(self, peer: Peer, cell: Cell) -> bool:
        """Whether `peer` is tried with this cell: for torch.compile some shapes, as long as its time lasts."""
        if peer.name != COMPILED:
            return True
        if (
            cell.dtype != COMPILED_DTYPE
            or cell.n not in COMPILED_CLASS_COUNTS
            or not COMPARED_SIZE // 2 < cell.size <= COMPARED_SIZE
        ):
            return False
        if self.compiling <= 0:
            self.uncompiled.append(f"{cell.operation} at n = {cell.n}")
        return self.compiling > 0

    @staticmethod
    def checked(
        call: Callable[[], object], case: Case, ours: list[np.ndarray] | None
    ) -> tuple[list[np.ndarray], float]:
        """What `call` computes, and in how many seconds; ValueError if that is not what ours computed."""
        start = time.perf_counter()
        result = call()
        seconds = time.perf_counter() - start
        if case.z.size > CHECKED_SIZE:
            return [], seconds
        arrays = [np.asarray(each).copy() for each in (result if isinstance(result, tuple) else (result,))]
        tolerance = 2e-4 if case.z.dtype == np.float32 else 1e-10
        for got, want in zip(arrays, ours or [], strict=bool(ours)):
            if not np.allclose(got, want, rtol=tolerance, atol=tolerance):
                raise ValueError(f"it differs from ours by {np.abs(got - want).max():.3g}")
        return arrays, seconds


def run(grid: Grid, threads: int, budget: float, *, compiled: bool) -> Iterator[dict[str, Any]]:
    """Measure the cells of `grid` for about `budget` seconds, of which each has its share; none is left out."""
    start = time.monotonic()
    peers, absent = find_peers(threads)
    if not compiled:
        peers = tuple(peer for peer in peers if peer.name != COMPILED)
    state = _Run(peers, start + budget, COMPILED_SHARE * budget, machine.has_avx512(), absent)
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
    for composition, n in dict.fromkeys(
        (OPERATIONS[cell.operation].composition, fixed_count(cell.n)) for cell in cells
    ):
        load_c(composition, n)  # compiled before the cells share out the time
    shares = [expected_seconds(cell) for cell in cells]
    for index, cell in enumerate(cells):
        left = max(0.0, state.deadline - time.monotonic())
        yield {"kind": "cell", **state.measure(cell, left * shares[index] / sum(shares[index:]))}
    if state.uncompiled:
        names = ", ".join(state.uncompiled)
        state.left_out[f"{COMPILED} on {threads} threads"] = f"no time was left to compile {names}"
    copy = machine.measure_copy(threads)
    yield {"kind": "end", "threads": threads, "copy": copy, "left_out": state.left_out}


def expected_seconds(cell: Cell) -> float:
    """About how long a cell takes if each contender is called twice: short rows take peers ten times as long."""
    nanoseconds = (50 + 500 / cell.n) * (1 if cell.dtype == "float32" else 1.7) / cell.threads
    return 0.4 + 2 * cell.size * nanoseconds * 1e-9


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
