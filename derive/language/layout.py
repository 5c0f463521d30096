"""What a person would write for an expression, before any notation: order, signs, fractions, names of indices.

`lay_out` turns a SymPy expression into a tree of the pieces in `derive.language.tree`; `derive.language.show` spells
the tree as Python text, as Unicode or as LaTeX. The order is that of a blackboard: positive terms first and simple
before complicated (`y_j - t_j - Σ_i ...`); in a product numbers, parameters, entries (g, v, t, y, z), functions,
parentheses, sums over the classes last (`y_j (v_j - Σ_i v_i y_i)`).
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain, count

import sympy
from sympy import Add, Basic, Expr, Indexed, KroneckerDelta, MatrixBase, Mul, Pow, Rational, Symbol

from derive.errors import UnsupportedError
from derive.language.tree import (
    ONE,
    Call,
    ClassSum,
    Delta,
    Derivative,
    Entry,
    Fraction,
    Grid,
    Name,
    Node,
    Number,
    Power,
    Product,
    Terms,
    class_sums,
    negated,
    size,
)
from derive.notation import Contraction, Partial

FUNCTIONS: dict[type[Basic], str] = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.tanh: "tanh",
    sympy.Abs: "abs",
    sympy.sign: "sign",
}
"""The functions that a formula may call, and their names in the index form."""

_ENTRY_ORDER = "gvtoyz"
_INDEX_LETTERS = "ijklmpqrsuw"


_FACTOR_RANK: dict[type, int] = {
    Number: 0,
    Name: 1,
    Entry: 3,
    Call: 4,
    Delta: 5,
    Derivative: 6,
    Terms: 7,
    Product: 7,
    Fraction: 7,
    Power: 7,
    ClassSum: 9,
}
"""Where each kind of factor, or base of a power, stands in a product."""

_LOSS_DERIVATIVE_RANK = 2
"""∂L/∂y_i leads the chain rule; what it is multiplied by follows."""
_LOGARITHM_RANK = 8
"""A logarithm closes the product, so that its argument needs no parentheses."""


def lay_out(expression: Basic, avoid: Collection[Basic] = ()) -> Node:
    """`expression` as a person would write it.

    Args:
        expression: an expression of the notation, or a matrix of them.
        avoid: indices (or other symbols) whose names no bound index may take, beside those free in `expression`. Pass
            the free indices of a whole chain, so that its bound indices keep their names from line to line.

    Raises:
        UnsupportedError: a node that the notation does not have; names it.
    """
    taken = {str(symbol) for symbol in (*_symbols(expression), *avoid)}
    return _Layout(taken).node(expression, {})


def _symbols(expression: Basic) -> Iterator[Basic]:
    """The symbols free in `expression`, matrices entry by entry."""
    entries = expression.flat() if isinstance(expression, MatrixBase) else [expression]
    for entry in entries:
        yield from entry.free_symbols


def _factor_key(node: Node) -> tuple[object, ...]:
    """Where a factor stands in a product."""
    base = node.base if isinstance(node, Power) else node
    letter, index = (_ENTRY_ORDER.find(base.base), base.index) if isinstance(base, Entry) else (0, "")
    return (_factor_rank(base), letter, index, class_sums(node), size(node), repr(node))


def _factor_rank(node: Node) -> int:
    match node:
        case Derivative(Name(), _):
            return _LOSS_DERIVATIVE_RANK
        case Call("log", _):
            return _LOGARITHM_RANK
        case _:
            return _FACTOR_RANK[type(node)]


def _term_key(signed: tuple[bool, Node]) -> tuple[object, ...]:
    """Where a term stands in a sum."""
    negative, term = signed
    first = term.factors[0] if isinstance(term, Product) else term
    return (negative, class_sums(term), size(term), _factor_key(first)[:3], repr(term))


def _product(factors: Iterable[Node]) -> Node:
    """The product of `factors` in a person's order; products among them dissolve, ones vanish."""
    flat = [part for factor in factors for part in (factor.factors if isinstance(factor, Product) else (factor,))]
    kept = sorted((factor for factor in flat if factor != ONE), key=_factor_key)
    return ONE if not kept else kept[0] if len(kept) == 1 else Product(tuple(kept))


def _is_scalar(node: Node) -> bool:
    """Whether `node` is a number, a parameter or a power of one: what stands in front of everything else."""
    base = node.base if isinstance(node, Power) else node
    return isinstance(base, (Number, Name))


def _stands_beside(node: Node) -> bool:
    """Whether `node` reads better after a fraction than inside its numerator."""
    base = node.base if isinstance(node, Power) else node
    return isinstance(base, (Delta, Derivative, Terms)) or class_sums(base) > 0


class _Layout:
    """One walk over one expression; knows the names that no bound index may take."""

    def __init__(self, taken: Collection[str]) -> None:
        self._taken = taken

    def node(self, expression: Basic, names: dict[Basic, str]) -> Node:
        """`expression` laid out, with `names` for the indices bound around it."""
        match expression:
            case Rational():
                return self._rational(expression)
            case Add():
                return (
                    self._terms(expression, names) if expression.primitive()[0] == 1 else self._mul(expression, names)
                )
            case Mul():
                return self._mul(expression, names)
            case Pow():
                return self._power(expression, names)
            case Contraction():
                name = self._fresh(names)
                return ClassSum(name, self.node(expression.body, {**names, expression.index: name}))
            case Partial():
                return self._derivative(expression, names)
            case MatrixBase():
                return Grid(tuple(tuple(self.node(entry, names) for entry in row) for row in expression.tolist()))
            case _:
                return self._leaf(expression, names) or self._call(expression, names)

    def _leaf(self, expression: Basic, names: dict[Basic, str]) -> Node | None:
        match expression:
            case Symbol():
                return Name(expression.name)
            case Indexed() if len(expression.indices) == 1:
                return Entry(str(expression.base), self._index(expression.indices[0], names))
            case KroneckerDelta():
                left, right = sorted(self._index(index, names) for index in expression.args)
                return Delta(left, right)
            case _:
                return None

    def _call(self, expression: Basic, names: dict[Basic, str]) -> Node:
        if expression is sympy.E:
            return Call("exp", ONE)
        for function, name in FUNCTIONS.items():
            if isinstance(expression, function):
                return Call(name, self.node(expression.args[0], names))
        raise UnsupportedError(f"a formula cannot show {type(expression).__name__}: {expression}")

    def _fresh(self, names: dict[Basic, str]) -> str:
        """The first index name that is neither taken nor bound around here."""
        used = {*self._taken, *names.values()}
        letters: Iterable[str] = chain(_INDEX_LETTERS, (f"i{number}" for number in count(1)))
        return next(name for name in letters if name not in used)

    @staticmethod
    def _index(index: Basic, names: dict[Basic, str]) -> str:
        return names.get(index, str(index))

    @staticmethod
    def _rational(value: Rational) -> Node:
        numerator, denominator = Number(abs(value.p)), Number(value.q)
        magnitude = numerator if value.q == 1 else Fraction(numerator, denominator)
        return negated(magnitude) if value < 0 else magnitude

    def _terms(self, expression: Add, names: dict[Basic, str]) -> Node:
        signed: list[tuple[bool, Node]] = []
        for term in expression.args:
            node = self.node(term, names)
            signed.extend(node.terms if isinstance(node, Terms) and len(node.terms) == 1 else [(False, node)])
        return Terms(tuple(sorted(signed, key=_term_key)))

    def _power(self, expression: Pow, names: dict[Basic, str]) -> Node:
        if _exponent_is_negative(expression):
            return self._mul(expression, names)
        base, exponent = expression.args
        if exponent == Rational(1, 2):
            return Call("sqrt", self.node(base, names))
        return Power(self.node(base, names), self.node(exponent, names))

    def _mul(self, expression: Expr, names: dict[Basic, str]) -> Node:
        """A product: its sign in front, one fraction for what is divided by, the rest in order."""
        coefficient = Rational(1)
        above: list[Node] = []
        below: list[Node] = []
        for factor in _factors(expression):
            if isinstance(factor, Rational):
                coefficient *= factor
            elif isinstance(factor, Pow) and _exponent_is_negative(factor):
                below.append(self.node(Pow(factor.base, -factor.exp), names))
            else:
                above.append(self.node(factor, names))
        above.append(Number(abs(coefficient.p)))
        below.append(Number(coefficient.q))
        node = _over(above, below)
        return negated(node) if coefficient < 0 else node

    def _derivative(self, expression: Partial, names: dict[Basic, str]) -> Node:
        body, variable = self.node(expression.body, names), self.node(expression.variable, names)
        if isinstance(body, Derivative):
            return Derivative(body.body, (*body.variables, variable))
        return Derivative(body, (variable,))


def _factors(expression: Basic) -> Iterator[Basic]:
    """The factors of a product, those of unevaluated products inside it included."""
    for factor in Mul.make_args(expression):
        if isinstance(factor, Mul):
            yield from _factors(factor)
        elif isinstance(factor, Add) and (parts := factor.primitive())[0] != 1:
            # SymPy multiplies a number into a sum at once, 2 y - 2 t; a person writes 2 (y - t).
            yield from parts
        else:
            yield factor


def _exponent_is_negative(power: Pow) -> bool:
    """Whether a minus sign stands in front of the exponent: such a power is written below a fraction line."""
    coefficient, _ = power.exp.as_coeff_Mul()
    return bool(coefficient < 0)


def _over(above: list[Node], below: list[Node]) -> Node:
    """The product of `above` divided by that of `below`.

    Divided by numbers and parameters alone, the fraction goes in front: (2/n) y_j. Otherwise small factors share the
    fraction and large ones follow it: (t_i/y_i) ∂y_i/∂z_j. A numerator that would be 1 takes entries, z_i/2, or what
    would follow alone.
    """
    denominator = _product(below)
    if denominator == ONE:
        return _product(above)
    if all(_is_scalar(node) for node in below) and not all(node == ONE or isinstance(node, Entry) for node in above):
        beside = [node for node in above if not _is_scalar(node)]
    else:
        beside = [node for node in above if _stands_beside(node)]
        if len(beside) == 1 and not isinstance(beside[0], Derivative) and _product(above) == beside[0]:
            beside = []
    fraction = Fraction(_product(node for node in above if node not in beside), denominator)
    rest = _product(beside)
    return fraction if rest == ONE else Product((fraction, *(rest.factors if isinstance(rest, Product) else (rest,))))
