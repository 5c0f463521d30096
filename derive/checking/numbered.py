"""Entries that code writes as numbered names, s1 and s2: those of the vector s, where they number all classes."""

import re
from collections.abc import Collection
from fractions import Fraction

from derive.checking.formula import Item, Name, Node, Number, rewrite, walk
from derive.checking.habits import LOGITS, UPSTREAM, is_vector, plain

_NUMBERED = re.compile(r"([^\W\d_]+)_?(\d)")


def number_entries(links: tuple[Node, ...], n: int | None, let: Collection[str]) -> tuple[Node, ...]:
    """The links of code with s1, ..., sn as the entries of s; those of which not every class has one are names.

    Args:
        links: the links of a chain.
        n: the number of classes, which is given or written out; None where there is none.
        let: the symbols that the user gave a role.
    """
    found: dict[str, dict[str, int]] = {}
    for node in walk(links):
        if isinstance(node, Name) and node.name not in let and (parts := _NUMBERED.fullmatch(node.name)) is not None:
            found.setdefault(parts[1], {})[node.name] = int(parts[2])
    entries: dict[str, Node] = {}
    for letter, numbers in found.items():
        is_known = is_vector(letter) or plain(letter) in LOGITS | UPSTREAM or letter in let
        first = min(numbers.values())
        all_classes = list(range(first, first + (n or 0)))
        if is_known and first < 2 <= len(all_classes) and sorted(numbers.values()) == all_classes:
            entries |= {name: Item(Name(letter), (Number(Fraction(each - first)),)) for name, each in numbers.items()}
    written: tuple[Node, ...] = rewrite(links, lambda node: entries.get(node.name) if isinstance(node, Name) else None)
    return written
