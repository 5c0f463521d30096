"""The lessons of `derive.calculus.lessons` for paper: matrices, vectors and numbers, each piece already LaTeX."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest

from sympy import Expr, Integer, MatrixBase, Rational

from derive.calculus.lessons import Example, Lessons, LossLesson, Route
from derive.language.explicit import entry, matrix, row_vector, shown
from derive.language.layout import lay_out
from derive.language.tree import Dots, Node, Product, Terms
from derive.notation import Contraction, Partial, at, i, j, loss, z
from derive.targets.latex_parts import INDENT, LINE, ChainPart, Equation, PartMaker
from derive.targets.latex_prose import prose
from derive.targets.latex_width import width

MOST_TERMS = 3
"""Classes that are written out where a line holds a term or a matrix for each; dots stand for more."""


@dataclass(frozen=True)
class Element:
    """One entry of the gradient: its terms, in as many lines as they need, and what they come to."""

    left: str
    lines: tuple[str, ...]
    result: str


@dataclass(frozen=True)
class VectorTimesMatrix:
    """∂L/∂y times the Jacobian, each written out; smaller where it is dense."""

    vector: str
    matrix: str
    result: str
    is_dense: bool = False


@dataclass(frozen=True)
class Numbers:
    """The worked example in decimals: vectors as `(a, b)`, matrices and factors of a product as pmatrix."""

    logits: str
    targets: str
    output: str
    loss_by_output: str
    product: VectorTimesMatrix
    closed_form: str
    wrong_product: VectorTimesMatrix
    wrong_sum: str


@dataclass(frozen=True)
class LossPart:
    """The lessons of one loss; the gradient entry by entry and as a product only at a given number of classes."""

    name: str
    elements: tuple[Element | None, ...]
    product: VectorTimesMatrix | None
    through_logarithm: str
    routes: tuple[tuple[str, str], ...]
    example: Numbers


@dataclass(frozen=True)
class LessonsPart:
    """The lessons of one activation.

    Attributes:
        jacobian: its parts on and off the diagonal and their sum as matrices, or the two kinds of entries.
        is_matrix: which of the two.
    """

    jacobian: tuple[Equation, ...]
    is_matrix: bool
    row_sum: ChainPart
    column_sum: ChainPart
    losses: tuple[LossPart, ...]


def make_lessons(lessons: Lessons, n: int | None) -> LessonsPart:
    """The lessons laid out for `n` classes, or for any number."""
    return _LessonMaker(n).lessons(lessons)


class _LessonMaker:
    def __init__(self, n: int | None) -> None:
        self._n = n
        self._maker = PartMaker(n)

    def lessons(self, lessons: Lessons) -> LessonsPart:
        whole = self._maker.matrix(r"\jacobian", lessons.jacobian, self._n)
        is_matrix = len(whole) == 1 and self._n is not None
        parts = (lessons.diagonal, lessons.off_diagonal) if is_matrix else ()
        return LessonsPart(
            (*(equation for part in parts for equation in self._maker.matrix("", part, self._n)), *whole),
            is_matrix,
            self._maker.chain(lessons.row_sum),
            self._maker.chain(lessons.column_sum),
            tuple(self._loss(lesson) for lesson in lessons.losses),
        )

    def _loss(self, lesson: LossLesson) -> LossPart:
        assert lesson.composition.loss is not None  # noqa: S101 - a lesson about a loss has one
        route = lesson.through_output
        left, right = (self._route(each) for each in (route, lesson.through_logarithm))
        return LossPart(
            name=prose(lesson.composition.loss.name),
            elements=() if self._n is None else self._elements(route, self._n),
            product=None if self._n is None else self._product(route, self._n),
            through_logarithm=self._maker.spell(lay_out(lesson.through_logarithm.output)),
            routes=tuple(zip_longest(left, right, fillvalue="&")),
            example=_numbers(lesson.example),
        )

    def _product(self, route: Route, n: int) -> VectorTimesMatrix:
        vector = row_vector(route.loss_by_output[1], i, n, MOST_TERMS)
        square = matrix(route.jacobian[1], i, j, n, MOST_TERMS)
        result = row_vector(route.gradient.result, j, n, MOST_TERMS)
        is_dense = width(vector) + width(square) > LINE - 2 * INDENT
        spell = self._maker.spell
        return VectorTimesMatrix(spell(vector), spell(square), spell(result), is_dense)

    def _elements(self, route: Route, n: int) -> tuple[Element | None, ...]:
        """Each entry of the gradient as every ∂L/∂y_i times J_ij, written out; None for the dots between."""
        classes = shown(n, MOST_TERMS)

        def term(row: int | None, column: int) -> Node:
            if row is None:
                return Dots("h")
            return Product((entry(route.loss_by_output[1], {i: row}), entry(route.jacobian[1], {i: row, j: column})))

        def element(column: int) -> Element:
            left = self._maker.spell(lay_out(Partial(loss, at(z, Integer(column)))))
            node = Terms(tuple((False, term(row, column)) for row in classes))
            return Element(
                left,
                self._maker.lines(node, LINE - 2 * INDENT),
                self._maker.spell(entry(route.gradient.result, {j: column})),
            )

        return tuple(None if column is None else element(column) for column in classes)

    def _route(self, route: Route) -> list[str]:
        """The stations of one route, each `left &= right`."""
        between = route.loss_by_output[0].variable.base
        chain_rule = Contraction(Partial(loss, at(between, i)) * Partial(at(between, i), at(z, j)), i)
        gradient = route.gradient
        through = [gradient.left, *(step.after for step in gradient.steps)]
        pairs = [route.loss_by_output, (Partial(at(between, i), at(z, j)), route.jacobian[1])]
        first = self._maker.spell(lay_out(Partial(loss, at(z, j))))
        return [
            *(f"{self._spell(left)} &= {self._spell(right)}" for left, right in pairs),
            f"{first} &= {self._spell(chain_rule)}",
            *(f"&= {self._spell(expression)}" for expression in through),
        ]

    def _spell(self, expression: Expr) -> str:
        return self._maker.spell(lay_out(expression, (i, j)))


def _numbers(example: Example) -> Numbers:
    def product(jacobian: MatrixBase, result: Sequence[Expr]) -> VectorTimesMatrix:
        return VectorTimesMatrix(_pmatrix([example.loss_by_output]), _pmatrix(jacobian.tolist()), _pmatrix([result]))

    return Numbers(
        logits=_tuple(example.logits),
        targets=_tuple(example.targets),
        output=_tuple(example.output),
        loss_by_output=_tuple(example.loss_by_output),
        product=product(example.jacobian, example.gradient),
        closed_form=_tuple(example.closed_form),
        wrong_product=product(example.wrong_jacobian, example.wrong_gradient),
        wrong_sum=decimal(sum(example.wrong_gradient)),
    )


def decimal(number: Rational) -> str:
    """A rational number in decimals: all of them where it has few, four significant ones otherwise."""
    exact = Fraction(int(number.p), int(number.q))
    return format(float(exact), "g") if exact == Fraction(format(float(exact), "g")) else format(float(exact), ".4g")


def _tuple(numbers: Iterable[Expr]) -> str:
    return f"({', '.join(map(decimal, numbers))})"


def _pmatrix(rows: Iterable[Iterable[Expr]]) -> str:
    body = r" \\ ".join(" & ".join(map(decimal, row)) for row in rows)
    return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"
