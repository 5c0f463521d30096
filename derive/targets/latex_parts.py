"""What the LaTeX templates place: chains, closed forms and matrices, each piece already LaTeX."""

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import Basic, Expr, Integer, KroneckerDelta

from derive.catalogue.model import Assumption, Composition
from derive.derivation import Chain, Result, Step
from derive.language.explicit import column_vector, matrix, row_vector
from derive.language.layout import lay_out
from derive.language.show import MACROS
from derive.language.tree import Grid, Node
from derive.notation import Partial, at, free_indices, i, j, loss, occurrences, rename, y
from derive.targets.latex_lines import LineBreaker
from derive.targets.latex_prose import check_sentence, prose, quantity_title, title
from derive.targets.latex_width import OPERATOR, width

LINE = 355.0
"""The width in points that must do: the text of an `article` with its default margins, at any of its font sizes."""
REASON = 0.3
"""The part of the line that the reasons take; `notation.tex` says the same."""
LONGEST_LEFT = 0.3 * LINE
"""A left side longer than this gets a line of its own."""
GAP = 10.0
INDENT = 20.0
DENSE = 0.82
"""How much narrower a matrix of six columns is in \\small and with its columns closer together."""


_SHAPES = {
    "jacobian": (r"\jacobian", "matrix"),
    "vjp": (rf"{MACROS['g']} \jacobian", "row"),
    "jvp": (rf"\jacobian {MACROS['v']}", "column"),
    "gradient": (rf"\frac{{\partial {MACROS['L']}}}{{\partial {MACROS['z']}}}", "row"),
    "hessian": (r"\hessian", "matrix"),
    "hvp": (rf"\hessian {MACROS['v']}", "column"),
}
"""What each quantity is called when it is written out, and its shape."""


@dataclass(frozen=True)
class Row:
    """One step: what stands after the equals sign, in one line or more, and why.

    Attributes:
        lines: the formula.
        is_wide: whether a line of it is so wide that it reaches into the column of the reasons.
        beside: the line that the reason stands beside, counted from 0; one more than there are where none has room.
        rule: the name of the rule.
        reason: one sentence.
        assumptions: the formulas that it assumes.
    """

    lines: tuple[str, ...]
    is_wide: bool
    beside: int
    rule: str
    reason: str
    assumptions: tuple[str, ...]


@dataclass(frozen=True)
class ChainPart:
    """A chain of equations under its title."""

    title: str
    left: str
    left_is_long: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Equation:
    """`left` equals what `lines` hold, under `condition` where there is one; smaller where it is `dense`."""

    left: str
    lines: tuple[str, ...]
    condition: str = ""
    is_dense: bool = False


@dataclass(frozen=True)
class Part:
    """One quantity.

    Attributes:
        title: its name.
        chains: its derivation, without the chains that an earlier part of the document shows.
        closed_form: where it arrives, sums named; None where that is the only line of its derivation.
        named_sums: what the names stand for.
        assumptions: the formulas that the closed form assumes.
        without: the closed form without them; None where there are none, or where it is not in the derivation.
        explicit: the closed form written out, entry by entry, at a given number of classes: a vector or a matrix, or
            the two kinds of entries of a matrix that is too wide for the page. Empty for any number.
        checked: how it was checked.
    """

    title: str
    chains: tuple[ChainPart, ...]
    closed_form: Equation | None
    named_sums: tuple[Equation, ...]
    assumptions: tuple[str, ...]
    without: Equation | None
    explicit: tuple[Equation, ...]
    checked: str


class PartMaker:
    """Lays out the parts of one document: sums up to a given number of classes, symbols as macros or as letters."""

    def __init__(self, n: int | None, *, macros: bool = True) -> None:
        self._macros = macros
        self._breaker = LineBreaker(n=n, macros=macros)

    def parts(self, results: Sequence[Result]) -> tuple[Part, ...]:
        """One part for each result; a chain is shown where it first occurs."""
        shown: set[Chain] = set()
        parts = []
        for result in results:
            parts.append(self._part(result, [chain for chain in result.chains if chain not in shown]))
            shown.update(result.chains)
        return tuple(parts)

    def definitions(self, composition: Composition) -> tuple[Equation, ...]:
        """What y, the output where that is not y itself, and the loss stand for."""
        output = at(composition.output_vector, i)
        meanings: list[tuple[Basic, Expr | None]] = [(at(y, i), composition.y_definition)]
        if composition.loss_definition is not None:
            meanings += [(output, composition.output if output != composition.output else None)]
            meanings += [(loss, composition.loss_definition)]
        return tuple(self.equation(name, meaning) for name, meaning in meanings if meaning is not None)

    def equation(self, left: Basic, right: Basic, room: float = LINE) -> Equation:
        """`left` = `right`, broken where it is wider than `room`."""
        avoid = free_indices(left) | free_indices(right)
        head, body = lay_out(left, avoid), lay_out(right, avoid)
        return Equation(self.spell(head), self.lines(body, room - width(head) - OPERATOR - INDENT, room - 3 * INDENT))

    def lines(self, node: Node, room: float, later: float | None = None) -> tuple[str, ...]:
        """The LaTeX of `node`, in lines of at most that many points."""
        return tuple(line.written for line in self._breaker.lines(node, room, later))

    def spell(self, node: Node) -> str:
        """The LaTeX of `node`, on one line."""
        return self._breaker.spell(node)

    def chain(self, chain: Chain, line: float = LINE) -> ChainPart:
        """A chain laid out for a line of `line` points."""
        avoid = {index for step in chain.steps for side in (step.before, step.after) for index in free_indices(side)}
        left = lay_out(chain.left, avoid)
        left_is_long = width(left) > LONGEST_LEFT
        used = OPERATOR + (INDENT if left_is_long else width(left))
        rows = tuple(self._row(step, avoid, line - used) for step in chain.steps)
        return ChainPart(title(chain.title, macros=self._macros), self.spell(left), left_is_long, rows)

    def _row(self, step: Step, avoid: set[Basic], room: float) -> Row:
        lines = self._breaker.lines(lay_out(step.after, avoid), room, room - INDENT)
        narrow = [line.width <= room - REASON * LINE - GAP for line in lines]
        beside = next((position for position, fits in enumerate(narrow) if fits), len(lines))
        assumptions = tuple(self.assumption(each) for each in step.assumptions)
        written = tuple(line.written for line in lines)
        return Row(written, not all(narrow), beside, *self._because(step), assumptions)

    def _because(self, step: Step) -> tuple[str, str]:
        return prose(step.rule, macros=self._macros), prose(step.reason, macros=self._macros)

    def assumption(self, assumption: Assumption) -> str:
        """The formula of an assumption."""
        return f"{self.spell(lay_out(assumption.left))} = {self.spell(lay_out(assumption.right))}"

    def _part(self, result: Result, chains: Sequence[Chain]) -> Part:
        last = result.chains[-1]
        return Part(
            title=quantity_title(result.quantity),
            chains=tuple(self.chain(chain) for chain in chains),
            closed_form=self.equation(last.left, result.short_form) if len(result.steps) > 1 else None,
            named_sums=tuple(self.equation(name, meaning) for name, meaning in result.named_sums),
            assumptions=tuple(self.assumption(each) for each in result.assumptions),
            without=self._without_assumptions(last),
            explicit=() if result.n is None else self._explicit(result, result.n),
            checked=prose(check_sentence(result), macros=self._macros),
        )

    def _without_assumptions(self, chain: Chain) -> Equation | None:
        for step in chain.steps:
            if step.assumptions:
                taken = not any(occurrences(step.before, Partial))
                return self.equation(chain.left, step.before) if taken else None
        return None

    def _explicit(self, result: Result, n: int) -> tuple[Equation, ...]:
        left, shape = _SHAPES.get(result.quantity, ("", ""))
        if shape == "matrix":
            return self.matrix(left, result.closed_form, n)
        if shape:
            return self._vector(left, result.closed_form, n, prefer_row=shape == "row")
        return ()

    def matrix(self, left: str, expression: Expr, n: int | None) -> tuple[Equation, ...]:
        """A matrix with rows i and columns j; its two kinds of entries where it is too wide, or of any size."""
        if n is not None:
            grid = matrix(expression, i, j, n)
            if self._fits(grid, DENSE):
                return (Equation(left, (self.spell(grid),), is_dense=not self._fits(grid)),)
        apart = expression.xreplace({KroneckerDelta(i, j): Integer(0)})
        diagonal, other = self.equation(i, rename(expression, {j: i})), self.equation(i, apart)
        entries = (Equation(f"{left}_{{ii}}", diagonal.lines), Equation(f"{left}_{{ij}}", other.lines, r"i \neq j"))
        return entries[:1] if n == 1 else entries

    def _vector(self, left: str, expression: Expr, n: int, *, prefer_row: bool) -> tuple[Equation, ...]:
        """A row or column vector with entries j; turned, or left out, where it is too wide."""
        shapes = (row_vector, column_vector) if prefer_row else (column_vector,)
        grids = [shape(expression, j, n) for shape in shapes]
        fitting = [Equation(left, (self.spell(grid),)) for grid in grids if self._fits(grid)]
        return tuple(fitting[:1])

    @staticmethod
    def _fits(grid: Grid, scale: float = 1.0) -> bool:
        return scale * width(grid) <= LINE - 2 * INDENT
