"""Whether a text is an expression of Python, and what is wrong with it in our own words where it is none."""

import ast
import re
from dataclasses import dataclass
from warnings import catch_warnings

_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_QUOTED = re.compile(r"""(?P<quote>['"]).*?(?P=quote)""")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_APPLIED = {"S", "H"}
"""Functions of one letter; any other letter before parentheses is a factor."""
_ENTRY = re.compile(r"[^\W\d_]_\w")


@dataclass(frozen=True)
class Fault:
    """What is wrong with a text, and the place of it."""

    place: int
    reason: str


def parse(code: str) -> ast.Expression | Fault:
    """The syntax tree of an expression, or what is wrong with it."""
    try:
        with catch_warnings(action="ignore"):  # 1if: what is odd is read or refused, and nothing else is said
            return ast.parse(code, mode="eval")
    except SyntaxError as error:
        lines = code.splitlines(keepends=True)[: max((error.lineno or 1) - 1, 0)]
        place = len("".join(lines)) + (error.offset or 1) - 1
        return _bracket_fault(code) or _fault_at(code, min(place, len(code)))
    except (MemoryError, RecursionError, ValueError):
        return Fault(0, "nested too deeply")


def _bracket_fault(code: str) -> Fault | None:
    """The first bracket that closes nothing, or the last that nothing closes, or a quote; None where all are closed."""
    bare = _QUOTED.sub(lambda found: " " * len(found.group()), code)
    opened: list[tuple[int, str]] = []
    for place, sign in enumerate(bare):
        if sign in _BRACKETS:
            opened.append((place, sign))
        elif sign in _BRACKETS.values() and (not opened or _BRACKETS[opened.pop()[1]] != sign):
            return Fault(place, f"{sign} closes nothing")
        elif sign in "'\"":
            return Fault(place, f"the quote {sign} is not closed")
    return Fault(opened[-1][0], f"{opened[-1][1]} is not closed") if opened else None


def _fault_at(code: str, place: int) -> Fault:
    found = _TOKEN.search(code, place)
    if found is None:
        return Fault(len(code), "something is missing at the end")
    before = code[: found.start()].rstrip()
    word = found.group()
    if re.search(r"[\w)\]]$", before) and re.match(r"[\w(]", word):
        return Fault(found.start(), f"a sign, such as *, is missing before {word}")
    return Fault(found.start(), f"{word} cannot stand here")


def multiplies(tree: ast.Expression) -> bool:
    """Whether what Python takes for a call is a product, as on paper: y(1 - y), 2(y - t), y_i(t_i - y_i)."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                if (len(name) == 1 and name not in _APPLIED) or _ENTRY.fullmatch(name):
                    return True
            case ast.Call(func=ast.Constant() | ast.BinOp() | ast.UnaryOp() | ast.Subscript()):
                return True
            case ast.Call(func=ast.Attribute(attr="T" | "mT")):
                return True
    return False
