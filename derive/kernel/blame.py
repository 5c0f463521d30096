"""The innermost expression of a kernel that goes wrong at a row: its operands are as they should be, and it is not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from derive.kernel.dump import dump_expression
from derive.kernel.expressions import ZERO, call, rewrite, sub
from derive.kernel.interpret import Array, Row, run
from derive.kernel.ir import LABEL, Call, Element, Expression, Kernel, Let, Map, PairSum, Reduce, Scalar
from derive.kernel.statements import Plain, plain

TOLERANCE = 0.01
"""The error, as a part of the exact value or of 1, from which a value is wrong, and not only rounded."""

MOST_SHOWN = 60
"""Characters of an expression that is shown."""

Places = Mapping[str, int]
"""The classes that indices stand for."""


@np.errstate(all="ignore")
def find_culprit(
    kernel: Kernel, values: Mapping[str, Array], label: int | None, output: str, place: tuple[int, ...]
) -> Expression | None:
    """Where an entry of `output` goes wrong; None where the widest type that NumPy has gives the same.

    Args:
        kernel: as for `derive.kernel.interpret.interpret`.
        values: likewise.
        label: likewise.
        output: the name of an output that is wrong.
        place: which entry of it.
    """
    wide = {name: each.astype(np.longdouble) for name, each in values.items()}
    return _Search(kernel, run(kernel, values, label), run(kernel, wide, label)).of_name(output, place)


def describe_culprit(culprit: Expression) -> str:
    """The expression as text, or what it divides by, or nothing, where that would be long."""
    text = dump_expression(rewrite(culprit, _as_derived))
    if len(text) <= MOST_SHOWN:
        return text
    match culprit:
        case Call("div", (_, divisor)):
            by = dump_expression(rewrite(divisor, _as_derived))
            return f"a quotient by {by}" if len(by) <= MOST_SHOWN else ""
    return ""


def _as_derived(node: Expression) -> Expression | None:
    """A compensated exponential, and a choice of 0 where something is 0, as what a pass has written them for."""
    match node:
        case Call("exp_difference", (one, other)):
            return rewrite(call("exp", sub(one, other)), _as_derived)
        case Call("select", (_, nothing, value)) if nothing == ZERO:
            return rewrite(value, _as_derived)
    return None


@dataclass(frozen=True)
class _Search:
    """A kernel, and a row after it has run in its own precision and in a wider one."""

    kernel: Kernel
    row: Row
    wide: Row

    @cached_property
    def _statements(self) -> Mapping[str, Plain]:
        return {line.array if isinstance(line, (Map, PairSum)) else line.name: line for line in plain(self.kernel)}

    @cached_property
    def _reads_infinity(self) -> bool:
        return any(np.isinf(self.row.known[array.name]).any() for array in self.kernel.inputs)

    def of_name(self, name: str, place: tuple[int, ...]) -> Expression | None:
        """The culprit in a wrong number, or in an entry of an array; None where none is found, or it is an input."""
        match self._statements.get(name):
            case Let(_, value):
                return self._of(value, {})
            case Map(_, indices, value):
                return self._of(value, dict(zip(indices, place, strict=True)))
            case Reduce(_, _, index, value):
                classes = range(len(self.row.known[self.kernel.inputs[0].name]))
                found = (self._of(value, {index: each}) for each in classes)
                return next((each for each in found if each), Scalar(name))  # each term is right: their sum is not
            case PairSum(_, (index, other), value):
                classes = range(len(self.row.known[self.kernel.inputs[0].name]))
                found = (self._of(value, {index: place[0], other: each}) for each in classes)
                return next((each for each in found if each), Element(name, index))
        return None

    def _of(self, expression: Expression, places: Places) -> Expression | None:
        if not self._is_wrong(expression, places):
            return None
        operands = self._operands(expression, places)
        return next((each for operand in operands if (each := self._within(operand, places))), expression)

    def _within(self, operand: Expression, places: Places) -> Expression | None:
        match operand:
            case Scalar(name):
                return self.of_name(name, ()) if self._is_wrong(operand, places) else None
            case Element(array, index):
                place = self.row.label if index == LABEL else places[index]
                return None if place is None else self.of_name(array, (place,))
        return self._of(operand, places)

    def _operands(self, expression: Expression, places: Places) -> Iterator[Expression]:
        match expression:
            case Call("select", (condition, if_true, if_false)):
                yield if_true if self._value(self.row, condition, places) else if_false
                yield condition
            case Call(_, arguments):
                yield from arguments
            case Scalar() | Element():
                yield expression

    def _is_wrong(self, expression: Expression, places: Places) -> bool:
        got, wanted = (self._value(row, expression, places) for row in (self.row, self.wide))
        if np.isnan(got):
            return True
        if np.isinf(got):
            return not (got == wanted and self._reads_infinity)
        return not abs(got - wanted) <= TOLERANCE * np.maximum(1, abs(wanted))

    @staticmethod
    def _value(row: Row, expression: Expression, places: Places) -> np.longdouble:
        return np.longdouble(row.value(expression, tuple(places))[tuple(places.values())])
