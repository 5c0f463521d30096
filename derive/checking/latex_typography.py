r"""What of a LaTeX formula is only how it is set: blanked out, so that every position stays where it was."""

import re

_SURROUNDINGS = re.compile(
    r"\$|\\\[(?!\s*\d)|\\\]|\\\(|\\\)"
    r"|\\(?:begin|end)\{(?:align|aligned|equation|gather|gathered|split|eqnarray|multline|displaymath|math)\*?\}"
    r"|\\(?:tag\*?|label|color|hspace\*?|vspace\*?|eqref|cite)\s*\{[^{}]*\}"
    r"|\\textcolor\s*\{[^{}]*\}"
    r"|\\(?:therefore|because|hline|mathstrut|strut|hfill|noindent|centering)(?![A-Za-z])"
)
_ABOVE_EQUALS = re.compile(r"\\(?:stackrel|overset|underset)\s*\{(?:[^{}]|\{[^{}]*\})*\}\s*\{\s*(?:=|\\equiv)\s*\}")
_WRAPPERS = re.compile(r"\\(?:boxed|fbox|cancel|bcancel|mathbin|mathrel|mathop|ensuremath|smash)\s*\{")
_CONDITION = re.compile(r"\b(?:if|for|when|otherwise|else)\b", re.IGNORECASE)
_MATHEMATICS = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\[(.+?)\\\]|\\\((.+?)\\\)", re.DOTALL)


_BRACED = re.compile(
    r"(\\left\s*\\\{\s*\\begin)\{(?:aligned|split|gathered)\}(.*?\\end)\{(?:aligned|split|gathered)\}", re.DOTALL
)
_SYMBOL = re.compile(r"\$+\s*\\?[A-Za-z]+(?:_\{?\w\}?|\{\w\})?\s*\$+")


def blank(text: str) -> str:
    """`text` with spaces for what surrounds a formula, numbers or colours it."""
    text = _BRACED.sub(r"\1{cases}\2{cases}", _without_prose(text))
    text = _ABOVE_EQUALS.sub(lambda found: "=".rjust(len(found.group())), text)
    while (found := _WRAPPERS.search(text)) is not None:
        text = _unwrap(text, found.start(), found.end())
    return _SURROUNDINGS.sub(lambda found: " " * len(found.group()), text)


def _unwrap(text: str, start: int, inside: int) -> str:
    r"""The text without `\boxed{` at `start` and the brace that closes it."""
    level, end = 1, inside
    while end < len(text) and level:
        level += (text[end] == "{") - (text[end] == "}")
        end += 1
    body = text[inside : end - 1] if not level else text[inside:]
    return f"{text[:start]}{' ' * (inside - start)}{body}{'' if level else ' '}{text[end:]}"


def _without_prose(text: str) -> str:
    """The text without the words around formulas between dollar signs; those that begin a condition stay."""
    pieces = list(_MATHEMATICS.finditer(text))
    outside = _MATHEMATICS.sub(" ", text)
    if not pieces or re.search(r"[\\{}=^_]", outside):
        return text
    kept, end = "", 0
    for piece in pieces:
        is_mention = len(pieces) > 1 and _SYMBOL.fullmatch(piece.group())  # "where $p$ is ..."
        kept += _words(text[end : piece.start()]) + (" " * len(piece.group()) if is_mention else piece.group())
        end = piece.end()
    return kept + _words(text[end:])


def _words(prose: str) -> str:
    """The prose with spaces for everything but a last word that begins a condition."""
    found = list(_CONDITION.finditer(prose))
    if not found:
        return " " * len(prose)
    start, end = found[-1].span()
    return f"{' ' * start}{found[-1].group().lower()}{' ' * (len(prose) - end)}"
