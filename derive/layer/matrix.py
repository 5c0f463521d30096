"""From index form to matrix form, by the pattern of the indices alone.

A sum of products is a product of matrices where its factors form a path: each summed index stands in two factors, the
free indices at the ends. Written along the path, neighbours share a summed index; a factor that holds it on the wrong
side is transposed; an end without a partner meets a vector of ones. So the order of the factors, every transpose and
every vector of ones follow from where the indices stand: Σ_r G_rj X_ra = Σ_r (Xᵀ)_ar G_rj = (Xᵀ G)_aj.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import sympy
from sympy import Indexed, IndexedBase

from derive import notation
from derive.errors import UnsupportedError
from derive.layer.nodes import (
    ONES,
    Array,
    Axis,
    Cell,
    Entry,
    Factor,
    Index,
    Inverse,
    Matrix,
    Node,
    Number,
    O,
    Plus,
    Product,
    RowForm,
    Sum,
    T,
    Y,
    Z,
    plus,
    product,
)

ROW_VECTORS: dict[IndexedBase, Array] = {notation.z: Z, notation.y: Y, notation.o: O, notation.t: T}
"""The array that holds a vector of every row."""

ORDER = ("order", "numbers commute, so that neighbours share an index and the free indices stand outside")
ONES_PUT_IN = ("ones", "an index without a partner meets the entry 1 of a vector of ones")
TRANSPOSE = ("transpose", "what is summed must stand inside, so rows and columns change places")
MULTIPLY = ("matrix product", "the indices inside are equal and summed, those outside are free")
ENTRYWISE = ("matrix form", "the same for every row and column")


@dataclass(frozen=True)
class Link:
    """A factor on the path, the index towards its left and right; None at the end of a vector."""

    entry: Entry
    left: Index | None
    right: Index | None

    @property
    def is_turned(self) -> bool:
        """Whether the entry is one of the transpose."""
        ends = (self.left, self.right)
        if None in ends:
            return (self.left is not None) != self.entry.array.is_column
        return self.entry.indices != ends

    @property
    def turned(self) -> Entry:
        """The entry as it stands on the path, of the transpose where its own indices stand the other way."""
        indices = tuple(index for index in (self.left, self.right) if index is not None)
        return Entry(self.entry.array, indices, self.is_turned)

    @property
    def factor(self) -> Factor:
        """The array as a factor of the matrix product."""
        return Factor(self.entry.array, self.is_turned)


def matrix_lines(expression: Node, row: Index | None, column: Index) -> Iterator[tuple[str, str, Node]]:
    """The way from a sum of products to the entry of a matrix: rule, reason and expression of each line.

    Args:
        expression: the index form.
        row: its free index that names the row of the result; None where the result is a row vector.
        column: its free index that names the column.

    Raises:
        UnsupportedError: the factors form no path from `row` to `column`.
    """
    terms = expression.terms if isinstance(expression, Plus) else (expression,)
    paths = [_path(term, row, column) for term in terms]
    own = [tuple(link for link in path if link.entry.array != ONES) for path in paths]
    yield (*ORDER, _written(terms, own, turned=False))
    yield (*ONES_PUT_IN, _written(terms, paths, turned=False))
    yield (*TRANSPOSE, _written(terms, paths, turned=True))
    indices = (column,) if row is None else (row, column)
    products = tuple((Fraction(1), tuple(link.factor for link in path)) for path in paths)
    yield (*MULTIPLY, Cell(Matrix(products), indices))


def entrywise(expression: Node) -> Cell | None:
    """(1/B) (Y − T)_rj from (1/B) (Y_rj − T_rj): a linear form of arrays, all read at one entry; None if it is none."""
    factors = expression.factors if isinstance(expression, Product) else (expression,)
    scales = [each.axis for each in factors if isinstance(each, Inverse)]
    match [each for each in factors if not isinstance(each, Inverse)]:
        case [RowForm(form, row, Index() as column)] if len(scales) < 2:
            terms = _linear_terms(form)
            over: Axis | None = scales[0] if scales else None
            return Cell(Matrix(terms, over), (row, column)) if terms else None
    return None


def _linear_terms(form: sympy.Expr) -> tuple[tuple[Fraction, tuple[Factor, ...]], ...]:
    """The terms of a linear form in the row's vectors, those added first; none where it is no such form."""
    terms: list[tuple[Fraction, tuple[Factor, ...]]] = []
    for term in sympy.Add.make_args(form):
        number, rest = term.as_coeff_Mul()
        if not (isinstance(rest, Indexed) and rest.base in ROW_VECTORS and rest.indices == (notation.j,)):
            return ()
        terms.append((Fraction(int(number.p), int(number.q)), (Factor(ROW_VECTORS[rest.base]),)))
    return tuple(sorted(terms, key=lambda each: (each[0] < 0, each[1][0].array.name)))


def _written(terms: tuple[Node, ...], paths: list[tuple[Link, ...]], *, turned: bool) -> Node:
    """The terms along their paths, under the sums that they had."""
    written = []
    for term, path in zip(terms, paths, strict=True):
        body = product(*(link.turned if turned else link.entry for link in path))
        for index in reversed(_taken_apart(term)[0]):
            body = Sum(index, body)
        written.append(body)
    return plus(*written)


def _taken_apart(term: Node) -> tuple[tuple[Index, ...], tuple[Entry, ...]]:
    """The summed indices and the factors of a term."""
    match term:
        case Sum(index, body):
            inner, entries = _taken_apart(body)
            return (index, *inner), entries
        case Product(factors):
            parts = [_taken_apart(factor) for factor in factors]
            return tuple(each for sums, _ in parts for each in sums), tuple(each for _, own in parts for each in own)
        case Number(value) if value == 1:
            return (), ()
        case Entry():
            return (), (term,)
    raise UnsupportedError(f"no product of matrices has the factor {term}")


def _path(term: Node, row: Index | None, column: Index) -> tuple[Link, ...]:
    """The factors of a term from `row` to `column`, found from the right; ones where an end has no partner."""
    summed, entries = _taken_apart(term)
    remaining, links = list(entries), list[Link]()
    end: Index | None = column
    while end is not None and (holders := [entry for entry in remaining if end in entry.indices]):
        holder, *others = holders
        if others or holder.indices.count(end) > 1:
            raise UnsupportedError(f"no product of matrices: {end.name} stands in several places at once")
        remaining.remove(holder)
        left = next((index for index in holder.indices if index != end), None)
        links.insert(0, Link(holder, left, end))
        end = left
    # The path ends early in a vector, which leaves the free row alone; or in a sum, which leaves its own index.
    if links and end is None and row is not None:
        links.insert(0, Link(Entry(ONES, (row,)), row, None))
    elif links and end is not None and row is None:
        links.insert(0, Link(Entry(ONES, (end,)), None, end))
    inner = {link.right for link in links[:-1]} - {None}
    if not links or remaining or links[0].left != row or inner != set(summed):
        raise UnsupportedError("no product of matrices: the factors form no path between the free indices")
    return tuple(links)
