"""What the letters of a formula are by their roles: vectors of expressions, one entry for each class."""

from collections.abc import Callable

import sympy
from sympy import Expr, IndexedBase, Integer

from derive import notation
from derive.catalogue.model import Composition
from derive.checking.functions import Array, filled_array


class Letters:
    """The vectors of one composition at `n` classes."""

    def __init__(self, composition: Composition, n: int) -> None:
        self.composition, self.n = composition, n

    def _vector(self, role: str, name: str = "") -> Array:
        """The entries of a vector by its role."""
        bases = {"logits": notation.z, "targets": notation.t, "upstream": notation.g, "direction": notation.v}
        if role == "probabilities":
            entry: Callable[[int], Expr] = self._probability
        elif role == "output":
            entry = self._output
        elif role == "log-probabilities":

            def entry(c: int) -> Expr:
                return sympy.log(self._probability(c))
        else:
            base = bases.get(role) or IndexedBase(name)

            def entry(c: int) -> Expr:
                found: Expr = base[c + 1]
                return found

        return filled_array(entry, self.n)

    def _probability(self, c: int) -> Expr:
        """What y is at a class: the letter y, or the output itself where the activation has no y."""
        if self.composition.activation.y is not None:
            found: Expr = notation.y[c + 1]
            return found
        return self._output(c)

    def _output(self, c: int) -> Expr:
        """The output of the activation at a class."""
        entry: Expr = notation.rename(self.composition.output, {notation.i: Integer(c + 1)})
        return entry
