"""The pieces of a formula as it is written down: what `derive.language.layout` arranges and a speller spells."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Number:
    """An integer of at least 0; signs belong to the terms of a `Terms`."""

    value: int


@dataclass(frozen=True)
class Name:
    """A scalar: the class count, the loss, a parameter."""

    name: str


@dataclass(frozen=True)
class Entry:
    """One entry of a vector: `base` at a class index, or at a class number."""

    base: str
    index: str


@dataclass(frozen=True)
class Delta:
    """1 where the two class indices are equal, 0 elsewhere."""

    left: str
    right: str


@dataclass(frozen=True)
class Terms:
    """A sum of signed terms; a single negative term is a minus sign in front of it."""

    terms: "tuple[tuple[bool, Node], ...]"
    """Pairs of whether it is subtracted, and the term."""


@dataclass(frozen=True)
class Product:
    """Two or more factors."""

    factors: "tuple[Node, ...]"


@dataclass(frozen=True)
class Fraction:
    """One expression over another."""

    numerator: "Node"
    denominator: "Node"


@dataclass(frozen=True)
class Power:
    """A base to an exponent that is not negative."""

    base: "Node"
    exponent: "Node"


@dataclass(frozen=True)
class Call:
    """A function of one argument: a value of `FUNCTIONS`, or `sqrt`."""

    function: str
    argument: "Node"


@dataclass(frozen=True)
class ClassSum:
    """The sum of `body` over all classes, `index` running over them."""

    index: str
    body: "Node"


@dataclass(frozen=True)
class Derivative:
    """A derivative not taken: of `body` with respect to each of `variables`, the innermost first."""

    body: "Node"
    variables: "tuple[Node, ...]"


@dataclass(frozen=True)
class Dots:
    """Entries of a large matrix that are left out, in one direction: `h`, `v` or `d` (diagonal)."""

    direction: str


@dataclass(frozen=True)
class Grid:
    """A matrix, row by row. One column is a column vector, one row a row vector."""

    rows: "tuple[tuple[Node, ...], ...]"


Node = Number | Name | Entry | Delta | Terms | Product | Fraction | Power | Call | ClassSum | Derivative | Dots | Grid

ONE = Number(1)


def negated(node: Node) -> Node:
    """Minus `node`; two minus signs cancel."""
    match node:
        case Terms(((True, term),)):
            return term
        case _:
            return Terms(((True, node),))


def class_sums(node: Node) -> int:
    """How many sums over the classes `node` contains."""
    return sum(isinstance(part, ClassSum) for part in _parts(node))


def size(node: Node) -> int:
    """How many symbols `node` contains; sums and fractions count their parts only."""
    return sum(isinstance(part, (Number, Name, Entry, Delta, Derivative)) for part in _parts(node))


def _parts(node: Node) -> Iterator[Node]:
    """`node` and everything inside it."""
    yield node
    for child in _children(node):
        yield from _parts(child)


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case Terms(terms):
            return tuple(term for _, term in terms)
        case Product(factors):
            return factors
        case Fraction(numerator, denominator):
            return (numerator, denominator)
        case Power(base, exponent):
            return (base, exponent)
        case Call(_, argument):
            return (argument,)
        case ClassSum(_, body):
            return (body,)
        case Derivative(body, _):
            return (body,)
        case Grid(rows):
            return tuple(entry for row in rows for entry in row)
        case _:
            return ()
