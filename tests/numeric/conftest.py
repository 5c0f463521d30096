"""The generated kernels: every NumPy folder, and every C folder as each compiler builds it."""

import ctypes

import pytest

from tests.numeric.backends import Backend, NumpyBackend, OpenBackend
from tests.numeric.c_library import BUILDS, CBackend, available, compile_library


@pytest.fixture(scope="session")
def open_backend(tmp_path_factory: pytest.TempPathFactory) -> OpenBackend:
    """The kernels named by build and folder, as in `gcc n3`; C is compiled the first time that it is asked for."""
    known: dict[str, Backend] = {}

    def find(name: str) -> Backend:
        if name not in known:
            build, folder = name.split()
            known[name] = NumpyBackend(folder) if build == "numpy" else compiled(build, folder)
        return known[name]

    def compiled(build: str, folder: str) -> Backend:
        if not available(build):
            pytest.skip(f"{BUILDS[build][0]} is not installed")
        library = compile_library(folder, *BUILDS[build], tmp_path_factory.mktemp(build))
        return CBackend(build, folder, ctypes.CDLL(str(library)))

    return find
