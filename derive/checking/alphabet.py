"""Characters that look like others, as they come out of pages and documents: letters, signs, quotes and spaces."""

from itertools import chain
from unicodedata import normalize

_STYLED = chain(range(0x1D400, 0x1D800), range(0x2100, 0x2150), range(0xFF01, 0xFF5F))
"""Mathematical alphanumeric symbols, letter-like symbols, and full-width forms."""
_SPACES = (0xA0, 0xAD, 0x1680, *range(0x2000, 0x2010), 0x2028, 0x2029, 0x202F, *range(0x205F, 0x2065), 0x3000, 0xFEFF)
"""Spaces of other widths or of none, and marks of the order of bytes."""
_SIGNS = str.maketrans("−‐‑‒–—―﹣⁎∗⋅∙•‧ꞏ∕⁄÷∶‘’‛ʹ′“”„‖∥", "--------**·····///:'''''\"\"\"‖‖")
_MEANT = (
    {code: letter for code in _STYLED if len(letter := normalize("NFKC", chr(code))) == 1}
    | str.maketrans("аеорсухіѕјһАВЕКМНОРСТХІЅЈ", "aeopcyxisjhABEKMHOPCTXISJ")
    | dict.fromkeys(_SPACES, " ")
    | _SIGNS
)


def plain_characters(text: str) -> str:
    """`text` with the characters that are meant, each in the place where it was; what stands above or below stays."""
    return text.translate(_MEANT)
