"""Measure the exponentials and logarithms of generated C against libm: every float32, and 10^8 numbers of float64.

    python -m benchmarks.elementary_error

What is measured is the text of the generated functions, taken out of the files and compiled by itself: once with
fused multiply-add, as for the newer instruction sets, and once without. The truth is libm's in double precision for
float32, and in long double, whose significand has 64 bits on x86, for float64. Some minutes on two processors.
"""

import ctypes
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

import derive
from derive.native import compile_library

GENERATED = Path(__file__).parents[1] / "generated" / "any" / "c"
FURTHER = ("sigmoid+binary-cross-entropy", "softmax+jensen-shannon")
"""Compositions whose C has the functions that no file in `GENERATED` needs."""
ALLOWED = 1.1
"""Units in the last place, for exponentials and logarithms."""
ALLOWED_EXPM1 = 2.0
"""The same for exp(x) - 1: where it is small, two roundings of the exponential are left after the subtraction."""
SAMPLES = 10**8
PARTS = 64
"""Into which the inputs are divided, for the processors to take one after the other."""

TRUTHS = {
    "exp": ("exp", -708.0, 709.0, "INFINITY"),
    "exp_nonpositive": ("exp", -708.0, 0.0, "0.0"),
    "expm1": ("expm1", -40.0, 709.0, "INFINITY"),
    "log": ("log", 0.0, 4.0, "INFINITY"),
    "log1p": ("log1p", -1.0, 4.0, "INFINITY"),
}
"""For each function the name of libm's, between which inputs half of the samples lie, and the highest that it takes."""

BUILDS = {
    "fused": ("-std=c11", "-O3", "-march=native", "-ffp-contract=fast", "-fno-trapping-math", "-fno-math-errno"),
    "plain": ("-std=c11", "-O3", "-ffp-contract=off"),
}

_TYPES = {
    "f32": {"REAL": "float", "BITS": "uint32_t", "WIDE": "double", "DIGITS": "24", "limits": "FLT", "ending": ""},
    "f64": {
        "REAL": "double",
        "BITS": "uint64_t",
        "WIDE": "long double",
        "DIGITS": "53",
        "limits": "DBL",
        "ending": "l",
    },
}
_DEFINITION = re.compile(
    r"^(?:static|INLINE)\b[^;{}()]*?\b(?P<name>\w+)\([^;{}]*?\)\n\{\n.*?^\}\n", re.DOTALL | re.MULTILINE
)


class Report(ctypes.Structure):
    """What the C says of a range of inputs; see elementary_error.c."""

    _fields_ = (
        ("worst", ctypes.c_double),
        ("worst_at", ctypes.c_double),
        ("wrong", ctypes.c_uint64),
        ("wrong_at", ctypes.c_double),
    )


@dataclass(frozen=True)
class Measured:
    """The error of one function in one build.

    Attributes:
        name: of the C function.
        build: a key of `BUILDS`.
        inputs: how many were tried.
        worst, worst_at: the largest error in units of the last place, and the input.
        wrong, wrong_at: how many results are NaN, infinite or 0 where they should not be, or are not where they should.
        seconds: how long it took.
    """

    name: str
    build: str
    inputs: int
    worst: float
    worst_at: float
    wrong: int
    wrong_at: float
    seconds: float

    @property
    def is_right(self) -> bool:
        """Whether it keeps to what is allowed."""
        allowed = ALLOWED_EXPM1 if self.name.startswith("expm1") else ALLOWED
        return self.worst <= allowed and self.wrong == 0


def find_functions(sources: Sequence[str]) -> dict[str, str]:
    """The text of every function that the sources define for themselves, by name."""
    return {found["name"]: found[0] for source in sources for found in _DEFINITION.finditer(source)}


def read_sources() -> list[str]:
    """The C that there is, and that of `FURTHER` as it is generated now."""
    sources = [path.read_text(encoding="utf-8") for path in sorted(GENERATED.glob("*.c"))]
    with tempfile.TemporaryDirectory() as folder:
        made = derive.build(out=folder, compositions=FURTHER, targets=["c"])
        sources += [path.read_text(encoding="utf-8") for path in sorted((made.folder / "c").glob("*.c"))]
    return sources


def with_callees(name: str, functions: Mapping[str, str]) -> str:
    """The text of a function after that of all that it calls."""
    needed: dict[str, str] = {}

    def need(each: str) -> None:
        for word in dict.fromkeys(re.findall(r"\w+", functions[each])):
            if word in functions and word != each and word not in needed:
                need(word)
        needed[each] = functions[each]

    need(name)
    return "#define INLINE static inline\n\n" + "\n".join(needed.values())


def measure(name: str, text: str, build: str, inputs: range | int) -> Measured:
    """The largest error of the function `name`, whose text and that of what it calls is `text`.

    Args:
        name: ends with `_f32` or `_f64`; what is before is a key of `TRUTHS`.
        text: C.
        build: a key of `BUILDS`.
        inputs: the bits of the numbers to try, or how many to draw at random.
    """
    function, precision = name.rsplit("_", 1)
    kind, (truth, low, high, highest) = _TYPES[precision], TRUTHS[function]
    defined = {each: kind[each] for each in ("REAL", "BITS", "WIDE", "DIGITS")}
    defined |= {"SMALLEST_NORMAL": f"{kind['limits']}_MIN", "LARGEST": f"{kind['limits']}_MAX"}
    defined |= {"FUNCTION": name, "TRUTH": truth + kind["ending"], "LOW": repr(low), "HIGH": repr(high)}
    defined["HIGHEST"] = highest
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "functions.h").write_text(text, encoding="utf-8")
        flags = [*BUILDS[build], f"-I{folder}", *(f"-D{key}={value}" for key, value in defined.items())]
        library = compile_library([Path(__file__).with_suffix(".c")], Path(folder), flags=flags).handle
    call = library.sample if isinstance(inputs, int) else library.sweep
    call.restype, call.argtypes = Report, (ctypes.c_uint64, ctypes.c_uint64)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reports = list(pool.map(lambda part: call(*part), list(_parts(inputs))))
    worst = max(reports, key=lambda each: each.worst)
    wrong = next((each.wrong_at for each in reports if each.wrong), 0.0)
    count = inputs if isinstance(inputs, int) else len(inputs)
    seconds = time.monotonic() - start
    total = sum(each.wrong for each in reports)
    return Measured(name, build, count, worst.worst, worst.worst_at, total, wrong, seconds)


def _parts(inputs: range | int) -> Iterator[tuple[int, int]]:
    """The arguments of each call: where to begin, or a seed, and how many."""
    first, count = (0, inputs) if isinstance(inputs, int) else (inputs.start, len(inputs))
    edges = [count * part // PARTS for part in range(PARTS + 1)]
    for begin, end in pairwise(edges):
        yield first + begin, end - begin


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Print the largest error of every exponential and logarithm; exit with 1 if one is more than allowed."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    if np.finfo(np.longdouble).nmant <= np.finfo(np.float64).nmant:
        console.print("long double is no wider than double here: the errors of float64 include those of libm")
    functions = find_functions(read_sources())
    wanted = [f"{function}_{precision}" for function in TRUTHS for precision in _TYPES]
    if missing := [name for name in wanted if name not in functions]:
        raise click.ClickException(f"no generated file has {', '.join(missing)}")
    measured = []
    for name in wanted:
        for build in BUILDS:
            console.print(f"{name}, {build} ...")
            inputs = range(1 << 32) if name.endswith("_f32") else SAMPLES
            measured.append(measure(name, with_callees(name, functions), build, inputs))
    console.print(report_table(measured))
    sys.exit(0 if measured and all(each.is_right for each in measured) else 1)


def report_table(measured: Sequence[Measured]) -> Table:
    """What was measured, as a table."""
    table = Table(
        title=f"errors in units of the last place; at most {ALLOWED} allowed, {ALLOWED_EXPM1} for expm1",
        title_justify="left",
    )
    for column in ("function", "multiply-add", "inputs", "largest error", "at", "wrong", "seconds"):
        table.add_column(column, justify="left" if column in ("function", "multiply-add") else "right", no_wrap=True)
    for each in measured:
        wrong = f"{each.wrong}, such as {each.wrong_at!r}" if each.wrong else "0"
        row = (each.name, each.build, str(each.inputs), f"{each.worst:.3f}", each.worst_at.hex(), wrong)
        table.add_row(*row, f"{each.seconds:.0f}", style="" if each.is_right else "bold")
    return table


if __name__ == "__main__":
    main()
