"""Index and matrix expressions of a layer in the three notations: text, Unicode, LaTeX.

What is written of one row is spelled by `derive.language.show`, each of its vectors with the row's index in front.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from sympy import Integer

from derive import notation
from derive.language.layout import lay_out
from derive.language.show import LatexSpeller, TextSpeller, UnicodeSpeller
from derive.language.spelling import Speller
from derive.language.tree import ONE as TREE_ONE
from derive.language.tree import Fraction as TreeFraction
from derive.language.tree import Name
from derive.language.tree import Node as Tree
from derive.language.tree import Product as TreeProduct
from derive.layer.matrix import ROW_VECTORS
from derive.layer.nodes import (
    LOSS,
    ONES,
    Array,
    Axis,
    Cell,
    Delta,
    Entry,
    Factor,
    Index,
    Inverse,
    Matrix,
    Node,
    Number,
    Plus,
    Product,
    RowForm,
    Slope,
    Sum,
)

_CAPITALS = {str(base.label): array.name for base, array in ROW_VECTORS.items()}
"""The name of the array of each vector of a row."""


_LABEL = str(notation.label)
"""The class of a label: each row has its own."""


class RowText(TextSpeller):
    """The index form, vectors of row r: `Y[r, j]`."""

    def __init__(self, row: Index) -> None:
        self._row = row.name

    def _own(self, index: str) -> str:
        return f"{index}[{self._row}]" if index == _LABEL else index

    def _entry(self, base: str, index: str) -> str:
        own = self._own(index)
        return f"{_CAPITALS[base]}[{self._row}, {own}]" if base in _CAPITALS else super()._entry(base, own)

    def _delta(self, left: str, right: str) -> str:
        return super()._delta(self._own(left), self._own(right))


class RowUnicode(UnicodeSpeller):
    """For a terminal, vectors of row r: `Y_rj`."""

    def __init__(self, row: Index) -> None:
        self._row = row.name

    def _own(self, index: str) -> str:
        return f"{index}_{self._row}" if index == _LABEL else index

    def _entry(self, base: str, index: str) -> str:
        own = self._own(index)
        if base not in _CAPITALS:
            return super()._entry(base, own)
        place = f"{self._row}{own}" if len(own) == 1 else f"({self._row},{own})"
        return f"{_CAPITALS[base]}_{place}"

    def _delta(self, left: str, right: str) -> str:
        return super()._delta(self._own(left), self._own(right))


class RowLatex(LatexSpeller):
    """LaTeX, vectors of row r: `Y_{rj}`."""

    def __init__(self, row: Index, n: int | None = None) -> None:
        super().__init__(n=n)
        self._row = row.name

    def _index(self, index: str) -> str:
        spelled = super()._index(index)
        return f"{spelled}_{self._row}" if index == _LABEL else spelled

    def _entry(self, base: str, index: str) -> str:
        if base in _CAPITALS:
            gap = "," if index == _LABEL else ""
            return f"{_CAPITALS[base]}_{{{self._row}{gap}{self._index(index)}}}"
        return super()._entry(base, index)


def row_tree(node: Node, n: int | None) -> tuple[Tree, RowForm] | None:
    """An expression of one row at `n` classes, with what stands in front, laid out; None where `node` is none."""
    match node:
        case RowForm(form, _, _):
            given = form if n is None else form.xreplace({notation.n: Integer(n)})
            return lay_out(given, (notation.j,)), node
        case Product((Inverse(axis), RowForm() as of_row)) if (laid_out := row_tree(of_row, n)) is not None:
            tree, _ = laid_out
            factors = tree.factors if isinstance(tree, TreeProduct) else (tree,)
            return TreeProduct((TreeFraction(TREE_ONE, Name(axis.size)), *factors)), of_row
    return None


class Notation(ABC):
    """The walk that the notations share.

    Args:
        n: the given number of classes, or None for any.
    """

    times = " "
    minus = " − "
    by = " × "
    closes_slopes = False
    """Whether a derivative needs parentheses where a factor follows it."""

    def __init__(self, n: int | None = None) -> None:
        self.n = n

    def size(self, axis: Axis | None) -> str:
        """The size of an axis; 1 where there is none."""
        if axis is None:
            return "1"
        return str(self.n) if axis.size == notation.n.name and self.n is not None else axis.size

    def spell(self, node: Node) -> str:
        """The formula of `node`."""
        if (laid_out := row_tree(node, self.n)) is not None:
            tree, of_row = laid_out
            return self._speller(of_row.row).spell(tree)
        match node:
            case Number(value):
                return str(value)
            case Inverse(axis):
                return self._fraction("1", self.size(axis))
            case Entry(array, indices, is_transposed):
                return self._entry(self.factor(Factor(array, is_transposed)), [each.name for each in indices])
            case Delta(left, right):
                return self._delta(left.name, right.name)
            case Slope(body, variable):
                inside = self.spell(body)
                if not isinstance(body, Entry):
                    return self._operator(self.spell(variable), f"({inside})")
                return self._slope(inside, self.spell(variable))
            case Sum(index, body):
                return self._sum(index, self._closed(body) if isinstance(body, Plus) else self.spell(body))
            case Product(factors):
                *first, last = factors
                closed = [self._closed(each) for each in first]
                return self.times.join((*closed, self._closed(last) if isinstance(last, Plus) else self.spell(last)))
            case Plus(terms):
                return " + ".join(self.spell(term) for term in terms)
            case Cell(matrix, indices):
                inside = f"({self.matrix(replace(matrix, over=None))})"
                return self._over(matrix, self._entry(inside, [each.name for each in indices]))
        raise TypeError(f"no notation for {node}")

    def _closed(self, node: Node) -> str:
        """`node` where something follows it."""
        written = self.spell(node)
        open_kinds = (Plus, Sum, Slope) if self.closes_slopes else (Plus, Sum)
        return f"({written})" if isinstance(node, open_kinds) else written

    def matrix(self, matrix: Matrix, *, shapes: bool = False) -> str:
        """A sum of matrix products; with the shape under each factor where `shapes` and the notation can."""
        written = ""
        for number, factors in matrix.terms:
            pieces = [self._with_shape(each) if shapes else self.factor(each) for each in factors]
            magnitude = [] if abs(number) == 1 else [self._number(abs(number))]
            sign = self.minus if number < 0 else " + "
            written += (sign if written else sign.strip() if number < 0 else "") + self._joined([*magnitude, *pieces])
        return self._over(matrix, f"({written})" if len(matrix.terms) > 1 and matrix.over is not None else written)

    def _over(self, matrix: Matrix, written: str) -> str:
        """`written` with what `matrix` is divided by in front."""
        return written if matrix.over is None else f"{self._fraction('1', self.size(matrix.over))}{self.times}{written}"

    def shape(self, shape: Sequence[Axis | None]) -> str:
        """`B × d`."""
        return self.by.join(self.size(axis) for axis in shape)

    def derivative_by(self, array: Array) -> str:
        """∂L/∂A for a whole array."""
        return self._slope(LOSS.name, array.name)

    def _number(self, value: Fraction) -> str:
        """A positive number in front of a product."""
        return str(value) if value.denominator == 1 else self._fraction(str(value.numerator), str(value.denominator))

    @abstractmethod
    def _speller(self, row: Index) -> Speller:
        """What spells an expression of one row."""

    @abstractmethod
    def _joined(self, factors: Sequence[str]) -> str:
        """A product of matrices."""

    @abstractmethod
    def factor(self, factor: Factor) -> str:
        """An array, transposed or not."""

    @abstractmethod
    def _entry(self, base: str, indices: Sequence[str]) -> str:
        """An entry of what `base` is; `base` itself without indices."""

    @abstractmethod
    def _delta(self, left: str, right: str) -> str:
        """The Kronecker delta."""

    @abstractmethod
    def _slope(self, body: str, variable: str) -> str:
        """A derivative of an entry."""

    @abstractmethod
    def _operator(self, variable: str, body: str) -> str:
        """A derivative of more than an entry."""

    @abstractmethod
    def _sum(self, index: Index, body: str) -> str:
        """A sum over an axis."""

    @abstractmethod
    def _fraction(self, above: str, below: str) -> str:
        """A fraction of two sizes or numbers, as a factor."""

    def _with_shape(self, factor: Factor) -> str:
        """An array with its shape; the shapes stand beside the formula where a notation is one line high."""
        return self.factor(factor)


class TextNotation(Notation):
    """Python's: `sum(X[r, a]*G[r, j] for r in range(B))`, `X.T @ G`."""

    times = "*"
    minus = " - "

    def _speller(self, row: Index) -> Speller:
        return RowText(row)

    def _joined(self, factors: Sequence[str]) -> str:
        return " @ ".join(factors)

    def factor(self, factor: Factor) -> str:
        """An array, `.T` where it is transposed."""
        name = "ones" if factor.array == ONES else factor.array.name
        return f"{name}.T" if factor.is_transposed else name

    def _entry(self, base: str, indices: Sequence[str]) -> str:
        return f"{base}[{', '.join(indices)}]" if indices else base

    def _delta(self, left: str, right: str) -> str:
        return f"delta({left}, {right})"

    def _slope(self, body: str, variable: str) -> str:
        return f"diff({body}, {variable})"

    def _operator(self, variable: str, body: str) -> str:
        return self._slope(body[1:-1], variable)

    def _sum(self, index: Index, body: str) -> str:
        return f"sum({body} for {index.name} in range({self.size(index.axis)}))"

    def _fraction(self, above: str, below: str) -> str:
        return f"{above}/{below}"


class UnicodeNotation(Notation):
    """One line for a terminal: `Σ_r X_ra G_rj`, `Xᵀ G`."""

    closes_slopes = True

    def _speller(self, row: Index) -> Speller:
        return RowUnicode(row)

    def _joined(self, factors: Sequence[str]) -> str:
        return " ".join(factors)

    def factor(self, factor: Factor) -> str:
        """An array, ᵀ where it is transposed."""
        return f"{factor.array.name}{'ᵀ' if factor.is_transposed else ''}"

    def _entry(self, base: str, indices: Sequence[str]) -> str:
        base = f"({base})" if base.endswith("ᵀ") else base
        return f"{base}_{''.join(indices)}" if indices else base

    def _delta(self, left: str, right: str) -> str:
        return f"δ_{left}{right}"

    def _slope(self, body: str, variable: str) -> str:
        return f"∂{body}/∂{variable}"

    def _operator(self, variable: str, body: str) -> str:
        return f"∂/∂{variable} {body}"

    def _sum(self, index: Index, body: str) -> str:
        return f"Σ_{index.name} {body}"

    def _fraction(self, above: str, below: str) -> str:
        return f"({above}/{below})"


class LatexNotation(Notation):
    r"""LaTeX for amsmath: `\sum_{r} X_{ra} G_{rj}`, `X^{\top} G`; shapes under the factors."""

    minus = " - "
    by = r" \times "

    def _speller(self, row: Index) -> Speller:
        return RowLatex(row, self.n)

    def _joined(self, factors: Sequence[str]) -> str:
        return r" \, ".join(factors)

    def factor(self, factor: Factor) -> str:
        r"""An array, `^{\top}` where it is transposed."""
        name = r"\mathbf{1}" if factor.array == ONES else factor.array.name
        return f"{name}^{{\\top}}" if factor.is_transposed else name

    def _entry(self, base: str, indices: Sequence[str]) -> str:
        base = f"({base})" if base.endswith(r"\top}") else base
        return f"{base}_{{{''.join(indices)}}}" if indices else base

    def _delta(self, left: str, right: str) -> str:
        return rf"\delta_{{{left}{right}}}"

    def _slope(self, body: str, variable: str) -> str:
        return rf"\frac{{\partial {body}}}{{\partial {variable}}}"

    def _operator(self, variable: str, body: str) -> str:
        return rf"\frac{{\partial}}{{\partial {variable}}} \Bigl{body[:-1]}\Bigr)"

    def _sum(self, index: Index, body: str) -> str:
        return rf"\sum_{{{index.name}}} {body}"

    def _fraction(self, above: str, below: str) -> str:
        return rf"\frac{{{above}}}{{{below}}}"

    def _with_shape(self, factor: Factor) -> str:
        """The array with a brace under it and its shape."""
        return rf"\underbrace{{{self.factor(factor)}}}_{{{self.shape(factor.shape)}}}"
