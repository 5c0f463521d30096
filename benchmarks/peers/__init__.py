"""The peers, one module each, in the form that is fastest for them.

A peer's module imports its library and has `NAME`, `VERSION` and `FORMS`: for each operation that it offers, a function
that takes a `Case` and returns the call to be timed. The call returns what was computed: the loss, the array of rows,
or both. Buffers are reused wherever the library can write into them, and nothing is converted inside the call.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.cells import Case

Form = Callable[[Case], Callable[[], object]]

_MODULES = {
    "torch_eager": "PyTorch",
    "torch_kernels": "PyTorch kernels",
    "torch_compiled": "torch.compile",
    "jax_jit": "JAX",
    "scikit_learn": "scikit-learn",
    "scipy_special": "SciPy",
    "numpy_plain": "NumPy",
}
"""The module of each peer and what it is called."""
_COMPILE = ("torch.compile", "JAX")


@dataclass(frozen=True)
class Peer:
    """One peer that is installed.

    Attributes:
        name: what it is called in tables.
        version: of its library.
        forms: how it computes each operation that it offers.
        compiles: whether the first call of a form compiles it.
    """

    name: str
    version: str
    forms: Mapping[str, Form]
    compiles: bool = False


def find_peers(threads: int) -> tuple[tuple[Peer, ...], dict[str, str]]:
    """The peers that can be imported, held to that many threads; and why the others cannot, by name."""
    found, absent = [], {}
    for module_name, name in _MODULES.items():
        try:
            module = importlib.import_module(f"benchmarks.peers.{module_name}")
            module.limit_threads(threads)
        except (ImportError, RuntimeError, OSError) as error:
            absent[name] = str(error).splitlines()[0]
        else:
            found.append(Peer(name, module.VERSION, module.FORMS, name in _COMPILE))
    return tuple(found), absent
