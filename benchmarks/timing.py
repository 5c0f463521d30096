"""Interleaved timing: in every round each contender is called, so that what disturbs the machine disturbs them all."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.machine import count_running

SAMPLE = 200e-6
"""Seconds that one sample should last, so that the clock's resolution and its call do not count."""
STEP = 1e-3
"""Seconds from one look at the threads that run to the next."""
MOST_STEPS = 50
MOST_ROUNDS = 41
SHORT, LEAST_ROUNDS = 0.1, 3
"""Seconds up to which a round is short, and how many such rounds there are at least: one call in a hundred waits for
another program, and is none of three in the middle."""


@dataclass(frozen=True)
class Timing:
    """What was measured of one contender.

    Attributes:
        seconds: the median time of a call.
        ratio: the median, over the rounds, of its time divided by that of the first contender.
        rounds: how many samples there are.
    """

    seconds: float
    ratio: float
    rounds: int


@dataclass
class _Contender:
    call: Callable[[], object]
    repeats: int
    comes_alone: bool
    samples: list[float] = field(default_factory=list)

    def sample(self) -> None:
        if self.comes_alone:
            _wait_for_rest()
        if self.comes_alone or self.repeats > 1:
            self.call()  # which brings its code and arrays into the caches again, and wakes its threads
        start = time.perf_counter()
        for _ in range(self.repeats):
            self.call()
        self.samples.append((time.perf_counter() - start) / self.repeats)


def measure(
    calls: Mapping[str, Callable[[], object]], budget: float, *, first: Mapping[str, float], threads: int = 1
) -> dict[str, Timing]:
    """Time all `calls` in rounds for about `budget` seconds in all.

    The calls are warm: each was made before, which took the seconds of `first`. Where another round would take longer
    than the budget, those stand for it, unless it is short. Before a sample of short calls one is made that does not
    count, for the caches hold what the others left; where the calls use several `threads`, those of the others come to
    rest before it.
    """
    least = LEAST_ROUNDS if sum(first.values()) <= SHORT else 1
    if least == 1 and sum(first.values()) > budget:
        ours = next(iter(first.values()))
        return {name: Timing(seconds, seconds / ours, 1) for name, seconds in first.items()}
    contenders = {
        name: _Contender(call, _choose_repeats(call) if first[name] < SAMPLE else 1, threads > 1)
        for name, call in calls.items()
    }
    start = time.perf_counter()
    order = list(contenders.values())
    for done in range(1, MOST_ROUNDS + 1):
        for contender in order:
            contender.sample()
        order.append(order.pop(0))
        spent = time.perf_counter() - start
        if done >= least and spent * (done + 1) / done > budget:
            break
    ours_in_turn = next(iter(contenders.values())).samples
    return {
        name: Timing(
            statistics.median(each.samples),
            statistics.median(own / ours for own, ours in zip(each.samples, ours_in_turn, strict=True)),
            len(each.samples),
        )
        for name, each in contenders.items()
    }


def _wait_for_rest() -> None:
    """Sleep until no other thread runs: the idle ones of a library wait in a loop for some milliseconds."""
    for _ in range(MOST_STEPS):
        before = time.process_time()
        time.sleep(STEP)
        if time.process_time() - before < STEP / 10 and count_running() <= 1:
            return


def _choose_repeats(call: Callable[[], object]) -> int:
    start = time.perf_counter()
    for _ in range(5):
        call()
    return max(1, round(SAMPLE * 5 / (time.perf_counter() - start)))
