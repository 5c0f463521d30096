"""The machine that is measured on: what it is, how fast it copies, how fast it multiplies."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from derive.compiler import find_compiler

BUSY = 0.5
"""Processes that want to run, on the average of a minute, from which on a machine is busy."""
COPIED = 1 << 28
"""Bytes of the array that is copied: far more than any cache holds."""


def describe() -> dict[str, str]:
    """What a reader needs in order to judge a figure."""
    return {
        "processor": _read("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "instruction set that our C chose": _instruction_set(),
        "memory": _read("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "compiler": " ".join(find_compiler()),
        "load": f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "",
    }


def _instruction_set() -> str:
    """What our C chooses when it runs, as far as the system says what there is."""
    flags = set(_read("/proc/cpuinfo", "flags").split())
    if not flags:
        return ""
    return "AVX-512" if has_avx512() else "AVX2" if {"avx2", "fma"} <= flags else "what the compiler's flags allow"


def has_avx512() -> bool:
    """Whether the processor has what our code for AVX-512 needs, as far as the system says it."""
    flags = _read("/proc/cpuinfo", "flags").split()
    return {"avx512f", "avx512dq", "avx512vl"} <= set(flags)


def is_busy() -> bool:
    """Whether other programs use more than half of a processor; False where the system does not say."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > BUSY


def count_running() -> int:
    """How many threads of the machine run or want to, the caller's among them; 1 where the system does not say."""
    try:
        return int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].partition("/")[0])
    except (OSError, IndexError, ValueError):
        return 1


def memory_free() -> int:
    """Bytes that are free for use, or very many where the system does not say."""
    written = _read("/proc/meminfo", "MemAvailable").split()
    return int(written[0]) * 1024 if written else 1 << 60


def measure_copy(threads: int) -> float:
    """Bytes a second, read and written both counted, of the best copy of an array out of cache."""
    source = np.ones(COPIED // 8)
    target = np.zeros_like(source)
    parts = list(zip(np.array_split(source, threads), np.array_split(target, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        seconds = _median_time(lambda: list(pool.map(lambda part: np.copyto(part[1], part[0]), parts)))
    return 2 * COPIED / seconds


def measure_arithmetic(dtype: str) -> float:
    """Floating-point operations a second of a product of matrices in cache, with as many threads as NumPy is given."""
    size = 768
    matrix = np.ones((size, size), dtype)
    out = np.empty_like(matrix)
    return 2 * size**3 / _median_time(lambda: np.matmul(matrix, matrix, out=out))


def _median_time(call: Callable[[], object]) -> float:
    call()
    samples = []
    for _ in range(7):
        start = time.perf_counter()
        call()
        samples.append(time.perf_counter() - start)
    return statistics.median(samples)


def _read(path: str, key: str) -> str:
    """The value of a line `key : value` of a file under /proc; empty where there is none."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
