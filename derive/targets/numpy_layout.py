"""The layout of generated Python: statements that are longer than a line."""

import re
from collections.abc import Iterator

WIDTH = 116
"""Characters of a line within a function, so that with its indentation it stays within 120."""

SHORT_ROW, MANY_ROWS = 31, 1024
"""A module lays rows of so few classes out class by class, from so many rows on."""

_ASSIGNMENT = re.compile(r"^(?P<left>[\w.\[\], :]+? (?:[-+*/]?=) )(?P<right>.*)$")
_BREAKS = re.compile(r" (?=[-+*/&|] |==)|(?<=,) ")
"""Where a line may end: before an operator, after a comma."""


def wrap_statement(line: str) -> Iterator[str]:
    """`line` itself where it fits, and otherwise its lines, broken where the fewest parentheses are open."""
    if len(line) <= WIDTH:
        yield line
        return
    assignment = _ASSIGNMENT.match(line)
    if assignment is None:
        start, _, inner = line.partition("(")
        yield f"{start}("
        yield from _broken(inner.removesuffix(")"))
    else:
        yield f"{assignment['left']}("
        yield from _broken(assignment["right"])
    yield ")"


def _broken(text: str) -> Iterator[str]:
    """What stands between parentheses, indented."""
    while len(text) > WIDTH - 4:
        places = [(_depth(text[: found.start()]), -found.start()) for found in _BREAKS.finditer(text, 0, WIDTH - 4)]
        if not places:
            break
        end = -min(places)[1]
        yield f"    {text[:end]}"
        text = text[end:].lstrip()
    yield f"    {text}"


def _depth(text: str) -> int:
    return text.count("(") + text.count("[") - text.count(")") - text.count("]")
