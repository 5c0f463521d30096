"""Mistakes as rules: each makes, from the ingredients of the right derivation, the wrong formula that it leads to.

Ingredients are arrays at a `World`: the Jacobian, the derivative of the loss, closed forms with something put in their
place. None of the rules knows an activation or a loss: they hold for every composition.
"""

from collections.abc import Iterator

from derive.checking.mistakes.closed import substituted
from derive.checking.mistakes.curvature import hessians, hvps
from derive.checking.mistakes.jacobians import jacobians
from derive.checking.mistakes.losses import masses, other_losses
from derive.checking.mistakes.model import Cause, Wrong
from derive.checking.mistakes.products import gradients, jvps, vjps
from derive.checking.world import World

__all__ = ["Cause", "Wrong", "wrong_formulas"]


def wrong_formulas(world: World, quantity: str) -> tuple[Wrong, ...]:
    """Every wrong formula for `quantity` that the rules make, those with one mistake before those with two."""
    key = ("wrong formulas", quantity)
    if key not in world.kept:
        found = (each for each in _all(world, quantity) if each.cause)
        world.kept[key] = tuple(
            sorted(found, key=lambda wrong: (len(wrong.cause), "label-case-only" not in wrong.cause))
        )
    kept: tuple[Wrong, ...] = world.kept[key]
    return kept


_RULES = {
    "jacobian": jacobians, "vjp": vjps, "jvp": jvps, "gradient": gradients, "hessian": hessians, "hvp": hvps
}  # fmt: skip


def _all(world: World, quantity: str) -> Iterator[Wrong]:
    if quantity in _RULES:
        yield from _RULES[quantity](world)
    if world.composition.loss is not None or quantity == "value":
        yield from substituted(world, quantity)
    if world.composition.loss is not None:
        yield from other_losses(world, quantity)
        yield from masses(world, quantity)
