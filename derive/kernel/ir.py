"""The loop program: what one kernel does to one row, before any language.

A kernel is a sequence of statements over one row of `n` classes: scalars (`Let`), elementwise maps (`Map`), reductions
to a scalar (`Reduce`) and sums for each class (`PairSum`). Reading an array at an index is `Element`; the index is that
of a surrounding map or reduction, or `LABEL`, the class that the row's label names. The batch is not in the program: a
target loops over the rows, or broadcasts over them.

Nothing here knows SymPy, a loss, or a target.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from derive.catalogue.parameters import Parameter

LABEL = "label"
"""The index whose value is the row's class label, or the class of the largest logit: see `Kernel.largest_is_label`."""

CLASS_COUNT = "n"
"""The scalar that holds the number of classes."""

OPERATIONS: dict[str, int | None] = {
    "add": None,
    "mul": None,
    "sub": 2,
    "div": 2,
    "neg": 1,
    "pow": 2,
    "exp": 1,
    "expm1": 1,
    "log": 1,
    "log1p": 1,
    "sqrt": 1,
    "tanh": 1,
    "abs": 1,
    "sign": 1,
    "max": 2,
    "equal": 2,
    "less": 2,
    "select": 3,
    "exp_difference": 2,
}
"""Each operation and its number of arguments; None for any number from two up.

`equal`, `less` give a truth value, which only `select(condition, if_true, if_false)` takes. `exp_difference(a, b)` is
exp(a - b) with the rounding error of the difference put back.
"""


@dataclass(frozen=True)
class Const:
    """An exact rational number."""

    value: Fraction


@dataclass(frozen=True)
class Scalar:
    """A value of the row: a parameter, `CLASS_COUNT`, or the result of an earlier `Let` or `Reduce`."""

    name: str


@dataclass(frozen=True)
class Element:
    """`array` at `index`, the index of a surrounding loop or `LABEL`."""

    array: str
    index: str


@dataclass(frozen=True)
class Same:
    """Whether two indices are the same class: a truth value for `select`."""

    left: str
    right: str


@dataclass(frozen=True)
class Call:
    """One of `OPERATIONS` applied to its arguments."""

    operation: str
    arguments: "tuple[Expression, ...]"


Expression = Const | Scalar | Element | Same | Call


@dataclass(frozen=True)
class Let:
    """Name a scalar of the row. A `Let` of an output of rank 0 stores it."""

    name: str
    value: Expression


@dataclass(frozen=True)
class Reduce:
    """Name the sum or maximum of `value` over all classes at `index`."""

    name: str
    operation: Literal["sum", "max"]
    index: str
    value: Expression


@dataclass(frozen=True)
class Map:
    """Store `value` in `array` for every class at `indices`: one index for a vector, two (row, column) for a matrix.

    `array` is an output or a work array. It may read the entry of `array` that it overwrites.
    """

    array: str
    indices: tuple[str, ...]
    value: Expression


@dataclass(frozen=True)
class PairSum:
    """Store in `array`, for every class at the first of `indices`, the sum of `value` over all classes at the second.

    `array` is a work array; within a `Loop`, one of which each entry is known to that loop alone.
    """

    array: str
    indices: tuple[str, str]
    value: Expression


@dataclass(frozen=True)
class Loop:
    """Maps and reductions over one index that run in one pass; made by the fusion pass alone.

    Statements run in order for each class; a scalar reduced in the loop is known only after it.
    """

    index: str
    body: tuple[Map | Reduce | PairSum, ...]


Statement = Let | Reduce | Map | PairSum | Loop


@dataclass(frozen=True)
class Array:
    """An array parameter. Rank 0 is one number a row, rank 1 a vector over the classes, rank 2 a matrix."""

    name: str
    rank: int


@dataclass(frozen=True)
class Kernel:
    """The program of one function.

    Attributes:
        name: the function's quantity as its name says it: `gradient`, `loss_and_gradient`.
        inputs: vectors over the classes that it reads, in the order of the signature. Never written.
        labels: whether it takes class labels, one a row, after the first input, where dense targets would stand.
        parameters: numbers, or vectors of one number for each class, that are the same for every row. Never written.
        outputs: what it computes, in the order of the signature.
        work: vectors it may use as scratch; a target that cannot allocate refuses a kernel that has any.
        n: the fixed number of classes, or None where it is an argument.
        body: the statements.
        largest_is_label: whether `LABEL` is the first class whose entry of the first input is the largest.
    """

    name: str
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    body: tuple[Statement, ...]
    labels: bool = False
    parameters: tuple[Parameter, ...] = ()
    work: tuple[str, ...] = ()
    n: int | None = None
    largest_is_label: bool = False
    notes: tuple[str, ...] = field(default=())
    """One sentence for each named step of the passes, in order; targets print them as comments."""

    @property
    def has_label(self) -> bool:
        """Whether a class of the row is singled out as `LABEL`."""
        return self.labels or self.largest_is_label
