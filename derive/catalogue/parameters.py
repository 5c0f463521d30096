"""Parameters of a definition, and the ranges that are declared for them: `0 < a < 1, w >= 0`."""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from sympy import Rational

from derive.errors import DefinitionError
from derive.language.read import read

_NEAR, _FAR = Fraction(1, 16), 5
"""How close to an end of a range that does not belong to it a parameter is tried, and how far from its only end."""

_INTERVAL = re.compile(r"(\w+) +in *([\[(])([^,]+),([^,]+)([\])])")
_COMMA = re.compile(r",(?![^\[(]*[\])])")
"""A comma between two conditions, not one within brackets."""


@dataclass(frozen=True)
class Range:
    """An interval of the real numbers.

    Attributes:
        low: its lower end, None for no lower end.
        high: its upper end, None for no upper end.
        low_included, high_included: whether the end belongs to it.
    """

    low: Fraction | None = Fraction(0)
    high: Fraction | None = None
    low_included: bool = False
    high_included: bool = False

    def contains(self, value: Fraction | float) -> bool:
        """Whether `value` lies in the interval; NaN lies in none."""
        above = self.low is None or value > self.low or (self.low_included and value == self.low)
        below = self.high is None or value < self.high or (self.high_included and value == self.high)
        return bool(above and below and value == value)

    def includes(self, other: "Range") -> bool:
        """Whether every number of `other` lies in the interval."""
        return _meet(self, other) == other

    def middle(self) -> Fraction:
        """A number well inside: the middle of a bounded interval, 1 away from the only end, 1 where there is none."""
        if self.low is not None and self.high is not None:
            return (self.low + self.high) / 2
        if self.low is not None:
            return self.low + 1
        return Fraction(1) if self.high is None else self.high - 1

    def ends(self) -> tuple[float, float]:
        """Its lowest and highest number: close to an end that does not belong to it, some way off none."""
        edge = _NEAR if self.low is None or self.high is None else (self.high - self.low) / 32
        lowest = (self.high or 0) - _FAR if self.low is None else self.low + (0 if self.low_included else edge)
        highest = (self.low or 0) + _FAR if self.high is None else self.high - (0 if self.high_included else edge)
        return float(lowest), float(highest)

    def describe(self, name: str) -> str:
        """The condition on `name` as it is declared: `0 < a <= 1`; `a is real` where there is none."""
        left = "" if self.low is None else f"{self.low} {'<=' if self.low_included else '<'} "
        right = "" if self.high is None else f" {'<=' if self.high_included else '<'} {self.high}"
        return f"{left}{name}{right}" if left or right else f"{name} is real"


POSITIVE = Range()
"""What holds for a parameter that nothing is declared of."""


@dataclass(frozen=True)
class Parameter:
    """A name in a definition that is no vector of the row: a number, or one number for each class.

    Attributes:
        name: as it stands in the definition, and the keyword of the kernels.
        per_class: whether it has an index.
        range: what each of its numbers must lie in.
    """

    name: str
    per_class: bool
    range: Range = POSITIVE


def read_ranges(where: str) -> dict[str, Range]:
    """The ranges that a text declares, by name: comparisons of one name with numbers, separated by commas.

    `0 < a < 1`, `w >= 1/3`, `-1 <= c <= 1`, and `c in R` for any real number. Conditions on one name add up.

    Raises:
        DefinitionError: with the condition that is something else, or that no number meets.
    """
    ranges: dict[str, Range] = {}
    for condition in filter(None, (part.strip() for part in _COMMA.split(where))):
        for name, bounds in _read_condition(condition, where):
            ranges[name] = _meet(ranges.get(name, Range(low=None)), bounds)
    for name, bounds in ranges.items():
        if bounds.low is None or bounds.high is None:
            continue
        if bounds.low > bounds.high or (bounds.low == bounds.high and not bounds.contains(bounds.low)):
            raise DefinitionError(f"no number {name} meets {where!r}", where)
    return ranges


def _read_condition(condition: str, where: str) -> list[tuple[str, Range]]:
    right = "a range compares one name with numbers, as in 0 < a < 1, w >= 0 or c in R"
    if interval := _INTERVAL.fullmatch(condition):
        name, opening, low, high, closing = interval.groups()
        lower, upper = "<=" if opening == "[" else "<", "<=" if closing == "]" else "<"
        right = f"write {low.strip()} {lower} {name} {upper} {high.strip()}"
    failure = DefinitionError(f"{condition!r} is no range; {right}", where)
    try:
        node = ast.parse(condition, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise failure from None
    match node:
        case ast.Compare(left=ast.Name(id=name), ops=[ast.In()], comparators=[ast.Name(id="R")]):
            return [(name, Range(low=None))]
        case ast.Compare(left=left, ops=operations, comparators=comparators):
            sides = [left, *comparators]
            found = [
                _compare(one, operation, two, condition)
                for one, operation, two in zip(sides, operations, comparators, strict=False)
            ]
            ranges = [each for each in found if each is not None]
            if len(ranges) == len(found) and len({name for name, _ in ranges}) == 1:
                return ranges
    raise failure


def _compare(left: ast.expr, operation: ast.cmpop, right: ast.expr, condition: str) -> tuple[str, Range] | None:
    """One comparison of a name and a number; None where it is something else."""
    if not isinstance(operation, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
        return None
    included = isinstance(operation, (ast.LtE, ast.GtE))
    less = isinstance(operation, (ast.Lt, ast.LtE))
    if isinstance(left, ast.Name) and (number := _number(right, condition)) is not None:
        name, upper = left.id, less
    elif isinstance(right, ast.Name) and (number := _number(left, condition)) is not None:
        name, upper = right.id, not less
    else:
        return None
    return name, Range(None, number, high_included=included) if upper else Range(number, low_included=included)


def _number(node: ast.expr, condition: str) -> Fraction | None:
    """The number that `node` is in a definition too, such as 1/3 or 1e-5; None where it is something else."""
    parts = (ast.UnaryOp, ast.BinOp, ast.unaryop, ast.operator, ast.Constant)
    if not all(isinstance(part, parts) for part in ast.walk(node)):
        return None
    number = read(ast.get_source_segment(condition, node) or "")
    return Fraction(number.p, number.q) if isinstance(number, Rational) else None


def _meet(one: Range, two: Range) -> Range:
    """The numbers in both ranges."""
    low, low_included = one.low, one.low_included
    if two.low is not None and (low is None or two.low >= low):
        low, low_included = two.low, two.low_included and (low != two.low or low_included)
    high, high_included = one.high, one.high_included
    if two.high is not None and (high is None or two.high <= high):
        high, high_included = two.high, two.high_included and (high != two.high or high_included)
    return Range(low, high, low_included, high_included)


Choice = Literal["inside", "low", "high"]
"""Where in their ranges parameters are chosen."""


def choose_parameters(
    parameters: Sequence[Parameter], n: int, choice: Choice = "inside"
) -> Mapping[str, "np.ndarray[Any, np.dtype[Any]]"]:
    """A number within the range of each parameter, by name, or one for each of n classes.

    Inside, those of the classes differ, and they are exact in each precision where the ends of the range are.
    """
    return {
        each.name: np.array(
            [_choose(each.range, choice, number) for number in range(n)]
            if each.per_class
            else _choose(each.range, choice, 0)
        )
        for each in parameters
    }


def _choose(bounds: Range, choice: Choice, number: int) -> float:
    match choice:
        case "low":
            return bounds.ends()[0]
        case "high":
            return bounds.ends()[1]
    return _inside(bounds, number)


def _inside(bounds: Range, number: int) -> float:
    """The `number`th of some numbers inside a range; the first is 1.5 where that is well inside."""
    part = Fraction(9 + 5 * number % 13, 24)
    if bounds.low is not None and bounds.high is not None:
        chosen = bounds.low + (bounds.high - bounds.low) * part
    elif bounds.high is not None:
        chosen = bounds.high - 4 * part
    else:
        chosen = (bounds.low or Fraction(0)) + 4 * part
    return float(np.float32(float(chosen)))
