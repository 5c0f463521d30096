"""Products with the Jacobian of the activation, wrong: of vectors that come in, and the gradient of a loss."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from sympy import KroneckerDelta, Symbol

from derive.checking.functions import Array
from derive.checking.mistakes.closed import inputs_exchanged, without_delta
from derive.checking.mistakes.jacobians import closed_jacobians, is_diagonal, jacobians
from derive.checking.mistakes.model import Wrong, closed_form, jacobian_of, join, probabilities
from derive.checking.world import World
from derive.notation import Partial, g, i, j, label, loss, t, v, vectors


def vjps(world: World) -> Iterator[Wrong]:
    """Wrong products of the upstream gradient with the Jacobian."""
    ones = np.array([1] * world.n, dtype=object)
    dropped = ("upstream-mishandled",)

    def upstream() -> Array:
        return world.vector(g)

    def product() -> Array:
        return world.reduce(upstream() @ jacobian_of(world))

    def total() -> Array:
        return world.reduce(jacobian_of(world).T @ ones)

    yield from _products(world, [Wrong((), "g", upstream)])
    candidates: dict[str, Callable[[], Array]] = {
        "added to the product": lambda: product() + upstream(),
        "total taken as 1": lambda: product() + (1 - sum(upstream())) * total(),
        "applied twice": lambda: product() * upstream(),
        "dropped": total,
    }
    outputs = {"y": partial(probabilities, world), "output": partial(world.of(world.composition).truth, "value")}
    for key, output in outputs.items():
        candidates |= {
            f"labels {key}": partial(_add, output, upstream, 1, -1),
            f"labels turned {key}": partial(_add, output, upstream, -1, 1),
            f"added {key}": partial(_add, output, upstream, 1, 1),
            f"output {key}": output,
        }
    for key, make in candidates.items():
        yield Wrong(dropped, key, partial(_reduced, world, make))
    for each in _products(world, [Wrong((), "ones", lambda: ones)]):
        if each.cause and each.cause != ("jacobian-summed",):
            yield Wrong(join(each.cause, dropped), f"dropped {each.key}", each.make)
    yield Wrong(
        join(("off-diagonal-dropped",), dropped),
        "added to the diagonal",
        lambda: world.reduce(np.diag(jacobian_of(world)) + upstream()),
    )


def _add(left: Callable[[], Array], right: Callable[[], Array], a: int, b: int) -> Array:
    found: Array = a * left() + b * right()
    return found


def _reduced(world: World, make: Callable[[], Array]) -> Array:
    return world.reduce(make())


def jvps(world: World) -> Iterator[Wrong]:
    """Wrong products of the Jacobian with a direction."""
    yield from _products(world, [Wrong((), "v", lambda: world.vector(v))], transposed=True)


def gradients(world: World) -> Iterator[Wrong]:
    """Wrong gradients of the loss: the products of wrong Jacobians and wrong slopes of the loss, and parts of them."""
    for each in _products(world, list(_slopes(world))):
        cause = join(*(("chain-stopped-early" if name == "identity-jacobian" else name,) for name in each.cause))
        yield Wrong(cause, each.key, each.make)
    yield Wrong(("chain-stopped-early",), "dy/dz", lambda: np.diag(jacobian_of(world)))
    yield Wrong(("chain-stopped-early",), "Jacobian", lambda: jacobian_of(world))

    def own_entry() -> Array:
        return np.array([world.truth("gradient")[world.label]] * world.n, dtype=object)

    yield Wrong(("label-case-only",), "entry", own_entry)
    yield Wrong(("label-case-only", "sign"), "entry", lambda: world.reduce(-own_entry()))
    definition = world.composition.loss_definition
    own = partial(_own_class_slope, world)
    if definition is not None and (label in definition.free_symbols or t in vectors(definition)):
        yield Wrong(("chain-stopped-early", "label-case-only"), "slope", own)
    if definition is not None and label in definition.free_symbols:

        def diagonal() -> Array:
            return np.diag(jacobian_of(world)) * own()

        yield Wrong(("label-case-only",), "diagonal", lambda: world.reduce(diagonal()))
        yield Wrong(("label-case-only", "sign"), "diagonal", lambda: world.reduce(-diagonal()))
        yield Wrong(("chain-stopped-early",), "dy/dz of the label", lambda: jacobian_of(world)[world.label])


def _own_class_slope(world: World) -> Array:
    """dL/dy_j as it would be if every class were the label."""
    output = world.composition.output_vector
    classes = range(world.n)
    worlds = [
        replace(world, label=number).given({t: [world.field.number(int(each == number)) for each in classes]})
        for number in classes
    ]
    found = [each.number(Partial(loss, output[each.label + 1])) for each in worlds]
    return np.array(found, dtype=object)


def _slopes(world: World) -> Iterator[Wrong]:
    """dL/dy, right and wrong."""
    slope = Partial(loss, world.composition.output_vector[i])
    yield Wrong((), "slope", partial(world.array, slope, i))
    yield Wrong(("sign",), "slope turned", lambda: world.reduce(-world.array(slope, i)))
    for name, other in inputs_exchanged(world):
        yield Wrong((name,), f"slope of {name}", partial(other.array, slope, i))


def closed_products(world: World, quantity: str) -> Iterator[Wrong]:
    """The products of wrong closed forms of the Jacobian with what comes in, right or wrong."""
    match quantity:
        case "vjp":
            ones = np.array([1] * world.n, dtype=object)
            dropped = Wrong(("upstream-mishandled",), "dropped", lambda: ones)
            vectors = [Wrong((), "g", partial(world.vector, g)), dropped]
        case "jvp":
            vectors = [Wrong((), "v", partial(world.vector, v))]
        case "gradient":
            vectors = list(_slopes(world))
        case "hvp" | "gnvp":
            yield from _without_delta(world, "hessian" if quantity == "hvp" else "gauss-newton")
            return
        case _:
            return
    yield from _multiplied(world, closed_jacobians(world), vectors, transposed=quantity == "jvp")


def _without_delta(world: World, matrix: str) -> Iterator[Wrong]:
    """Second derivatives without their Kronecker deltas, written either way round, times a direction."""
    closed = closed_form(world, matrix)
    if closed is None or not closed.has(KroneckerDelta):
        return

    def multiply(rows: Symbol, columns: Symbol) -> Array:
        return world.reduce(world.array(without_delta(closed, 1), rows, columns) @ world.vector(v))

    for key, rows, columns in (("rows", i, j), ("columns", j, i)):
        yield Wrong(("delta-missing",), f"matrix by {key}", partial(multiply, rows, columns))


def _multiplied(
    world: World, jacobians: Iterable[Wrong], vectors: Sequence[Wrong], *, transposed: bool
) -> Iterator[Wrong]:
    """Jacobians times vectors, both with at most two mistakes."""

    def multiply(jacobian: Wrong, vector: Wrong) -> Array:
        return world.reduce((jacobian.values if transposed else jacobian.values.T) @ vector.values)

    for jacobian in jacobians:
        for vector in vectors:
            cause = join(jacobian.cause, vector.cause)
            detail = jacobian.detail or vector.detail
            if cause and len(cause) <= 2 and (cause != ("sign",) or detail):
                yield Wrong(cause, f"{jacobian.key} {vector.key}", partial(multiply, jacobian, vector), detail)


def _products(world: World, vectors: Sequence[Wrong], *, transposed: bool = False) -> Iterator[Wrong]:
    """Wrong Jacobians times vectors, both with at most two mistakes; and the Jacobian summed over an axis."""

    def summed(axis: int, vector: Wrong | None = None) -> Array:
        total = jacobian_of(world).sum(axis=axis)
        return world.reduce(total if vector is None else total * vector.values)

    yield from _multiplied(world, jacobians(world), vectors, transposed=transposed)
    if is_diagonal(world):
        return
    for axis in (0, 1):
        for vector in vectors:
            cause = join(("jacobian-summed",), vector.cause)
            yield Wrong(cause, f"{axis} {vector.key}", partial(summed, axis, vector))
        yield Wrong(("jacobian-summed",), f"{axis} alone", partial(summed, axis))
