"""The words of several letters that a formula may have: functions, and names that habit knows."""

from derive.checking import habits
from derive.checking.functions import APPLIED
from derive.checking.habits import plain
from derive.checking.library import LIBRARY
from derive.checking.places import DELTAS, ONE_HOT

FUNCTIONS = frozenset((*APPLIED, *ONE_HOT, *DELTAS, *LIBRARY, "einsum", "where", "eye", "int", "float"))
"""Functions of Python, NumPy and libraries."""
OF_SENTENCES = {
    "if", "for", "when", "where", "is", "otherwise", "else", "elif", "and", "in", "not", "with", "all", "every", "each",
    "since", "because", "assuming", "as", "using", "given", "by", "index", "the", "case", "it", "we", "so", "my", "of",
    "to", "an", "this", "that", "thus", "hence", "therefore", "get", "from", "which", "our",
}  # fmt: skip
"""Words of conditions and sentences, which no formula multiplies."""
OPTIONS = {"axis", "keepdims", "dim", "keepdim", "dims"}
"""Options of NumPy's functions."""
_NAMES = frozenset().union(
    habits.PROBABILITIES, habits.LOGITS, habits.TARGETS, habits.UPSTREAM, habits.DIRECTION, habits.LOSSES,
    habits.LABELS, habits.LOG_PROBABILITIES, habits.CLASSES, habits.BATCH, habits.OUTPUTS, habits.LABEL_WORDS,
    habits.LOG_SUM_EXP, OPTIONS, {"True", "False"},
)  # fmt: skip
_SHORT = {"KL", "CE"}
"""Names of two letters; any others are letters beside each other: dz, yy, mv."""


def is_word(text: str) -> bool:
    """Whether a run of letters is a word that is known, rather than letters multiplied."""
    if text.lower() in OF_SENTENCES:
        return True
    return text in _SHORT if len(text) < 3 else text in FUNCTIONS or text in _NAMES or plain(text) in _NAMES
