"""The generated C, compiled, and called through ctypes.

The caller is our own and knows nothing but the contract and the prototypes: rows lie further apart than they are long,
the space between, before and after them holds a pattern that must still be there afterwards, and so must the inputs.
"""

import ctypes
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.numeric.backends import FOLDERS, GENERATED, SIGNATURES
from tests.numeric.cases import Array

BUILDS: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "gcc": ("gcc", None),
    "clang": ("clang", None),
    "gcc-O0": ("gcc", ("-std=c11", "-O0", "-DINSTRUCTION_SETS=1")),
    "gcc-avx2": ("gcc", ("-std=c11", "-O3", "-ffp-contract=fast", "-fno-trapping-math", "-DINSTRUCTION_SETS=2")),
}
"""Compiler and flags by name; None for those that the headers name. Without any flag, and on every instruction set, the
kernels must be as right."""

FORCED = os.environ.get("DERIVE_INSTRUCTION_SETS")
"""1, 2 or 3: every library is compiled for so many instruction sets, from the plain one upwards."""

OK, NULL_POINTER, IMPOSSIBLE_SIZE, LABEL_OUT_OF_RANGE = range(4)
PATTERNS = {
    "input": {np.dtype(np.float32): 0x7FC0_DEAD, np.dtype(np.float64): 0x7FF8_DEAD_BEEF_CAFE},
    "output": {np.dtype(np.float32): 0xFFC0_BEAD, np.dtype(np.float64): 0xFFF8_FADE_ABBA_BEAD},
}
"""Bits of a NaN: read by mistake it spoils a result, and overwritten it is missed. A NaN computed from the inputs'
pattern carries its bits, which is why the outputs have another one."""


def documented_flags(folder: str) -> tuple[str, ...]:
    """The flags of the compile command that every header of a folder gives, the same in all."""
    headers = sorted((GENERATED / folder / "c").glob("*.h"))
    found = {
        tuple(line.split()) for header in headers for line in re.findall(r"\bcc (-std.*) -c\b", header.read_text())
    }
    assert len(found) == 1, f"compile commands in the headers of {folder}: {found}"
    return found.pop()


def compile_library(folder: str, compiler: str, flags: Sequence[str] | None, into: Path) -> Path:
    """All C files of a folder as one shared library; by the documented command where `flags` is None."""
    sources = sorted((GENERATED / folder / "c").glob("*.c"))
    assert sources, f"no C files in {GENERATED / folder / 'c'}"
    library = into / f"{folder}.so"
    chosen = documented_flags(folder) if flags is None else flags
    forced = () if FORCED is None else ("-UINSTRUCTION_SETS", f"-DINSTRUCTION_SETS={FORCED}")
    command = [compiler, *chosen, *forced, "-shared", "-fPIC", *map(str, sources), "-lm", "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return library


def available(build: str) -> bool:
    return shutil.which(BUILDS[build][0]) is not None


@dataclass(frozen=True)
class Strided:
    """Rows of an array in a larger block of memory, `stride` elements apart, patterned everywhere else."""

    block: Array
    start: int
    rows: int
    n: int
    stride: int
    pattern: int

    @property
    def address(self) -> int:
        return int(self.block.ctypes.data + self.start * self.block.itemsize)

    @property
    def view(self) -> Array:
        """The rows, shape (rows, n)."""
        step = self.block.itemsize
        steps = (self.stride * step, step)
        return np.ndarray((self.rows, self.n), self.block.dtype, self.block, self.start * step, steps)

    def untouched_outside(self) -> bool:
        """Whether the pattern is whole around and between the rows."""
        words = bits(self.block)
        inside = np.zeros(words.size, dtype=bool)
        for row in range(self.rows):
            inside[self.start + row * self.stride :][: self.n] = True
        return bool(np.all(words[~inside] == self.pattern))


def bits(block: Array) -> Array:
    """The floats of `block` as unsigned integers: NaNs compare equal to themselves."""
    return block.view(np.uint32 if block.itemsize == 4 else np.uint64)


def reserve(purpose: str, rows: int, n: int, dtype: np.dtype[Any], guard: int, gap: int) -> Strided:
    """Patterned memory for `rows` of `n`, with `guard` elements around and `gap` between them."""
    stride = n + gap
    block = np.empty(2 * guard + max(rows * stride - gap, 0), dtype)
    pattern = PATTERNS[purpose][block.dtype]
    bits(block)[:] = pattern
    return Strided(block, guard, rows, n, stride, pattern)


Prototype = tuple[tuple[str, str], ...]
"""Type and name of every parameter, in order."""


@cache
def prototypes(folder: str) -> dict[str, Prototype]:
    """The functions that the headers of a folder declare."""
    headers = sorted((GENERATED / folder / "c").glob("*.h"))
    text = re.sub(r"/\*.*?\*/", "", "\n".join(header.read_text() for header in headers), flags=re.DOTALL)
    declared = re.findall(r"^int (\w+)\(([^)]*)\);", text, flags=re.MULTILINE)
    return {name: tuple(_parameter(each) for each in listed.split(",")) for name, listed in declared}


def _parameter(text: str) -> tuple[str, str]:
    found = re.fullmatch(r"\s*(.*?)(\w+)\s*", text, flags=re.DOTALL)
    assert found is not None, text
    return found[1].replace(" ", ""), found[2]


def outputs_of(prototype: Prototype) -> list[str]:
    """The names of its outputs, which are the pointers to what is not const."""
    return [name for kind, name in prototype if kind.endswith("*") and "const" not in kind]


def arrange(prototype: Prototype, values: Mapping[str, int]) -> dict[str, Any]:
    """Addresses and sizes by name, as ctypes values in the order of the parameters."""
    return {
        name: (ctypes.c_void_p if kind.endswith("*") else ctypes.c_size_t)(values[name]) for kind, name in prototype
    }


@dataclass(frozen=True, eq=False)
class CBackend:
    """One compiled library.

    Attributes:
        guard: elements of pattern around each array; 0 where a sanitizer watches the allocation itself.
        gap: elements between rows.
    """

    name: str
    folder: str
    library: ctypes.CDLL
    guard: int = 17
    gap: int = 3

    @property
    def n(self) -> int | None:
        return FOLDERS[self.folder]

    def symbol(self, module: str, quantity: str, labels: bool, dtype: np.dtype[Any], weighted: bool = False) -> str:
        """The name that the contract gives a function."""
        fixed = "" if self.n is None else f"_n{self.n}"
        precision = "f32" if dtype == np.float32 else "f64"
        return f"{module}{fixed}_{quantity}{'_labels' * labels}{'_weighted' * weighted}_{precision}"

    def invoke(self, symbol: str, arguments: Mapping[str, Any]) -> int:
        """The return code of a function for arguments in the order of its parameters."""
        return int(self.library[symbol](*arguments.values()))

    def call(self, module: str, quantity: str, *inputs: Array) -> Any:
        """The outputs for inputs of shape (rows, n), labels (rows,); asserts that the call succeeds."""
        status, outputs = self.status(module, quantity, *inputs)
        assert status == OK, f"{module} {quantity} returned {status}"
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def status(
        self, module: str, quantity: str, *inputs: Array, weights: Array | None = None
    ) -> tuple[int, list[Array]]:
        """The return code and the outputs, whose memory holds the pattern wherever nothing was written.

        With `weights` of shape (rows,) the function that takes some is called.
        """
        rows, n = inputs[0].shape
        dtype, (names, kinds) = inputs[0].dtype, SIGNATURES[quantity]
        given = dict(zip(names, inputs, strict=True))
        labels = given.pop("t").copy() if given.get("t", inputs[0]).dtype == np.int64 else None
        symbol = self.symbol(module, quantity, labels is not None, dtype, weights is not None)
        prototype = prototypes(self.folder)[symbol]

        placed = {name: reserve("input", rows, n, dtype, self.guard, self.gap) for name in given}
        for name, place in placed.items():
            place.view[:] = given[name]
        before = {name: place.block.copy() for name, place in placed.items()}
        extents = {"vector": (n, self.gap), "scalar": (1, 0)}
        results = {
            name: reserve("output", rows, extents[kind][0], dtype, self.guard, extents[kind][1])
            for name, kind in zip(outputs_of(prototype), kinds, strict=True)
        }
        values = {"batch": rows, "n": n, "labels": 0 if labels is None else labels.ctypes.data}
        values["weights"] = 0 if weights is None else weights.ctypes.data
        for name, place in (placed | results).items():
            values |= {name: place.address, f"{name}_stride": place.stride}
        code = self.invoke(symbol, arrange(prototype, values))

        for name, place in placed.items():
            assert np.array_equal(bits(place.block), bits(before[name])), f"{symbol} wrote to {name}"
        assert labels is None or np.array_equal(labels, inputs[1]), f"{symbol} wrote to its labels"
        for name, place in results.items():
            assert place.untouched_outside(), f"{symbol} wrote outside {name}"
        views = [place.view.copy() for place in results.values()]
        return code, [view if kind == "vector" else view[:, 0] for view, kind in zip(views, kinds, strict=True)]
