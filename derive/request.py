"""What a user asks for, read: a class count, a quantity, assumptions, targets. Each mistake is one sentence."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from derive.catalogue.model import ASSUMPTIONS, Assumption, Composition
from derive.errors import DeriveError, UnknownNameError

if TYPE_CHECKING:
    from derive.targets.model import Target

LARGEST_CLASS_COUNT = 2**31 - 1
"""So that the bytes of a row fit every size type, and every class a label of 32 bits."""


def read_class_count(value: int | str | None) -> int | None:
    """A given number of classes, or None for any.

    Raises:
        DeriveError: not a whole number from 1 to `LARGEST_CLASS_COUNT`.
    """
    if value is None:
        return None
    written = str(value).strip()
    if re.fullmatch("[0-9]{1,10}", written) and 1 <= int(written) <= LARGEST_CLASS_COUNT:
        return int(written)
    raise DeriveError(f"N is {written!r}; it must be a whole number of classes, from 1 to {LARGEST_CLASS_COUNT}")


def read_quantity(composition: Composition, name: str | None) -> str:
    """A quantity of `composition`; `loss` is its value where it has a loss, None its first derivative.

    Raises:
        UnknownNameError: no such quantity, or none of this composition.
    """
    value, first_derivative, *_ = composition.quantities
    if name is None:
        return first_derivative
    if name == "loss" and composition.loss is not None:
        return value
    known = tuple(dict.fromkeys((*composition.quantities, *composition.further_quantities)))
    if name not in known:
        raise UnknownNameError.of("quantity", name, known, of=composition.name)
    return name


def read_further(composition: Composition, names: Iterable[str]) -> tuple[str, ...]:
    """Quantities for which kernels are built when they are asked for, in the order of the composition's own list.

    Raises:
        UnknownNameError: no such quantity, or none that a kernel computes.
    """
    known = composition.further_quantities
    chosen = set(names) - set(composition.quantities)
    for name in sorted(chosen):
        if name not in known:
            raise UnknownNameError.of("quantity to build", name, [*composition.quantities, *known], of=composition.name)
    return tuple(name for name in known if name in chosen)


def read_assumptions(composition: Composition, ids: Iterable[str] | None) -> tuple[Assumption, ...]:
    """The assumptions of those ids; those that the composition declares where `ids` is None.

    Raises:
        UnknownNameError: no such assumption.
    """
    if ids is None:
        return composition.assumptions
    chosen = tuple(dict.fromkeys(ids))
    for name in chosen:
        if name not in ASSUMPTIONS:
            raise UnknownNameError.of("assumption", name, ASSUMPTIONS)
    return tuple(ASSUMPTIONS[name] for name in chosen)


def read_targets(names: Iterable[str]) -> "tuple[Target, ...]":
    """The targets of those names, in the order of their names; all of them where there are none.

    Raises:
        UnknownNameError: no such target.
    """
    from derive.targets import targets  # noqa: PLC0415 - with the kernels behind them, a tenth of the time of a verdict

    chosen = set(names)
    for name in sorted(chosen):
        if name not in targets():
            raise UnknownNameError.of("target", name, targets())
    return tuple(target for name, target in targets().items() if name in chosen or not chosen)
