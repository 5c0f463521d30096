"""The same quantity of another loss, and a loss that is a mixture with its weights mistaken."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sympy import Symbol

from derive.catalogue import losses
from derive.catalogue.model import Loss
from derive.catalogue.parameters import Parameter
from derive.checking.functions import Array
from derive.checking.mistakes.closed import multiples
from derive.checking.mistakes.model import Wrong, compose, jacobian_of, probabilities
from derive.checking.world import World
from derive.notation import Partial, i, loss, t, z
from derive.proof.field import BadPointError


def other_losses(world: World, quantity: str) -> Iterator[Wrong]:
    """The same quantity of every other loss of the catalogue; of a gradient also its dL/dy or diagonal alone.

    Where nothing changes when all logits grow alike, the derivatives of every loss sum to 0 over them.
    """
    for other in losses().values():
        if other == world.composition.loss:
            continue
        there = world.of(compose(world.composition.activation, other))
        own = own_parameters(world, other)
        said = f"{other.name} with {' and '.join(own)}" if own else other.name
        zero = vanishes(world, quantity, other)
        yield Wrong(("other-loss",), other.name, partial(there.truth, quantity), said, zero)
        if quantity != "gradient":
            continue
        if "log" in other.definition:  # a slope without a quotient, y − t, is rather some gradient
            yield Wrong(("chain-stopped-early", "other-loss"), other.name, partial(_other_slope, there, world), said)
        else:  # the slope of a logarithm cancels the diagonal: y − t would be binary cross-entropy's
            diagonal = partial(_by_its_diagonal, there, world)
            yield Wrong(("off-diagonal-dropped", "other-loss"), other.name, diagonal, said)


def _by_its_diagonal(world: World, mine: World) -> Array:
    """The slope of the loss times the diagonal of the Jacobian, (y − t) y (1 − y); raises as `_other_slope`."""
    return world.reduce(np.diag(jacobian_of(world)) * _other_slope(world, mine))


def _other_slope(world: World, mine: World) -> Array:
    """dL/dy of the loss.

    Raises:
        BadPointError: it is a multiple of that of the loss that is asked for, whose own mistake it is then.
    """
    slope, own = _slope(world), _slope(mine)
    if world.equal(world.reduce(slope * own[0]), world.reduce(own * slope[0]), world.precision):
        raise BadPointError
    return slope


def _slope(world: World) -> Array:
    """dL/dy."""
    return world.array(Partial(loss, world.composition.output_vector[i]), i)


def vanishes(world: World, quantity: str, other: Loss) -> bool:
    """Whether the quantity of another loss sums to 0: its logits may all grow alike, and nothing changes."""
    total = world.reduce(jacobian_of(world).sum(axis=1))
    alike = quantity != "value" and world.composition.output_vector != z and world.equal(total, 0 * total)
    return alike and "z" not in other.definition


def own_parameters(world: World, other: Loss) -> dict[str, Parameter]:
    """The parameters of another loss that the composition has not."""
    mine = {parameter.name for parameter in world.composition.parameters}
    theirs = compose(world.composition.activation, other).parameters
    return {parameter.name: parameter for parameter in theirs if parameter.name not in mine}


def masses(world: World, quantity: str) -> Iterator[Wrong]:
    """A loss that is a mixture (1 − e) A + e U with the weights of its parts mistaken; or a sum A + e U, likewise.

    In a mixture the second part does not read the targets: at e = 1 nothing is left of them.
    """
    for parameter in world.composition.parameters:
        if parameter.per_class:
            continue
        name = Symbol(parameter.name, real=True)
        whole = world.given({name: world.field.number(1)})
        try:
            first, second = world.given({name: world.field.number(0)}).truth(quantity), whole.truth(quantity)
            elsewhere = _other_targets(whole).truth(quantity)
        except BadPointError:
            continue
        e = world.number(name)
        if not world.equal(world.reduce((1 - e) * first + e * second), world.truth(quantity)):
            continue
        for key, (a, u) in _weights(world, e).items() if world.equal(second, elsewhere) else ():
            mixture = partial(_mix, world, first, second, a, u)
            yield Wrong(("smoothing-mass",), f"{name} {key}", mixture)
            if quantity == "gradient":
                yield Wrong(("smoothing-mass",), f"{name} {key}, the mass taken as 1", partial(mixture, rest=True))
        if world.equal(first, 0 * first):
            continue  # it is a factor of everything
        yield Wrong(("sign",), f"of {name}", partial(_mix, world, first, second, 1 + e, -e), "of a term")
        for key, factor in multiples(world).items():
            mixture = partial(_mix, world, first, second, 1 - factor * e, factor * e)
            yield Wrong(("factor",), f"{key} of {name}", mixture, "of a term")


def _other_targets(world: World) -> World:
    """The world with another label, and targets that are others."""
    turned = list(reversed(world.inside(world.vector(t))))
    return replace(world, label=(world.label + 1) % world.n).given({t: turned})


def _weights(world: World, e: Any) -> dict[str, tuple[Any, Any]]:
    """The weights of A and U that people take for 1 − e and e."""
    n, share = world.n, world.inverse(world.n)
    fewer = world.inverse(n - 1) if n > 1 else 0
    return {
        "all classes less": (1 - e * share, e),
        "mass over all": (1 - e, 1 - e),
        "mass added": (1, e),
        "not shared": (1 - e, e * n),
        "over the others": (1 - e, e * n * fewer),
        "exchanged": (e, 1 - e),
        "shared twice": (1 - e, e * share),
        "shared among the others": (1 - e - e * fewer, e * n * fewer),
        "kept": (1 - e + e * share, e),
        "not spread": (1 - e, 0),
        "one": (1, 0),
        "share not scaled": (1 - e, 1),
        "taken twice from the label": (1 - e - e * share, e),
    }


def _mix(world: World, first: Array, second: Array, a: Any, u: Any, *, rest: bool = False) -> Array:
    """a·A + u·U; with `rest` as if the smoothed targets had the sum that they should have."""
    mixture = a * first + u * second
    return world.reduce(mixture + (1 - a - u) * probabilities(world) if rest else mixture)
