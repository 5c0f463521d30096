"""Names of Python that are written with an index: p_i, and p_c where c is an index."""

import re
from functools import lru_cache

from derive.checking.formula import Item, Name, Node, Same

_ENTRY = re.compile(r"([^\W\d_][A-Za-z_]*)_([a-z]{1,2})")
_DELTA = re.compile(r"δ([ijklmc])([ijklmc])")
_USUAL_INDICES = frozenset("ijklm")
_INDEX = re.compile(
    r"\bfor\s+([a-z])\s+in\b|(?<![\w.])([a-z])(?=\s*[!=]=)|[!=]=\s*([a-z])(?!\w)|\bsum_([a-z])\b"
    r"|(?<=[\w)])\[\s*([a-z])\s*[],]"
)
"""A letter that can only be an index: of a sum, in a comparison, in brackets."""
_BELOW = re.compile(r"(?<!\w)([^\W\d_])_([a-z])(?!\w)")


def read_name(name: str, text: str) -> Node:
    """A name; one that ends with an index, `p_i`, is an entry, and `delta_ij` a comparison.

    Args:
        name: the name.
        text: the formula in which it stands, whose other letters say what an index is.
    """
    if (pair := _DELTA.fullmatch(name)) is not None:
        return Same(Name(pair[1]), Name(pair[2]))
    found = _ENTRY.fullmatch(name)
    if found is None or not set(found[2]) <= _USUAL_INDICES | _indices_of(text):
        return Name(name)
    indices = [Name(index) for index in found[2]]
    if len(indices) == 2:
        return Same(indices[0], indices[1]) if found[1] in ("delta", "δ") else Name(name)
    return Item(Name(found[1]), tuple(indices))


@lru_cache(maxsize=8)
def _indices_of(text: str) -> frozenset[str]:
    """The letters that are indices: those that can be nothing else, and those below two letters, p_c - t_c."""
    below = {(letter, index) for letter, index in _BELOW.findall(text)}
    shared = [index for _, index in below]
    alone = {letter for found in _INDEX.findall(text) for letter in found if letter}
    return frozenset(alone | {index for index in shared if shared.count(index) > 1})
