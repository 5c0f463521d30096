"""What people write to keep a logarithm or a quotient finite, and leave out on paper."""

import ast
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from sympy import Basic, Expr, Float, Indexed, Symbol

from derive.checking.formula import Name, Node, Number, Operation, rewrite
from derive.checking.habits import TINY
from derive.notation import t, y

GUARDS = ("clip", "clamp", "maximum", "guarded")
"""Functions that keep numbers within bounds: left out. `guarded` is `where(t > 0, ..., 0)`."""

SMALL = 1e-3
"""Up to which a number only keeps a logarithm from 0."""


def changes_nothing(entries: Sequence[Expr], low: Any, high: Any) -> bool:
    """Whether all `entries` are between two bounds anyway, or pass them by no more than guards a logarithm.

    Tried at random: the probabilities and the targets sum to 1, those of one sure class among them; what else there is
    may be any number.

    Args:
        entries: expressions in the entries of vectors.
        low: a number or an expression; None where there is no bound.
        high: likewise.
    """
    bounds = [sympy.sympify(each, strict=True) for each in (low, high) if each is not None]
    for seed in range(4):
        drawn = _draw([*entries, *bounds], seed)
        least, most = (end if each is None else _number(each, drawn) for each, end in ((low, -np.inf), (high, np.inf)))
        if not all(least - SMALL <= _number(entry, drawn) <= most + SMALL for entry in entries):
            return False
    return True


def _draw(expressions: Sequence[Expr], seed: int) -> Mapping[Basic, Float]:
    """A number for every entry of a vector and every parameter."""
    entries = sorted({atom for each in expressions for atom in each.atoms(Indexed)}, key=str)
    random = np.random.default_rng(seed)
    count = max((int(entry.indices[0]) for entry in entries), default=1)
    shares = {base: random.dirichlet(np.full(count, 1.0 if seed else 0.01)) for base in (y, t)}
    found: dict[Basic, Float] = {
        entry: Float(shares[entry.base][int(entry.indices[0]) - 1] if entry.base in shares else 3 * random.normal())
        for entry in entries
    }
    names = {atom for each in expressions for atom in each.atoms(Symbol)}
    return found | {each: Float(1e-9 if each.name.lower() in TINY else 3 * random.normal()) for each in names}


def _number(expression: Any, drawn: Mapping[Basic, Float]) -> float:
    """The value of an expression; NaN, which is within no bounds, where it has none."""
    try:
        return float(sympy.sympify(expression, strict=True).xreplace(drawn).evalf())
    except TypeError:
        return math.nan


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
                return name.removeprefix("\\").lower() in TINY and name not in known
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
