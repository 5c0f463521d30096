"""Read what is written in Python: a chain of equations, and the assignments before it."""

import re
from collections.abc import Iterator
from functools import partial, reduce

from derive.checking.definitions import Definition, write_out_definitions
from derive.checking.formula import Call, Chain, Derivative, FormulaError, Item, Name, Node, Operation, rewrite
from derive.checking.habits import LOSSES
from derive.checking.left_sides import as_derivative, is_left_side
from derive.checking.python_form import Reader
from derive.checking.python_spelling import spell
from derive.checking.python_statements import Assignment, split_statements
from derive.checking.python_syntax import Fault, multiplies, parse
from derive.language.read import LONGEST_TEXT

_BROADCAST = re.compile(r"(?<=[\w)\]\s])\.(?=[-+*/^(])\^?")
"""The dot of `.*` and `exp.(x)`, which means entry by entry in other languages, as everything does here."""
_EQUALS = re.compile(r"(?<![=!<>:])=(?!=)")


def read_python(text: str, n: int | None = None) -> Chain:
    """The chain of formulas that `text` writes in Python's syntax; equals signs join its links.

    With `n`, a given number of classes, a sum may run over `range` of that number.

    Raises:
        FormulaError: with the position, the offending piece and what is allowed.
    """
    if len(text) > LONGEST_TEXT:
        raise FormulaError(f"the formula has {len(text)} characters; at most {LONGEST_TEXT} are read", text)
    assignments, pieces = _split(text)
    first, *rest = (Reader(text, start, piece, n).read() for start, piece in pieces)
    links = (_named(first) if rest else first, *rest)
    named = len(links) > 1 and is_left_side(links[0])
    definitions = [_define(text, each, n) for each in assignments]
    written = write_out_definitions(links[named:], definitions) if definitions else links[named:]
    spelled = rewrite(rewrite(tuple(written), _exponential), _chain_rule)
    return Chain((*links[:named], *spelled), tuple(piece.strip() for _, piece in pieces))


def _named(left: Node) -> Node:
    """A left side: a derivative, or the name of a loss with its arguments, FL(p_t)."""
    if isinstance(left, Call) and (left.function in LOSSES or (len(left.function) > 1 and left.function.isupper())):
        return Name(f"{left.function}()")
    return as_derivative(left)


def _exponential(node: Node) -> Node | None:
    """e**x as exp(x), where e was not assigned to."""
    match node:
        case Operation(symbol="**", left=Name(name="e"), right=exponent):
            return Call("exp", (rewrite(exponent, _exponential),))
    return None


def _chain_rule(node: Node) -> Node | None:
    """The product of derivatives that `dL/da * da/dz` is, each the quotient of two names; None for any other node."""
    factors = list(_factors(node))
    slopes = [
        as_derivative(Operation("/", above, below))
        for (times, above), (over, below) in zip(factors[::2], factors[1::2], strict=False)
        if (times, over) == ("*", "/")
    ]
    is_linked = all(below == above for (_, below), (_, above) in zip(factors[1::2], factors[2::2], strict=False))
    if len(factors) < 4 or 2 * len(slopes) != len(factors) or not is_linked:
        return None
    return reduce(partial(Operation, "beside"), slopes) if all(isinstance(s, Derivative) for s in slopes) else None


def _factors(node: Node) -> Iterator[tuple[str, Node]]:
    """What is multiplied and divided by in a product, with its sign, first to last."""
    if isinstance(node, Operation) and node.symbol in ("*", "@", "/"):
        yield from _factors(node.left)
        yield "*" if node.symbol == "@" else node.symbol, node.right
    else:
        yield "*", node


def is_python(text: str) -> bool:
    """Whether all of `text` is Python, and none of its calls a product as on paper."""
    assignments, pieces = _split(text)
    for piece in (*(each.text for each in assignments), *(piece for _, piece in pieces)):
        tree = parse(spell(piece.strip()).code)
        if isinstance(tree, Fault) or multiplies(tree):
            return False
    return True


def _split(text: str) -> tuple[list[Assignment], list[tuple[int, str]]]:
    """The assignments of a text, and what stands between the equals signs of its end, each with where it begins."""
    assignments, begin, last = split_statements(_BROADCAST.sub(_without_dot, text))
    starts = [0, *_top_level_equals(last)]
    ends = [*(start - 1 for start in starts[1:]), len(last)]
    return assignments, [(begin + start, last[start:end]) for start, end in zip(starts, ends, strict=True)]


def _define(whole: str, assignment: Assignment, n: int | None) -> Definition:
    """What an assignment defines: `p[k] -= 1` takes the one-hot vector of k from p."""
    name, sign = assignment.name, assignment.sign
    body = Reader(whole, assignment.start, assignment.text, n).read()
    if assignment.index:
        entry = Reader(whole, assignment.start, name + assignment.index, n).read()
        index = entry.indices[0] if isinstance(entry, Item) and len(entry.indices) == 1 else None
        if not isinstance(index, Name) or sign not in ("", "+", "-"):
            raise FormulaError(
                f"cannot read the assignment to {name}{assignment.index} at position {assignment.start + 1}: an entry"
                " is changed at the label, p[k] -= 1",
                whole,
                assignment.start,
            )
        if not sign:  # p[k] = p[k] - 1: what is new at k less what was there is added
            body, sign = Operation("-", body, Item(Name(name), (index,))), "+"
        body = Operation("*", body, Call("onehot", (index,)))
    return Definition(name, Operation(sign, Name(name), body) if sign else body)


def _without_dot(found: re.Match[str]) -> str:
    """A space for the dot; a power is `**` here."""
    return "**" if found.group().endswith("^") else " "


def _top_level_equals(text: str) -> list[int]:
    """Where the links after the first begin; an equals sign in parentheses is a keyword's."""
    ends = []
    for found in _EQUALS.finditer(text):
        before = text[: found.start()]
        if all(before.count(opening) == before.count(closing) for opening, closing in ("()", "[]", "{}")):
            ends.append(found.end())
    return ends
