"""Which compositions of the catalogue there are kernels for."""

from derive.catalogue import all_compositions
from derive.errors import DeriveError
from derive.proof.domain import refuse_undefined

REFUSED = (
    "sigmoid+z-loss-cross-entropy",
    "softmax+binary-cross-entropy",
    "softmax+binary-focal",
    "softmax-temperature+binary-cross-entropy",
    "softmax-temperature+binary-focal",
)
"""What no kernel is held to these bounds for: losses of a yes or no for each class, of classes that exclude each other.

Binary cross-entropy over softmax is built and verified, and tried at hard rows in `tests/kernel`."""


def _is_defined(composition) -> bool:
    try:
        refuse_undefined(composition)
    except DeriveError:
        return False
    return True


COMPOSITIONS = tuple(
    composition.name
    for composition in all_compositions()
    if composition.name not in REFUSED and _is_defined(composition)
)
