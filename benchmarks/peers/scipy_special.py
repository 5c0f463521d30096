"""SciPy's softmax and log-softmax, which have no way to write into a buffer."""

from collections.abc import Callable

import scipy
from scipy import special

from benchmarks.cells import Case

VERSION = scipy.__version__


def limit_threads(threads: int) -> None:
    """SciPy uses one thread for all of this."""


def softmax(case: Case) -> Callable[[], object]:
    return lambda: special.softmax(case.z, axis=-1)


def log_softmax(case: Case) -> Callable[[], object]:
    return lambda: special.log_softmax(case.z, axis=-1)


FORMS = {"softmax": softmax, "log-softmax": log_softmax}
