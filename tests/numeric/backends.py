"""The generated kernels behind one interface, and the NumPy modules behind it, loaded by path."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from tests.numeric.cases import Array

GENERATED = Path(__file__).resolve().parents[2] / "generated"
NUMPY = ("numpy", "numpy-many")
"""How the NumPy modules are called: with rows as they are, and among many."""
FOLDERS: dict[str, int | None] = {"any": None, "n3": 3}
"""Folders of generated kernels, and the class count each is fixed to."""

SIGNATURES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "value": (("z",), ("vector",)),
    "vjp": (("z", "g"), ("vector",)),
    "jvp": (("z", "v"), ("vector",)),
    "loss": (("z", "t"), ("scalar",)),
    "gradient": (("z", "t"), ("vector",)),
    "loss_and_gradient": (("z", "t"), ("scalar", "vector")),
    "hvp": (("z", "t", "v"), ("vector",)),
}
"""Inputs and outputs of every C function, in the order of its parameters."""

MATRICES: dict[str, tuple[str, ...]] = {"jacobian": ("z",), "hessian": ("z", "t")}
INPUTS = {quantity: inputs for quantity, (inputs, _) in SIGNATURES.items()} | MATRICES
"""Inputs of every function, those included that are not written in C because they return a matrix."""


class Backend(Protocol):
    """One set of kernels."""

    @property
    def name(self) -> str: ...

    @property
    def folder(self) -> str: ...

    @property
    def n(self) -> int | None: ...

    def call(self, module: str, quantity: str, *inputs: Array) -> Any: ...


OpenBackend = Callable[[str], Backend]
"""Gives the kernels by the name of a backend, such as `numpy any`."""


@dataclass(frozen=True)
class NumpyBackend:
    """The NumPy modules of one folder; as `numpy-many`, each row among so many that the modules work class by class."""

    folder: str
    name: str = "numpy"

    @property
    def n(self) -> int | None:
        return FOLDERS[self.folder]

    def call(self, module: str, quantity: str, *inputs: Array) -> Any:
        """What the function returns: an array, or a tuple of them."""
        function = getattr(load_module(self.folder, module), quantity)
        rows = len(inputs[0])
        if self.name == "numpy" or not rows:
            return function(*inputs)
        enough = -(-load_module(self.folder, module)._MANY // rows)
        many = function(*(np.concatenate([each] * enough) for each in inputs))
        return tuple(each[:rows] for each in many) if isinstance(many, tuple) else many[:rows]


@cache
def load_module(folder: str, module: str) -> ModuleType:
    """A generated NumPy module, loaded by its path alone."""
    path = GENERATED / folder / "numpy" / f"{module}.py"
    spec = importlib.util.spec_from_file_location(f"generated_{folder}_{module}", path)
    assert spec is not None, path
    assert spec.loader is not None, path
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def arguments_of(quantity: str, z: Array, t: Array | None, g: Array, v: Array) -> tuple[Array, ...]:
    """The inputs that a function takes, in their order."""
    known = {"z": z, "t": t, "g": g, "v": v}
    return tuple(array for name in INPUTS[quantity] if (array := known[name]) is not None)
