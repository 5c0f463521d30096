"""What people write to keep a logarithm or a quotient finite, and leave out on paper."""

import ast
from collections.abc import Collection, Sequence

from derive.checking.formula import Name, Node, Number, Operation, rewrite

GUARDS = ("clip", "clamp", "maximum", "guarded")
"""Functions that keep numbers within bounds: left out. `guarded` is `where(t > 0, ..., 0)`."""

SMALL = 1e-3
"""Up to which a number only keeps a logarithm from 0."""

_TINY = {"eps", "epsilon", "varepsilon", "ε", "tiny", "small"}
"""Names of what is added to keep a logarithm or a quotient finite."""


def leave_out_small(formula: Node, known: Collection[str]) -> tuple[Node, list[str]]:
    """The formula without tiny numbers that are added or subtracted, 1e-12 or eps, and these as they are written.

    Args:
        formula: the formula.
        known: the parameters of the definition, which are none of them.
    """
    found: list[str] = []

    def small(node: Node) -> bool:
        match node:
            case Number(value=value):
                return 0 < abs(value) <= SMALL
            case Name(name=name):
                return name.removeprefix("\\").lower() in _TINY and name not in known
        return False

    def leave_out(node: Node) -> Node | None:
        if not (isinstance(node, Operation) and node.symbol in ("+", "-")):
            return None
        for part, rest in ((node.right, node.left), (node.left, node.right)):
            if small(part) and not (part is node.left and node.symbol == "-"):
                found.append(f"{float(part.value):g}" if isinstance(part, Number) else getattr(part, "name", ""))
                kept: Node = rewrite(rest, leave_out)
                return kept
        return None

    written: Node = rewrite(formula, leave_out)
    return written, found


def is_guard(arguments: Sequence[ast.expr]) -> bool:
    """Whether `where(t > 0, t*log(t/y), 0)` only says that 0 log 0 is 0: the tested is a factor, or in a logarithm."""
    match arguments:
        case [ast.Compare(left=tested, ops=[ast.Gt() | ast.NotEq()], comparators=[bound]), body, other]:
            if not _is_zero(bound) or not _is_zero(other):
                return False
            inside = [
                argument
                for call in ast.walk(body)
                if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) == "log"
                for argument in call.args[:1]
            ]
            return any(ast.dump(each) == ast.dump(tested) for each in (*_factors(body), *inside))
    return False


def _factors(tree: ast.expr) -> list[ast.expr]:
    match tree:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return [*_factors(left), *_factors(right)]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _factors(operand)
    return [tree]


def _is_zero(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) and not isinstance(tree.value, bool) and tree.value == 0
