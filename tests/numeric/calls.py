"""Which functions there are, which backends have them, and how one call is judged."""

from functools import cache
from typing import Any

import numpy as np

from tests.numeric.backends import FOLDERS, NUMPY, SIGNATURES, Backend, arguments_of
from tests.numeric.c_library import BUILDS
from tests.numeric.cases import Batch, batches
from tests.numeric.comparison import Miss, compare
from tests.numeric.truth import FUNCTIONS

DTYPES = [np.float32, np.float64]
LARGEST_MATRIX = 9
"""Classes up to which Jacobians and Hessians are compared."""
LABELLED = ("softmax_cross_entropy",)
"""Modules whose targets may be labels."""
LOSSES = ("softmax_cross_entropy", "softmax_mse")
BOTH = "loss_and_gradient"


def families(module: str) -> tuple[str, ...]:
    """The families of cases that a module is tried with."""
    if module not in LOSSES:
        return ("activation",)
    return ("dense", "labels") if module in LABELLED else ("dense",)


QUANTITIES = [*FUNCTIONS, *((module, BOTH) for module in LOSSES)]
"""Module and quantity of every function."""
WAYS = [(module, quantity, family) for module, quantity in QUANTITIES for family in families(module)]
"""Module, quantity and family of cases: a function with labels is another one in C."""
C_WAYS = [way for way in WAYS if way[1] in SIGNATURES]

NUMPY_BACKENDS = [f"{build} {folder}" for folder in FOLDERS for build in NUMPY]
C_BACKENDS = [f"{build} {folder}" for folder in FOLDERS for build in BUILDS]
C_CALLS = [(name, *way) for name in C_BACKENDS for way in C_WAYS]
CALLS = [(name, *way) for name in NUMPY_BACKENDS for way in WAYS] + C_CALLS
"""Every function of every backend: the backend's name, and the way."""


def takes(name: str, n: int) -> bool:
    """Whether the backend of that name takes rows of n classes."""
    return FOLDERS[name.split()[1]] in (None, n)


def judge(backend: Backend, module: str, quantity: str, family: str, batch: Batch) -> list[Miss]:
    """The misses of one call for a whole batch."""
    label = (backend.name, backend.folder, family, str(batch.z.dtype))
    got = backend.call(module, quantity, *arguments_of(quantity, batch.z, batch.t, batch.g, batch.v))
    if quantity != BOTH:
        return compare(label, batch, module, quantity, got)
    assert isinstance(got, tuple)
    parts = zip(("loss", "gradient"), got, strict=True)
    return [miss for part, array in parts for miss in compare((*label, "together"), batch, module, part, array)]


@cache
def some_rows(family: str, dtype: type[Any], count: int) -> Batch:
    """Some rows of 3 classes from the middle of the table."""
    whole = next(batch for batch in batches(family, dtype) if batch.n == 3)
    return whole.rows(slice(40, 40 + count))
