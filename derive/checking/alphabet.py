"""Letters that look like others, as they come out of pages and documents: italic, bold, double-struck and Cyrillic."""

from unicodedata import normalize

_STYLED = (range(0x1D400, 0x1D800), range(0x2100, 0x2150), range(0xFF01, 0xFF5F))
"""Mathematical alphanumeric symbols, letter-like symbols, and full-width forms."""
_CYRILLIC = str.maketrans("аеорсухіѕјһАВЕКМНОРСТХІЅЈ", "aeopcyxisjhABEKMHOPCTXISJ")


def plain_letters(text: str) -> str:
    """`text` with the letters that are meant, each in the place where it was; what stands above or below stays."""
    return "".join(map(_plain, text)).translate(_CYRILLIC)


def _plain(character: str) -> str:
    if not any(ord(character) in block for block in _STYLED):
        return character
    letter = normalize("NFKC", character)
    return letter if len(letter) == 1 else character
