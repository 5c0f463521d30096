r"""What of a LaTeX formula is only how it is set: blanked out, so that every position stays where it was."""

import re

_SPACING = re.compile(r"(?<=\\\\)\*?(?:\s*\[\s*[-+]?(?:\d+\.?\d*|\.\d+)\s*(?:pt|em|ex|mm|cm|in|pc|sp|bp|mu|jot)\s*\])?")
r"""How far below a line the next one stands: \\[6pt]; the star of \\*."""
_COLUMNS = re.compile(r"(?<=\\begin\{array\})\s*(?:\[[tcb]\])?\s*\{(?:[clr|\s]|@\{[^{}]*\})*\}")
_SUBSTACK = re.compile(r"\\substack\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_SURROUNDINGS = re.compile(
    r"\$|\\\[(?!\s*\d)|\\\]|\\\(|\\\)"
    r"|\\(?:begin|end)\{(?:align|aligned|equation|gather|gathered|split|eqnarray|multline|displaymath|math)\*?\}"
    r"|\\begin\{alignat(?:ed)?\*?\}\s*\{\s*\d+\s*\}|\\end\{alignat(?:ed)?\*?\}"
    r"|\\(?:tag\*?|label|color|hspace\*?|vspace\*?|eqref|cite|(?:short)?intertext)\s*\{[^{}]*\}"
    r"|\\textcolor\s*\{[^{}]*\}"
    r"|\\(?:therefore|hline|mathstrut|strut|hfill|noindent|centering)(?![A-Za-z])"
    r"|\\(?:square|blacksquare|Box|qed|qedsymbol|QED|checkmark)(?![A-Za-z])|\\text\s*\{\s*Q\.?E\.?D\.?\s*\}"
    r"|\\q?quad\s*\(\d+(?:\.\d+)*\)\s*$"
)
_ABOVE_EQUALS = re.compile(r"\\(?:stackrel|overset|underset)\s*\{(?:[^{}]|\{[^{}]*\})*\}\s*\{\s*(?:=|\\equiv)\s*\}")
_WRAPPERS = re.compile(r"\\(?:boxed|fbox|cancel|bcancel|mathbin|mathrel|mathop|ensuremath|smash)\s*\{")
_CONDITION = re.compile(r"\b(?:if|for|when|otherwise|else)\b", re.IGNORECASE)
_MATHEMATICS = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\[(.+?)\\\]|\\\((.+?)\\\)", re.DOTALL)


_BRACED = re.compile(
    r"(?P<begin>\\left\s*\\\{\s*\\begin)(?P<name>\{(?:aligned|split|gathered)\})(?P<rows>.*?)(?P<end>\\end)(?P=name)",
    re.DOTALL,
)
_SYMBOL = re.compile(r"\$+\s*\\?[A-Za-z]+(?:_\{?\w\}?|\{\w\})?\s*\$+")


_COMMENT = re.compile(r"(?<!\\)%[^\n]*")
_REMARK = re.compile(r"&&(?:(?!\\\\|\\end\b).)*", re.DOTALL)
"""What stands beside an equation of an alignment, behind two marks."""
_TABLE = re.compile(r"\\(?P<side>begin|end)\{(?:[pbvBV]?matrix|smallmatrix|array|d?cases)\*?\}|\\\\(?!\s*\\end)")
_CARRIED_ON = re.compile(r"\\\\(?:\[[^]\n]*\])?(?:\s|&|\\q?quad|\{\}|\\[,;:!])*")
_SIGN = re.compile(r"[-+*/]|\\(?:cdot|times|odot)\b")
_GOES_ON = re.compile(r"(?:\$|\\\[|\\\(|\s|&)*[-+=]")
"""What begins a formula that carries the one before it on."""
_NEXT_PARAGRAPH = re.compile(r"\n(?=[ \t]*\n\s*[^\s=&+*/·−-])")
_NEXT_LINE = re.compile(r"\n(?=(?:[^\s=&+*/\\−·({[-]|\\(?:frac|partial|nabla|dfrac))[^\n]*(?:\n\s+[^\n]*)*=)")
"""A line break behind which an equation begins."""


def blank(text: str) -> str:
    """`text` with spaces for what surrounds a formula, numbers, explains or colours it."""
    text = _SPACING.sub(_spaces, _COMMENT.sub(_spaces, text))
    text = _SUBSTACK.sub(_in_one_line, _COLUMNS.sub(_spaces, text))
    text = _REMARK.sub(_spaces, _BRACED.sub(_as_cases, text))
    text = _separated(_without_prose(_carried_on(text)))
    text = _ABOVE_EQUALS.sub(lambda found: "=".rjust(len(found.group())), text)
    while (found := _WRAPPERS.search(text)) is not None:
        text = _unwrap(text, found.start(), found.end())
    return _SURROUNDINGS.sub(_spaces, text)


def _spaces(found: re.Match[str]) -> str:
    return " " * len(found.group())


def _as_cases(found: re.Match[str]) -> str:
    """What a brace on the left makes cases, with one mark between each and its condition."""
    name = "{cases}".rjust(len(found["name"]))
    return found["begin"] + name + found["rows"].replace("&&", " &") + found["end"] + name


def _in_one_line(found: re.Match[str]) -> str:
    r"""The lines of \substack with semicolons between them."""
    return found[1].replace("\\\\", " ;").rjust(len(found.group()) - 1) + " "


def _carried_on(text: str) -> str:
    """The text without line breaks outside tables that a sign follows, or in parentheses: the formula goes on there."""
    level, kept, end = 0, "", 0
    for found in _TABLE.finditer(text):
        side = found["side"]
        level += (side == "begin") - (side == "end")
        if side is not None or level or found.start() < end:
            continue
        before, line = text[: found.start()], _CARRIED_ON.match(text, found.start())
        if line is not None and (_SIGN.match(text, line.end()) or before.count("(") > before.count(")")):
            kept += text[end : line.start()] + _spaces(line)
            end = line.end()
    return kept + text[end:]


def _separated(text: str) -> str:
    """The text with a semicolon for each line break between two equations."""

    def separate(found: re.Match[str]) -> str:
        before = text[: found.start()]
        is_whole = "=" in before and all(before.count(a) == before.count(b) for a, b in ("()", "{}", "[]"))
        return ";" if is_whole and "\\begin" not in text else "\n"

    return _NEXT_LINE.sub(separate, _NEXT_PARAGRAPH.sub(separate, text))


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
    for number, piece in enumerate(pieces):
        between = text[end : piece.start()]
        goes_on = _GOES_ON.match(piece.group()) is not None
        if number and not between.strip() and "\n" in between and "=" in piece.group() and not goes_on:
            kept, end = f"{kept};", end + 1  # a formula of its own
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
