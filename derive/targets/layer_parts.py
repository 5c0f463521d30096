"""A layer's derivation laid out for LaTeX: chains with their reasons, and results with the shape under each factor."""

import re
from dataclasses import dataclass

from derive.language.show import latex
from derive.language.tree import Call, ClassSum, Delta, Derivative, Fraction, Name, Product, Terms
from derive.language.tree import Entry as TreeEntry
from derive.language.tree import Node as Tree
from derive.language.tree import Number as TreeNumber
from derive.layer import nodes
from derive.layer.engine import LayerChain, LayerResult, LayerStep
from derive.layer.evaluate import Shape
from derive.layer.nodes import ONES, Array, Cell, Entry, G, Index, Node, T, W, X, Y, Z, b
from derive.layer.show import LatexNotation, Notation, RowLatex, row_tree
from derive.targets.latex_lines import LineBreaker
from derive.targets.latex_parts import GAP, INDENT, LINE, REASON, ChainPart, Equation, Part, Row
from derive.targets.latex_prose import escape
from derive.targets.latex_width import OPERATOR, width

_MEANINGS: dict[Array, str] = {
    X: "inputs, one row for each example",
    W: "weights",
    b: "biases, a row that is added to every row of X W",
    Z: "logits",
    Y: "what the activation makes of each row of Z",
    T: "targets",
    G: "derivative of the loss with respect to Z",
    ONES: "a column of ones",
}
"""What each array holds, in the order in which they are introduced."""

_LETTER = re.compile(r"(?<![\w-])([XWZGYTLBbdnr])(?![\w-])")
"""A letter of the layer that stands alone."""


class _RowBreaker(LineBreaker, RowLatex):
    """Breaks expressions of one row of the batch."""

    def __init__(self, row: Index, n: int | None) -> None:
        RowLatex.__init__(self, row, n)
        self._upper_limit = "" if n is None else f"^{{{n}}}"


@dataclass(frozen=True)
class ShapedArray:
    """An array of the layer for the list of them: its letter, shape and meaning."""

    letter: str
    shape: str
    meaning: str


def introduced(result: LayerResult) -> dict[Array, str]:
    """The arrays of a derivation, and what each holds."""
    has_y = result.composition.y_definition is not None
    return {array: meaning for array, meaning in _MEANINGS.items() if has_y or array != Y}


def left_side(chain: LayerChain, notation: Notation) -> str:
    """What a chain derives, as a whole array: `∂L/∂W`, `Z`; with the letter that later chains use for it."""
    left = notation.derivative_by(chain.array) if chain.is_derivative else chain.array.name
    return left if chain.symbol is None else f"{chain.symbol.name} = {left}"


def left_entry(chain: LayerChain, notation: Notation) -> str:
    """What a chain derives, entry by entry: `∂L/∂Z_rj`; with the letter that later chains use for it."""
    left = notation.spell(chain.left)
    if chain.symbol is None or not isinstance(chain.left, nodes.Slope):
        return left
    return f"{notation.spell(Entry(chain.symbol, chain.left.variable.indices))} = {left}"


def arrays(result: LayerResult) -> tuple[ShapedArray, ...]:
    """The arrays with their shapes."""
    notation = LatexNotation(result.n)
    return tuple(
        ShapedArray(notation.factor(nodes.Factor(array)), notation.shape(nodes.Factor(array).shape), words(meaning))
        for array, meaning in introduced(result).items()
    )


def parts(result: LayerResult) -> tuple[Part, ...]:
    """One part for each chain, the last one with how all were checked."""
    checked = words(check_sentence(result))
    return tuple(_part(result, chain, checked if chain == result.chains[-1] else "") for chain in result.chains)


def _part(result: LayerResult, chain: LayerChain, checked: str) -> Part:
    """A chain, and its result with every shape; a chain that has no matrix form ends in its result."""
    used = [each for step in chain.steps for each in step.assumptions]
    facts = tuple(f"{latex(each.left)} = {latex(each.right)}" for each in used)
    closed_form = None if chain.matrix is None else equation(result, chain)
    return Part(words(chain.title), (_chain(result, chain),), closed_form, (), facts, None, (), checked)


def equation(result: LayerResult, chain: LayerChain) -> Equation:
    """A result in matrix form with every shape; in index form where it has no matrix form."""
    notation = LatexNotation(result.n)
    if chain.matrix is None:
        symbols = [] if chain.symbol is None else [width(TreeEntry(chain.symbol.name, "rj")) + OPERATOR]
        room = LINE - OPERATOR - width(_tree(chain.left)) - sum(symbols) - INDENT
        return Equation(left_entry(chain, notation), _lines(result, chain.result, room)[0])
    left, shape = left_side(chain, notation), notation.shape(nodes.Factor(chain.array).shape)
    return Equation(rf"\underbrace{{{left}}}_{{{shape}}}", (notation.matrix(chain.matrix, shapes=True),))


def _chain(result: LayerResult, chain: LayerChain) -> ChainPart:
    left = _tree(chain.left)
    room = LINE - OPERATOR - width(left)
    rows = tuple(_row(result, step, room) for step in chain.steps)
    return ChainPart(words(chain.title), LatexNotation(result.n).spell(chain.left), left_is_long=False, rows=rows)


def _row(result: LayerResult, step: LayerStep, room: float) -> Row:
    lines, widths = _lines(result, step.after, room)
    narrow = [each <= room - REASON * LINE - GAP for each in widths]
    beside = next((position for position, fits in enumerate(narrow) if fits), len(lines))
    facts = tuple(f"{latex(each.left)} = {latex(each.right)}" for each in step.assumptions)
    return Row(lines, not all(narrow), beside, escape(step.rule), words(step.reason), facts)


def _lines(result: LayerResult, node: Node, room: float) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The formula in lines with their widths: an expression of one row may need several."""
    if (laid_out := row_tree(node, result.n)) is None:
        return (LatexNotation(result.n).spell(node),), (width(_tree(node)),)
    tree, of_row = laid_out
    lines = _RowBreaker(of_row.row, result.n).lines(tree, room, room - INDENT)
    return tuple(line.written for line in lines), tuple(line.width for line in lines)


def _tree(node: Node) -> Tree:
    """An expression as wide as `node`, for the measure of widths."""
    match node:
        case nodes.Inverse(axis):
            return Fraction(TreeNumber(1), Name(axis.size))
        case Entry(array, indices, is_transposed):
            return TreeEntry(array.name + "TT" * is_transposed, "".join(index.name for index in indices))
        case nodes.Delta(left, right):
            return Delta(left.name, right.name)
        case nodes.Slope(body, variable):
            return Derivative(_tree(body), (_tree(variable),))
        case nodes.Sum(index, body):
            return ClassSum(index.name, _tree(body))
        case nodes.Product(factors):
            return Product(tuple(_tree(factor) for factor in factors))
        case nodes.Plus(terms):
            return Terms(tuple((False, _tree(term)) for term in terms))
        case Cell(matrix, indices):
            named = [each for _, term in matrix.terms for each in term]
            name = "".join(each.array.name + "T" * each.is_transposed for each in named)
            return Call(name, TreeEntry("", "".join(index.name for index in indices)))
        case _:
            return Name(str(node))


def words(sentence: str) -> str:
    """`sentence` as LaTeX text, the letters of the layer in mathematics."""
    return _LETTER.sub(r"$\1$", escape(sentence))


def check_sentence(result: LayerResult) -> str:
    """How the derivation was checked: one sentence in plain words."""
    checked = list(dict.fromkeys(shape for step in result.steps for shape in step.shapes))
    sentence = f"each step exactly, modulo a large prime at random points, with (B, d, n) = {_listed(checked)}"
    sentence += "; Z and the derivatives by W, b and X also by proof, for every differentiable loss, with (B, d, n) = "
    sentence += _listed(list(result.proved))
    return f"Checked: {sentence}. The three sizes differ, so that a wrong transpose could not even be multiplied."


def _listed(shapes: list[Shape]) -> str:
    *most, last = map(str, shapes)
    return f"{', '.join(most)} and {last}" if most else last
