"""The walk that every notation shares: from a laid-out formula to text, with parentheses only where they are needed."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import zip_longest

from derive.language.tree import (
    Call,
    ClassSum,
    Delta,
    Derivative,
    Dots,
    Entry,
    Fraction,
    Grid,
    Name,
    Node,
    Number,
    Power,
    Product,
    Terms,
)


class Level(IntEnum):
    """How tightly what was written holds together; a place that needs more puts parentheses around it."""

    TERMS = 0
    FRACTION = 1
    PRODUCT = 2
    POWER = 3
    ATOM = 4


@dataclass(frozen=True)
class Spelled:
    """A piece of a formula.

    Attributes:
        written: the text.
        level: how tightly it holds together.
        is_open: whether it ends in a sum or function without parentheses, which would swallow a factor after it.
        is_tall: whether it is taller than a line, so that parentheses around it must grow.
    """

    written: str
    level: Level
    is_open: bool = False
    is_tall: bool = False


class Speller(ABC):
    """The walk that every notation shares. A subclass spells the leaves and the places where notations differ."""

    plus = " + "
    minus = " - "
    sign = "-"
    times = " "
    times_number = " "
    """Between a factor and a number after it."""
    factor_level = Level.PRODUCT
    """How tightly a factor must hold together."""
    dots: Mapping[str, str]
    """What stands for entries left out of a matrix, by direction."""

    def spell(self, node: Node) -> str:
        """The text of `node`."""
        return self._piece(node).written

    def _piece(self, node: Node) -> Spelled:
        """The text of `node` and how it holds together."""
        match node:
            case Terms():
                return self._terms(node)
            case Product():
                return self._product(node)
            case Fraction():
                return self._fraction(node)
            case Power():
                return self._power(node)
            case Call():
                return self._call(node)
            case ClassSum():
                return self._class_sum(node)
            case Derivative():
                return self._derivative(node)
            case Grid():
                return Spelled(self._grid(node), Level.ATOM, is_tall=True)
            case _:
                return Spelled(self._leaf(node), Level.ATOM)

    def _leaf(self, node: Number | Name | Entry | Delta | Dots) -> str:
        match node:
            case Number(value):
                return str(value)
            case Name(name):
                return self._name(name)
            case Entry(base, index):
                return self._entry(base, index)
            case Delta(left, right):
                return self._delta(left, right)
            case Dots(direction):
                return self.dots[direction]

    def _terms(self, node: Terms) -> Spelled:
        """Signed terms; the first sign only where it is a minus."""
        pieces = [(negative, self._within(term, Level.FRACTION)) for negative, term in node.terms]
        first_negative, first = pieces[0]
        written = (self.sign if first_negative else "") + first.written
        for negative, piece in pieces[1:]:
            written += (self.minus if negative else self.plus) + piece.written
        return Spelled(written, Level.TERMS, is_tall=any(piece.is_tall for _, piece in pieces))

    def _product(self, node: Product) -> Spelled:
        """Factors side by side; only the last may end in an open sum or function."""
        written, tall, is_open = "", False, False
        for factor, following in zip_longest(node.factors, node.factors[1:]):
            piece = self._factor(factor, following)
            between = "" if not written else self.times_number if piece.written[0].isdigit() else self.times
            written += between + piece.written
            tall, is_open = tall or piece.is_tall, piece.is_open
        return Spelled(written, Level.PRODUCT, is_open, tall)

    def _factor(self, node: Node, following: Node | None) -> Spelled:
        """One factor of a product, and what follows it there."""
        piece = self._within(node, self.factor_level)
        if not piece.is_open or following is None:
            return piece
        return self._closed_call(node) if isinstance(node, Call) else self._parenthesised(piece)

    def _within(self, node: Node, level: Level, *, may_be_open: bool = True) -> Spelled:
        """`node` in a place that needs at least `level`."""
        piece = self._piece(node)
        if piece.level < level or (piece.is_open and not may_be_open):
            return self._parenthesised(piece)
        return piece

    def _parenthesised(self, piece: Spelled) -> Spelled:
        """`piece` in parentheses."""
        return Spelled(f"({piece.written})", Level.ATOM, is_tall=piece.is_tall)

    def _closed_call(self, node: Call) -> Spelled:
        """A function with parentheses around its argument."""
        return Spelled(
            self._function(node.function) + self._parenthesised(self._piece(node.argument)).written, Level.ATOM
        )

    def _call(self, node: Call) -> Spelled:
        """A function of one argument."""
        return self._closed_call(node)

    @abstractmethod
    def _name(self, name: str) -> str:
        """A scalar."""

    @abstractmethod
    def _entry(self, base: str, index: str) -> str:
        """A vector at an index."""

    @abstractmethod
    def _delta(self, left: str, right: str) -> str:
        """The Kronecker delta."""

    @abstractmethod
    def _function(self, function: str) -> str:
        """The name of a function."""

    @abstractmethod
    def _fraction(self, node: Fraction) -> Spelled:
        """One expression over another."""

    @abstractmethod
    def _power(self, node: Power) -> Spelled:
        """A base and its exponent."""

    @abstractmethod
    def _class_sum(self, node: ClassSum) -> Spelled:
        """A sum over the classes."""

    @abstractmethod
    def _derivative(self, node: Derivative) -> Spelled:
        """A derivative not taken."""

    @abstractmethod
    def _grid(self, node: Grid) -> str:
        """A matrix."""
