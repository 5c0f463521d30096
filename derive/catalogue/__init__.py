"""The activations and losses: every module of this package that binds `activation` or `loss` adds one.

To add a loss, add a file; nothing else names it.
"""

import importlib
import pkgutil
import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType, ModuleType
from typing import TypeVar

from derive.catalogue.model import Activation, Composition, Loss
from derive.errors import DefinitionError, UnknownNameError
from derive.language.read import read
from derive.language.show import text
from derive.notation import free_indices, t, vectors, y, z

Definition = TypeVar("Definition", Activation, Loss)

_NAME = re.compile(r"[A-Za-z]\w*(-[A-Za-z]\w*)*")
"""What reads as a name; anything else after the plus sign is a definition."""


@cache
def _modules() -> tuple[ModuleType, ...]:
    """The modules of this package, in the order of their names, so that no output depends on a file system."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in names)


@cache
def activations() -> Mapping[str, Activation]:
    """Every activation of the catalogue, by name."""
    return _by_name(Activation, "activation")


@cache
def losses() -> Mapping[str, Loss]:
    """Every loss of the catalogue, by name."""
    return _by_name(Loss, "loss")


def _by_name(kind: type[Definition], binding: str) -> Mapping[str, Definition]:
    found: dict[str, Definition] = {}
    for module in _modules():
        definition = getattr(module, binding, None)
        if not isinstance(definition, kind):
            continue
        if definition.name in found:
            raise ValueError(f"{module.__name__} defines {definition.name} a second time")
        found[definition.name] = definition
    return MappingProxyType(dict(sorted(found.items())))


def compositions() -> tuple[Composition, ...]:
    """What is built by default: every activation, and every loss of every activation whose output is y itself.

    A loss is a function of y. Of an activation with another output (the logarithm of y, say) it can still be asked
    for by name. Those whose output is y come first: the others are written in terms of it.
    """
    alone = [Composition(activation) for activation in activations().values()]
    direct = [composition for composition in alone if composition.output_vector == y]
    others = [composition for composition in alone if composition not in direct]
    trained = [Composition(each.activation, loss) for each in direct for loss in losses().values()]
    return (*direct, *others, *trained)


def read_composition(name: str) -> Composition:
    """The composition of that name: `softmax`, `softmax+mse`, `softmax+sum(t[i]*y[i]**3 for i in range(n))`.

    The name is split at its first plus sign. What follows is the name of a loss, or the definition of one that the
    catalogue does not have.

    Raises:
        UnknownNameError: no such activation or loss; names the nearest.
        DefinitionError: the definition cannot be read, or is not one number made of z, y, t and parameters.
    """
    first, plus, second = (part.strip() for part in name.partition("+"))
    if first not in activations():
        raise UnknownNameError.of("activation", first, activations())
    activation = activations()[first]
    if not plus:
        return Composition(activation)
    if second in losses():
        return Composition(activation, losses()[second])
    if _NAME.fullmatch(second) or not second:
        raise UnknownNameError.of("loss", second, losses())
    return Composition(activation, _read_loss(second))


def _read_loss(definition: str) -> Loss:
    """A loss that is named by its definition, as we write it; it declares no assumption."""
    written = text(read(definition))
    loss = Loss(name=written, definition=written, source="a definition given on the spot")
    expression = read(written)
    open_indices = sorted(index.name for index in free_indices(expression))
    if len(open_indices) > 1:  # one alone is the class that a label names: -log(y[k])
        raise DefinitionError(
            f"{definition!r} is not one number: its indices {' and '.join(open_indices)} are free; one may be the "
            f"label's class, sum over the other: sum(... for {open_indices[0]} in range(n))",
            definition,
        )
    strangers = sorted(str(base) for base in vectors(expression) - {z, y, t})
    if strangers:
        raise DefinitionError(
            f"{definition!r} reads the vector {strangers[0]}; a loss reads logits z, output y and targets t",
            definition,
        )
    return loss
