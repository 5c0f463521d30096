"""Mistakes as rules: each makes, from the ingredients of the right derivation, the wrong formula that it leads to.

Ingredients are arrays at a `World`: the Jacobian, the derivative of the loss, closed forms with something put in their
place. None of the rules knows an activation or a loss: they hold for every composition.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import sympy
from sympy import Expr, Indexed, Integer, KroneckerDelta, Symbol

from derive.calculus.engine import derive_quantity
from derive.calculus.rewrite import rewrite
from derive.catalogue import activations, losses
from derive.catalogue.model import Composition
from derive.checking.functions import Array
from derive.checking.world import World
from derive.errors import DeriveError, ProofError
from derive.notation import Contraction, Partial, g, i, j, label, loss, occurrences, t, v, y, z
from derive.proof.field import BadPointError

Cause = tuple[str, ...]
"""The ids of the mistakes that were made, sorted; empty for none."""


@dataclass(frozen=True)
class Wrong:
    """A wrong formula's values at a world.

    Attributes:
        cause: the mistakes that lead to it.
        key: tells it from every other of the same cause.
        values: its entries.
        detail: what the explanation adds: the name of the other loss, say.
    """

    cause: Cause
    key: str
    values: Array
    detail: str = ""


def wrong_formulas(world: World, quantity: str) -> Iterator[Wrong]:
    """Every wrong formula for `quantity` that the rules make, those with one mistake before those with two."""
    found = list(_all(world, quantity))
    yield from sorted(found, key=lambda wrong: (len(wrong.cause), wrong.cause != ("label-case-only",)))


def _all(world: World, quantity: str) -> Iterator[Wrong]:
    match quantity:
        case "jacobian":
            yield from (each for each in jacobians(world) if each.cause)
        case "vjp":
            yield from _vjps(world)
        case "jvp":
            yield from _products(world, [Wrong((), "v", world.vector(v))], transposed=True)
        case "gradient":
            yield from _gradients(world)
        case "hessian":
            yield from _hessians(world)
        case "hvp":
            direction = world.vector(v)
            for each in _hessians(world):
                if each.values.ndim == 2:
                    yield Wrong(each.cause, each.key, world.reduce(each.values @ direction), each.detail)
            yield Wrong(("identity-jacobian",), "v", direction)
    if world.composition.loss is not None or quantity == "value":
        yield from _substituted(world, quantity)
    if world.composition.loss is not None:
        yield from _other_losses(world, quantity)
        yield from _masses(world, quantity)


# The Jacobian of the activation, right and wrong.


def jacobians(world: World) -> Iterator[Wrong]:
    """The activation's Jacobian, and the wrong ones: row i is the output, column j the logit."""
    alone = world.of(Composition(world.composition.activation))
    right = alone.truth("jacobian")
    diagonal = np.diag(np.diag(right))
    yield Wrong((), "right", right)
    yield Wrong(("off-diagonal-dropped",), "diagonal", diagonal)
    yield Wrong(("off-diagonal-sign",), "signs", world.reduce(2 * diagonal - right))
    yield Wrong(("identity-jacobian",), "identity", np.diag([1] * world.n).astype(object))
    yield Wrong(("transposed",), "transposed", right.T)
    closed = _closed_form(alone, "jacobian")
    if closed is not None:
        for key, number in (("0", 0), ("1", 1)):
            yield from _made(("delta-missing",), key, partial(alone.array, _without_delta(closed, number), i, j))
        for name, other in _inputs_exchanged(alone):
            yield from _made((name,), "jacobian", partial(other.array, closed, i, j))
        for number, mixed in enumerate(_mixed(closed, (i, j))):
            yield from _made(("index-mixed-up",), str(number), partial(alone.array, mixed, i, j))
    yield from _quotients(alone)
    yield from _other_activations(alone)


def _quotients(world: World) -> Iterator[Wrong]:
    """The rule for a quotient misapplied to y = u/v: a sign turned, v not squared, u or v held fixed."""
    definition = world.composition.y_definition
    if definition is None:
        return
    above, below = definition.as_numer_denom()
    if below == 1 or world.composition.output != y[i]:
        return
    u, du = world.array(above, i), world.array(Partial(above, z[j]), i, j)
    bottom = world.array(below, i)
    db, inverse = world.array(Partial(below, z[j]), i, j), np.array([world.inverse(b) for b in bottom], dtype=object)
    rising, falling = du * bottom[:, None], u[:, None] * db
    squared = (inverse * inverse)[:, None]
    candidates = {
        "plus": (rising + falling) * squared,
        "turned": (falling - rising) * squared,
        "not squared": (rising - falling) * inverse[:, None],
        "not divided": rising - falling,
        "denominator fixed": du * inverse[:, None],
        "second term not divided by v": du * inverse[:, None] - falling,
        "second term divided once": du * inverse[:, None] - falling * inverse[:, None],
    }
    for key, values in candidates.items():
        yield Wrong(("quotient-rule",), key, world.reduce(values))


def _other_activations(world: World) -> Iterator[Wrong]:
    """The Jacobian of the logarithm of y for that of y, and the other way round."""
    for other in activations().values():
        if other == world.composition.activation or other.y != world.composition.activation.y or other.y is None:
            continue
        name = f"{other.name}-for-{world.composition.activation.name}"
        yield Wrong((name,), "jacobian", world.of(Composition(other)).truth("jacobian"))


# Products with the Jacobian.


def _vjps(world: World) -> Iterator[Wrong]:
    upstream, probabilities = world.vector(g), _probabilities(world)
    ones = np.array([1] * world.n, dtype=object)
    right = world.of(Composition(world.composition.activation)).truth("jacobian")
    yield from _products(world, [Wrong((), "g", upstream)])
    mishandled = ("upstream-mishandled",)
    product, diagonal = world.reduce(upstream @ right), np.diag(right)
    outputs = {"y": probabilities, "output": world.of(Composition(world.composition.activation)).truth("value")}
    for key, output in outputs.items():
        yield Wrong(mishandled, f"labels {key}", world.reduce(output - upstream))
        yield Wrong(mishandled, f"labels turned {key}", world.reduce(upstream - output))
        yield Wrong(mishandled, f"added {key}", world.reduce(output + upstream))
        yield Wrong(mishandled, f"output {key}", output)
    yield Wrong(mishandled, "added to the product", world.reduce(product + upstream))
    yield Wrong(mishandled, "total taken as 1", world.reduce(product + (1 - sum(upstream)) * (right.T @ ones)))
    yield Wrong(mishandled, "total left out", world.reduce(upstream - probabilities))
    yield Wrong(mishandled, "applied twice", world.reduce(product * upstream))
    for each in _products(world, [Wrong((), "ones", ones)]):
        if each.cause and each.cause != ("jacobian-summed",):
            yield Wrong(tuple(sorted({*each.cause, *mishandled})), f"dropped {each.key}", each.values)
    yield Wrong(("off-diagonal-dropped", *mishandled), "added to the diagonal", world.reduce(diagonal + upstream))
    yield Wrong(mishandled, "dropped", world.reduce(right.T @ ones))


def _gradients(world: World) -> Iterator[Wrong]:
    slopes = list(_slopes(world))
    for each in _products(world, slopes):
        cause = tuple(sorted({"chain-stopped-early" if name == "identity-jacobian" else name for name in each.cause}))
        yield Wrong(cause, each.key, each.values)
    right = world.of(Composition(world.composition.activation)).truth("jacobian")
    yield Wrong(("chain-stopped-early",), "dy/dz", np.diag(right))
    yield Wrong(("chain-stopped-early",), "Jacobian", right)
    truth = world.truth("gradient")
    yield Wrong(("label-case-only",), "entry", np.array([truth[world.label]] * world.n, dtype=object))
    slope = _own_class_slope(world)
    if slope is not None:
        yield Wrong(("label-case-only",), "diagonal", world.reduce(np.diag(right) * slope))


def _own_class_slope(world: World) -> Array | None:
    """dL/dy_j as it would be if every class were the label; None where the loss knows no label."""
    definition = world.composition.loss_definition
    if definition is None or label not in definition.free_symbols:
        return None
    found = [_with_label(world, number).number(Partial(loss, _output(world)[number + 1])) for number in range(world.n)]
    return np.array(found, dtype=object)


def _with_label(world: World, number: int) -> World:
    """The world with another class as the label."""
    return World(world.composition, world.n, world.field, world.values, number)


def _slopes(world: World) -> Iterator[Wrong]:
    """dL/dy, right and wrong."""
    output = _output(world)
    slope = Partial(loss, output[i])
    right = world.array(slope, i)
    yield Wrong((), "slope", right)
    yield Wrong(("sign",), "slope", world.reduce(-right))
    for name, other in _inputs_exchanged(world):
        yield from _made((name,), "slope", partial(other.array, slope, i))


def _products(world: World, vectors: Sequence[Wrong], *, transposed: bool = False) -> Iterator[Wrong]:
    """Wrong Jacobians times vectors, both with at most two mistakes; and the Jacobian summed over an axis."""
    for jacobian in jacobians(world):
        matrix = jacobian.values if transposed else jacobian.values.T
        for vector in vectors:
            cause = tuple(sorted({*jacobian.cause, *vector.cause}))
            if cause and len(cause) <= 2 and cause != ("sign",):
                yield Wrong(cause, f"{jacobian.key} {vector.key}", world.reduce(matrix @ vector.values))
        if not jacobian.cause:
            for axis in (0, 1):
                for vector in vectors:
                    summed = world.reduce(matrix.sum(axis=axis) * vector.values)
                    cause = tuple(sorted({"jacobian-summed", *vector.cause}))
                    yield Wrong(cause, f"{axis} {vector.key}", summed)
                yield Wrong(("jacobian-summed",), f"{axis} alone", world.reduce(matrix.sum(axis=axis)))


# Second derivatives.


def _hessians(world: World) -> Iterator[Wrong]:
    right = world.truth("hessian")
    diagonal = np.diag(np.diag(right))
    yield Wrong(("off-diagonal-dropped",), "diagonal", diagonal)
    yield Wrong(("off-diagonal-sign",), "signs", world.reduce(2 * diagonal - right))
    alone = world.of(Composition(world.composition.activation)).truth("jacobian")
    yield Wrong(("chain-stopped-early",), "Jacobian", alone)
    output = _output(world)
    curvature = world.array(Partial(Partial(loss, output[i]), output[j]), i, j)
    yield Wrong(("chain-stopped-early",), "curvature", curvature)
    yield Wrong(("chain-stopped-early",), "Gauss-Newton", world.reduce(alone.T @ curvature @ alone))
    yield Wrong(("chain-stopped-early",), "once", world.reduce(alone.T @ curvature))


# The closed form with something put in its place.


def _substituted(world: World, quantity: str) -> Iterator[Wrong]:
    indices = {0: (), 1: (j,), 2: (i, j)}[world.truth(quantity).ndim]
    definition = world.composition.loss_definition if quantity == "value" else _closed_form(world, quantity)
    if definition is None or (quantity == "value" and world.composition.loss is None):
        if quantity == "value":
            yield from _other_values(world)
        return
    for name, other in _inputs_exchanged(world):
        yield from _made((name,), "closed form", partial(other.array, definition, *indices))
    if any(True for _ in occurrences(definition, KroneckerDelta)):
        for number in (0, 1):
            labelled = any(label in delta.free_symbols for delta in occurrences(definition, KroneckerDelta))
            name = "label-case-only" if labelled and number else "delta-missing"
            changed = partial(world.array, _without_delta(definition, number), *indices)
            yield from _made((name,), f"closed {number}", changed)
    names = (*indices, label) if label in definition.free_symbols else indices
    for number, mixed in enumerate(_mixed(definition, names)):
        yield from _made(("index-mixed-up",), f"closed {number}", partial(world.array, mixed, *indices))


def _other_values(world: World) -> Iterator[Wrong]:
    """The value of another activation, and the activation applied twice."""
    for other in activations().values():
        if other.y == world.composition.activation.y and other != world.composition.activation:
            name = f"{other.name}-for-{world.composition.activation.name}"
            yield Wrong((name,), "value", world.of(Composition(other)).truth("value"))
    twice = world.given({z: world.inside(_probabilities(world))})
    yield Wrong(
        ("double-softmax",), "value", World(twice.composition, world.n, world.field, twice.values).truth("value")
    )


def _other_losses(world: World, quantity: str) -> Iterator[Wrong]:
    """The same quantity of every other loss of the catalogue."""
    for other in losses().values():
        if other == world.composition.loss:
            continue
        truth = partial(world.of(Composition(world.composition.activation, other)).truth, quantity)
        yield from _made(("other-loss",), other.name, truth, other.name)


def _masses(world: World, quantity: str) -> Iterator[Wrong]:
    """A loss that is a mixture (1 − e) A + e U with the weights of its parts mistaken."""
    for parameter in world.composition.parameters:
        if parameter.per_class:
            continue
        name = Symbol(parameter.name, real=True)
        try:
            first, second = (world.given({name: world.field.number(number)}).truth(quantity) for number in (0, 1))
        except BadPointError:
            continue
        e, n, share = world.number(name), world.n, world.inverse(world.n)
        if not world.equal(world.reduce((1 - e) * first + e * second), world.truth(quantity)):
            continue
        fewer = world.inverse(n - 1) if n > 1 else 0
        weights = {
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
        }
        for key, (a, u) in weights.items():
            yield Wrong(("smoothing-mass",), f"{name} {key}", world.reduce(a * first + u * second))


# Ingredients.


def _made(cause: Cause, key: str, make: Callable[[], Array], detail: str = "") -> Iterator[Wrong]:
    """A wrong formula, where it is defined at this world."""
    with suppress(BadPointError, DeriveError):
        yield Wrong(cause, key, make(), detail)


def _closed_form(world: World, quantity: str) -> Expr | None:
    try:
        return derive_quantity(world.composition, quantity).closed_form
    except (DeriveError, ProofError):
        return None


def _output(world: World) -> sympy.IndexedBase:
    return world.composition.output_vector


def _probabilities(world: World) -> Array:
    return world.vector(y) if world.composition.activation.y is not None else world.array(world.composition.output, i)


def _inputs_exchanged(world: World) -> Iterator[tuple[str, World]]:
    """The world with something else where y belongs."""
    logits, targets = world.inside(world.vector(z)), world.inside(world.vector(t))
    yield "logits-for-probabilities", world.given({y: logits})
    if world.composition.activation.y is None:
        return
    probabilities = world.inside(world.vector(y))
    twice = World(world.composition, world.n, world.field, {**world.values, z: probabilities})
    yield "double-softmax", world.given({y: world.inside(twice.vector(y))})
    if world.composition.loss is not None:
        yield "targets-and-probabilities-swapped", world.given({y: targets, t: probabilities})


def _without_delta(expression: Expr, number: int) -> Expr:
    """The expression with every Kronecker delta left out: 0, or 1."""
    return rewrite(expression, lambda node: Integer(number) if isinstance(node, KroneckerDelta) else None)


def _mixed(expression: Expr, names: Sequence[Symbol]) -> Iterator[Expr]:
    """The expression with one index of one vector taken for another that is there."""
    if isinstance(expression, Indexed):
        for name in names:
            if name != expression.indices[0]:
                yield expression.base[name]
    elif isinstance(expression, Contraction):
        body, index = expression.open()
        for mixed in _mixed(body, (*names, index)):
            yield Contraction(mixed, index)
    elif not isinstance(expression, KroneckerDelta):
        for place, part in enumerate(expression.args):
            for mixed in _mixed(part, names):
                yield expression.func(*(*expression.args[:place], mixed, *expression.args[place + 1 :]))
