"""Where a kernel breaks: run on rows that are hard, against the closed form evaluated to hundreds of digits."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product
from typing import Any, get_args

import mpmath
import numpy as np
from sympy import Expr, IndexedBase, Symbol, sign

from derive.catalogue.parameters import Choice, Parameter, choose_parameters
from derive.errors import UnsupportedError
from derive.kernel.blame import TOLERANCE, describe_culprit, find_culprit
from derive.kernel.interpret import Array, interpret
from derive.kernel.ir import Kernel
from derive.kernel.lower import INDICES, Output
from derive.kernel.undefined import divides_by_zero, takes_powers_of_logits
from derive.notation import g, i, label, t, v, y, z
from derive.proof.evaluate import Point, evaluate
from derive.proof.field import BadPointError, Reals

MOST_DIGITS = 900
"""Enough for 1 - y where the largest logit is a thousand above the others."""
FEWEST_DIGITS = 100

_LOST = 1e6
"""What stands for an infinite distance in the exact value: what then exceeds `_LARGE` is infinite in the limit."""
_LARGE = 1e4

_SMALL = -(2**24)
"""The power of 2 that stands for a target of 0 in the exact value, where t·log t has a limit and no value.

It is smaller than the fifth power of the probability of a class that is `_LOST`.
"""

_LOGITS = (
    (0.0, 0.0, 0.0),
    (0.5, -1.0, 2.0),
    (30.0, 0.0, -2.0),
    (50.0, -50.0, 1.0),
    (0.0, 120.0, -3.0),
    (-120.0, -120.0, -120.0),
    (-102.0, 1.0, 0.0),
    (-900.0, 1.0, 0.0),
    (-np.inf, 1.0, 0.0),
)
_LOGITS_AT_ENDS = (_LOGITS[0], _LOGITS[1], _LOGITS[2], _LOGITS[-1])
"""Those with which parameters are tried at the ends of their ranges."""
_LARGEST_SCALE = 16
"""By what a parameter at an end may multiply logits: a temperature of 1/16."""
_DIRECTION = (0.5, -1.0, 2.0)
_CLASSES = 3
_NO_TARGETS = (0.0, 0.0, 0.0)
_TARGETS = ((0.25, 0.25, 0.5), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))


_Zeros = tuple[mpmath.mpf, ...]
"""What stands for a target of 0, by its class."""


@dataclass(frozen=True)
class Break:
    """An input at which a kernel is wrong.

    Attributes:
        kernel: the name of the function.
        output: which of its outputs.
        inputs: the row, in words.
        got: what the kernel gives.
        exact: what it should give.
        culprit: the expression in it that goes wrong there; empty where none is found.
    """

    kernel: str
    output: str
    inputs: str
    got: float
    exact: float
    culprit: str

    def describe(self) -> str:
        """One clause: `loss gives inf for loss at z = (0, 120, -3), where it is 1.5: log(1 - y_sum) is wrong there`."""
        wrong = f"{self.kernel} gives {self.got:.6g} for {self.output} at {self.inputs}, where it is {self.exact:.6g}"
        return f"{wrong}: {self.culprit} is wrong there" if self.culprit else wrong


@dataclass(frozen=True)
class _Row:
    logits: tuple[float, ...]
    targets: tuple[float, ...] | None
    label: int | None
    choice: Choice

    @property
    def has_zeros(self) -> bool:
        """Whether a target is 0."""
        return self.targets is not None and 0 in self.targets

    @property
    def largest(self) -> float:
        """What an exact value has to exceed to be infinite in the limit, where something stands for 0 or -inf."""
        return _LARGE if self.has_zeros or -np.inf in self.logits else np.inf

    @property
    def vectors(self) -> Mapping[IndexedBase, tuple[float, ...]]:
        """What a kernel may read."""
        vectors = {z: self.logits, g: _DIRECTION, v: _DIRECTION}
        return vectors if self.targets is None else {**vectors, t: self.targets}

    @property
    def digits(self) -> int:
        """How many are enough: 1 - y may begin 0.43 of them below the point for each unit between the logits."""
        spread = max(self.logits) - max(min(self.logits), -_LOST)
        scale = 1 if self.choice == "inside" else _LARGEST_SCALE
        return min(FEWEST_DIGITS + int(scale * spread), MOST_DIGITS)

    def describe(self, names: Collection[str], parameters: Mapping[str, Array]) -> str:
        """The vectors of those names, in words; parameters where they are at the ends of their ranges."""
        shown = [
            f"{base} = ({', '.join(f'{number:g}' for number in row)})"
            for base, row in self.vectors.items()
            if str(base) in names
        ]
        if self.choice != "inside":
            shown += [f"{name} = {numbers.flat[0]:g}" for name, numbers in parameters.items()]
        return ", ".join(shown if self.label is None else [*shown, f"label {self.label}"])


def find_break(
    kernel: Kernel,
    outputs: Sequence[Output],
    y_definition: Expr | None,
    parameters: Mapping[str, Parameter],
    loss: Expr | None = None,
) -> Break | None:
    """The first hard row at which `kernel` is wrong in single or double precision; None where there is none.

    Rows have equal logits, one far above or below the others, and one of -inf whose dense target is 0; parameters are
    inside their ranges, and at their ends. Where the exact value, or the loss, is infinite, undefined, without a limit
    or too large for the precision, nothing is asked of the kernel, nor at -inf of powers of the logits themselves.

    Args:
        kernel: from `derive.kernel.pipeline.compile_kernel`.
        outputs: what it computes.
        y_definition: entry i of y in terms of z; None where there is no y.
        parameters: the kernel's parameters, by their names in the closed forms.
        loss: the closed form of the loss, where the kernel is one of a loss.
    """
    names = {array.name for array in kernel.inputs}
    has_lost_classes = loss is None or loss.has(y.label) or not takes_powers_of_logits(loss)
    for row in _rows(kernel):
        if -np.inf in row.logits and not has_lost_classes:
            continue
        chosen = choose_parameters(kernel.parameters, _CLASSES, row.choice)
        with mpmath.workdps(row.digits):
            at = partial(_point, row, y_definition, tuple(parameters.items()))
            points = [at(*each) for each in _stand_ins(row)]
            at_zero = at((mpmath.mpf(0),) * _CLASSES, _LOST)
            if loss is not None and (
                divides_by_zero(loss, at_zero) or not _has_limit([_value(loss, point, row.largest) for point in points])
            ):
                continue
            exact = [_exact(output, points[0], at_zero, row.largest) for output in outputs]
        for dtype in (np.float32, np.float64):
            values = {str(base): np.array(each, dtype) for base, each in row.vectors.items() if str(base) in names}
            values |= {name: each.astype(dtype) for name, each in chosen.items()}
            got = interpret(kernel, values, row.label)
            for output, expected in zip(outputs, exact, strict=True):
                numbers = got[output.name]
                if row.targets == _NO_TARGETS and None in expected:
                    continue  # where one entry has no limit, what stands for 0 cancels in another, to any digits
                for wrong in _all_wrong(np.ravel(numbers), expected, dtype):
                    with mpmath.workdps(row.digits):
                        others = [_exact(output, point, at_zero, row.largest)[wrong] for point in points[1:]]
                        if any(not _is_close(other, expected[wrong]) for other in others):
                            continue  # it depends on what stands for 0
                    place = tuple(int(each) for each in np.unravel_index(wrong, numbers.shape))
                    culprit = find_culprit(kernel, values, row.label, output.name, place)
                    return Break(
                        kernel.name,
                        output.name,
                        f"{row.describe(names, chosen)} in {np.dtype(dtype).name}",
                        float(numbers[place]),
                        float(expected[wrong]),
                        "" if culprit is None else describe_culprit(culprit),
                    )
    return None


def _rows(kernel: Kernel) -> Iterator[_Row]:
    takes_targets = str(t) in {array.name for array in kernel.inputs}
    choices = get_args(Choice) if kernel.parameters else ("inside",)
    for choice in choices:
        for logits in _LOGITS if choice == "inside" else _LOGITS_AT_ENDS:
            possible = [place for place in range(_CLASSES) if logits[place] != -np.inf]
            if kernel.labels:
                yield from (_Row(logits, None, place, choice) for place in possible)
            elif takes_targets:
                for targets in (*_TARGETS, *[_NO_TARGETS] * (len(set(logits)) == 1)):
                    if all(place in possible or not target for place, target in enumerate(targets)):
                        yield _Row(logits, targets, None, choice)
            else:
                yield _Row(logits, None, None, choice)


def _stand_ins(row: _Row) -> Iterator[tuple[_Zeros, float]]:
    """What stands for targets of 0 and for -inf: a number smaller than any probability, its powers; twice as far.

    By the powers targets that are all 0 have another direction: what depends on it has no limit.
    """
    small = mpmath.ldexp(1, _SMALL)
    yield (small,) * _CLASSES, _LOST
    if row.has_zeros:
        yield tuple(small ** (2 + place) for place in range(_CLASSES)), _LOST
    if -np.inf in row.logits:
        yield (small,) * _CLASSES, 2 * _LOST


def _has_limit(values: Sequence[Any]) -> bool:
    """Whether the loss is finite, and the same whatever stands for 0 and -inf."""
    if any(value is None for value in values):
        return False
    # Relative: beside an improbable class a logarithm of 0 hardly shows in the loss, and is infinite all the same.
    rounding = mpmath.sqrt(mpmath.eps)
    return all(abs(value - values[0]) <= TOLERANCE**2 * abs(value) + rounding for value in values)


@lru_cache(maxsize=128)
def _point(
    row: _Row, y_definition: Expr | None, parameters: tuple[tuple[str, Parameter], ...], zeros: _Zeros, lost: float
) -> Point:
    """Where the closed forms are evaluated: one point for all kernels, which ask for much the same."""
    values: dict[IndexedBase | Symbol, Any] = {}
    for base, numbers in row.vectors.items():
        values[base] = [mpmath.mpf(max(number, -lost)) for number in numbers]
    if row.has_zeros:
        values[t] = [number or zero for number, zero in zip(values[t], zeros, strict=True)]
    chosen = choose_parameters(tuple(parameter for _, parameter in parameters), _CLASSES, row.choice)
    for name, parameter in parameters:
        number = chosen[parameter.name]
        if parameter.per_class:
            values[IndexedBase(name)] = [mpmath.mpf(float(each)) for each in number]
        else:
            values[Symbol(name, real=True)] = mpmath.mpf(float(number))
    definitions = {} if y_definition is None else {y: (i, y_definition)}
    return Point(Reals(), _CLASSES, values, definitions, {} if row.label is None else {label: row.label})


def _exact(output: Output, point: Point, at_zero: Point, largest: float) -> list[Any]:
    """The exact entries, those of a matrix row by row; None for those that are not finite.

    At a kink the sign of 0 counts, and not that of what stands for it.
    """
    indices = INDICES[output.rank]
    places = [dict(zip(indices, place, strict=True)) for place in product(range(_CLASSES), repeat=len(indices))]
    entries = [_value(output.closed_form, point.at(place), largest) for place in places]
    if output.closed_form.has(sign):
        at_kinks = [_value(output.closed_form, at_zero.at(place), largest) for place in places]
        entries = [entry if known is None else known for entry, known in zip(entries, at_kinks, strict=True)]
    return entries


def _value(closed_form: Expr, point: Point, largest: float) -> Any:
    try:
        value = evaluate(closed_form, point)
    except (BadPointError, UnsupportedError, ZeroDivisionError, OverflowError, ValueError):
        return None
    is_real = isinstance(value, mpmath.mpf) and mpmath.isfinite(value)
    return value if is_real and abs(value) < largest else None


def _all_wrong(got: Array, exact: Sequence[Any], dtype: type[np.floating[Any]]) -> Iterator[int]:
    for place, (number, truth) in enumerate(zip(got, exact, strict=True)):
        if truth is None or abs(truth) > np.finfo(dtype).max / 16:
            continue
        if not _is_close(float(number), float(truth)):
            yield place


def _is_close(number: Any, truth: Any) -> bool:
    return number is not None and abs(number - truth) <= TOLERANCE * max(1.0, abs(truth))
