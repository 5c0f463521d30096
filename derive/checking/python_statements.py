"""Several statements of Python: assignments, and the expression that they are for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NEW = re.compile(r"\s*(?P<name>[^\W\d]\w*)\s*(?P<index>\[[^=]*\])?\s*(?P<sign>[-+*/]?)=(?!=)")
_RETURN = re.compile(r"\s*return\b")
_IMPORT = re.compile(r"\s*(?:import|from)\s")


@dataclass(frozen=True)
class Assignment:
    """`name = text`, or with a sign `name += text`.

    Attributes:
        name: what is assigned to.
        index: the index at which it is, `[k]`, empty where all of it is.
        sign: the operator before the equals sign, empty for none.
        text: what is assigned.
        start: where that begins.
    """

    name: str
    index: str
    sign: str
    text: str
    start: int


def split_statements(text: str) -> tuple[list[Assignment], int, str]:
    """The assignments of a text, and what it ends with and where that begins: all of it where it is no such text."""
    pieces = [(start, piece) for start, piece in _pieces(text) if piece.strip()]
    if not pieces:
        return [], 0, text
    *before, (start, last) = pieces
    assigned = [_assignment(start, piece) for start, piece in before if not _IMPORT.match(piece)]
    found = [each for each in assigned if each is not None]
    if len(found) < len(assigned) or last.lstrip().startswith("="):
        return [], 0, text
    ending = _assignment(start, last)
    is_known = ending is not None and ending.name in {each.name for each in found}
    if ending is not None and (ending.sign or (ending.index and (is_known or _reads_itself(ending)))):
        # p[k] -= 1, or p[k] = p[k] - 1: it ends with what p then is
        return [*found, ending], ending.start, ending.name
    return found, start, _RETURN.sub(lambda mark: " " * len(mark.group()), last)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """What stands between semicolons and line breaks outside brackets, and where each piece begins."""
    start = level = 0
    for place, character in enumerate(text):
        level += (character in "([{") - (character in ")]}")
        if character in ";\n" and level == 0:
            yield start, text[start:place]
            start = place + 1
    yield start, text[start:]


def _assignment(start: int, piece: str) -> Assignment | None:
    found = _NEW.match(piece)
    if found is None:
        return None
    return Assignment(found["name"], found["index"] or "", found["sign"], piece[found.end() :], start + found.end())


def _reads_itself(entry: Assignment) -> bool:
    """Whether the entry of a label is assigned what it was with something more, p[k] = p[k] - 1; no p[i] is."""
    before = re.match(rf"\s*{entry.name}\s*{re.escape(entry.index)}", entry.text)
    is_label = re.search(r"(?<!\w)[ijlmn]\s*\]$", entry.index) is None
    return before is not None and is_label and entry.index not in entry.text[before.end() :]
