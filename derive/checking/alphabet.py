"""Letters that look like others, as they come out of pages and documents: italic, bold, double-struck and Cyrillic."""

from itertools import chain
from unicodedata import normalize

_STYLED = chain(range(0x1D400, 0x1D800), range(0x2100, 0x2150), range(0xFF01, 0xFF5F))
"""Mathematical alphanumeric symbols, letter-like symbols, and full-width forms."""
_MEANT = {code: letter for code in _STYLED if len(letter := normalize("NFKC", chr(code))) == 1} | str.maketrans(
    "аеорсухіѕјһАВЕКМНОРСТХІЅЈ", "aeopcyxisjhABEKMHOPCTXISJ"
)


def plain_letters(text: str) -> str:
    """`text` with the letters that are meant, each in the place where it was; what stands above or below stays."""
    return text.translate(_MEANT)
