"""The words of a sentence around a formula, blanked out, so that every position stays where it was."""

import re

_WORDS = r"[A-Za-z]+(?:['’-][A-Za-z]+)*(?:[\s,]+[A-Za-z]+(?:['’-][A-Za-z]+)*)*"
_LINKS = (
    r"(?:is|are|was|equals|get|gets|got|have|has|gives?|given|obtain|that|so|thus|therefore|hence|then|yields?|find|be"
    r"|it's)"
)
_CONDITION = r"(?:if|for|when|where|case|otherwise|else|since|because|lambda|def|while|class|with|try)\b"
_BEFORE = re.compile(
    rf"\A\s*(?!{_CONDITION})(?:(?:{_WORDS}[\s,]+)?\b{_LINKS}\b[,:]?\s+|{_WORDS}\s*:(?!=)\s*)", re.IGNORECASE
)
"""Words that lead to a formula: `Therefore the gradient is`, `so`, `the answer:`."""
_BEHIND = re.compile(rf"\s(?:is|are)\s+{_WORDS}\s*[.!?]*\s*$")
_ASIDE = re.compile(
    r"(?:\\text\s*\{\s*|\s)\((?:[\w^{}\\]+\s+)?\\?(?:is|are|where|with|since|because|using|the|here)\b[^()]*\)"
    r"[\s}]*[.!?]*\s*$"
)
"""A remark in parentheses at the end."""
_DOTS = re.compile(r"=(?:\s|&)*(?:\\[lc]?dots[bc]?(?![A-Za-z])|…|\.\.\.)(?:\s|&|\\\\)*(?==(?!=))")
"""The equals sign and the dots of `= ... =`, for steps that are left out."""
_COMMENT = re.compile(r"(?<!\\)#[^\n]*")
_END = re.compile(r"(?:(?<![.\d])\.|[,;!?])\s*$")


def without_sentence(text: str) -> str:
    """`text` with spaces for comments and the words of a sentence before and behind a formula; a condition stays."""
    text = _DOTS.sub(_spaces, _COMMENT.sub(_spaces, text))
    text = _ASIDE.sub(_spaces, _BEFORE.sub(_spaces, text))
    if re.search(rf"\s{_CONDITION}", text) is None:
        text = _BEHIND.sub(_spaces, text)
    return _END.sub(_spaces, text)


def _spaces(found: re.Match[str]) -> str:
    return " " * len(found.group())
