"""The C kernels as functions on NumPy arrays: `derive.load`.

What is compiled is what `derive build` writes. The functions are those of the generated NumPy module, whose private
programs over rows are replaced by the C kernels: layout, reductions, weights and errors are the same. Arrays that a
kernel can work on as they lie are handed to it at once, with nothing between but the checks that make it safe.
"""

import ctypes
import hashlib
import inspect
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from derive.at_once import TYPES, Signature, make_at_once, print_at_once, try_at_once
from derive.cache import cache_folder
from derive.catalogue.model import Composition
from derive.compiler import FLAGS, compile_sources, find_compiler, options_of_this_machine, processor_flags
from derive.errors import KernelError, MissingToolError, OutputError
from derive.kernel.ir import Kernel
from derive.kernel.pipeline import schedule
from derive.pipeline import make_product
from derive.targets.c import target as c_target
from derive.targets.c_function import function_name
from derive.targets.c_precision import PRECISIONS
from derive.targets.numpy import target as numpy_target
from derive.targets.numpy_function import program_name

Array = np.ndarray[Any, Any]
Calls = Mapping[np.dtype[Any], Callable[..., int]]
"""The C function for each dtype of the logits."""

_BAD_SIZE = 2
"""The status of a C function that keeps sums on the stack, and does not take so many classes."""

THREADS = "-fopenmp"
"""Has threads share the rows, where the compiler and its libraries have OpenMP."""


@cache
def load_kernels(composition: Composition, n: int | None, *, allow_unsafe: bool = False) -> ModuleType:
    """The generated NumPy module of a composition, with every function that C has done by C; see `derive.load`.

    Raises:
        UnsafeError: a kernel breaks at finite inputs, and `allow_unsafe` is not given.
        MissingToolError: there is no C compiler, or it does not take the source.
        OutputError: the cache cannot be written.
    """
    product = make_product(composition, n, allow_unsafe=allow_unsafe)
    module = _execute(numpy_target.files(product)[f"{product.stem}.py"], product.stem)
    kernels = [kernel for kernel in product.kernels if all(array.rank < 2 for array in kernel.outputs)]
    library = load_cached({**c_target.files(product), **print_at_once(product.stem, kernels)}, cache_folder())
    by_c: dict[Callable[..., bool], Callable[..., None]] = {}
    at_once: dict[str, dict[bool, Callable[..., bool]]] = {}
    for kernel in kernels:
        name = program_name(kernel)
        program = _replace_program(
            getattr(module, name), schedule(kernel, work=False), _find_calls(library, product.stem, kernel)
        )
        by_c[program] = getattr(module, name)
        setattr(module, name, program)
        at_once.setdefault(kernel.name, {})[kernel.labels] = make_at_once(library, product.stem, kernel)
    vars(module)["_in_blocks"] = _run_whole(vars(module)["_in_blocks"], by_c)
    outs = {kernel.name: len(kernel.outputs) for kernel in product.kernels}
    for name, ways in at_once.items():
        setattr(module, name, try_at_once(getattr(module, name), ways, outs[name]))
    return module


def load_cached(files: Mapping[str, str], folder: Path) -> ctypes.CDLL:
    """The shared library made of the C sources among `files`, compiled unless `folder` has one that loads.

    Its name is a digest of all that it is made of. It is compiled beside its place and then moved there, which is
    indivisible: several processes may do it at the same time, and none sees half a library.

    Raises:
        MissingToolError: there is no C compiler, or it does not take the sources.
        OutputError: `folder` cannot be written, or nothing in it can be loaded.
    """
    compiler = find_compiler()
    flags = (*FLAGS, *options_of_this_machine())
    # A home directory may be shared by machines that differ.
    made_of = (sorted(files.items()), compiler, flags, THREADS, sys.platform, platform.machine(), processor_flags())
    digest = hashlib.sha256(repr(made_of).encode()).hexdigest()
    sources = [name for name in files if name.endswith(".c")]
    path = folder / f"{Path(sources[0]).stem}-{digest[:32]}.so"
    try:
        return _load(path)
    except OSError:
        pass  # there is none, or what is there was damaged
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            for name, text in files.items():
                (Path(scratch) / name).write_text(text, encoding="utf-8")
            _compile([Path(scratch) / name for name in sources], Path(scratch), compiler, flags).replace(path)
        return _load(path)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot keep compiled kernels: {error.strerror or error}; set XDG_CACHE_HOME to a folder that can"
        ) from error


def _compile(sources: Sequence[Path], folder: Path, compiler: Sequence[str], flags: Sequence[str]) -> Path:
    """The library made of `sources`, with threads or else without."""
    try:
        return compile_sources(sources, folder, compiler, (*flags, THREADS))
    except MissingToolError:
        return compile_sources(sources, folder, compiler, flags)


def _load(path: Path) -> ctypes.CDLL:
    """The library at `path`, whose functions use no threads in a process that is forked.

    GCC's runtime library would wait for the threads of the parent.
    """
    library = ctypes.CDLL(str(path))
    if hasattr(library, "omp_set_num_threads") and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: library.omp_set_num_threads(1))
    return library


def _execute(source: str, stem: str) -> ModuleType:
    """The module that `source`, which we printed ourselves, is."""
    module = ModuleType(f"derive.compiled.{stem}")
    exec(compile(source, f"<{module.__name__}>", "exec"), vars(module))  # noqa: S102 - text of our own printer, from a definition that was parsed
    return module


def _find_calls(library: ctypes.CDLL, stem: str, kernel: Kernel) -> Calls:
    """The C functions of `kernel`, with the types of their arguments."""
    signature = Signature.of(kernel)
    calls: dict[np.dtype[Any], Callable[..., int]] = {}
    for precision in PRECISIONS:
        dtype, real = TYPES[precision.name]
        types: list[type[Any]] = [ctypes.c_size_t] * (1 if kernel.n is not None else 2)
        for array in signature.arrays:
            types += [ctypes.c_void_p, ctypes.c_size_t] if array.per_class else [ctypes.c_void_p]
        types += [ctypes.c_void_p if number.per_class else real for number in signature.numbers]
        call = library[function_name(stem, kernel, precision)]
        call.restype, call.argtypes = ctypes.c_int, types
        calls[dtype] = call
    return calls


def _replace_program(program: Callable[..., None], kernel: Kernel, calls: Calls) -> Callable[..., bool]:
    """A function for the place of `program`, a private function of the NumPy module, that has C do its work.

    It answers whether C has: where it keeps sums on the stack, of so many classes it may not.
    """
    names = tuple(inspect.signature(program).parameters)

    def by_c(*given: Any) -> bool:
        values = dict(zip(names, given, strict=True))
        if values["z"].size == 0:
            return True
        status = _call(calls[values["z"].dtype], kernel, values)
        if status != 0 and not (kernel.work and status == _BAD_SIZE):
            raise KernelError(f"the C function for {kernel.name} refuses checked arguments with status {status}")
        return status == 0

    return by_c


def _run_whole(
    in_blocks: Callable[..., None], by_c: Mapping[Callable[..., bool], Callable[..., None]]
) -> Callable[..., None]:
    """A function for the place of `in_blocks`, which runs a program in blocks: C works on all rows at once."""

    def run(
        program: Callable[..., Any], inputs: tuple[Array, ...], outputs: tuple[Array, ...], **options: bool
    ) -> None:
        if not (program in by_c and program(*inputs, *outputs)):
            in_blocks(by_c.get(program, program), inputs, outputs, **options)

    return run


def _call(call: Callable[..., int], kernel: Kernel, values: Mapping[str, Array]) -> int:
    """The status of a C function for what the NumPy module gives its programs, by name.

    What a program does not read it is not given, and C still checks: anything right will do in its place.
    """
    z = values["z"]
    *outer, n = z.shape
    batch = z.size // n
    inputs = [values.get(array.name, z) for array in kernel.inputs]
    if kernel.labels:
        labels = values["labels"] if "labels" in values else np.zeros(outer)
        inputs.insert(1, np.ascontiguousarray(labels, dtype=np.int64))
    numbers = []
    for parameter in kernel.parameters:
        value = values.get(parameter.name, np.asarray(float(parameter.range.middle()), z.dtype))
        of_a_row = value[(0,) * (value.ndim - 1)] if value.ndim else value
        numbers.append(np.broadcast_to(of_a_row, n).copy() if parameter.per_class else of_a_row)
    arguments: list[Any] = [batch] if kernel.n is not None else [batch, n]
    outputs = [values[array.name] for array in kernel.outputs]
    for each, array in zip(Signature.of(kernel).arrays, (*inputs, *outputs), strict=True):
        arguments += [array.ctypes.data, n] if each.per_class else [array.ctypes.data]
    arguments += [each.ctypes.data if each.ndim else float(each) for each in numbers]
    return call(*arguments)
