"""The generated kernels: every NumPy folder, and every C folder as each compiler builds it."""

import ctypes
import fcntl
import os

import pytest

from tests.numeric.backends import NUMPY, Backend, NumpyBackend, OpenBackend
from tests.numeric.c_library import BUILDS, CBackend, available, compile_library


@pytest.fixture(scope="session")
def open_backend(tmp_path_factory: pytest.TempPathFactory) -> OpenBackend:
    """The kernels named by build and folder, as in `gcc n3`; C is compiled when a process first asks for it."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "libraries"
    known: dict[str, Backend] = {}

    def find(name: str) -> Backend:
        if name not in known:
            build, folder = name.split()
            known[name] = NumpyBackend(folder, build) if build in NUMPY else compiled(build, folder)
        return known[name]

    def compiled(build: str, folder: str) -> Backend:
        if not available(build):
            pytest.skip(f"{BUILDS[build][0]} is not installed")
        place = shared / build
        place.mkdir(parents=True, exist_ok=True)
        with (place / f"{folder}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            library = place / f"{folder}.so"
            if not library.exists():
                compile_library(folder, *BUILDS[build], place)
        return CBackend(build, folder, ctypes.CDLL(str(library)))

    return find
