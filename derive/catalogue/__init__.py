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

from sympy import Symbol

from derive import notation
from derive.catalogue.files import SUFFIX, read_file
from derive.catalogue.model import Activation, Composition, Loss
from derive.errors import DefinitionError, UnknownNameError
from derive.language.habits import SUSPECTS
from derive.language.read import VECTORS, read
from derive.language.show import text
from derive.notation import free_indices, occurrences, t, vectors, y, z

Definition = TypeVar("Definition", Activation, Loss)

LONGEST_NAME = 100
"""Characters of a name, which is a part of the names of files and functions."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*")
"""What reads as a name; anything else after the plus sign is a definition, or the path of a definition file."""

_VECTORS = {
    "g": "the vector g, the gradient of a vector-Jacobian product",
    "v": "the vector v, the direction of a product",
}
_TAKEN = {
    "i": "the index of a row of a result",
    "j": "the index of an entry of a result",
    "o": "the output of an activation that has no letter",
}
"""What letters mean beside a loss, in derivations and in kernels."""

DEFAULT = ("softmax", "log-softmax", "softmax+cross-entropy", "softmax+mse")
"""The compositions that are built where none is asked for; the rest of the catalogue is built by name."""


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
    """What is built by default."""
    return tuple(read_composition(name) for name in DEFAULT)


def all_compositions() -> tuple[Composition, ...]:
    """Every activation, and every loss of every activation; a loss need not be defined for each of them."""
    alone = [Composition(activation) for activation in activations().values()]
    return (*alone, *(Composition(each.activation, loss) for each in alone for loss in losses().values()))


def read_composition(name: str, where: str = "", loss_name: str = "") -> Composition:
    """The composition of that name: `softmax`, `softmax+mse`, `softmax+sum(t[i]*y[i]**3 for i in range(n))`.

    The name is split at its first plus sign. What follows is the name of a loss, the path of a definition file, or
    the definition of a loss that the catalogue does not have. An activation may be a file too; a file that holds both
    is a composition.

    Args:
        name: the composition.
        where: the ranges of the parameters of a loss that is defined on the spot: `0 < a < 1`.
        loss_name: the name of such a loss; its definition where empty.

    Raises:
        UnknownNameError: no such activation or loss; names the nearest.
        DefinitionError: the definition or the file cannot be read, or is not one number made of z, y, t and
            parameters; or `where` or `loss_name` is given to a loss that has its own.
    """
    first, plus, second = (part.strip() for part in name.partition("+"))
    composition = _compose(first, second if plus else None, where, loss_name)
    _ = composition.parameters  # refuses a range that is declared for something else
    _refuse_constant(composition)
    return composition


def _compose(first: str, second: str | None, where: str, loss_name: str) -> Composition:
    on_the_spot = second is not None and second not in losses() and not second.endswith(SUFFIX)
    if (where or loss_name) and (not on_the_spot or second is None or _NAME.fullmatch(second)):
        raise DefinitionError(
            f"a range or a name is for a loss that is defined on the spot, such as softmax+a*sum(t*y**2); "
            f"{second or first!r} has its own"
        )
    if first.endswith(SUFFIX):
        defined = read_file(first)
        if defined.activation is None:
            raise DefinitionError(f"{first} has no Activation; to take its loss, write softmax+{first}")
        activation = _checked_name(defined.activation, activations())
        if second is None:
            return Composition(activation, None if defined.loss is None else _read_loss(defined.loss))
    elif first in activations():
        activation = activations()[first]
    else:
        raise UnknownNameError.of("activation", first, activations())
    if second is None:
        return Composition(activation)
    if second in losses():
        return Composition(activation, losses()[second])
    if second.endswith(SUFFIX):
        loss = read_file(second).loss
        if loss is None:
            raise DefinitionError(f"{second} has no Loss; to take its activation, write {second}+cross-entropy")
        return Composition(activation, _read_loss(loss))
    if _NAME.fullmatch(second) or not second:
        raise UnknownNameError.of("loss", second, losses())
    written = text(read(second, as_typed=True))
    composition = Composition(
        activation,
        _read_loss(Loss(loss_name or written, written, "a definition given on the spot", where=where), second),
    )
    _ = composition.parameters  # read now, so that a mistake is found here
    return composition


def _read_loss(loss: Loss, given: str | None = None) -> Loss:
    """The loss, where it is one number made of logits, output and targets; `given` is its definition as typed."""
    definition = loss.definition if given is None else given
    if loss.name != loss.definition:
        _checked_name(loss, losses())
    expression = read(loss.definition, as_typed=True)
    strangers = sorted({str(base) for base in vectors(expression)} & (set(VECTORS) - {"z", "y", "t"}))
    if strangers:
        raise DefinitionError(
            f"{definition!r} reads {_VECTORS[strangers[0]]}; a loss reads logits z, output y, targets t, parameters",
            definition,
        )
    numbers = {symbol.name for symbol in occurrences(expression, Symbol) if not symbol.is_integer}
    indices = {index.name for index in free_indices(expression)}
    for name in sorted(numbers | {str(base) for base in vectors(expression)}):
        meaning = _TAKEN.get(name, "a class index too" if name in numbers & indices else None)
        if meaning is not None:
            raise DefinitionError(f"{name} in {definition!r} is {meaning}; a parameter needs another name", definition)
    if len(indices) == 1 and t in vectors(expression):
        (k,) = indices
        raise DefinitionError(
            f"{definition!r} reads the row's label {k} and targets t, which are one thing, given in two ways; write "
            f"the label by t, as in sum(t*log(y)), or other targets, such as a teacher's, as a parameter p[i]",
            definition,
        )
    if expression.has(notation.loss):
        raise DefinitionError(f"{definition!r} reads L, the loss itself; a parameter needs another name", definition)
    return loss


def _refuse_constant(composition: Composition) -> None:
    """Refuse a loss that no logit reaches: its gradient would be 0, most likely for a name that was meant otherwise."""
    if composition.loss is None or vectors(read(composition.loss.definition)) & {y, z}:
        return
    names = [parameter.name for parameter in composition.parameters]
    suspects = [name for name in names if name in SUSPECTS] or names
    hint = f"did you mean y for {suspects[0]}?" if suspects else "y is the output of the activation, z the logits"
    raise DefinitionError(
        f"{composition.loss.definition!r} depends on neither y nor z, and its gradient is 0; {hint}",
        composition.loss.definition,
    )


def _checked_name(definition: Definition, known: Mapping[str, Definition]) -> Definition:
    """`definition`, where its name can be that of a file and is no other's."""
    if not _NAME.fullmatch(definition.name) or len(definition.name) > LONGEST_NAME:
        raise DefinitionError(
            f"{definition.name[: LONGEST_NAME + 1]!r} cannot be a name; "
            f"a name is at most {LONGEST_NAME} letters, digits and hyphens, such as my-loss"
        )
    if definition.name in known and known[definition.name] != definition:
        raise DefinitionError(f"the catalogue has another {definition.name}; choose a name that it does not have")
    return definition
