"""Call a C kernel on arrays as they lie, with nothing between but the checks that make it safe.

To look up an address takes half a microsecond, and ctypes a tenth for each argument. So the arguments are packed into
one string of bytes, which a C function beside the kernel takes apart; that one also sees whether arrays overlap.
"""

import ctypes
import inspect
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any

import numpy as np

from derive.kernel.ir import Kernel
from derive.render import render
from derive.targets.c_function import function_name
from derive.targets.c_precision import PRECISIONS

TYPES: Mapping[str, tuple[np.dtype[Any], type[Any]]] = {
    "f32": (np.dtype(np.float32), ctypes.c_float),
    "f64": (np.dtype(np.float64), ctypes.c_double),
}
"""The dtype of each precision, and what ctypes calls it."""

_SUFFIX = "_at_once"


@dataclass(frozen=True)
class Argument:
    """An array of rows, with an entry for every class or one a row; or a parameter of the definition, as an array."""

    name: str
    per_class: bool
    is_labels: bool = False


@dataclass(frozen=True)
class Signature:
    """The parameters of a C function that are not sizes, in its order.

    Attributes:
        inputs, outputs: arrays of rows.
        numbers: parameters of the definition, and whether each has a number for every class.
        n: the fixed number of classes, or None.
    """

    inputs: tuple[Argument, ...]
    outputs: tuple[Argument, ...]
    numbers: tuple[Argument, ...]
    n: int | None

    @classmethod
    def of(cls, kernel: Kernel) -> "Signature":
        """That of the function for `kernel`."""
        inputs, outputs = (
            [Argument(array.name, array.rank == 1) for array in arrays] for arrays in (kernel.inputs, kernel.outputs)
        )
        if kernel.labels:
            inputs.insert(1, Argument("labels", per_class=False, is_labels=True))
        numbers = tuple(Argument(parameter.name, parameter.per_class) for parameter in kernel.parameters)
        return cls(tuple(inputs), tuple(outputs), numbers, kernel.n)

    @property
    def arrays(self) -> tuple[Argument, ...]:
        """The arrays of rows."""
        return (*self.inputs, *self.outputs)

    @property
    def packed(self) -> str:
        """How the sizes and arguments are packed, as `struct` has it."""
        numbers = "".join("Q" if each.per_class else "d" for each in self.numbers)
        return f"=QQ{'Q' * len(self.arrays)}{numbers}"


def print_at_once(stem: str, kernels: Sequence[Kernel]) -> dict[str, str]:
    """The C source of the functions that take packed arguments, by its path: for the header `stem`.h."""
    functions = [
        _describe(function_name(stem, kernel, precision), Signature.of(kernel), precision.type)
        for kernel in kernels
        for precision in PRECISIONS
    ]
    return {f"{stem}{_SUFFIX}.c": render("load", "at_once.c", stem=stem, functions=functions)}


def _describe(name: str, signature: Signature, real: str) -> dict[str, Any]:
    """What the template needs to know of one function."""
    classes = "of.n" if signature.n is None else str(signature.n)

    def pointer(each: Argument, const: str) -> str:
        return f"({const}{'int64_t' if each.is_labels else real} *)(uintptr_t)of.{each.name}"

    def size(each: Argument) -> str:
        counts = [*(["of.batch"] if each in signature.arrays else []), *([classes] if each.per_class else [])]
        return " * ".join((*counts, f"sizeof({'int64_t' if each.is_labels else real})"))

    arguments = ["(size_t)of.batch", *([] if signature.n is not None else ["(size_t)of.n"])]
    for each in signature.arrays:
        arguments.append(pointer(each, "" if each in signature.outputs else "const "))
        arguments += [f"(size_t){classes}"] if each.per_class else []
    for each in signature.numbers:
        arguments.append(pointer(each, "const ") if each.per_class else f"({real})of.{each.name}")
    vectors = [each for each in signature.numbers if each.per_class]
    pairs = [
        tuple({"name": each.name, "bytes": size(each)} for each in (output, other))
        for place, output in enumerate(signature.outputs, len(signature.inputs))
        for other in (*signature.arrays[:place], *vectors)
    ]
    return {
        "name": name,
        "arrays": signature.arrays,
        "numbers": signature.numbers,
        "arguments": arguments,
        "pairs": pairs,
    }


def make_at_once(library: ctypes.CDLL, stem: str, kernel: Kernel) -> Callable[..., bool]:
    """A function that takes all arrays and parameters of a kernel: whether it could be called on them, and was."""
    signature = Signature.of(kernel)
    calls: dict[np.dtype[Any], Callable[[bytes], int]] = {}
    for precision in PRECISIONS:
        call = library[f"{function_name(stem, kernel, precision)}{_SUFFIX}"]
        call.restype, call.argtypes = ctypes.c_int, [ctypes.c_char_p]
        calls[TYPES[precision.name][0]] = call
    names: dict[str, Any] = {
        "calls": calls,
        "ndarray": np.ndarray,
        "LABEL": np.dtype(np.int64),
        "pack": struct.Struct(signature.packed).pack,
        "address": ctypes.addressof,
        # Three times as fast as `array.ctypes`. It refuses arrays that are read-only, empty or have gaps.
        "memory": ctypes.c_char.from_buffer,
    }
    exec(_print_checks(signature), names)  # noqa: S102 - no text of the user's
    made: Callable[..., bool] = names["at_once"]
    return made


def _print_checks(signature: Signature) -> str:
    """Python that checks arrays and calls a kernel: without loops it takes half the time."""
    arrays = [f"array_{index}" for index in range(len(signature.arrays))]
    numbers = [f"number_{index}" for index in range(len(signature.numbers))]
    vectors = [name for name, each in zip(numbers, signature.numbers, strict=True) if each.per_class]
    singles = [name for name in numbers if name not in vectors]
    are_known = [" is ".join(f"type({name})" for name in (*arrays, *vectors)) + " is ndarray"]
    are_known += [f"type({name}) is float" for name in singles]
    unfit = ["len(shape) != 2", "dtype not in calls"]
    unfit += [] if signature.n is None else [f"shape[1] != {signature.n}"]
    for name, each in list(zip(arrays, signature.arrays, strict=True))[1:]:
        unfit.append(f"{name}.dtype is not {'LABEL' if each.is_labels else 'dtype'}")
        unfit.append(f"{name}.shape != {'shape' if each.per_class else 'shape[:1]'}")
    for name in vectors:
        unfit += [f"{name}.dtype is not dtype", f"{name}.shape != shape[1:]"]
    packed = [f"address(memory({name}))" for name in arrays]
    packed += [f"address(memory({name}))" if name in vectors else name for name in numbers]
    lines = [
        f"def at_once({', '.join([*arrays, *numbers])}):",
        f"    if not ({' and '.join(are_known)}): return False",
        f"    shape, dtype = {arrays[0]}.shape, {arrays[0]}.dtype",
        f"    if {' or '.join(unfit)}: return False",
        "    try:",
        f"        return calls[dtype](pack(*shape, {', '.join(packed)})) == 0",
        "    except (TypeError, ValueError, BufferError): return False",
    ]
    return "\n".join(lines)


def try_at_once(
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
