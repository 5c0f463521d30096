"""A formula that was read, as something that has values at a world."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

import numpy as np
from sympy import Integer, expand_mul

from derive.catalogue.model import Composition
from derive.checking.arrays import Evaluator
from derive.checking.formula import (
    Call,
    Dotted,
    IllFormedError,
    Item,
    Name,
    Node,
    Number,
    Operation,
    Same,
    Table,
    Total,
    children,
    walk,
)
from derive.checking.functions import Array, as_array
from derive.checking.letters import EXAMPLES, ROWS
from derive.checking.roles import Reading
from derive.checking.values import Values
from derive.checking.world import World

MOST_CLASSES = 10
"""Classes at which a formula is judged at most: the work grows with their cube."""


@dataclass(frozen=True)
class Expression:
    """One link of a formula in one reading.

    Attributes:
        composition: what it is a formula of.
        node: the link.
        reading: how its letters are taken.
        rank: how many axes the quantity has.
        bound: the classes or indices that the left side names; None for none.
        condition: where the formula is said to hold; None for everywhere.
    """

    composition: Composition
    node: Node
    reading: Reading
    rank: int
    bound: tuple[str | int, ...] | None = None
    condition: Same | None = None
    memory: dict[tuple[int, int], tuple[Array, Array]] = field(default_factory=dict, compare=False)

    def __call__(self, world: World) -> Values:
        """The values at a world.

        Raises:
            IllFormedError: shapes that do not fit, or an unbound index.
            FormulaError: something that a formula may not use.
        """
        entries, given = self.given(world.n, world.label)
        return Values(world.entries(entries), given, world.precision)

    def given(self, n: int, label: int) -> tuple[Array, Array]:
        """The entries, as they were worked out once."""
        if (n, label) not in self.memory:
            self.memory[n, label] = self.entries(n, label)
        return self.memory[n, label]

    def entries(self, n: int, label: int) -> tuple[Array, Array]:
        """The entries as expressions, and which of them are given."""
        evaluator = Evaluator(self.composition, self.reading, n, label)
        names = self.bound if self.bound is not None and len(self.bound) == self.rank else self.reading.free
        if not names or self.reading.batched:
            value = evaluator.at(self.node, {})
            if self.reading.batched and value.ndim == self.rank == 0:
                return self.of_rows(value, n, label), np.ones((), dtype=bool)
            whole = self.shaped(value, n)
            return whole, np.ones(whole.shape, dtype=bool)
        if len(names) != self.rank:
            raise IllFormedError(f"{_plural(len(names), 'free index', 'free indices')} where {_due(self.rank)}")
        entries = np.full((n,) * self.rank, Integer(0), dtype=object)
        given = np.zeros(entries.shape, dtype=bool)
        for place in np.ndindex(entries.shape):
            classes = self.named(names, place, label)
            if classes is None or (self.condition is not None and not self.holds(evaluator, classes)):
                continue
            value = evaluator.at(self.node, classes)
            if self.bound is not None and value.ndim == self.rank:
                whole = self.shaped(value, n)  # an index on the left, matrices and vectors on the right
                return whole, np.ones(whole.shape, dtype=bool)
            if self.reading.lifted and value.shape == entries.shape:
                value = as_array(value[place])
            if value.ndim:
                raise IllFormedError(f"a vector or matrix without an index stands beside the index {names[0]}")
            entries[place], given[place] = value[()], True
        return entries, given

    def of_rows(self, value: Array, n: int, label: int) -> Array:
        """A number that was made of all rows of a batch: their mean is that of one, and their sum B times that.

        Raises:
            IllFormedError: it is neither.
        """
        more = Evaluator(self.composition, self.reading, n, label, ROWS + 1).at(self.node, {})
        row = expand_mul(more[()] - value[()])
        if row == 0:
            return value
        if expand_mul(ROWS * row - value[()]) != 0:
            raise IllFormedError("neither a sum over the rows of a batch nor their mean")
        return as_array(row * EXAMPLES)

    def named(self, names: tuple[str | int, ...], place: tuple[int, ...], label: int) -> dict[str, int] | None:
        """The classes of the indices at one entry; None where the left side does not name it."""
        classes: dict[str, int] = dict.fromkeys(self.reading.labels, label)
        for name, number in zip(names, place, strict=True):
            if isinstance(name, int):
                if name - self.reading.first != number:
                    return None
            elif classes.setdefault(name, number) != number:
                return None
        return classes

    def holds(self, evaluator: Evaluator, classes: dict[str, int]) -> bool:
        """Whether the condition behind the formula holds."""
        condition = self.condition
        return condition is None or bool(evaluator.at(condition, classes)[()] == 1)

    def shaped(self, value: Array, n: int) -> Array:
        """A value without free indices in the shape of the quantity; a row or a column is a vector."""
        if self.reading.batched:
            value = one_row(value)
        if self.rank == 1 and sorted(value.shape) == [1, n]:
            value = value.reshape(n)
        if self.rank == 0 and value.size == 1:
            value = value.reshape(())
        if value.shape != (n,) * self.rank:
            raise IllFormedError(f"{_describe(value)} where {_due(self.rank)}")
        return value


def one_row(batch: Array) -> Array:
    """What every row of a batch gives, where all rows are the same.

    Raises:
        IllFormedError: it is no array of rows, or they differ.
    """
    rows = [] if not batch.ndim else list(batch)
    if len(rows) != ROWS or any(np.any(row != rows[0]) for row in rows):
        raise IllFormedError(f"{_describe(batch)} is not one result for each row of a batch")
    return as_array(rows[0])


LENGTHS = {
    **dict.fromkeys(("ones", "zeros"), slice(None)),
    "full": slice(1),
    **dict.fromkeys(("reshape", "view", "tile"), slice(1, None)),
}
"""Which arguments of a function are lengths."""


def class_count(nodes: tuple[Node, ...]) -> int | None:
    """The number of classes that a matrix written out, or a length given as a number, is for; None without one."""
    sizes = [size for node in walk(nodes) for size in _sizes(node)]
    return max(sizes, default=None)


def _sizes(node: Node) -> list[int]:
    """How many rows and columns a matrix written out has, and the lengths that a call names as numbers."""
    match node:
        case Table(rows=rows):
            return [len(rows), len(rows[0])]
        case Call(function=name, arguments=arguments) if name in LENGTHS:
            given = arguments[LENGTHS[name]]
            numbers = [each.value for each in walk(given) if isinstance(each, Number)]
            return [int(number) for number in numbers if number.denominator == 1 and 1 < number <= MOST_CLASSES]
    return []


def writes_classes(nodes: tuple[Node, ...]) -> bool:
    """Whether a formula has something of its own for some class: a matrix written out, or an entry at a number."""
    return any(
        isinstance(node, (Table, Dotted))
        or (isinstance(node, Item) and any(isinstance(index, Number) for index in node.indices))
        for node in walk(nodes)
    )


def enough_classes(node: Node, roles: Mapping[str, str], usual: tuple[int, ...]) -> tuple[int, ...]:
    """The class counts at which a formula is to be judged: one with n³ in it may vanish at n = 3, 4 and 5, not at 6.

    Of a difference that has n to the power d, at most d + 1 counts are roots: the truth may have 1/n.
    """
    degree = _degree(node, {name for name, role in roles.items() if role == "classes"})
    end = usual[0] + max(len(usual), degree + 2)
    return usual if degree < 2 else tuple(range(usual[0], min(end, MOST_CLASSES + 1)))


def _degree(node: Node, counts: set[str]) -> int:
    """At most the power of n in a formula, where n stands as a number."""
    match node:
        case Name(name=name):
            return int(name in counts)
        case Call(function="len" | "size"):
            return 1
        case Operation(symbol="+" | "-", left=left, right=right):
            return max(_degree(left, counts), _degree(right, counts))
        case Operation(symbol="**", left=left, right=Number(value=value)):
            return ceil(abs(value)) * _degree(left, counts)
        case Total(body=body):
            return _degree(body, counts) + (not any(isinstance(part, Item) for part in walk(body)))
    parts = [_degree(part, counts) for part in children(node)]
    return sum(parts) if isinstance(node, Operation) else max(parts, default=0)


def counts_from_zero(nodes: tuple[Node, ...], *, latex: bool) -> bool:
    """Whether classes written as numbers count from 0: always in Python, in LaTeX where there is a class 0."""
    numbers = [
        index.value
        for node in walk(nodes)
        if isinstance(node, Item)
        for index in node.indices
        if isinstance(index, Number)
    ]
    return not latex or 0 in numbers


def _describe(value: Array) -> str:
    kind = {0: "a number", 1: "a vector", 2: "a matrix"}.get(value.ndim, "an array")
    return kind if value.ndim == 0 else f"{kind} of shape ({', '.join(map(str, value.shape))})"


def _due(rank: int) -> str:
    return f"{('a number', 'a vector (n,)', 'a matrix (n, n)')[rank]} is due"


def _plural(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
