"""The parts of which the body of a C function is made, as the templates place them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Assignment:
    """`left = right;`, where `left` may begin with a declaration; `+=` for `=` where it adds."""

    left: str
    right: str
    sign: str = "="


@dataclass(frozen=True)
class Gather:
    """The entry of `array` at each row's label, kept apart: a loop that gathers is not vector code everywhere.

    Across rows it is chosen among those of all classes: for ten, a third of the instructions of going to each.
    """

    array: str
    declares: bool
    is_parameter: bool


@dataclass(frozen=True)
class Lets:
    """Values of each of the rows that are worked on side by side.

    Attributes:
        declares: the arrays that hold those which are not outputs.
        lets: how each is computed, in order.
    """

    declares: tuple[str, ...]
    lets: tuple[Assignment, ...]


@dataclass(frozen=True)
class Row:
    """A row of an array that a pass reads or writes; a work array has room for the rows of a block."""

    array: str
    is_output: bool
    is_work: bool = False


@dataclass(frozen=True)
class Pass:
    """One pass over the classes.

    Attributes:
        index: the loop's variable.
        stores: what it does for one class, in order.
        sums: the names of the sums that it finds.
        in_lanes: whether it works along rows in lanes: it has something to reduce, or asks for the label's class.
        asks_for: the classes that it asks for among those of its lanes, `label` or another index.
        maxima: the names of the maxima that it finds.
        rows: the rows that it reads or writes.
        scalars: the values of a row that it reads.
        changes: the arrays of which it needs what they held before, and which it writes.
        patches: what is done for the label's class after the others.
        fetches: the rows of which it fetches in advance what comes next: those that no pass before it has touched.
        inner: passes over all classes again for each class, before what it does for that; what they sum up is known for
            the class at hand alone.
        loads: what it loads for one class before the inner passes, which across rows load for themselves.
    """

    index: str
    stores: tuple[Assignment, ...]
    sums: tuple[str, ...]
    in_lanes: bool
    asks_for: tuple[str, ...]
    maxima: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    scalars: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    patches: tuple[Assignment, ...] = ()
    fetches: tuple[Row, ...] = ()
    inner: "tuple[Pass, ...]" = ()
    loads: tuple[Assignment, ...] = ()


@dataclass(frozen=True)
class Maximum:
    """The largest entry of a row of `array`, in each of the rows; `name` is the array over rows that holds them."""

    name: str
    array: str


Item = Gather | Lets | Maximum | Pass
"""A part of a body: one or more loops."""
