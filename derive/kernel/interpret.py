"""Run a kernel that is not fused on one row, in the arithmetic of a given precision."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.kernel.ir import (
    CLASS_COUNT,
    LABEL,
    Call,
    Const,
    Element,
    Expression,
    Kernel,
    Let,
    Map,
    PairSum,
    Reduce,
    Same,
    Scalar,
)
from derive.kernel.statements import plain

Array = np.ndarray[Any, np.dtype[Any]]

_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "sub": np.subtract,
    "div": np.divide,
    "neg": np.negative,
    "pow": np.power,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "abs": np.abs,
    "sign": np.sign,
    "max": np.maximum,
    "equal": np.equal,
    "less": np.less,
    "select": np.where,
    "exp_difference": lambda a, b: np.exp(a - b),
}


@dataclass(frozen=True)
class Row:
    """A row after a kernel has run on it.

    Attributes:
        known: what every input, parameter, sum and array is, by name; the number of classes among them.
        label: the class that is the label's.
    """

    known: Mapping[str, Array]
    label: int | None

    def value(self, expression: Expression, indices: tuple[str, ...]) -> Array:
        """The value of `expression` for all classes of `indices` at once."""
        shape = next(iter(self.known.values())).shape * len(indices)
        return np.broadcast_to(_evaluate(expression, self.known, indices, self.label), shape)


def interpret(kernel: Kernel, values: Mapping[str, Array], label: int | None = None) -> dict[str, Array]:
    """The outputs of `kernel` for one row, by name.

    Args:
        kernel: a kernel from `derive.kernel.pipeline.compile_kernel`.
        values: the inputs and parameters by name: vectors of shape (n,), and numbers of shape (), all of one dtype.
        label: the class that the row's label names, where the kernel takes labels.

    Raises:
        KernelError: the kernel is fused.
    """
    row = run(kernel, values, label)
    return {output.name: row.known[output.name] for output in kernel.outputs}


@np.errstate(all="ignore")
def run(kernel: Kernel, values: Mapping[str, Array], label: int | None = None) -> Row:
    """All that `kernel` computes of one row. Arguments and errors as for `interpret`."""
    known = dict(values)
    z = known[kernel.inputs[0].name]
    if kernel.largest_is_label:
        label = int(z.argmax())
    known[CLASS_COUNT] = np.asarray(len(z), dtype=z.dtype)
    row = Row(known, label)
    for statement in plain(kernel):
        match statement:
            case Let(name, value):
                known[name] = row.value(value, ())
            case Reduce(name, operation, index, value):
                each = row.value(value, (index,))
                known[name] = each.max() if operation == "max" else each.sum(dtype=z.dtype)
            case Map(array, indices, value):
                known[array] = np.array(row.value(value, indices))
            case PairSum(array, indices, value):
                known[array] = row.value(value, indices).sum(axis=-1, dtype=z.dtype)
    return row


def _evaluate(expression: Expression, known: Mapping[str, Array], indices: tuple[str, ...], label: int | None) -> Any:
    """The value of `expression` for all classes of `indices` at once."""
    z = next(iter(known.values()))
    match expression:
        case Const(value):
            return np.asarray(float(value), dtype=z.dtype)
        case Scalar(name):
            return known[name]
        case Element(array, index):
            return known[array][label] if index == LABEL else _along(known[array], index, indices)
        case Same(left, right):
            classes = np.arange(len(z))
            one, two = (
                np.asarray(label) if index == LABEL else _along(classes, index, indices) for index in (left, right)
            )
            return np.equal(one, two)
        case Call("add" | "mul" as operation, arguments):
            first, *others = (_evaluate(argument, known, indices, label) for argument in arguments)
            for other in others:
                first = first + other if operation == "add" else first * other
            return first
        case Call(operation, arguments):
            return _OPERATIONS[operation](*(_evaluate(argument, known, indices, label) for argument in arguments))


def _along(vector: Array, index: str, indices: tuple[str, ...]) -> Array:
    """`vector` along the axis of `index` among those of `indices`."""
    return vector[:, np.newaxis] if len(indices) == 2 and index == indices[0] else vector
