"""The symbols of a derivation: indices, vectors over the classes, and the two nodes SymPy lacks.

Everything is scalar index notation. A vector is an `IndexedBase` read at a class index (`z[i]`), a matrix is an
expression with two free indices, and a sum over the classes is a `Contraction`. SymPy's `Sum` is not used: it
captures indices when differentiated (sympy#21891) and leaves Piecewise bounds behind.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from itertools import count
from typing import Any, Self

import sympy
from sympy import Basic, Expr, Indexed, IndexedBase, KroneckerDelta, Symbol

n = Symbol("n", integer=True, positive=True)
"""The number of classes."""

z = IndexedBase("z")
"""Logits, shape (..., n)."""
y = IndexedBase("y")
"""Output of the activation, shape (..., n): the probabilities of a softmax."""
o = IndexedBase("o")
"""Output of an activation that is not y itself, where a loss is taken of it."""
t = IndexedBase("t")
"""Targets, shape (..., n)."""
g = IndexedBase("g")
"""Upstream gradient dL/dy of a vector-Jacobian product, shape (..., n)."""
v = IndexedBase("v")
"""Direction of a Jacobian- or Hessian-vector product, shape (..., n)."""

label = Symbol("label", integer=True, nonnegative=True)
"""The class that a label names; a free index wherever targets are labels."""

loss = Symbol("L", real=True)
"""The loss of one row, a scalar."""


def class_index(name: str) -> Symbol:
    """An index that runs over the classes, under the name that is shown."""
    return Symbol(name, integer=True)


i, j, k = (class_index(name) for name in "ijk")


def _bound_index(level: int) -> Symbol:
    """The canonical name of an index bound at `level`; `#` keeps it apart from every name a user can type."""
    return Symbol(f"#{level}", integer=True)


def _open_index(number: int) -> Symbol:
    """The index of an opened sum; `@` keeps it apart from bound ones and from every name a user can type."""
    return Symbol(f"@{number}", integer=True)


class Contraction(Expr):
    """Sum of `body` over all classes, its index bound: Σ_index body.

    The bound index is renamed to a canonical one by nesting depth, counted from the inside, so that two sums which
    differ only in the name of their index are the same object and cancel. An index is never captured: what would
    capture one raises `ValueError`.

    Use `open` to work inside: it hands out the body with a fresh index.
    """

    is_commutative = True

    body: Expr
    index: Symbol

    def __new__(cls, body: Any, index: Symbol) -> Self:
        """The sum of `body` over `index`; raises ValueError where that would capture another index."""
        body = sympy.sympify(body, strict=True)  # Python's numbers become SymPy's; text is refused
        canonical = _bound_index(nesting(body))
        if index != canonical:
            if canonical in free_indices(body):
                raise ValueError(f"summing over {index} would capture {canonical}; open the outer sum first")
            body = rename(body, {index: canonical})
        node: Self = Expr.__new__(cls, body, canonical)
        node.body, node.index = body, canonical
        return node

    def open(self, avoid: Iterable[Symbol] = ()) -> tuple[Expr, Symbol]:
        """The body with its index replaced by one that is free neither in it nor in `avoid`, and that index.

        The name is the first that is free, so that opening a sum twice gives the same expression: nothing depends on
        what was done before, and SymPy's caches hold.
        """
        return _open(self, frozenset(avoid))

    @property
    def free_symbols(self) -> set[Basic]:
        """What SymPy means by it: the bound index is not free."""
        free: set[Basic] = self.body.free_symbols - {self.index}
        return free

    def _sympystr(self, printer: Any) -> str:
        return f"sum({printer.doprint(self.body)} for {self.index})"


class Partial(Expr):
    """A partial derivative not yet taken: ∂body/∂variable.

    `variable` is a vector at an index (`z[j]`) or a scalar symbol. Derivatives with respect to the logits are total:
    the output of the activation depends on them. Derivatives with respect to anything else hold the rest fixed.
    """

    is_commutative = True

    body: Expr
    variable: Expr

    def __new__(cls, body: Any, variable: Expr) -> Self:
        """The derivative of `body` with respect to `variable`."""
        node: Self = Expr.__new__(cls, sympy.sympify(body, strict=True), variable)
        node.body, node.variable = node.args
        return node

    def _sympystr(self, printer: Any) -> str:
        return f"diff({printer.doprint(self.body)}, {printer.doprint(self.variable)})"


@cache
def nesting(expression: Basic) -> int:
    """How many sums are nested in `expression`: 0 without a sum."""
    inner = max((nesting(child) for child in expression.args), default=0)
    return inner + 1 if isinstance(expression, Contraction) else inner


@cache
def free_indices(expression: Basic) -> frozenset[Symbol]:
    """The class indices that occur free in `expression`, labels included."""
    if isinstance(expression, Contraction):
        return free_indices(expression.body) - {expression.index}
    if isinstance(expression, Indexed):
        return frozenset(index for index in expression.indices if isinstance(index, Symbol))
    if isinstance(expression, KroneckerDelta):
        return frozenset(index for index in expression.args if isinstance(index, Symbol))
    return frozenset(index for child in expression.args for index in free_indices(child))


@cache
def _open(total: Contraction, avoid: frozenset[Symbol]) -> tuple[Expr, Symbol]:
    fresh = fresh_index(free_indices(total.body) | avoid)
    return rename(total.body, {total.index: fresh}), fresh


def fresh_index(taken: Collection[Symbol]) -> Symbol:
    """The first name for the index of an opened sum that is not `taken`."""
    return next(name for name in map(_open_index, count()) if name not in taken)


def rename(expression: Any, names: Mapping[Symbol, Any]) -> Any:
    """`expression` with its free indices replaced, simultaneously: by other indices, or by a class number."""
    if free_indices(expression).isdisjoint(names):
        return expression
    if isinstance(expression, Contraction):
        inner = {old: new for old, new in names.items() if old != expression.index}
        body, index = expression.body, expression.index
        if index in inner.values():
            body, index = expression.open(inner.values())
        renamed = rename(body, inner)
        return expression if renamed == body else Contraction(renamed, index)
    if isinstance(expression, (Indexed, KroneckerDelta)):
        return expression.xreplace(names)
    if not expression.args:
        return expression
    children = [rename(child, names) for child in expression.args]
    return (
        expression
        if all(a is b for a, b in zip(children, expression.args, strict=True))
        else expression.func(*children)
    )


def occurrences(expression: Basic, kind: type | tuple[type, ...]) -> Iterator[Any]:
    """The nodes of `kind` in `expression`, outermost first, in SymPy's argument order."""
    if isinstance(expression, kind):
        yield expression
    for child in expression.args:
        yield from occurrences(child, kind)


def vectors(expression: Basic) -> frozenset[IndexedBase]:
    """The vectors that `expression` reads."""
    return frozenset(node.base for node in occurrences(expression, Indexed))


def at(base: IndexedBase, index: Any) -> Indexed:
    """`base` at `index`."""
    return base[index]
