"""Call every C function of a library on the whole table of cases; made to run under a sanitizer, in its own process.

    python -m tests.numeric.sanitized FOLDER LIBRARY

Every array is an allocation of its own and of exactly its size, so that the sanitizer sees a step beyond either end.
Prints the number of calls.
"""

import ctypes
import sys

import numpy as np

from tests.numeric.backends import arguments_of
from tests.numeric.c_library import LABEL_OUT_OF_RANGE, OK, CBackend
from tests.numeric.calls import C_WAYS, DTYPES, LOSSES
from tests.numeric.cases import batches


def call_everything(backend: CBackend) -> int:
    """Every function, on each batch and on its first row alone, and with a label out of range; the number of calls."""
    calls = 0
    for module, quantity, family in C_WAYS:
        for dtype in DTYPES:
            for batch in batches(family, dtype):
                if backend.n not in (None, batch.n):
                    continue
                for part in (batch, batch.rows(slice(0, 1))):
                    inputs = arguments_of(quantity, part.z, part.t, part.g, part.v)
                    assert backend.status(module, quantity, *inputs)[0] == OK
                    calls += 1
                if module in LOSSES:
                    weights = np.arange(len(batch.z)).astype(dtype) % 3
                    inputs = arguments_of(quantity, batch.z, batch.t, batch.g, batch.v)
                    assert backend.status(module, quantity, *inputs, weights=weights)[0] == OK
                    calls += 1
                if family == "labels":
                    wrong = np.full_like(batch.t, batch.n)
                    inputs = arguments_of(quantity, batch.z, wrong, batch.g, batch.v)
                    assert backend.status(module, quantity, *inputs)[0] == LABEL_OUT_OF_RANGE
                    calls += 1
    return calls


if __name__ == "__main__":
    folder, library = sys.argv[1:]
    print(call_everything(CBackend("sanitized", folder, ctypes.CDLL(library), guard=0, gap=0)))
