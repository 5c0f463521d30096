"""A wrong formula, and what is needed to make one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from sympy import Expr

from derive.calculus.engine import derive_quantity
from derive.catalogue.model import Activation, Composition, Loss
from derive.checking.functions import Array
from derive.checking.world import World
from derive.derivation import Result
from derive.errors import DeriveError, ProofError
from derive.notation import Partial, i, y
from derive.proof.field import BadPointError

Cause = tuple[str, ...]
"""The ids of the mistakes that were made, sorted; empty for none."""


@dataclass(frozen=True)
class Wrong:
    """A wrong formula at a world.

    Attributes:
        cause: the mistakes that lead to it.
        key: tells it from every other of the same cause.
        make: works out its entries, which few of the wrong formulas are ever asked for.
        detail: what the explanation adds: the name of the other loss, say.
        vanishes: whether its entries along the last axis are known to sum to 0, before they are worked out.
    """

    cause: Cause
    key: str
    make: Callable[[], Array]
    detail: str = ""
    vanishes: bool = False

    @property
    def name(self) -> tuple[Cause, str]:
        """What it is called at every world."""
        return self.cause, self.key

    @cached_property
    def values(self) -> Array:
        """Its entries; raises BadPointError or DeriveError where it has none here."""
        return self.make()

    @cached_property
    def found(self) -> Array | None:
        """Its entries; None where it has none here."""
        try:
            return self.values
        except (BadPointError, DeriveError):
            return None

    @property
    def is_zero(self) -> bool:
        """Whether every entry is 0."""
        return self.found is not None and not np.any(self.found)


def join(*causes: Cause) -> Cause:
    """The mistakes of all of them."""
    return tuple(sorted({name for cause in causes for name in cause}))


@cache
def compose(activation: Activation, loss: Loss | None = None) -> Composition:
    """One composition for each pair, which reads its definitions once."""
    return Composition(activation, loss)


def jacobian_of(world: World) -> Array:
    """The activation's Jacobian."""
    return world.alone.truth("jacobian")


def derivation(composition: Composition, quantity: str, *, labels: bool = False) -> Result | None:
    """The derivation of a quantity under what its loss assumes; None where there is none."""
    try:  # every argument is given, so that it is derived once and found again
        return derive_quantity(composition, quantity, None, composition.assumptions, labels)
    except (DeriveError, ProofError):
        return None


def closed_form(world: World, quantity: str) -> Expr | None:
    """The closed form of a quantity before anything is assumed; None where there is none."""
    result = derivation(world.composition, quantity)
    if result is None:
        return None
    assumed = [step.before for step in result.chains[-1].steps if step.assumptions]
    if result.assumptions and (not assumed or assumed[0].has(Partial)):
        # they were used on the way, in the gradient that a Hessian began with
        return derive_quantity(world.composition, quantity, None, (), False).closed_form
    return assumed[0] if assumed else result.closed_form


def probabilities(world: World) -> Array:
    """The letter y, or the output where the activation has no y."""
    return world.vector(y) if world.composition.activation.y is not None else world.array(world.composition.output, i)
