"""What people get wrong about a Jacobian and the gradient behind it, worked out by the engine.

For every activation whose Jacobian has rows and columns that sum to zero, and for every loss of it that can also be
derived through the logarithm of its output. Nothing here holds a result: whatever is shown was derived or computed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

import sympy
from sympy import Add, Expr, Indexed, IndexedBase, Integer, KroneckerDelta, Rational, Symbol

from derive import catalogue
from derive.calculus import contract
from derive.calculus.engine import derive_quantity
from derive.calculus.line import Line
from derive.calculus.problem import Problem
from derive.calculus.rewrite import apply, rewrite
from derive.catalogue.model import Activation, Composition, Loss
from derive.derivation import Chain
from derive.language.read import read
from derive.language.show import text
from derive.notation import Contraction, at, i, j, o, rename, t, vectors, y, z

EXAMPLE_LOGITS = (Rational(7, 4), Rational(7, 4))
"""Two equal logits: the probabilities are plain fractions, and putting z where y belongs is seen at a glance."""
EXAMPLE_TARGETS = (Integer(0), Integer(1))

Values = Mapping[IndexedBase, tuple[Expr, ...]]


@dataclass(frozen=True)
class Example:
    """The gradient of two classes in numbers, and what comes out with the logits where the output belongs.

    `gradient` is ∂L/∂y times the Jacobian; `closed_form` is what the derivation arrived at, at the same numbers.
    """

    logits: tuple[Expr, ...]
    targets: tuple[Expr, ...]
    output: tuple[Expr, ...]
    loss_by_output: tuple[Expr, ...]
    jacobian: sympy.ImmutableMatrix
    gradient: tuple[Expr, ...]
    closed_form: tuple[Expr, ...]
    wrong_jacobian: sympy.ImmutableMatrix
    wrong_gradient: tuple[Expr, ...]


@dataclass(frozen=True)
class Route:
    """One way to the gradient: the loss by what is between, that by the logits, and the product of the two.

    Attributes:
        output: entry i of what is between.
        loss_by_output: ∂L/∂output_i and what it is.
        jacobian: ∂output_i/∂z_j and what it is.
        gradient: the chain from their product to the gradient.
    """

    output: Expr
    loss_by_output: tuple[Expr, Expr]
    jacobian: tuple[Expr, Expr]
    gradient: Chain


@dataclass(frozen=True)
class LossLesson:
    """What goes wrong with one loss of the activation."""

    composition: Composition
    through_output: Route
    through_logarithm: Route
    example: Example


@dataclass(frozen=True)
class Lessons:
    """What goes wrong with one activation.

    Attributes:
        jacobian: J, with row i and column j.
        diagonal: the part of J on the diagonal, 0 off it.
        off_diagonal: the part of J off the diagonal, 0 on it.
        row_sum: Σ_j J_ij, a chain that ends in 0.
        column_sum: Σ_i J_ij, a chain that ends in 0.
        losses: one for each loss of the catalogue that has both routes.
    """

    jacobian: Expr
    diagonal: Expr
    off_diagonal: Expr
    row_sum: Chain
    column_sum: Chain
    losses: tuple[LossLesson, ...]


@cache
def learn(composition: Composition) -> Lessons | None:
    """The lessons of an activation that gives y; None where there are none, rows or columns not summing to zero."""
    if composition.loss is not None or composition.output != y[i]:
        return None
    problem = Problem(composition)
    jacobian = derive_quantity(composition, "jacobian").closed_form
    row_sum = _evaluated(problem, "Each row of the Jacobian sums to zero", Contraction(jacobian, j))
    column_sum = _evaluated(problem, "Each column of the Jacobian sums to zero", Contraction(jacobian, i))
    if row_sum.result != 0 or column_sum.result != 0:
        return None
    delta = KroneckerDelta(i, j)
    return Lessons(
        jacobian=jacobian,
        diagonal=delta * rename(jacobian, {j: i}),
        off_diagonal=(1 - delta) * jacobian.xreplace({delta: Integer(0)}),
        row_sum=row_sum,
        column_sum=column_sum,
        losses=tuple(_losses(composition.activation)),
    )


def _losses(activation: Activation) -> Iterator[LossLesson]:
    for composition in catalogue.compositions():
        if composition.loss is None or composition.activation != activation:
            continue
        other = _through_logarithm(activation, composition.loss)
        if other is None:
            continue
        through_output, through_logarithm = _route(composition), _route(other)
        if through_output.gradient.result == through_logarithm.gradient.result:
            yield LossLesson(composition, through_output, through_logarithm, _example(composition, through_output))


def _through_logarithm(activation: Activation, known: Loss) -> Composition | None:
    """The same loss as a function of log y, of the activation that gives log y; None where either does not exist."""

    def take_logarithm_as_output(node: Expr) -> Expr | None:
        if isinstance(node, sympy.log) and isinstance(node.args[0], Indexed) and node.args[0].base == y:
            return at(o, node.args[0].indices[0])
        return None

    def call_output_y(node: Expr) -> Expr | None:
        return at(y, node.indices[0]) if isinstance(node, Indexed) and node.base == o else None

    definition = rewrite(read(known.definition), take_logarithm_as_output)
    if o not in vectors(definition) or y in vectors(definition):
        return None
    for other in catalogue.activations().values():
        if other.y == activation.y and read(other.output) == sympy.log(y[i]):
            return Composition(other, replace(known, definition=text(rewrite(definition, call_output_y))))
    return None


def _route(composition: Composition) -> Route:
    problem = Problem(composition, composition.assumptions)
    *_, jacobian, outer, _ = derive_quantity(composition, "gradient", assumptions=composition.assumptions).chains
    product = apply(contract.PULL_OUT, Contraction(outer.result * jacobian.result, i))
    gradient = _evaluated(problem, "The gradient", product)
    return Route(composition.output, (outer.left, outer.result), (jacobian.left, jacobian.result), gradient)


def _evaluated(problem: Problem, title: str, total: Expr) -> Chain:
    """A sum brought to its closed form."""
    line = Line(title, total, problem.definitions, problem.assumptions, problem.facts)
    line.finish()
    return line.chain()


def _example(composition: Composition, route: Route) -> Example:
    definition = composition.y_definition
    assert definition is not None  # noqa: S101 - a route through y has a y
    output = _vector(definition, i, {z: EXAMPLE_LOGITS})
    right: Values = {z: EXAMPLE_LOGITS, t: EXAMPLE_TARGETS, y: output}
    wrong: Values = {**right, y: EXAMPLE_LOGITS}
    outer = _vector(route.loss_by_output[1], i, right)
    jacobian, wrong_jacobian = (_matrix(route.jacobian[1], values) for values in (right, wrong))
    return Example(
        logits=EXAMPLE_LOGITS,
        targets=EXAMPLE_TARGETS,
        output=output,
        loss_by_output=outer,
        jacobian=jacobian,
        gradient=tuple(sympy.Matrix([outer]) * jacobian),
        closed_form=_vector(route.gradient.result, j, right),
        wrong_jacobian=wrong_jacobian,
        wrong_gradient=tuple(sympy.Matrix([outer]) * wrong_jacobian),
    )


def _vector(entry: Expr, index: Symbol, values: Values) -> tuple[Expr, ...]:
    classes = range(1, len(EXAMPLE_LOGITS) + 1)
    return tuple(_number(rename(entry, {index: Integer(number)}), values) for number in classes)


def _matrix(entry: Expr, values: Values) -> sympy.ImmutableMatrix:
    classes = range(1, len(EXAMPLE_LOGITS) + 1)
    return sympy.ImmutableMatrix([_vector(rename(entry, {i: Integer(row)}), j, values) for row in classes])


def _number(expression: Expr, values: Values) -> Expr:
    """`expression` at class numbers from 1, with numbers for the entries of its vectors."""

    def visit(node: Expr) -> Expr | None:
        if isinstance(node, Contraction):
            numbers = range(1, len(next(iter(values.values()))) + 1)
            return Add(*(_number(rename(node.body, {node.index: Integer(number)}), values) for number in numbers))
        if isinstance(node, Indexed):
            return values[node.base][int(node.indices[0]) - 1]
        return None

    return rewrite(expression, visit)
