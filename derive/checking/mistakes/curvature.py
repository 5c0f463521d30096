"""Second derivatives of the loss, wrong."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from derive.checking.functions import Array
from derive.checking.mistakes.model import Wrong, jacobian_of
from derive.checking.world import World
from derive.notation import v


def hessians(world: World, quantity: str = "hessian") -> Iterator[Wrong]:
    """Wrong Hessians, or Gauss-Newton matrices: entries left out or turned, a part of the chain rule left out."""

    def diagonal() -> Array:
        return np.diag(np.diag(world.truth(quantity)))

    def once() -> Array:
        return jacobian_of(world).T @ world.curvature()

    yield Wrong(("off-diagonal-dropped",), "diagonal", diagonal)
    yield Wrong(("off-diagonal-sign",), "signs", lambda: world.reduce(2 * diagonal() - world.truth(quantity)))
    yield Wrong(("chain-stopped-early",), "Jacobian", partial(jacobian_of, world))
    yield Wrong(("chain-stopped-early",), "curvature", world.curvature)
    yield Wrong(("chain-stopped-early",), "Gauss-Newton", lambda: world.reduce(once() @ jacobian_of(world)))
    yield Wrong(("chain-stopped-early",), "once", lambda: world.reduce(once()))


def hvps(world: World, quantity: str = "hessian") -> Iterator[Wrong]:
    """Wrong Hessians, or Gauss-Newton matrices, times a direction."""
    for each in hessians(world, quantity):
        yield Wrong(each.cause, each.key, partial(_times_direction, world, each), each.detail)
    yield Wrong(("identity-jacobian",), "v", partial(world.vector, v))


def _times_direction(world: World, hessian: Wrong) -> Array:
    return world.reduce(hessian.values @ world.vector(v))
