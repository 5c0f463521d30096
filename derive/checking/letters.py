"""What the letters of a formula are by their roles: vectors and matrices of expressions, one entry for each class."""

from collections.abc import Callable, Sequence

import numpy as np
import sympy
from sympy import Expr, IndexedBase, Integer, Symbol

from derive import notation
from derive.catalogue.model import Composition
from derive.checking.formula import ZERO, IllFormedError, Node
from derive.checking.functions import APPLIED, Array, as_array, filled_array, matrix_array
from derive.notation import Partial

ROWS = 2
"""How many rows a batch has: a sum over them is not that of one."""
EXAMPLES = Symbol("B", real=True)
"""How many rows a batch has, where it is written: `y.shape[0]`."""


class Letters:
    """The vectors of one composition at `n` classes, its activation, and the derivatives that have a letter.

    In a batch of `rows` every row is the same; none where one row is written of.
    """

    def __init__(self, composition: Composition, n: int, rows: int = 0) -> None:
        self.composition, self.n, self.rows = composition, n, rows

    def _each_row(self, array: Array) -> Array:
        """An array of one row, as a batch where there is one."""
        return np.stack([array] * self.rows) if self.rows else array

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

        found = filled_array(entry, self.n)
        return found if role == "parameter" else self._each_row(found)

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

    def _derived(self, role: str) -> Array:
        """What a letter is that stands for a matrix or a number by its role."""
        match role:
            case "jacobian":
                return self._jacobian()
            case "hessian":
                return self._hessian()
            case "entropy":
                return self._entropy()
        return self._log_sum_exp()

    def _jacobian(self) -> Array:
        """What J is: a row for each output, a column for each logit."""
        return self._each_row(matrix_array(lambda i, j: Partial(self._output(i), notation.z[j + 1]), self.n))

    def _hessian(self) -> Array:
        """What H is: the second derivatives of the loss."""
        slope = [Partial(notation.loss, notation.z[i + 1]) for i in range(self.n)]
        return self._each_row(matrix_array(lambda i, j: Partial(slope[i], notation.z[j + 1]), self.n))

    def _entropy(self) -> Array:
        """What H is where no loss is called so: the entropy of y."""
        shares = [self._probability(c) for c in range(self.n)]
        return as_array(-sum(share * sympy.log(share) for share in shares))

    def _log_sum_exp(self) -> Array:
        """What LSE is without its argument: of the exponents that the activation has; in a batch one for each row."""
        definition = self.composition.y_definition
        parts = definition.args if definition is not None and definition.has(notation.Contraction) else ()
        above = [part.args[0] for part in parts if isinstance(part, sympy.exp)]
        exponent = above[0] if above else notation.z[notation.i]

        def entry(c: int) -> Expr:
            found: Expr = notation.rename(exponent, {notation.i: Integer(c + 1)})
            return found

        exponents = self._each_row(filled_array(entry, self.n))
        return as_array(APPLIED["logsumexp"]([exponents], {"axis": -1, "keepdims": bool(self.rows)}))

    def _slope(self, entries: Array) -> Array:
        """The derivative of each entry of the output with respect to its own logit."""

        def own(entry: Expr) -> Expr:
            if not isinstance(entry, sympy.Indexed) or entry.base != notation.z:
                raise IllFormedError("the derivative of the activation is taken at logits")
            return Partial(self._output(int(entry.indices[0]) - 1), entry)

        return as_array(np.frompyfunc(own, 1, 1)(entries))

    def _activated(self, entries: Array) -> Array:
        """The activation's y of a vector: what σ(z) means."""
        definition = self.composition.y_definition
        if entries.ndim == 0 and isinstance(entries[()], sympy.Indexed) and entries[()].base == notation.z:
            return as_array(self._probability(int(entries[()].indices[0]) - 1))  # σ(z_i) is the entry i of σ(z)
        if definition is None or entries.ndim == 0:
            return as_array(APPLIED["softmax" if entries.ndim else "sigmoid"]([entries], {}))
        return as_array(APPLIED["sigmoid" if not definition.has(notation.Contraction) else "softmax"]([entries], {}))

    def _softmax(self, entries: Array) -> Array:
        """The softmax of a vector, whatever the activation is; softmax(z_i/T) is the entry i of softmax(z/T)."""
        if entries.ndim:
            return as_array(APPLIED["softmax"]([entries], {}))
        entry: Expr = entries[()]
        read = entry.atoms(sympy.Indexed)
        places = {int(each.indices[0]) for each in read}
        if len(places) != 1:
            raise IllFormedError("softmax is of a vector, and this is one number")
        vector = [entry.xreplace({each: each.base[c + 1] for each in read}) for c in range(self.n)]
        return as_array(APPLIED["softmax"]([np.array(vector, dtype=object)], {})[places.pop() - 1])

    def _length(self, axis: Sequence[Node], *, whole: bool) -> Expr:
        """The length of an array along an axis, its first if none is said, or of all of it: a batch's is unknown."""
        if not self.rows:
            return Integer(self.n)
        of_rows = axis in ((), (ZERO,))
        return EXAMPLES * self.n if whole else EXAMPLES if of_rows else Integer(self.n)
