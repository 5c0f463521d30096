"""Expressions of a kernel as NumPy, over arrays whose last axis holds the classes.

A vector is an array (..., n) and a scalar of the row (..., 1). In a matrix (..., n, n) what depends on the row index
alone stands as [..., :, None], and what depends on the column alone as [..., None, :].
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from derive.errors import UnsupportedError
from derive.kernel.expressions import indices, is_call, is_number, walk
from derive.kernel.ir import CLASS_COUNT, LABEL, Call, Const, Element, Expression, Same, Scalar

FUNCTIONS: Mapping[str, str] = {
    "exp": "np.exp",
    "expm1": "np.expm1",
    "log": "np.log",
    "log1p": "np.log1p",
    "sqrt": "np.sqrt",
    "tanh": "np.tanh",
    "abs": "np.abs",
    "sign": "np.sign",
    "max": "np.maximum",
    "exp_difference": "_exp_difference",
    "exp_difference_where_sure": "_exp_difference",  # within a choice there is no array to put it back in
    "sum_of_rest": "_sum_of_rest",
}
"""The functions that operations become."""

_SUM, _PRODUCT, _SIGN, _ATOM = range(4)
"""How tightly a piece of Python holds together."""


@dataclass(frozen=True)
class Text:
    """Python, and how tightly it holds together."""

    code: str
    level: int = _ATOM

    def within(self, level: int) -> str:
        """The code as an operand of something that holds together at `level`."""
        return self.code if self.level >= level else f"({self.code})"

    @property
    def atom(self) -> str:
        """The code with parentheses unless it is a name or a call."""
        return self.within(_ATOM)


@dataclass(frozen=True)
class Printer:
    """Prints the expressions of one kernel.

    Attributes:
        kernel: the kernel's name, for errors.
        rows: the indices of the statement at hand: (), (j,) or (row, column).
        at_label: the variable that holds an input's entry at the label, by input.
    """

    kernel: str
    rows: tuple[str, ...]
    at_label: Mapping[str, str]

    def code(self, expression: Expression) -> str:
        """`expression` as it can stand alone."""
        return self.text(expression).code

    def text(self, expression: Expression) -> Text:
        """`expression`, shaped to broadcast over the rows of the statement at hand."""
        found = indices(expression) - {LABEL}
        if len(self.rows) == 2 and not is_number(expression) and not found.issuperset(self.rows):
            return self._widened(expression, found)
        match expression:
            case Const(value):
                return _number(value)
            case Scalar(name):
                return Text(name)
            case Element(array, index):
                return Text(self.at_label[array] if index == LABEL else array)
            case Same(left, right):
                return Text("is_label" if LABEL in (left, right) else "np.eye(n, dtype=bool)")
            case Call(operation, arguments):
                return self._call(operation, arguments)
        raise self.unsupported(expression)

    def _widened(self, expression: Expression, found: frozenset[str]) -> Text:
        """What depends on the row or the column alone, or on neither, with the axes of a matrix."""
        inner = Printer(self.kernel, tuple(found), self.at_label).text(expression).atom
        if not found:
            return Text(f"{inner}[..., None]")
        return Text(f"{inner}[..., :, None]" if found == {self.rows[0]} else f"{inner}[..., None, :]")

    def _call(self, operation: str, arguments: tuple[Expression, ...]) -> Text:
        texts = [self.text(argument) for argument in arguments]
        match operation:
            case "add":
                # a + (b - c) keeps its parentheses: rounding is not associative.
                first, *others = texts
                return Text(" + ".join([first.within(_SUM), *(text.within(_PRODUCT) for text in others)]), _SUM)
            case "sub":
                return Text(f"{texts[0].within(_SUM)} - {texts[1].within(_PRODUCT)}", _SUM)
            case "mul":
                first, *others = texts
                return Text(" * ".join([first.within(_PRODUCT), *(text.within(_SIGN) for text in others)]), _PRODUCT)
            case "div":
                return Text(f"{texts[0].within(_PRODUCT)} / {texts[1].within(_SIGN)}", _PRODUCT)
            case "neg":
                return Text(f"-{texts[0].within(_ATOM)}", _SIGN)
            case "equal" | "less":
                sign = "==" if operation == "equal" else "<"
                return Text(f"{texts[0].within(_SUM)} {sign} {texts[1].within(_SUM)}", -1)
            case "pow":
                return self._power(texts[0], arguments[1], texts[1])
            case "select":
                return self._select(texts, arguments)
        if operation in FUNCTIONS:
            return Text(f"{FUNCTIONS[operation]}({', '.join(text.code for text in texts)})")
        raise self.unsupported(Call(operation, arguments))

    def _power(self, base: Text, exponent: Expression, exponent_text: Text) -> Text:
        if exponent == Const(Fraction(2)):
            return Text(f"np.square({base.code})")
        return Text(f"np.power({base.code}, {exponent_text.code})")

    def _select(self, texts: list[Text], arguments: tuple[Expression, ...]) -> Text:
        choice = Text(f"np.where({', '.join(text.code for text in texts)})")
        if all(is_number(argument) for argument in arguments[1:]):
            # Two Python numbers would make it float64, or integers, whatever is computed in.
            return Text(f"{choice.code}.astype(z.dtype)")
        return choice

    def unsupported(self, node: object) -> UnsupportedError:
        """The error that says that NumPy has no way to say `node`."""
        return UnsupportedError(f"the numpy target cannot print {node} (in the kernel {self.kernel})")


def _number(value: Fraction) -> Text:
    if value.denominator == 1:
        return Text(str(value), _ATOM if value >= 0 else _SIGN)
    # What a float holds exactly is written as one; another fraction is rounded once, when Python divides.
    if value.denominator & (value.denominator - 1) == 0 and value.denominator <= 2**20:
        return Text(repr(float(value)), _ATOM if value >= 0 else _SIGN)
    return Text(f"{value.numerator} / {value.denominator}", _PRODUCT)


def divides_by_difference(node: Expression) -> bool:
    """Whether something is divided by n - 1, say, which may be 0."""
    match node:
        case Call("div", (_, below)):
            return Scalar(CLASS_COUNT) in walk(below) and not is_call(below, "mul") and below != Scalar(CLASS_COUNT)
    return False
