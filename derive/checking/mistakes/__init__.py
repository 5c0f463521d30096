"""Mistakes as rules: each makes, from the ingredients of the right derivation, the wrong formula that it leads to.

Ingredients are arrays at a `World`: the Jacobian, the derivative of the loss, closed forms with something put in their
place. None of the rules knows an activation or a loss: they hold for every composition.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from sympy import Symbol

from derive.checking.mistakes.borrowed import (
    IN_GRADIENT,
    NOTHING_FOREIGN,
    Foreign,
    bound_losses,
    is_upstream,
    with_upstream,
)
from derive.checking.mistakes.closed import substituted
from derive.checking.mistakes.curvature import hessians, hvps
from derive.checking.mistakes.jacobians import closed_jacobians, jacobians, spread_diagonals, turned_jacobians
from derive.checking.mistakes.losses import masses, other_losses
from derive.checking.mistakes.model import Cause, Wrong
from derive.checking.mistakes.products import closed_products, gradients, jvps, vjps
from derive.checking.world import SECOND_ORDER, World
from derive.proof.field import BadPointError

__all__ = [
    "IN_GRADIENT", "NOTHING_FOREIGN", "Cause", "Foreign", "Wrong", "is_upstream", "plain_formulas",
    "same_formula", "wrong_formulas",
]  # fmt: skip


def wrong_formulas(world: World, quantity: str, foreign: Foreign) -> Iterator[Wrong]:
    """Every wrong formula for `quantity` that the rules make, those with one mistake before those with two.

    Of either kind, those that need no derivation come first: few formulas are wrong in any other way, and a derivation
    takes longer than all the rest.
    """
    for pairs in (False, True):
        for made in _stages_made(world, quantity, foreign):
            yield from [wrong for wrong in made.values() if (len(wrong.cause) > 1) == pairs]


def plain_formulas(world: World, quantity: str, _: Foreign) -> Iterator[Wrong]:
    """Those with one mistake that need no derivation."""
    yield from (wrong for wrong in _made(world, quantity, _plain).values() if len(wrong.cause) == 1)


def same_formula(world: World, quantity: str, foreign: Foreign, wrong: Wrong) -> Wrong | None:
    """The wrong formula that another world has as `wrong`, at this one; None where it has none here."""
    every = _stages_made(world, quantity, foreign)
    return next((made[wrong.name] for made in every if wrong.name in made), None)


_Made = Mapping[tuple[Cause, str], Wrong]


def _stages_made(world: World, quantity: str, foreign: Foreign) -> Iterator[_Made]:
    """The wrong formulas of each stage; the last ones are those of what the formula has and the definition has not."""
    stages = _stages(quantity)
    if quantity in ("gradient", *SECOND_ORDER) and any(_depends(world, quantity, name) for name in foreign.absent):
        stages = tuple(stage for stage in stages if stage is not _closed)
    yield from (_made(world, quantity, stage) for stage in stages)
    if foreign != NOTHING_FOREIGN:
        yield _made(world, quantity, partial(_borrowed, foreign=foreign), ("borrowed", foreign))


def _depends(world: World, quantity: str, name: str) -> bool:
    """Whether a quantity depends on a number of its definition: so do its closed form and what is made of that.

    A closed form may take seconds to derive, and a formula without the number is made of none that has it.
    """
    key = ("depends", quantity, name)
    if key not in world.kept:
        other = {Symbol(name, real=True): world.field.number(2)}
        try:
            there = world.given(other).truth(quantity)
            world.kept[key] = not world.equal(there, world.truth(quantity), world.precision)
        except BadPointError:
            world.kept[key] = False
    found: bool = world.kept[key]
    return found


def _made(world: World, quantity: str, stage: "_Stage", name: object = None) -> _Made:
    key = ("wrong formulas", quantity, name or stage)
    if key not in world.kept:
        found = sorted(stage(world, quantity), key=lambda wrong: "label-case-only" not in wrong.cause)
        world.kept[key] = {wrong.name: wrong for wrong in found if wrong.cause}
    made: _Made = world.kept[key]
    return made


_RULES: dict[str, Callable[[World], Iterator[Wrong]]] = {
    "jacobian": jacobians, "vjp": vjps, "jvp": jvps, "gradient": gradients, "hessian": hessians, "hvp": hvps,
    "gauss-newton": partial(hessians, quantity="gauss-newton"), "gnvp": partial(hvps, quantity="gauss-newton"),
}  # fmt: skip


def _plain(world: World, quantity: str) -> Iterator[Wrong]:
    """What is made of the definition alone."""
    if quantity in _RULES:
        yield from _RULES[quantity](world)
    if world.composition.loss is not None:
        yield from masses(world, quantity)


def _closed(world: World, quantity: str) -> Iterator[Wrong]:
    """What is made of closed forms, which have to be derived."""
    if quantity == "jacobian":
        yield from turned_jacobians(world)
        yield from closed_jacobians(world)
    yield from closed_products(world, quantity)
    if world.composition.loss is not None or quantity == "value":
        yield from substituted(world, quantity)
    if quantity in ("jacobian", "hessian", "gauss-newton"):
        yield from spread_diagonals(world, quantity)


def _others(world: World, quantity: str) -> Iterator[Wrong]:
    """What belongs to other losses."""
    if world.composition.loss is not None:
        yield from other_losses(world, quantity)


def _borrowed(world: World, quantity: str, foreign: Foreign) -> Iterator[Wrong]:
    """What is made of the letters and numbers that the formula has and the definition has not."""
    if world.composition.loss is not None:
        yield from bound_losses(world, quantity, foreign)
    if quantity == "gradient":
        yield from with_upstream(world, foreign)


_Stage = Callable[[World, str], Iterator[Wrong]]


def _stages(quantity: str) -> tuple[_Stage, ...]:
    """The rules in the order in which they are tried.

    A gradient that is another loss's, y − t, is that before it is an accident of some index; of the loss itself the
    name of another says less than that two letters have changed places, and second derivatives of every loss take long.
    """
    return (_plain, _others, _closed) if quantity == "gradient" else (_plain, _closed, _others)
