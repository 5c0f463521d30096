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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, update_wrapper
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from derive.cache import cache_folder
from derive.catalogue.model import Composition
from derive.compiler import FLAGS, compile_sources, find_compiler, options_of_this_machine, processor_flags
from derive.errors import KernelError, MissingToolError, OutputError
from derive.kernel.ir import Kernel
from derive.pipeline import make_product
from derive.targets.c import target as c_target
from derive.targets.c_function import function_name
from derive.targets.c_precision import PRECISIONS
from derive.targets.numpy import target as numpy_target
from derive.targets.numpy_function import program_name

Array = np.ndarray[Any, Any]
Calls = Mapping[np.dtype[Any], Callable[..., int]]
"""The C function for each dtype of the logits."""

THREADS = "-fopenmp"
"""Has threads share the rows, where the compiler and its libraries have OpenMP."""

_TYPES: Mapping[str, tuple[np.dtype[Any], type[Any]]] = {
    "f32": (np.dtype(np.float32), ctypes.c_float),
    "f64": (np.dtype(np.float64), ctypes.c_double),
}


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
    library = load_cached(c_target.files(product), cache_folder())
    by_c: set[Callable[..., None]] = set()
    at_once: dict[str, dict[bool, Callable[..., bool]]] = {}
    for kernel in product.kernels:
        if all(array.rank < 2 for array in kernel.outputs):
            calls = _find_calls(library, product.stem, kernel)
            name = program_name(kernel)
            program = _replace_program(getattr(module, name), kernel, calls)
            setattr(module, name, program)
            by_c.add(program)
            at_once.setdefault(kernel.name, {})[kernel.labels] = _make_at_once(kernel, calls)
    vars(module)["_in_blocks"] = _run_whole(vars(module)["_in_blocks"], by_c)
    outs = {kernel.name: len(kernel.outputs) for kernel in product.kernels}
    for name, ways in at_once.items():
        setattr(module, name, _try_at_once(getattr(module, name), ways, outs[name]))
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


@dataclass(frozen=True)
class _Parameters:
    """The parameters of a C function that are not sizes, in its order: arrays of rows, then those of the definition.

    Attributes:
        arrays: the name of each array, and whether it has an entry for every class or one a row.
        inputs: how many of the arrays are inputs; outputs come after them.
        labels: whether the second array is the class labels.
        numbers: the name of each parameter of the definition, and whether it has a number for every class.
    """

    arrays: tuple[tuple[str, bool], ...]
    inputs: int
    labels: bool
    numbers: tuple[tuple[str, bool], ...]

    @classmethod
    def of(cls, kernel: Kernel) -> "_Parameters":
        arrays = [(array.name, array.rank == 1) for array in (*kernel.inputs, *kernel.outputs)]
        if kernel.labels:
            arrays.insert(1, ("labels", False))
        numbers = tuple((parameter.name, parameter.per_class) for parameter in kernel.parameters)
        return cls(tuple(arrays), len(kernel.inputs) + kernel.labels, kernel.labels, numbers)


def _find_calls(library: ctypes.CDLL, stem: str, kernel: Kernel) -> Calls:
    """The C functions of `kernel`, with the types of their arguments."""
    parameters = _Parameters.of(kernel)
    calls: dict[np.dtype[Any], Callable[..., int]] = {}
    for precision in PRECISIONS:
        dtype, real = _TYPES[precision.name]
        types: list[type[Any]] = [ctypes.c_size_t] * (1 if kernel.n is not None else 2)
        for _, per_class in parameters.arrays:
            types += [ctypes.c_void_p, ctypes.c_size_t] if per_class else [ctypes.c_void_p]
        types += [ctypes.c_void_p if per_class else real for _, per_class in parameters.numbers]
        call = library[function_name(stem, kernel, precision)]
        call.restype, call.argtypes = ctypes.c_int, types
        calls[dtype] = call
    return calls


def _replace_program(program: Callable[..., None], kernel: Kernel, calls: Calls) -> Callable[..., None]:
    """A function for the place of `program`, a private function of the NumPy module, that has C do its work."""
    names = tuple(inspect.signature(program).parameters)

    def by_c(*given: Any) -> None:
        values = dict(zip(names, given, strict=True))
        if values["z"].size == 0:
            return
        if (status := _call(calls[values["z"].dtype], kernel, values)) != 0:
            raise KernelError(f"the C function for {kernel.name} refuses checked arguments with status {status}")

    return by_c


def _run_whole(in_blocks: Callable[..., None], by_c: Collection[Callable[..., None]]) -> Callable[..., None]:
    """A function for the place of `in_blocks`, which runs a program in blocks: C works on all rows at once."""

    def run(program: Callable[..., None], inputs: tuple[Array, ...], outputs: tuple[Array, ...]) -> None:
        if program in by_c:
            program(*inputs, *outputs)
        else:
            in_blocks(program, inputs, outputs)

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
    for (_, per_class), array in zip(_Parameters.of(kernel).arrays, (*inputs, *outputs), strict=True):
        arguments += [array.ctypes.data, n] if per_class else [array.ctypes.data]
    arguments += [each.ctypes.data if each.ndim else float(each) for each in numbers]
    return call(*arguments)


def _make_at_once(kernel: Kernel, calls: Calls) -> Callable[..., bool]:
    """A function that takes all arrays and parameters of a kernel: whether it could be called on them, and was."""
    names: dict[str, Any] = {
        "calls": calls,
        "ndarray": np.ndarray,
        "LABEL": np.dtype(np.int64),
        "address": ctypes.addressof,
        # Three times as fast as `array.ctypes`. It refuses arrays that are read-only, empty or have gaps.
        "memory": ctypes.c_char.from_buffer,
    }
    exec(_print_at_once(_Parameters.of(kernel), kernel.n), names)  # noqa: S102 - no text of the user's but names
    made: Callable[..., bool] = names["at_once"]
    return made


def _print_at_once(parameters: _Parameters, n: int | None) -> str:
    """Python that checks arrays and calls a kernel: without loops it takes half the time, 3 microseconds in all."""
    arrays = [f"array_{index}" for index in range(len(parameters.arrays))]
    numbers = [f"number_{index}" for index in range(len(parameters.numbers))]
    vectors = [name for name, (_, per_class) in zip(numbers, parameters.numbers, strict=True) if per_class]
    singles = [name for name in numbers if name not in vectors]
    are_known = [" is ".join(f"type({name})" for name in (*arrays, *vectors)) + " is ndarray"]
    are_known += [f"type({name}) is float" for name in singles]
    unfit = ["len(shape) != 2", "dtype not in calls", *([] if n is None else [f"shape[1] != {n}"])]
    for index, (name, (_, per_class)) in enumerate(zip(arrays, parameters.arrays, strict=True)):
        if index > 0:
            unfit.append(f"{name}.dtype is not {'LABEL' if parameters.labels and index == 1 else 'dtype'}")
            unfit.append(f"{name}.shape != {'shape' if per_class else 'shape[:1]'}")
    for name in vectors:
        unfit += [f"{name}.dtype is not dtype", f"{name}.shape != shape[1:]"]
    overlap = [
        f"at_{one} < at_{other} + {other}.nbytes and at_{other} < at_{one} + {one}.nbytes"
        for index, one in enumerate(arrays[parameters.inputs :], parameters.inputs)
        for other in (*arrays[:index], *vectors)
    ]
    arguments = ["batch", *([] if n is not None else ["n"])]
    for name, (_, per_class) in zip(arrays, parameters.arrays, strict=True):
        arguments += [f"at_{name}", *(["n"] if per_class else [])]
    arguments += [f"at_{name}" if name in vectors else name for name in numbers]
    lines = [
        f"def at_once({', '.join([*arrays, *numbers])}):",
        f"    if not ({' and '.join(are_known)}): return False",
        f"    shape, dtype = {arrays[0]}.shape, {arrays[0]}.dtype",
        f"    if {' or '.join(unfit)}: return False",
        "    try:",
        *(f"        at_{name} = address(memory({name}))" for name in (*arrays, *vectors)),
        "    except (TypeError, ValueError, BufferError): return False",
        f"    if {' or '.join(overlap)}: return False",
        "    batch, n = shape",
        f"    return calls[dtype]({', '.join(arguments)}) == 0",
    ]
    return "\n".join(lines)


def _try_at_once(
    function: Callable[..., Any], ways: Mapping[bool, Callable[..., bool]], outs: int
) -> Callable[..., Any]:
    """`function` of the module, with the same signature, results and errors, tried first on the arrays as they lie.

    Args:
        function: the function that people call, whose programs C does.
        ways: the kernels for it, by whether they take labels.
        outs: how many arrays `out` holds.
    """
    parameters = inspect.signature(function).parameters.values()
    inputs = sum(each.kind is each.POSITIONAL_OR_KEYWORD for each in parameters)
    numbers = tuple(each.name for each in parameters if each.kind is each.KEYWORD_ONLY and each.default is each.empty)
    needed = frozenset(numbers)
    dense, labelled = (ways.get(labels, next(iter(ways.values()))) for labels in (False, True))

    def tried(*given: Any, out: Any = None, **named: Any) -> Any:
        if out is not None and len(given) == inputs and named.keys() == needed:
            arrays = (out,) if outs == 1 else out
            at_once = labelled if inputs > 1 and getattr(given[1], "ndim", 0) == 1 else dense
            if len(arrays) == outs and at_once(*given, *arrays, *[named[name] for name in numbers]):
                return out
        return function(*given, out=out, **named)

    return update_wrapper(tried, function)
