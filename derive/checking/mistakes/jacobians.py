"""The Jacobian of the activation, right and wrong."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from sympy import Expr

from derive.catalogue import activations
from derive.checking.functions import Array
from derive.checking.mistakes.closed import inputs_exchanged, mixed, once_logits, terms_turned, without_delta
from derive.checking.mistakes.model import Wrong, closed_form, compose, jacobian_of
from derive.checking.world import World
from derive.notation import Partial, i, j, y, z


def jacobians(world: World) -> Iterator[Wrong]:
    """The Jacobian, and those wrong ones that need no closed form: row i is the output, column j the logit."""
    here = world.alone

    def diagonal() -> Array:
        return np.diag(np.diag(jacobian_of(world)))

    yield Wrong((), "right", lambda: jacobian_of(world))
    yield Wrong(("off-diagonal-dropped",), "diagonal", diagonal)
    yield Wrong(("off-diagonal-sign",), "signs", lambda: world.reduce(2 * diagonal() - jacobian_of(world)))
    yield Wrong(("identity-jacobian",), "identity", lambda: np.diag([1] * world.n).astype(object))
    if not world.equal(jacobian_of(world), jacobian_of(world).T):
        yield Wrong(("transposed",), "transposed", lambda: jacobian_of(world).T)
    yield from _quotients(here)
    yield from _other_activations(here)


def closed_jacobians(world: World) -> Iterator[Wrong]:
    """The closed form of the Jacobian with something put in its place."""
    here = world.alone
    closed = closed_form(here, "jacobian")
    if closed is None:
        return
    for number in (0, 1):
        left_out = without_delta(closed, number)
        yield Wrong(("delta-missing",), str(number), partial(here.array, left_out, i, j))
    for name, other in inputs_exchanged(here):
        yield Wrong((name,), "jacobian", partial(other.array, closed, i, j))
    for number, other_form in enumerate(terms_turned(closed)):
        yield Wrong(("sign",), f"term {number}", partial(here.array, other_form, i, j), "of a term")
    for number, other_form in enumerate(mixed(closed, (i, j))):
        yield Wrong(("index-mixed-up",), str(number), partial(here.array, other_form, i, j))
    for number, other_form in enumerate(once_logits(closed)):
        yield Wrong(("logits-for-probabilities",), f"once {number}", partial(here.array, other_form, i, j))


def is_diagonal(world: World, quantity: str = "jacobian") -> bool:
    """Whether the activation works entry by entry; or whether another matrix has its diagonal only."""
    right = jacobian_of(world) if quantity == "jacobian" else world.truth(quantity)
    return world.equal(right, np.diag(np.diag(right)))


def spread_diagonals(world: World, quantity: str) -> Iterator[Wrong]:
    """The diagonal's entry of a row, or of a column, given for every entry of it: y_i(1 − y_i) for all i and j."""
    if is_diagonal(world, quantity):
        return  # then it lacks its delta

    def spread(axis: int) -> Array:
        own = np.diag(world.truth(quantity))
        return np.stack([own] * world.n, axis=axis)

    for axis, name in ((1, "row"), (0, "column")):
        yield Wrong(("off-diagonal-dropped",), f"diagonal of the {name}", partial(spread, axis), "spread")


def _quotients(world: World) -> Iterator[Wrong]:
    """The rule for a quotient misapplied to y = u/v: a sign turned, v not squared, u or v held fixed."""
    definition = world.composition.y_definition
    if definition is None or world.composition.output != y[i]:
        return
    above, below = definition.as_numer_denom()
    if below == 1:
        return
    keys = ("plus", "turned", "not squared", "not divided", "denominator fixed", "second term not divided by v",
            "second term divided once")  # fmt: skip
    for key in keys:
        yield Wrong(("quotient-rule",), key, partial(_quotient, world, above, below, key))


def _quotient(world: World, above: Expr, below: Expr, key: str) -> Array:
    if "quotients" not in world.kept:
        world.kept["quotients"] = _every_quotient(world, above, below)
    found: Array = world.reduce(world.kept["quotients"][key])
    return found


def _every_quotient(world: World, above: Expr, below: Expr) -> dict[str, Array]:
    u, du = world.array(above, i), world.array(Partial(above, z[j]), i, j)
    bottom = world.array(below, i)
    db, inverse = world.array(Partial(below, z[j]), i, j), np.array([world.inverse(b) for b in bottom], dtype=object)
    rising, falling = du * bottom[:, None], u[:, None] * db
    squared = (inverse * inverse)[:, None]
    return {
        "plus": (rising + falling) * squared,
        "turned": (falling - rising) * squared,
        "not squared": (rising - falling) * inverse[:, None],
        "not divided": rising - falling,
        "denominator fixed": du * inverse[:, None],
        "second term not divided by v": du * inverse[:, None] - falling,
        "second term divided once": du * inverse[:, None] - falling * inverse[:, None],
    }


def _other_activations(world: World) -> Iterator[Wrong]:
    """The Jacobian of the logarithm of y for that of y, and the other way round."""
    mine = world.composition.activation
    for other in activations().values():
        if other != mine and other.y == mine.y and other.y is not None:
            there = world.of(compose(other))
            yield Wrong((f"{other.name}-for-{mine.name}",), "jacobian", partial(there.truth, "jacobian"))
