"""Call a generated function on a batch of rows, in any language that runs here."""

import ctypes
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Protocol

import numpy as np

from derive import native
from derive.catalogue.parameters import choose_parameters
from derive.kernel.ir import Kernel
from derive.targets.numpy_layout import MANY_ROWS, SHORT_ROW
from derive.verification.compilation import Compilation, compilers
from derive.verification.rows import Array, Rows

Compiling = Mapping[Path, Compilation]
"""What compilers are at work on, by the C file."""
NOTHING: Compiling = MappingProxyType({})


class CallError(Exception):
    """A generated function that cannot be loaded, refuses good arguments, or returns what it should not."""


class Caller(Protocol):
    """The functions of one composition in one language."""

    def call(self, kernel: Kernel, rows: Rows, parameters: Mapping[str, Array] | None = None) -> Mapping[str, Array]:
        """The outputs of `kernel` for a batch, by name; parameters as `choose_parameters` has them where None."""
        ...

    def has(self, kernel: Kernel) -> bool:
        """Whether the language has a function for `kernel`."""
        ...


def call_each_way(
    caller: Caller, kernel: Kernel, rows: Rows, parameters: Mapping[str, Array] | None = None
) -> Iterator[Mapping[str, Array]]:
    """The outputs of `kernel` for a batch; and those of its rows among many, where there they are not the same."""
    alone = caller.call(kernel, rows, parameters)
    yield alone
    batch, n = rows.z.shape
    if n <= SHORT_ROW and all(array.rank < 2 for array in kernel.outputs):
        many = caller.call(kernel, rows.repeat(-(-MANY_ROWS // batch)), parameters)
        among = {name: output[-batch:] for name, output in many.items()}
        if not all(np.array_equal(alone[name], among[name], equal_nan=True) for name in alone):
            yield among


@dataclass(frozen=True)
class NumpyCaller:
    """The functions of a generated NumPy module."""

    module: ModuleType

    @classmethod
    def load(cls, path: Path, compiling: Compiling = NOTHING) -> "NumpyCaller":  # noqa: ARG003
        """Import the module at `path`, under a name of its own."""
        spec = importlib.util.spec_from_file_location(f"generated_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise CallError(f"{path} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return cls(module)

    def has(self, kernel: Kernel) -> bool:  # noqa: ARG002
        """Every kernel has a function."""
        return True

    def call(self, kernel: Kernel, rows: Rows, parameters: Mapping[str, Array] | None = None) -> Mapping[str, Array]:
        """Call the function of that name; one function takes dense targets and labels."""
        function = getattr(self.module, kernel.name)
        result = function(*_inputs(kernel, rows), **_chosen(kernel, rows, parameters))
        results = result if isinstance(result, tuple) else (result,)
        return dict(zip((array.name for array in kernel.outputs), results, strict=True))


@dataclass(frozen=True)
class CCaller:
    """The functions of a generated C file, compiled.

    Attributes:
        libraries: by the bits of the type whose functions they have.
        stem: what the functions' names begin with.
    """

    libraries: Mapping[int, native.Library]
    stem: str

    @classmethod
    def load(cls, path: Path, compiling: Compiling = NOTHING) -> "CCaller":
        """Load what is compiled of the file at `path`; compile it where `compiling` does not have it.

        Raises:
            MissingToolError: the compiler does not take it.
        """
        if path not in compiling:
            with compilers() as working:
                return cls.load(path, {path: working.compile(path)})
        libraries = compiling[path].libraries()
        return cls({bits: native.Library(each, ctypes.CDLL(str(each))) for bits, each in libraries.items()}, path.stem)

    def has(self, kernel: Kernel) -> bool:
        """A kernel whose output is a matrix has no function in C."""
        return all(array.rank < 2 for array in kernel.outputs)

    def call(self, kernel: Kernel, rows: Rows, parameters: Mapping[str, Array] | None = None) -> Mapping[str, Array]:
        """Call the function for the precision of the rows; where there is one with weights, that too.

        Raises:
            CallError: it returned another status than 0, or with weights it does not give the rows times their weights.
        """
        plain = self._call(kernel, rows, parameters, None)
        if kernel.labels or any(array.name == "t" for array in kernel.inputs):
            weights = (np.arange(len(rows.z)) % 3).astype(rows.z.dtype)  # of which a product is exact
            for name, weighted in self._call(kernel, rows, parameters, weights).items():
                with np.errstate(all="ignore"):
                    expected = (plain[name].T * weights).T
                expected[weights == 0] = 0
                if not np.array_equal(weighted, expected, equal_nan=True):
                    raise CallError(f"{kernel.name} with weights does not give {name} of each row times its weight")
        return plain

    def _call(
        self, kernel: Kernel, rows: Rows, parameters: Mapping[str, Array] | None, weights: Array | None
    ) -> Mapping[str, Array]:
        batch, n = rows.z.shape
        dtype = rows.z.dtype
        shapes = {0: (batch,), 1: (batch, n)}
        outputs = {array.name: np.full(shapes[array.rank], np.nan, dtype) for array in kernel.outputs}
        sizes = (batch,) if kernel.n is not None else (batch, n)
        name = "_".join(
            [
                self.stem,
                *([f"n{kernel.n}"] if kernel.n is not None else []),
                kernel.name,
                *(["labels"] if kernel.labels else []),
                *(["weighted"] if weights is not None else []),
                {"float32": "f32", "float64": "f64"}[dtype.name],
            ]
        )
        chosen = _chosen(kernel, rows, parameters)
        numbers = (chosen[parameter.name] for parameter in kernel.parameters)
        last = (dtype.type(value) if value.ndim == 0 else value.astype(dtype) for value in numbers)
        inputs = (*_inputs(kernel, rows), *([] if weights is None else [weights]))
        status = self.libraries[8 * dtype.itemsize].call(name, *sizes, *inputs, *outputs.values(), *last)
        if status != 0:
            raise CallError(f"{name} returned {status} for arguments that are right")
        return outputs


def _chosen(kernel: Kernel, rows: Rows, parameters: Mapping[str, Array] | None) -> Mapping[str, Array]:
    return choose_parameters(kernel.parameters, rows.z.shape[1]) if parameters is None else parameters


def _inputs(kernel: Kernel, rows: Rows) -> tuple[Array, ...]:
    """The input arrays in the order of the signature; labels stand where dense targets would, after the logits."""
    first, *others = (getattr(rows, array.name) for array in kernel.inputs)
    return (first, rows.labels, *others) if kernel.labels else (first, *others)


LANGUAGES: Mapping[str, tuple[str, Callable[..., Caller]]] = {
    "numpy": (".py", NumpyCaller.load),
    "c": (".c", CCaller.load),
}
"""The targets that run here: how their files end, and what loads one."""
