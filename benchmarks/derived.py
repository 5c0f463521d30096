"""Our kernels as contenders: the C of `derive.load`, and the generated NumPy module."""

import importlib.util
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from unittest import mock

import derive
from benchmarks.cells import LARGEST_FIXED, OPERATIONS, Case
from derive.compiled import load_kernels
from derive.compiler import AVX2

C_NAME = "derive C"
AVX2_NAME = "derive C on AVX2"
NUMPY_NAME = "derive NumPy"
OURS = (C_NAME, AVX2_NAME, NUMPY_NAME)


def prepare_c(operation: str, case: Case) -> Callable[[], object]:
    """A call of the C kernel: that for a fixed n where n is small."""
    return _prepare(load_c(OPERATIONS[operation].composition, fixed_count(case.z.shape[1])), operation, case)


def prepare_avx2(operation: str, case: Case) -> Callable[[], object]:
    """As `prepare_c`, compiled without AVX-512."""
    module = load_c(OPERATIONS[operation].composition, fixed_count(case.z.shape[1]), on_avx2=True)
    return _prepare(module, operation, case)


def fixed_count(n: int) -> int | None:
    """The n that the kernel for n classes is made for, None where that is any."""
    return n if n <= LARGEST_FIXED else None


def prepare_numpy(operation: str, case: Case) -> Callable[[], object]:
    """A call of the generated NumPy function."""
    return _prepare(load_numpy(OPERATIONS[operation].composition), operation, case)


def _prepare(module: ModuleType, operation: str, case: Case) -> Callable[[], object]:
    chosen = OPERATIONS[operation]
    function = getattr(module, chosen.function)
    inputs = [getattr(case, name) for name in chosen.inputs]
    outs = {"loss": case.loss, "loss_and_gradient": (case.loss, case.rows)}
    out = outs.get(chosen.function, case.rows)
    return lambda: function(*inputs, out=out)


@cache
def load_c(composition: str, n: int | None, *, on_avx2: bool = False) -> ModuleType:
    """The C kernels, compiled for this processor, or as for one that has AVX2 and no AVX-512."""
    if not on_avx2:
        return derive.load(composition, n)
    options = ("-DINSTRUCTION_SETS=1", *(f"-m{name}" for name in AVX2))
    load_kernels.cache_clear()  # it does not know that the options are others
    with mock.patch("derive.compiled.options_of_this_machine", return_value=options):
        module = derive.load(composition, n)
    load_kernels.cache_clear()
    return module


@cache
def load_numpy(composition: str) -> ModuleType:
    """The NumPy module that `derive build` writes now, for any n."""
    with tempfile.TemporaryDirectory() as folder:
        made = derive.build(out=folder, compositions=[composition], targets=["numpy"])
        (path,) = (made.folder / "numpy").glob("*.py")
        spec = importlib.util.spec_from_file_location(f"benchmarked_{Path(path).stem}", path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is no module")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module
