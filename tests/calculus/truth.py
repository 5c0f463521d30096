"""The truth of a formula in the index form, by Python itself: the index form is Python, read with mpmath numbers.

Nothing of the engine takes part.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import mpmath
import numpy as np

DIGITS = 60
STEP = mpmath.mpf(10) ** -18
LOGITS = ("0.3", "-1.2", "0.8")
KNOWN = {
    "t": ("0.2", "0.7", "0.1"),
    "g": ("-0.75", "0.5", "1.25"),
    "v": ("1.1", "0.4", "-0.7"),
    "w": ("0.5", "2", "1.3"),
    "c": ("-0.5", "2", "0.3"),
    "r": ("0", "1", "0"),
}
NUMBERS = {"a": "1.5", "alpha": "0.3", "beta": "0.4", "epsilon": "-0.25", "gamma": "2.5", "q": "0.7"}
ACTIVATIONS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "softmax": lambda z: [mpmath.exp(each) / sum(mpmath.exp(other) for other in z) for each in z],
    "sigmoid": lambda z: [1 / (1 + mpmath.exp(-each)) for each in z],
}


def namespace(activation: str, logits: list[Any], indices: Mapping[str, int]) -> dict[str, Any]:
    """What the names of the index form mean to Python."""
    return {
        "__builtins__": {},
        "sum": sum, "range": lambda n: range(int(n)), "exp": mpmath.exp, "log": mpmath.log, "sqrt": mpmath.sqrt,
        "tanh": mpmath.tanh,
        "abs": abs, "sign": mpmath.sign, "delta": lambda left, right: int(left == right),
        "n": mpmath.mpf(len(logits)), "mpf": mpmath.mpf,
        **{name: mpmath.mpf(number) for name, number in NUMBERS.items()},
        "z": logits,
        **{name: [mpmath.mpf(entry) for entry in entries] for name, entries in KNOWN.items()},
        "y": ACTIVATIONS[activation](logits),
        **indices,
    }  # fmt: skip


def _exact(formula: str) -> str:
    """`formula` with whole numbers as mpmath's, so that 1/3 is not rounded to a float."""
    return re.sub(r"(?<![\w.])\d+(?![\w.])", r"mpf(\g<0>)", formula)


def truth(activation: str, definition: str, logits: list[Any]) -> Any:
    return eval(_exact(definition), namespace(activation, logits, {}))  # noqa: S307 - written a few lines above


def found(activation: str, formula: str, logits: list[Any], **indices: int) -> Any:
    return eval(_exact(formula), namespace(activation, logits, indices))  # noqa: S307 - what the engine wrote


def differences(value: Callable[[list[Any]], Any], logits: list[Any]) -> tuple[list[Any], list[list[Any]]]:
    """The gradient and the Hessian of `value`, by central differences."""

    def shifted(*changes: tuple[int, int]) -> Any:
        row = list(logits)
        for number, sign in changes:
            row[number] += sign * STEP
        return value(row)

    numbers = range(len(logits))
    slopes = [(shifted((each, 1)) - shifted((each, -1))) / (2 * STEP) for each in numbers]
    curvatures = [
        [sum(a * b * shifted((row, a), (column, b)) for a in (1, -1) for b in (1, -1)) / (4 * STEP**2)
         for column in numbers]
        for row in numbers
    ]  # fmt: skip
    return slopes, curvatures


@dataclass(frozen=True)
class Row:
    """One row of logits, at which a loss and a closed form are evaluated: Python's own reading of their texts.

    In a loss y is the output of the activation, in a closed form what the activation calls y. Vectors are arrays, so
    that a formula may go without an index.
    """

    activation: str
    logits: list[Any]
    names: Mapping[str, Any] = field(default_factory=dict)

    def at(self, logits: list[Any]) -> "Row":
        return replace(self, logits=logits)

    def truth(self, definition: str) -> Any:
        return self._evaluate(definition, OUTPUTS[self.activation](self.logits, self.names))

    def found(self, formula: str, **indices: int) -> Any:
        inner = "softmax" if self.activation == "log-softmax" else self.activation
        return self._evaluate(formula, OUTPUTS[inner](self.logits, self.names), **indices)

    def _evaluate(self, formula: str, y: list[Any], **indices: int) -> Any:
        known = {name: [mpmath.mpf(entry) for entry in entries] for name, entries in KNOWN.items()}
        vectors = {**known, "z": self.logits, "y": y}
        names = {
            "__builtins__": {},
            "range": lambda n: range(int(n)), "delta": lambda left, right: int(left == right),
            "sum": sum, "mean": lambda row: sum(row) / len(row), "dot": lambda one, two: sum(one * two),
            **{name: np.frompyfunc(function, 1, 1) for name, function in FUNCTIONS.items()},
            "n": mpmath.mpf(len(self.logits)), "mpf": mpmath.mpf,
            **{name: np.array(row, object) for name, row in vectors.items()},
            **{name: np.array(each, object) if isinstance(each, list) else each for name, each in self.names.items()},
            **indices,
        }  # fmt: skip
        return eval(_exact(formula), names)  # noqa: S307 - what this test or the engine wrote


FUNCTIONS = {
    "exp": mpmath.exp, "log": mpmath.log, "sqrt": mpmath.sqrt, "tanh": mpmath.tanh, "abs": abs, "sign": mpmath.sign,
}  # fmt: skip
OUTPUTS: dict[str, Callable[[list[Any], Mapping[str, Any]], list[Any]]] = {
    "softmax": lambda z, _: ACTIVATIONS["softmax"](z),
    "sigmoid": lambda z, _: ACTIVATIONS["sigmoid"](z),
    "identity": lambda z, _: z,
    "log-softmax": lambda z, _: [each - mpmath.log(sum(map(mpmath.exp, z))) for each in z],
    "softmax-temperature": lambda z, names: ACTIVATIONS["softmax"]([each / names["T"] for each in z]),
}
"""What each activation gives, from logits and parameters."""


def close(one: Any, two: Any, digits: int) -> bool:
    return bool(abs(one - two) <= mpmath.mpf(10) ** -digits * (1 + abs(two)))
