"""The layout of generated C: comments, and lines that are too long."""

import re
import textwrap
from collections.abc import Iterator, Sequence

WIDTH = 120
"""Characters in a line."""

_BREAKS = re.compile(r" (?:[-+*/]|=|\|\||&&) |, | (?=[?:] )")
"""Where a line may end: after an operator or a comma, before either part of a choice."""

_LOOSENESS = {"?": 0, ":": 0, "|": 1, "&": 1, ",": 2, "+": 3, "-": 3, "*": 4, "/": 4, "=": 5}
"""The operators from the outermost part of a statement inwards, and last of all the sign of an assignment."""


def comment(sentences: Sequence[str]) -> tuple[str, ...]:
    """The lines of a C comment, each sentence on a line of its own; no lines for no sentences."""
    lines = [
        line
        for sentence in sentences
        for line in textwrap.wrap(sentence, WIDTH - 6, break_long_words=False, break_on_hyphens=False)
    ]
    if not lines:
        return ()
    starts = ["/* ", *[" * "] * (len(lines) - 1)]
    ends = [*[""] * (len(lines) - 1), " */"]
    return tuple(f"{start}{line}{end}" for start, line, end in zip(starts, lines, ends, strict=True))


def wrap(source: str) -> str:
    """`source` with every line of more than `WIDTH` characters broken where its operators bind least.

    A line of a comment stays whole: it is words that are wrapped already, or a command to be copied.
    """
    return "".join(
        f"{part}\n"
        for line in source.splitlines()
        for part in ([line] if line.startswith((" *", "/*")) else _parts(line))
    )


def _parts(line: str) -> Iterator[str]:
    indent = len(line) - len(line.lstrip())
    further = " " * (indent + 4)
    while len(line) > WIDTH:
        places = [(cost, -end) for end, cost in _places(line, indent)]
        if not places:
            break
        end = -min(places)[1]
        yield line[:end].rstrip()
        line = further + line[end:].lstrip()
    yield line


def _places(line: str, indent: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Where `line` may end, and what it costs: the depth in parentheses, then how tightly the operator binds."""
    for found in _BREAKS.finditer(line, indent, WIDTH + 2):  # a sign may be looked at behind the end
        before = line[: found.start()]
        depth = before.count("(") - before.count(")")
        operator = found.group().strip() or line[found.end()]
        if indent + 4 < found.end() <= WIDTH:
            yield found.end(), (depth, _LOOSENESS[operator[0]])
