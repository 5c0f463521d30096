"""Our kernels as contenders: the C of `derive.load`, and the generated NumPy module."""

import importlib.util
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import derive
from benchmarks.cells import LARGEST_FIXED, OPERATIONS, Case

C_NAME = "derive C"
NUMPY_NAME = "derive NumPy"


def prepare_c(operation: str, case: Case) -> Callable[[], object]:
    """A call of the C kernel: that for a fixed n where n is small."""
    n = case.z.shape[1]
    module = load_c(OPERATIONS[operation].composition, n if n <= LARGEST_FIXED else None)
    return _prepare(module, operation, case)


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
def load_c(composition: str, n: int | None) -> ModuleType:
    """The C kernels, compiled."""
    return derive.load(composition, n)


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
