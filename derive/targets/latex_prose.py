"""Words for LaTeX: reasons and titles that hold letters of the notation, with everything special escaped."""

import re
from collections.abc import Collection

from derive.derivation import Result
from derive.language.show import MACROS

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "#": r"\#",
    "%": r"\%",
    "&": r"\&",
    "$": r"\$",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "*": r"*\allowbreak{}",
    "|": r"$|$",
    "<": r"$<$",
    ">": r"$>$",
    "−": r"$-$",
    "·": r"$\cdot$",
    "Σ": r"$\sum$",
    "∂": r"$\partial$",
    "δ": r"$\delta$",
    "²": r"$^2$",
}

_SYMBOL = re.compile(r"(?<![\w-])([zytogvLJnij])(?:_([a-z]{1,2}))?(?![\w-])")
"""A letter of the notation that stands alone, with its index where it has one."""

QUANTITY_TITLES = {
    "value": "Value",
    "jacobian": "Jacobian",
    "vjp": "Vector-Jacobian product",
    "jvp": "Jacobian-vector product",
    "gradient": "Gradient",
    "hessian": "Hessian",
    "hvp": "Hessian-vector product",
    "gauss-newton": "Gauss-Newton matrix",
    "gnvp": "Gauss-Newton-vector product",
}


def quantity_title(quantity: str) -> str:
    """The heading of a quantity."""
    name, _, variable = quantity.partition(":")
    return f"{QUANTITY_TITLES[name]} with respect to {prose(variable)}" if variable else QUANTITY_TITLES[name]


def prose(words: str, *, macros: bool = True) -> str:
    """`words` as LaTeX text: letters of the notation become mathematics, everything special is escaped."""
    written, end = "", 0
    for match in _SYMBOL.finditer(words):
        letter, index = match.groups()
        symbol = MACROS.get(letter, letter) if macros else letter
        written += escape(words[end : match.start()]) + (f"${symbol}_{{{index}}}$" if index else f"${symbol}$")
        end = match.end()
    return written + escape(words[end:])


def escape(words: str) -> str:
    """`words` as LaTeX text, with no letter taken for mathematics."""
    return "".join(_SPECIAL.get(character, character) for character in words)


def title(words: str, *, macros: bool = True) -> str:
    """`words` with a capital first letter, as LaTeX text."""
    return prose(words[:1].upper() + words[1:], macros=macros)


def check_sentence(result: Result) -> str:
    """How the derivation was checked: one sentence in plain words."""
    steps = {number for step in result.steps for number in step.check.classes}
    random = {number for proof in result.proofs if proof.method != "rational" for number in proof.classes}
    rational = {number for proof in result.proofs if proof.method == "rational" for number in proof.classes}
    how = "modulo a large prime at random points"
    parts = [f"each step exactly, {how}, with {_listed(steps)} classes"] if steps else []
    if in_reals := sum(step.check.method == "real" for step in result.steps):
        parts.append(f"{in_reals} of them in real numbers to 50 digits, where that field lacks a root or a law")
    if random:
        how = "likewise" if steps else f"exactly, {how}"
        parts.append(f"the closed form against the definition {how}, with {_listed(random)} classes")
    if rational:
        parts.append(
            f"and for n = {_listed(rational)} by proof: the two are the same rational function of the same "
            "exponentials and logarithms"
        )
    return f"Checked: {'; '.join(parts)}." if parts else "There is nothing to check: this is the definition itself."


def _listed(numbers: Collection[int]) -> str:
    """`3, 4 and 6`."""
    *most, last = map(str, sorted(numbers))
    return f"{', '.join(most)} and {last}" if most else last
