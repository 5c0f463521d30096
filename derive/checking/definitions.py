"""Letters that are defined beside a formula, `R = ...` or `where p_i = ...`: written out where they stand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from derive.checking.formula import FormulaError, Item, Listed, Name, Node, Total, rewrite, walk

MOST_PIECES = 3000


@dataclass(frozen=True)
class Definition:
    """What a letter stands for: `body`, of which `index` is free where an entry is given; empty where all of it is."""

    name: str
    body: Node
    index: str = ""


def read_definition(links: Sequence[Node]) -> Definition | None:
    """The definition that an equation is; None where its left side is no letter, or one at other than one index."""
    match links:
        case [Name(name=name), *_, body]:
            return Definition(name, body)
        case [Item(body=Name(name=name), indices=(Name(name=index),)), *_, body]:
            return Definition(name, body, index)
    return None


def uses(nodes: Sequence[Node], name: str) -> bool:
    """Whether a letter stands in a formula as a value, alone or at an index."""
    return any(node == Name(name) for node in _values(tuple(nodes)))


def _values(part: Any) -> Iterator[Node]:
    """Everything in a formula that is no index."""
    if isinstance(part, tuple):
        for each in part:
            yield from _values(each)
    elif isinstance(part, Item):
        yield from _values(part.body)
    elif isinstance(part, Node):
        yield part
        for value in vars(part).values():
            yield from _values(value)


def write_out_definitions(nodes: Sequence[Node], definitions: Sequence[Definition]) -> tuple[Node, ...]:
    """The formulas with every defined letter written out; a definition may use those before it.

    Raises:
        FormulaError: what comes out is too large.
    """
    written: dict[str, Definition] = {}
    for definition in definitions:
        written[definition.name] = replace(definition, body=_substituted(definition.body, written))
    return tuple(_substituted(node, written) for node in nodes)


def _substituted(node: Node, written: Mapping[str, Definition]) -> Node:
    parts = [part.name for part in walk(node) if isinstance(part, Name) and part.name in written]
    if sum(_size(written[name].body) for name in parts) > MOST_PIECES:
        raise FormulaError("the formula is too large with its definitions written out")

    def meaning(part: Node) -> Node | None:
        match part:
            case Item(body=Name(name=name), indices=(index,)) if name in written and written[name].index:
                definition = written[name]
                return _at(definition.body, definition.index, index) if isinstance(index, Node) else None
            case Item(body=body, indices=indices):
                return Item(rewrite(body, meaning), indices)
            case Name(name=name) if name in written:
                definition = written[name]
                return Listed(definition.body, definition.index) if definition.index else definition.body
        return None

    found: Node = rewrite(node, meaning)
    return found


def _size(node: Node) -> int:
    return sum(1 for _ in walk(node))


def _at(body: Node, index: str, other: Node) -> Node:
    """The body with another index for its own, those of its sums renamed where they would take it."""
    taken = {part.name for part in walk(other) if isinstance(part, Name)}

    def renamed(part: Node) -> Node | None:
        if isinstance(part, Total) and part.index in taken and part.index is not None:
            fresh = f"{part.index}'"
            return Total(
                rewrite(_at(part.body, part.index, Name(fresh)), renamed),
                fresh,
                tuple(rewrite(each, renamed) for each in part.without),
                part.count,
            )
        if isinstance(part, Total) and part.index == index:
            return part  # an index of its own that has the same name
        return other if part == Name(index) else None

    found: Node = rewrite(body, renamed)
    return found
