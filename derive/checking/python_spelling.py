"""The signs of pages as Python spells them, `(y − t)²` as `(y - t)**2`, and where each piece of that stood."""

import re
from dataclasses import dataclass

DOT, OUTER = "%", "//"
"""Operators of Python that no formula has, of the precedence of products: they stand for · and ⊗."""

_SIGNS = {
    "·": DOT,
    "⊗": OUTER,
    "×": "*",
    "⊙": "*",
    "∘": "*",
    "^": "**",
    "½": "(1/2)",
    "¼": "(1/4)",
    "¾": "(3/4)",
    "⅓": "(1/3)",
    "⅔": "(2/3)",
}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_PATTERN = re.compile(r"[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+|[·⊗×⊙∘^½¼¾⅓⅔]")


@dataclass(frozen=True)
class Spelled:
    """Code, and for each of its characters and its end the place in the text that it came from."""

    code: str
    origins: tuple[int, ...]


def spell(text: str) -> Spelled:
    """`text` with the signs of pages spelled in Python."""
    code, origins, end = "", [], 0
    for found in _PATTERN.finditer(text):
        sign = found.group()
        spelled = _SIGNS.get(sign) or f"**{sign.translate(_RAISED)}"
        code += text[end : found.start()] + spelled
        origins += [*range(end, found.start()), *[found.start()] * len(spelled)]
        end = found.end()
    return Spelled(code + text[end:], (*origins, *range(end, len(text) + 1)))
