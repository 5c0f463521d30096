"""How wide a formula is when LaTeX has typeset it."""

from functools import lru_cache

from derive.language.show import LatexSpeller, stands_bare
from derive.language.tree import Call, ClassSum, Derivative, Fraction, Grid, Node, Power, Product, Terms

LETTER = 6.0
SCRIPT = 4.4
OPERATOR = 13.4
MINUS = 8.6
SUM_SIGN = 17.6
INLINE_SUM_SIGN = 30.0
PARENTHESIS = 4.3
TALL_PARENTHESIS = 9.9
COLUMN_SEPARATION = 10.0
SCRIPT_SIZE = 0.75
"""Points of an 11 pt Computer Modern, spaces around included, measured with pdflatex and rounded up; and a ratio."""


_MOST_KEPT = 2**14
"""Of how many pieces the widths are kept: each is asked for again by all that it is a piece of."""


@lru_cache(maxsize=_MOST_KEPT)
def width(node: Node, *, inline: bool = False) -> float:
    """The width of `node` in points: hardly ever less than what LaTeX makes of it, at most half as much again.

    `inline` is for what stands inside a fraction, where a sum has its limits beside it.
    """
    match node:
        case Terms(terms):
            signs = MINUS * terms[0][0] + OPERATOR * (len(terms) - 1)
            return signs + sum(width(term, inline=inline) + parentheses(term, Terms) for _, term in terms)
        case Product(factors):
            return sum(width(factor, inline=inline) + parentheses(factor, Terms) + 1.9 for factor in factors)
        case Fraction(above, below):
            return max(width(above, inline=True), width(below, inline=True)) + 2.5
        case Power(base, exponent):
            brackets = parentheses(base, Terms, Fraction, Product, Call)
            return width(base, inline=inline) + brackets + SCRIPT_SIZE * width(exponent)
        case Call():
            return _call_width(node, inline=inline)
        case ClassSum(_, body):
            sign = INLINE_SUM_SIGN if inline else SUM_SIGN
            return sign + width(body, inline=inline) + parentheses(body, Terms)
        case Derivative():
            return _derivative_width(node)
        case Grid(rows):
            columns = (max(map(width, column)) for column in zip(*rows, strict=True))
            return sum(columns) + COLUMN_SEPARATION * len(rows[0]) + 2 * TALL_PARENTHESIS
        case _:
            return _leaf_width(node)


def parentheses(node: Node, *kinds: type) -> float:
    """The width of the parentheses around `node` where it is one of `kinds`."""
    return 2 * _parenthesis(node) if isinstance(node, kinds) else 0.0


def operator_width(node: Derivative) -> float:
    """The width of a derivative's operator in front of what it applies to."""
    return LETTER + sum(LETTER + width(variable) for variable in node.variables)


@lru_cache(maxsize=_MOST_KEPT)
def is_tall(node: Node) -> bool:
    """Whether `node` is taller than a line, so that parentheses around it grow."""
    return LatexSpeller().is_tall(node)


def _parenthesis(node: Node) -> float:
    return TALL_PARENTHESIS if is_tall(node) else PARENTHESIS


def _call_width(node: Call, *, inline: bool) -> float:
    if node.function == "exp" and not is_tall(node.argument):
        return LETTER + SCRIPT_SIZE * width(node.argument)
    brackets = 0.0 if stands_bare(node) else 2 * _parenthesis(node.argument)
    return LETTER * len(node.function) + width(node.argument, inline=inline) + brackets


def _derivative_width(node: Derivative) -> float:
    if is_tall(node.body):
        return operator_width(node) + width(node.body) + 2 * TALL_PARENTHESIS
    above = LETTER + width(node.body) + parentheses(node.body, Terms, Product)
    return max(above, operator_width(node) - LETTER) + 2.5


def _leaf_width(node: Node) -> float:
    """A letter with its index, a number, dots: a command counts as one letter."""
    written, _, subscript = LatexSpeller().spell(node).replace(r"\mathrm", "").partition("_")
    letters = 1 if written.startswith("\\") else sum(map(str.isalnum, written))
    return LETTER * letters + SCRIPT * sum(map(str.isalnum, subscript))
