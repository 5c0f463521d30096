"""What a formula gives at a world."""

from collections.abc import Callable
from dataclasses import dataclass

from derive.checking.functions import Array
from derive.checking.world import DOUBLE, Precision, World


@dataclass(frozen=True)
class Values:
    """What a formula gives at a world; `given` says which entries its left side names, `precision` how exact it is."""

    values: Array
    given: Array
    precision: Precision = DOUBLE

    def agrees(self, world: World, other: Array) -> bool:
        """Whether the entries that are given equal those of `other`."""
        if other.shape != self.values.shape:
            return False
        return world.equal(self.values[self.given], other[self.given], self.precision)

    def vanishes(self, world: World) -> bool:
        """Whether the entries along the last axis may sum to 0: they do, or some are not given."""
        if not self.values.ndim or not self.given.all():
            return True
        total = world.reduce(self.values.sum(axis=-1))
        return world.equal(total, 0 * total, self.precision)


Evaluate = Callable[[World], Values]
"""A formula: its values at a world."""
