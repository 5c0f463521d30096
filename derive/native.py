"""Compile generated C with the system's compiler, and call its functions on NumPy arrays."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from derive.compiler import FLAGS, compile_sources

Argument = int | float | np.float32 | np.ndarray[Any, Any]
"""What a function may be called with."""


@dataclass(frozen=True)
class Library:
    """A compiled shared library."""

    path: Path
    handle: ctypes.CDLL

    def call(self, function: str, *arguments: float | np.ndarray[Any, Any]) -> int:
        """Call `function` and return its status.

        Args:
            function: the whole name, such as `softmax_value_f32`.
            arguments: in the order of the C declaration, without the strides: an integer is a size; an array of
                shape (batch, n) gives a pointer and its row stride, one of shape (batch,) a pointer; a
                NumPy scalar is passed as its own type. Entries of a row must lie side by side.

        Raises:
            AttributeError: the library has no such function.
            ValueError: an array has other than one or two axes, or gaps between the entries of a row.
        """
        entry = getattr(self.handle, function)
        entry.restype = ctypes.c_int
        return int(entry(*(part for argument in arguments for part in _parts(argument))))


def compile_library(
    sources: Sequence[Path], folder: Path, compiler: Sequence[str] | None = None, flags: Sequence[str] = FLAGS
) -> Library:
    """Compile `sources` into one shared library in `folder`, and load it.

    Args:
        sources: C files; their headers lie beside them.
        folder: where the library is written; it exists.
        compiler: the command of the compiler, or None for `find_compiler`.
        flags: the options for compiling.

    Raises:
        MissingToolError: there is no compiler, or the one there is does not compile the sources.
    """
    path = compile_sources(sources, folder, compiler, flags)
    return Library(path, ctypes.CDLL(str(path)))


def _parts(argument: float | np.ndarray[Any, Any]) -> tuple[Any, ...]:
    """One argument as ctypes passes it."""
    if isinstance(argument, np.ndarray):
        return _array_parts(argument)
    if isinstance(argument, np.float32):
        return (ctypes.c_float(float(argument)),)
    return (ctypes.c_double(argument) if isinstance(argument, float) else ctypes.c_size_t(argument),)


def _array_parts(array: np.ndarray[Any, Any]) -> tuple[Any, ...]:
    """A pointer, and the row stride in entries where the array has rows."""
    pointer = ctypes.c_void_p(array.ctypes.data)
    *outer, inner = (step // array.itemsize for step in array.strides)
    if len(outer) > 1 or (inner != 1 and array.shape[-1] > 1):
        raise ValueError(f"rows of adjacent entries needed; shape {array.shape} has strides {array.strides}")
    # the stride between rows means nothing where there is at most one, and may then be anything
    strides = [step if array.shape[0] > 1 else array.shape[-1] for step in outer]
    return (pointer, *map(ctypes.c_size_t, strides))
