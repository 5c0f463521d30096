"""One formula in three notations: the index form that is read back, Unicode for a terminal, LaTeX for paper.

`derive.language.layout` decides what is written and in which order; the spellers here only spell it, and put
parentheses where their notation needs them.
"""

from collections.abc import Collection

from sympy import Basic

from derive.language.layout import lay_out
from derive.language.spelling import Level, Spelled, Speller
from derive.language.tree import Call, ClassSum, Derivative, Entry, Fraction, Grid, Name, Node, Number, Power


def text(expression: Basic, avoid: Collection[Basic] = ()) -> str:
    """`expression` in the index form, Python syntax that `derive.language.read.read` takes: `y[j] - t[j]`.

    Args:
        expression: an expression of the notation, or a matrix of them (nested lists; one column is a plain list).
        avoid: indices whose names no bound index may take, beside those free in `expression`.

    Raises:
        UnsupportedError: a node that the notation does not have.
    """
    return TextSpeller().spell(lay_out(expression, avoid))


def unicode(expression: Basic, avoid: Collection[Basic] = ()) -> str:
    """`expression` for a terminal, on one line: `y_j (v_j − Σ_i v_i y_i)`. Arguments and errors as for `text`."""
    return UnicodeSpeller().spell(lay_out(expression, avoid))


def latex(expression: Basic, avoid: Collection[Basic] = (), *, n: int | None = None, macros: bool = False) -> str:
    r"""`expression` in LaTeX, display style, for amsmath: `y_{j} \left(v_{j} - \sum_{i} v_{i} y_{i}\right)`.

    Args:
        expression: an expression of the notation, or a matrix of them (a pmatrix).
        avoid: indices whose names no bound index may take, beside those free in `expression`.
        n: the given number of classes, shown as the upper limit of every sum over the classes.
        macros: write the symbols as the macros of `MACROS`, which an author can redefine, rather than as letters.

    Raises:
        UnsupportedError: a node that the notation does not have.
    """
    return LatexSpeller(n=n, macros=macros).spell(lay_out(expression, avoid))


_TEXT_DOTS = dict.fromkeys("hvd", "...")
_UNICODE_DOTS = {"h": "⋯", "v": "⋮", "d": "⋱"}
_LATEX_DOTS = {"h": r"\cdots", "v": r"\vdots", "d": r"\ddots"}


class TextSpeller(Speller):
    """The index form: Python syntax."""

    times = times_number = "*"
    factor_level = Level.FRACTION  # a*b/c is (a*b)/c: division needs no parentheses among factors
    dots = _TEXT_DOTS

    def _name(self, name: str) -> str:
        return name

    def _entry(self, base: str, index: str) -> str:
        return f"{base}[{index}]"

    def _delta(self, left: str, right: str) -> str:
        return f"delta({left}, {right})"

    def _function(self, function: str) -> str:
        return function

    def _fraction(self, node: Fraction) -> Spelled:
        numerator, denominator = (
            self._within(node.numerator, Level.PRODUCT),
            self._within(node.denominator, Level.POWER),
        )
        return Spelled(f"{numerator.written}/{denominator.written}", Level.FRACTION)

    def _power(self, node: Power) -> Spelled:
        base, exponent = self._within(node.base, Level.ATOM), self._within(node.exponent, Level.ATOM)
        return Spelled(f"{base.written}**{exponent.written}", Level.POWER)

    def _class_sum(self, node: ClassSum) -> Spelled:
        return Spelled(f"sum({self.spell(node.body)} for {node.index} in range(n))", Level.ATOM)

    def _derivative(self, node: Derivative) -> Spelled:
        written = self.spell(node.body)
        for variable in node.variables:
            written = f"diff({written}, {self.spell(variable)})"
        return Spelled(written, Level.ATOM)

    def _grid(self, node: Grid) -> str:
        rows = [[self.spell(entry) for entry in row] for row in node.rows]
        if all(len(row) == 1 for row in rows):
            return f"[{', '.join(row[0] for row in rows)}]"
        return f"[{', '.join('[' + ', '.join(row) + ']' for row in rows)}]"


GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ε",
    "eta": "η",
    "kappa": "κ",
    "lambda": "λ",
    "mu": "μ",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "omega": "ω",
}
"""The Greek names that a parameter may have; LaTeX has a command of each name."""

_SUPERSCRIPTS = str.maketrans("0123456789nijk", "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿⁱʲᵏ")


class UnicodeSpeller(Speller):
    """One line for a terminal."""

    minus = " − "
    sign = "−"
    times_number = " · "
    dots = _UNICODE_DOTS

    def _name(self, name: str) -> str:
        return GREEK.get(name, name)

    def _entry(self, base: str, index: str) -> str:
        return f"{GREEK.get(base, base)}_{index}"

    def _delta(self, left: str, right: str) -> str:
        return f"δ_{left}{right}" if len(left + right) == 2 else f"δ_({left},{right})"

    def _function(self, function: str) -> str:
        return {"sqrt": "√"}.get(function, function)

    def _call(self, node: Call) -> Spelled:
        if node.function == "abs":
            return Spelled(f"|{self.spell(node.argument)}|", Level.ATOM)
        if stands_bare(node):
            return Spelled(f"log {self.spell(node.argument)}", Level.PRODUCT, is_open=True)
        return self._closed_call(node)

    def _fraction(self, node: Fraction) -> Spelled:
        numerator = self._within(node.numerator, Level.PRODUCT, may_be_open=False)
        denominator = self._within(node.denominator, Level.POWER)
        short = all(isinstance(part, (Number, Name, Entry)) for part in (node.numerator, node.denominator))
        return Spelled(f"{numerator.written}{'/' if short else ' / '}{denominator.written}", Level.FRACTION)

    def _power(self, node: Power) -> Spelled:
        base = self._within(node.base, Level.ATOM)
        exponent = self._within(node.exponent, Level.ATOM).written
        raised = exponent.translate(_SUPERSCRIPTS)
        if all(before != after for before, after in zip(exponent, raised, strict=True)):
            return Spelled(base.written + raised, Level.POWER)
        close = exponent.replace(self.minus, self.sign).replace(" + ", "+")
        return Spelled(f"{base.written}^{close}", Level.POWER)

    def _class_sum(self, node: ClassSum) -> Spelled:
        return Spelled(f"Σ_{node.index} {self._within(node.body, Level.PRODUCT).written}", Level.POWER, is_open=True)

    def _derivative(self, node: Derivative) -> Spelled:
        order = "" if len(node.variables) == 1 else str(len(node.variables)).translate(_SUPERSCRIPTS)
        below = "".join(f"∂{self.spell(variable)}" for variable in reversed(node.variables))
        body = self._within(node.body, Level.POWER, may_be_open=False).written
        return Spelled(f"∂{order}{body}/{below}", Level.PRODUCT)

    def _factor(self, node: Node, following: Node | None) -> Spelled:
        piece = super()._factor(node, following)
        # ∂L/∂y_i y_i could be read as ∂L/∂(y_i y_i); a chain of derivatives cannot be misread
        if isinstance(node, Derivative) and not isinstance(following, Derivative | None):
            return self._parenthesised(piece)
        return piece

    def _grid(self, node: Grid) -> str:
        return f"[{'; '.join(', '.join(self.spell(entry) for entry in row) for row in node.rows)}]"


MACROS = {
    "z": r"\logits",
    "y": r"\probs",
    "t": r"\targets",
    "o": r"\outputs",
    "g": r"\upstream",
    "v": r"\direction",
    "L": r"\lossvalue",
    "n": r"\classcount",
}
"""The LaTeX macro of each symbol; `notation.tex` provides it, as the letter itself."""


class LatexSpeller(Speller):
    """LaTeX for display style and amsmath."""

    times_number = r" \cdot "
    dots = _LATEX_DOTS

    def __init__(self, *, n: int | None = None, macros: bool = False) -> None:
        self._macros = MACROS if macros else {}
        self._upper_limit = "" if n is None else f"^{{{n}}}"

    def _name(self, name: str) -> str:
        if name in self._macros or len(name) == 1:
            return self._macros.get(name, name)
        upright = name.replace("_", r"\_")
        return f"\\{name}" if name in GREEK else rf"\mathrm{{{upright}}}"

    def _index(self, index: str) -> str:
        """A class index: a letter or a number as it is, a word upright."""
        return index if len(index) == 1 or index.isdigit() else rf"\mathrm{{{index}}}"

    def _entry(self, base: str, index: str) -> str:
        return f"{self._name(base)}_{{{self._index(index)}}}"

    def _delta(self, left: str, right: str) -> str:
        comma = "" if len(left + right) == 2 else ","
        return rf"\delta_{{{self._index(left)}{comma}{self._index(right)}}}"

    def _function(self, function: str) -> str:
        return r"\operatorname{sign}" if function == "sign" else f"\\{function}"

    def _parenthesised(self, piece: Spelled) -> Spelled:
        if piece.is_tall:
            return Spelled(rf"\left({piece.written}\right)", Level.ATOM, is_tall=True)
        return super()._parenthesised(piece)

    def _closed_call(self, node: Call) -> Spelled:
        argument = self._parenthesised(self._piece(node.argument))
        return Spelled(self._function(node.function) + argument.written, Level.ATOM, is_tall=argument.is_tall)

    def _call(self, node: Call) -> Spelled:
        argument = self._piece(node.argument)
        if node.function == "exp" and not argument.is_tall:
            return Spelled(f"e^{{{argument.written}}}", Level.POWER)
        if node.function == "sqrt":
            return Spelled(rf"\sqrt{{{argument.written}}}", Level.ATOM, is_tall=argument.is_tall)
        if node.function == "abs":
            left, right = (r"\left\lvert", r"\right\rvert") if argument.is_tall else (r"\lvert", r"\rvert")
            return Spelled(rf"{left} {argument.written} {right}", Level.ATOM, is_tall=argument.is_tall)
        if stands_bare(node):
            return Spelled(rf"\log {argument.written}", Level.PRODUCT, is_open=True, is_tall=argument.is_tall)
        return self._closed_call(node)

    def _fraction(self, node: Fraction) -> Spelled:
        above, below = self.spell(node.numerator), self.spell(node.denominator)
        return Spelled(rf"\frac{{{above}}}{{{below}}}", Level.PRODUCT, is_tall=True)

    def _power(self, node: Power) -> Spelled:
        base = self._within(node.base, Level.ATOM)
        exponent = self._piece(node.exponent).written
        if isinstance(node.exponent, Fraction):
            above = self._within(node.exponent.numerator, Level.PRODUCT, may_be_open=False)
            exponent = f"{above.written}/{self._within(node.exponent.denominator, Level.POWER).written}"
        return Spelled(f"{base.written}^{{{exponent}}}", Level.POWER, is_tall=base.is_tall)

    def _class_sum(self, node: ClassSum) -> Spelled:
        body = self._within(node.body, Level.PRODUCT)
        return Spelled(f"{self.sum_sign(node)} {body.written}", Level.PRODUCT, is_open=True, is_tall=True)

    def sum_sign(self, node: ClassSum) -> str:
        """The sign of a sum over the classes, without what is summed."""
        lower = f"{node.index}=1" if self._upper_limit else node.index
        return rf"\sum_{{{lower}}}{self._upper_limit}"

    def _derivative(self, node: Derivative) -> Spelled:
        body = self._piece(node.body)
        if body.is_tall:
            return Spelled(f"{self.operator(node)} {self._parenthesised(body).written}", Level.PRODUCT, is_tall=True)
        above = body if isinstance(node.body, Call) else self._within(node.body, Level.POWER)
        return Spelled(self.operator(node, above.written), Level.PRODUCT, is_tall=True)

    def operator(self, node: Derivative, above: str = "") -> str:
        """The derivative as a fraction, `above` beside its upper ∂."""
        order = "" if len(node.variables) == 1 else f"^{{{len(node.variables)}}}"
        below = " ".join(rf"\partial {self.spell(variable)}" for variable in reversed(node.variables))
        upper = rf"\partial{order} {above}".rstrip()
        return rf"\frac{{{upper}}}{{{below}}}"

    def is_tall(self, node: Node) -> bool:
        """Whether `node` is taller than a line of text."""
        return self._piece(node).is_tall

    def _grid(self, node: Grid) -> str:
        rows = (" & ".join(self.spell(entry) for entry in row) for row in node.rows)
        return r"\begin{pmatrix} " + r" \\ ".join(rows) + r" \end{pmatrix}"


def stands_bare(node: Call) -> bool:
    """Whether a function is written without parentheses, as in log y_i and log Σ_k exp(z_k)."""
    return node.function == "log" and isinstance(node.argument, (Entry, Name, Number, ClassSum))
