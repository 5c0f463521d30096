"""The Jacobian of the activation, right and wrong."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from sympy import Expr, KroneckerDelta, Symbol

from derive.catalogue import activations
from derive.checking.functions import Array
from derive.checking.mistakes.closed import (
    inputs_exchanged,
    mixed,
    once_logits,
    terms_scaled,
    terms_turned,
    without_delta,
)
from derive.checking.mistakes.model import Cause, Wrong, closed_form, compose, jacobian_of, join
from derive.checking.world import World
from derive.notation import Partial, i, j, y, z


def jacobians(world: World) -> Iterator[Wrong]:
    """The Jacobian, and those wrong ones that need no closed form: row i is the output, column j the logit."""
    here = world.alone
    right = Wrong((), "right", partial(jacobian_of, world))
    yield right
    yield from _misplaced(world, right)
    yield Wrong(("identity-jacobian",), "identity", lambda: np.diag([1] * world.n).astype(object))
    if not is_symmetric(world):
        yield _transposed(right)
    yield from _quotients(here)
    yield from _outer(here)
    for each in _other_activations(here):
        yield each
        yield from _misplaced(world, each)


def turned_jacobians(world: World) -> Iterator[Wrong]:
    """The Jacobian of another activation with rows for columns; nobody means the product with one."""
    yield from map(_transposed, _other_activations(world.alone))


def closed_jacobians(world: World) -> Iterator[Wrong]:
    """The closed form of the Jacobian with something put in its place, and that with its entries misplaced."""
    here = world.alone
    closed = closed_form(here, "jacobian")
    if closed is None:
        return
    yield from _without_delta(here, here, closed)
    yield from terms_turned(here, closed, (i, j))
    for number, other_form in enumerate(mixed(closed, (i, j))):
        yield Wrong(("index-mixed-up",), str(number), partial(here.array, other_form, i, j))
    for each in _refilled(here, closed):
        yield each
        yield from _misplaced(world, each)
    for name, other in inputs_exchanged(here):
        yield from _without_delta(here, other, closed, (name,), "everywhere ")
    for number, other_form in enumerate(once_logits(closed)):
        yield from _without_delta(here, here, other_form, ("logits-for-probabilities",), f"once {number} ")
    yield from terms_scaled(here, closed, (i, j))
    for another, name in _others_of(here):
        form = closed_form(another, "jacobian")
        for each in () if form is None else _refilled(another, form):
            yield Wrong(join(each.cause, (name,)), f"{name} {each.key}", each.make)


def _transposed(jacobian: Wrong) -> Wrong:
    """A Jacobian, right or wrong, with rows for columns."""
    return Wrong(join(("transposed",), jacobian.cause), f"{jacobian.key} transposed", lambda: jacobian.values.T)


def _refilled(world: World, closed: Expr) -> Iterator[Wrong]:
    """The closed form with other inputs, everywhere or at one place."""
    for name, other in inputs_exchanged(world):
        yield Wrong((name,), "jacobian", partial(other.array, closed, i, j))
    for number, other_form in enumerate(once_logits(closed)):
        for key, rows, columns in _orders(world):
            made = partial(world.array, other_form, rows, columns)
            yield Wrong(("logits-for-probabilities",), f"once {number}{key}", made)


def _orders(world: World) -> Iterator[tuple[str, Symbol, Symbol]]:
    """The ways to name row and column: a symmetric Jacobian may also be written with i for j."""
    yield "", i, j
    if is_symmetric(world):
        yield " turned", j, i


def _misplaced(world: World, jacobian: Wrong) -> Iterator[Wrong]:
    """A Jacobian, right or wrong, without its entries off the diagonal, or with their sign turned."""
    if is_diagonal(world):
        return

    def diagonal() -> Array:
        return np.diag(np.diag(jacobian.values))

    for name, make in {
        "off-diagonal-dropped": diagonal,
        "off-diagonal-sign": lambda: world.reduce(2 * diagonal() - jacobian.values),
    }.items():
        yield Wrong(join((name,), jacobian.cause), f"{jacobian.key} {name}", make)


def _without_delta(world: World, there: World, closed: Expr, cause: Cause = (), key: str = "") -> Iterator[Wrong]:
    """The closed form without its Kronecker delta."""
    for number in (0, 1) if closed.has(KroneckerDelta) else ():
        left_out = without_delta(closed, number)
        for turned, rows, columns in _orders(world):
            made = partial(there.array, left_out, rows, columns)
            yield Wrong(join(("delta-missing",), cause), f"{key}{number}{turned}", made)


def is_symmetric(world: World) -> bool:
    """Whether rows and columns of the Jacobian are the same."""
    return world.equal(jacobian_of(world), jacobian_of(world).T, world.precision)


def is_diagonal(world: World, quantity: str = "jacobian") -> bool:
    """Whether the activation works entry by entry; or whether another matrix has its diagonal only."""
    right = jacobian_of(world) if quantity == "jacobian" else world.truth(quantity)
    return world.equal(right, np.diag(np.diag(right)), world.precision)


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


def _outer(world: World) -> Iterator[Wrong]:
    """The derivative of the output by y alone, where the output is a function of y."""
    output = world.composition.output
    if world.composition.activation.y is not None and output != y[i]:
        yield Wrong(("chain-stopped-early",), "by y", partial(world.array, Partial(output, y[j]), i, j))


def _other_activations(world: World) -> Iterator[Wrong]:
    """The Jacobian of the logarithm of y for that of y, and the other way round."""
    for there, name in _others_of(world):
        yield Wrong((name,), "jacobian", partial(there.truth, "jacobian"))


def _others_of(world: World) -> Iterator[tuple[World, str]]:
    """The world under each other activation of the same y, and what it is called to take that one for this."""
    mine = world.composition.activation
    for other in activations().values():
        if other != mine and other.y == mine.y and other.y is not None:
            yield world.of(compose(other)), f"{other.name}-for-{mine.name}"
