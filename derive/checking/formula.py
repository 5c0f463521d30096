"""A user's formula as it was read, before anything is known of its letters: one small tree for Python and LaTeX.

A class index is a `Name` in an index position (a subscript, a comparison, a sum). Which vector a letter means is
decided later, in `derive.checking.roles`; shapes are found when the formula is evaluated.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from enum import Enum
from fractions import Fraction
from typing import Any

from derive.errors import DefinitionError

NO_COUNT = {"i", "j", "l"}
"""Letters that are an index where a sum ends, and not the number of classes."""


SLOPE = "slope"
"""The function that σ' is: the derivative of an entry of the output with respect to its own logit."""


class FormulaError(DefinitionError):
    """A formula that cannot be read; says the position and the offending piece.

    Attributes:
        piece: what is wrong with it, as it is written, where no position is known yet.
    """

    def __init__(self, message: str, text: str = "", position: int = 0, piece: str = "") -> None:
        super().__init__(message, text, position)
        self.piece = piece

    def placed(self, text: str) -> "FormulaError":
        """The same error with a position: that of its piece in the formula, or where the formula begins."""
        if "at position" in str(self):
            return self
        found = re.search(rf"(?<!\w){re.escape(self.piece)}(?!\w)", text)
        position = found.start() if self.piece and found else len(text) - len(text.lstrip())
        return FormulaError(f"{self} (at position {position + 1} of the formula)", text, position)


class IllFormedError(Exception):
    """A formula that was read, but whose shapes do not fit, or an index of which is unbound."""


class Axis(Enum):
    """What may stand in brackets beside class indices."""

    NEW = "None"
    ALL = ":"
    REST = "..."


@dataclass(frozen=True)
class Number:
    """A rational number."""

    value: Fraction


@dataclass(frozen=True)
class Name:
    """A letter or word."""

    name: str


@dataclass(frozen=True)
class Item:
    """`body` at indices: an entry, or a vector with axes added."""

    body: "Node"
    indices: tuple["Node | Axis", ...]


@dataclass(frozen=True)
class Operation:
    """`left symbol right`.

    `symbol` is one of `+ - / ** @`, `*` (entry by entry), `beside` (LaTeX: next to each other, a matrix product where
    one is a matrix) and `dot` (LaTeX: a dot between them).
    """

    symbol: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Call:
    """A function applied; options are NumPy's keywords."""

    function: str
    arguments: tuple["Node", ...]
    options: tuple[tuple[str, "Node"], ...] = ()


@dataclass(frozen=True)
class Total:
    """Sum of `body`, `index` running over the classes but those in `without`; over a vector's entries where None.

    `count` is the letter up to which it is written to run, which is then the number of classes; empty for none.
    """

    body: "Node"
    index: str | None
    without: tuple["Node", ...] = ()
    count: str = ""


@dataclass(frozen=True)
class Listed:
    """`[body for index in range(n)]`: the array whose first axis is that of the index."""

    body: "Node"
    index: str


@dataclass(frozen=True)
class Same:
    """1 where two class indices are equal (or, `negated`, where they differ), else 0."""

    left: "Node"
    right: "Node"
    negated: bool = False


@dataclass(frozen=True)
class Choice:
    """The value of the first case whose condition holds; None as a condition always holds."""

    cases: tuple[tuple[Same | None, "Node"], ...]


@dataclass(frozen=True)
class Table:
    """A matrix written out, entry by entry."""

    rows: tuple[tuple["Node", ...], ...]


@dataclass(frozen=True)
class Dotted:
    """A matrix with dots: what is written of it.

    Attributes:
        written: the entries, without the dots.
        last: the letter of the last class, empty where there is none.
        gaps: how many rows and how many columns stand before those left out; None where none are.
    """

    written: tuple[tuple["Node", ...], ...]
    last: str
    gaps: tuple[int | None, int | None]


@dataclass(frozen=True)
class Derivative:
    """∂body/∂variables."""

    body: "Node"
    variables: tuple["Node", ...]


@dataclass(frozen=True)
class Transpose:
    """A matrix transposed; of a vector, the row that it is as a matrix."""

    body: "Node"


Node = (
    Number | Name | Item | Operation | Call | Total | Listed | Same | Choice | Table | Dotted | Derivative | Transpose
)

ONE, ZERO = Number(Fraction(1)), Number(Fraction(0))


@dataclass(frozen=True)
class Chain:
    """A formula, or several joined by equals signs.

    Attributes:
        links: the expressions, at least one.
        texts: what was written for each.
        condition: what stands behind it, such as "for i ≠ j"; None for nothing.
    """

    links: tuple[Node, ...]
    texts: tuple[str, ...]
    condition: Same | None = None


def walk(node: object) -> Iterator[Node]:
    """`node`, or the nodes of a tuple, and everything in it, outermost first."""
    for each in _nodes(node):
        yield each
        for child in children(each):
            yield from walk(child)


def children(node: Node) -> Iterator[Node]:
    """What a node is made of, one level down."""
    for field in fields(node):
        yield from _nodes(getattr(node, field.name))


def _nodes(part: object) -> Iterator[Node]:
    """A node, or the nodes in a tuple of tuples."""
    if isinstance(part, tuple):
        for each in part:
            yield from _nodes(each)
    elif isinstance(part, Node):
        yield part


def rewrite(node: Any, rule: Callable[[Node], Node | None]) -> Any:
    """`node` with each part for which `rule` gives another one replaced by that, outermost first."""
    if isinstance(node, tuple):
        return tuple(rewrite(part, rule) for part in node)
    if not isinstance(node, Node):
        return node
    found = rule(node)
    if found is not None:
        return found
    parts = {field.name: rewrite(getattr(node, field.name), rule) for field in fields(node)}
    return replace(node, **parts)


def negate(node: Node) -> Node:
    """−node."""
    return Operation("*", Number(Fraction(-1)), node)
