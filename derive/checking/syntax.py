"""Which syntax a formula is in, Python or text with LaTeX, decided once: what reads as Python is Python."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from derive.catalogue.model import Composition
from derive.checking.formula import Chain, FormulaError
from derive.checking.latex_chain import read_latex
from derive.checking.latex_tokens import LOWERED_SIGNS, RAISED_LETTERS, canonical
from derive.checking.prose import without_sentence
from derive.checking.python_chain import is_python, read_python
from derive.checking.roles import VECTOR_ROLES, is_labelled
from derive.language.read import LONGEST_TEXT

_MARKS_OF_TEXT = re.compile(rf"[\\{{}}$∂∇∑√‖⟨\u0302{LOWERED_SIGNS}{RAISED_LETTERS}]|δ_|Σ(?!_)|\^\s*(?:[Tt](?!\w)|\()")
"""What no Python has: commands, braces, small letters, transposes."""
_ASIDE = re.compile(r"[\w)\]]\s*,?\s(?:where|since)\s")
_INDEX_BELOW = re.compile(r"(?<![A-Za-z0-9_])[^\W\d_]_(?:[^\W_](?![A-Za-z0-9_\[(])|\()|delta_")
_LABEL_BELOW = re.compile(r"(?<!\w)[^\W\d_]_label(?!\w)")
_MARKS_OF_PYTHON = re.compile(r"[=!]=|\*\*|@|\bnp\.|\bfor\s+\w+\s+in\b|\[")
"""What text on paper has not."""

_BACKTICKS = re.compile(r"\s*(?P<marks>`{1,3})(?:(?:python|py|latex|tex)\n)?(?P<body>[^`]+)(?P=marks)\s*")
_STATEMENT = re.compile(
    r"(?m)^[ \t]*(?:(for)\s+\w[\w\s,]*\s+in\s+(?:\w[\w.]*\(.*\)\s*:|\w+\s*:\s*$)|(while|def)\s[^:]*:\s*$)"
)
"""What code of several lines begins with, and no condition in words: a loop, or a function."""


@dataclass(frozen=True)
class Read:
    """A formula that was read.

    Attributes:
        chain: its links.
        symbols: the roles by symbol, as the syntax spells them.
        in_text: whether it is text or LaTeX.
    """

    chain: Chain
    symbols: Mapping[str, str]
    in_text: bool


def read_formula(text: str, let: Mapping[str, str], n: int | None, composition: Composition) -> Read:
    """The formula that `text` writes in Python, or as text or LaTeX.

    Args:
        text: the formula, its characters plain.
        let: symbols by role.
        n: a given number of classes.
        composition: what it is a formula of; where its loss speaks of a label, `y_label` is an entry.

    Raises:
        FormulaError: with the position and the offending piece.
    """
    if not text.strip():
        raise FormulaError("there is no formula at position 1; write one, such as y - t", text)
    if len(text) > LONGEST_TEXT:
        raise FormulaError(f"the formula has {len(text)} characters; at most {LONGEST_TEXT} are read", text)
    if (quoted := _BACKTICKS.fullmatch(text)) is not None:
        text = " " * quoted.start("body") + quoted["body"]
    if (found := _STATEMENT.search(text)) is not None:
        word, position = found[found.lastindex or 0], found.start(found.lastindex or 0)
        raise FormulaError(
            f"{word} at position {position + 1} begins statements, and none is run here; put them in a function, and"
            " judge it with --file FILE.py:FUNCTION",
            text,
            position,
        )
    text = without_sentence(text)
    in_code = text.replace("∂", "d")  # ∂L/∂z = y - np.array([...]): the left side as code has it
    if in_code != text and _MARKS_OF_PYTHON.search(text) is not None and _is_python(in_code):
        text = in_code
    if _is_python(text) and not (is_labelled(composition) and _LABEL_BELOW.search(text)):
        return Read(read_python(text, n), {symbol: role for role, symbol in let.items()}, in_text=False)
    symbols = {canonical(symbol): role for role, symbol in let.items()}
    names = [parameter.name for parameter in composition.parameters]
    roles = {*VECTOR_ROLES, *(parameter.name for parameter in composition.parameters if parameter.per_class)}
    vectors = [symbol for symbol, role in symbols.items() if role in roles]
    try:
        return Read(read_latex(text, symbols, n, names, vectors), symbols, in_text=True)
    except FormulaError:
        if _MARKS_OF_PYTHON.search(text) is not None and _MARKS_OF_TEXT.search(text) is None:
            read_python(text, n)  # its error says more of what is nearly Python
        raise


def _is_python(text: str) -> bool:
    if " in range(" in text:
        return True
    if _MARKS_OF_TEXT.search(text) is not None or _ASIDE.search(text) is not None:
        return False
    if _MARKS_OF_PYTHON.search(text) is None and _INDEX_BELOW.search(text) is not None:
        return False
    return is_python(text)
