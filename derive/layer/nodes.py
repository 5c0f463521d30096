"""Index expressions over several axes: entries of arrays, deltas, sums over an axis, derivatives not yet taken.

Factors and terms keep the order in which they are written, because the order of a matrix product is what a derivation
here is about.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from sympy import Expr


@dataclass(frozen=True)
class Axis:
    """A range that indices run over: its name in words, and the letter of its size."""

    name: str
    size: str


ROWS, FEATURES, CLASSES = Axis("rows", "B"), Axis("features", "d"), Axis("classes", "n")
AXES = (ROWS, FEATURES, CLASSES)


@dataclass(frozen=True)
class Index:
    """An index with the axis it runs over."""

    name: str
    axis: Axis


INDICES: Mapping[Axis, tuple[Index, ...]] = {
    axis: tuple(Index(name, axis) for name in names)
    for axis, names in ((ROWS, "rsuv"), (FEATURES, "acef"), (CLASSES, "jkil"))
}
"""The indices of each axis, in the order in which they are taken."""


@dataclass(frozen=True)
class Array:
    """A named array. One axis makes a row vector, or a column where `is_column`; no axis makes a number."""

    name: str
    axes: tuple[Axis, ...]
    is_column: bool = False


X = Array("X", (ROWS, FEATURES))
W = Array("W", (FEATURES, CLASSES))
b = Array("b", (CLASSES,))
Z = Array("Z", (ROWS, CLASSES))
Y = Array("Y", (ROWS, CLASSES))
O = Array("O", (ROWS, CLASSES))
"""The output of an activation that is not y itself."""
T = Array("T", (ROWS, CLASSES))
G = Array("G", (ROWS, CLASSES))
"""∂L/∂Z."""
ROW_LOSS = Array("L", (ROWS,), is_column=True)
LOSS = Array("L", ())
ONES = Array("1", (ROWS,), is_column=True)


@dataclass(frozen=True)
class Number:
    """A rational number."""

    value: Fraction


@dataclass(frozen=True)
class Inverse:
    """One over the size of an axis."""

    axis: Axis


@dataclass(frozen=True)
class Entry:
    """An entry of an array; of its transpose where `is_transposed`, the indices then in the transpose's order."""

    array: Array
    indices: tuple[Index, ...]
    is_transposed: bool = False


@dataclass(frozen=True)
class Delta:
    """1 where the two indices are equal, 0 elsewhere."""

    left: Index
    right: Index


@dataclass(frozen=True)
class Slope:
    """A partial derivative not yet taken: ∂body/∂variable. What defines `body` follows the variable."""

    body: "Node"
    variable: Entry


@dataclass(frozen=True)
class Sum:
    """The sum of `body` over all values of `index`."""

    index: Index
    body: "Node"


@dataclass(frozen=True)
class Product:
    """Factors, in the order in which they are written."""

    factors: "tuple[Node, ...]"


@dataclass(frozen=True)
class Plus:
    """Terms, in the order in which they are written."""

    terms: "tuple[Node, ...]"


@dataclass(frozen=True)
class RowForm:
    """An expression of the notation of one row (`derive.notation`), read at a row of the batch.

    Attributes:
        form: the expression; its vectors z, y, o and t are those of the row.
        row: which row.
        column: the index that stands for the free index j of `form`; None where it has none.
    """

    form: Expr
    row: Index
    column: Index | None


@dataclass(frozen=True)
class Factor:
    """An array as a factor of a matrix product, transposed or not."""

    array: Array
    is_transposed: bool = False

    @property
    def shape(self) -> tuple[Axis | None, Axis | None]:
        """Its row and column axes; None stands for a size of 1."""
        axes: tuple[Axis | None, ...] = self.array.axes
        if len(axes) == 1:
            axes = (axes[0], None) if self.array.is_column else (None, axes[0])
        first, second = axes
        return (second, first) if self.is_transposed else (first, second)


@dataclass(frozen=True)
class Matrix:
    """A sum of matrix products, each with a number in front; over the size of the axis `over` if there is one."""

    terms: tuple[tuple[Fraction, tuple[Factor, ...]], ...]
    over: Axis | None = None

    @property
    def shape(self) -> tuple[Axis | None, Axis | None]:
        """Its row and column axes; None stands for a size of 1."""
        factors = self.terms[0][1]
        return factors[0].shape[0], factors[-1].shape[1]


@dataclass(frozen=True)
class Cell:
    """The entry of a matrix expression at its indices; a row or a column has one."""

    matrix: Matrix
    indices: tuple[Index, ...]


Node = Number | Inverse | Entry | Delta | Slope | Sum | Product | Plus | RowForm | Cell

ZERO, ONE = Number(Fraction(0)), Number(Fraction(1))


def product(*factors: Node) -> Node:
    """The product of `factors`: products among them dissolve, ones vanish, a zero leaves nothing else."""
    flat = [part for each in factors for part in (each.factors if isinstance(each, Product) else (each,))]
    if ZERO in flat:
        return ZERO
    kept = tuple(each for each in flat if each != ONE)
    return ONE if not kept else kept[0] if len(kept) == 1 else Product(kept)


def plus(*terms: Node) -> Node:
    """The sum of `terms`; zeros vanish."""
    kept = tuple(each for each in terms if each != ZERO)
    return ZERO if not kept else kept[0] if len(kept) == 1 else Plus(kept)


def children(node: Node) -> tuple[Node, ...]:
    """The expressions directly inside `node`, the variable of a derivative apart."""
    match node:
        case Slope(body, _) | Sum(_, body):
            return (body,)
        case Product(parts) | Plus(parts):
            return parts
        case _:
            return ()


def with_children(node: Node, parts: tuple[Node, ...]) -> Node:
    """`node` with other expressions inside."""
    match node:
        case Slope(_, variable):
            return Slope(parts[0], variable)
        case Sum(index, _):
            return ZERO if parts[0] == ZERO else Sum(index, parts[0])
        case Product():
            return product(*parts)
        case Plus():
            return plus(*parts)
        case _:
            return node


def own_indices(node: Node) -> tuple[Index, ...]:
    """The indices that `node` itself reads, not those of its parts."""
    match node:
        case Entry(_, indices) | Cell(_, indices):
            return indices
        case Delta(left, right):
            return (left, right)
        case Slope(_, variable):
            return variable.indices
        case RowForm(_, row, column):
            return (row,) if column is None else (row, column)
        case _:
            return ()


def all_indices(node: Node) -> Iterator[Index]:
    """Every index in `node`, free or bound, as often as it occurs."""
    yield from own_indices(node)
    if isinstance(node, Sum):
        yield node.index
    for child in children(node):
        yield from all_indices(child)


def free_indices(node: Node) -> frozenset[Index]:
    """The indices that no sum in `node` binds."""
    inside = frozenset(own_indices(node)).union(*map(free_indices, children(node)))
    return inside - {node.index} if isinstance(node, Sum) else inside


def fresh(axis: Axis, used: frozenset[Index]) -> Index:
    """The first index of `axis` that is not used."""
    return next(index for index in INDICES[axis] if index not in used)


def rename(node: Node, names: Mapping[Index, Index]) -> Node:
    """`node` with its indices replaced, simultaneously, bound ones included: the caller keeps the names apart."""

    def new(indices: tuple[Index, ...]) -> tuple[Index, ...]:
        return tuple(names.get(index, index) for index in indices)

    parts = tuple(rename(child, names) for child in children(node))
    match node:
        case Entry(array, indices, is_transposed):
            return Entry(array, new(indices), is_transposed)
        case Cell(matrix, indices):
            return Cell(matrix, new(indices))
        case Delta(left, right):
            return Delta(*new((left, right)))
        case Slope(_, variable):
            return Slope(parts[0], Entry(variable.array, new(variable.indices)))
        case Sum(index, _):
            return Sum(names.get(index, index), parts[0])
        case RowForm(form, row, column):
            return RowForm(form, names.get(row, row), None if column is None else names.get(column, column))
        case _:
            return with_children(node, parts)
