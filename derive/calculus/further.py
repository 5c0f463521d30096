"""Quantities that are derived when they are asked for: Gauss-Newton, its products, and gradients by other names.

`gradient:t` is ∂L/∂t_j, `gradient:gamma` ∂L/∂γ: a name of the definition after the colon.
"""

from sympy import Expr, Indexed, IndexedBase, Symbol

from derive.calculus import differentiate
from derive.calculus.line import Line
from derive.calculus.pieces import (
    Chains,
    derivative_of_y,
    free_of_logits,
    jacobian,
    known_jacobian,
    loss_by_output,
    output_put_in,
    put_in,
    start,
)
from derive.calculus.problem import Problem
from derive.calculus.quantities import Quantity
from derive.calculus.rewrite import apply
from derive.catalogue.model import Composition
from derive.derivation import Chain
from derive.errors import UnsupportedError
from derive.notation import Contraction, Partial, class_index, i, j, k, loss, occurrences, rename, v, vectors, y, z

l = class_index("l")


def gauss_newton(problem: Problem) -> Chains:
    """Σ_k Σ_l ∂o_k/∂z_i ∂²L/∂o_k∂o_l ∂o_l/∂z_j: the Hessian without the curvature of the activation o(z).

    Schraudolph, Fast curvature matrix-vector products for second-order gradient descent, section 3, 2002.
    """
    outer = loss_by_output(problem)
    second = _second_by_output(problem, outer)
    line = start(problem, "The Gauss-Newton matrix", gauss_newton_entry(problem.composition), problem.assumptions)
    line.take(put_in("second derivative put in", second))
    line.take(known_jacobian(problem, problem.composition.output_vector[i]))
    line.take(output_put_in(problem))
    line.finish()
    return (*jacobian(problem), outer, second, line.chain())


def gauss_newton_entry(composition: Composition) -> Expr:
    """The definition of the Gauss-Newton matrix, in row i and column j."""
    output = composition.output_vector
    row, column = Partial(output[k], z[i]), Partial(output[l], z[j])
    curvature = Partial(Partial(loss, output[k]), output[l])
    return Contraction(Contraction(row * curvature * column, l), k)


def gauss_newton_product(problem: Problem) -> Chains:
    """Σ_k G_jk v_k, G the Gauss-Newton matrix."""
    *before, matrix = gauss_newton(problem)
    title = "Gauss-Newton-vector product: the Gauss-Newton matrix times the direction v"
    line = start(problem, title, times_direction(matrix.left), problem.assumptions)
    line.put("Gauss-Newton matrix put in", "its closed form", times_direction(matrix.result), matrix.assumptions)
    line.finish()
    return (*before, matrix, line.chain())


def times_direction(entry: Expr) -> Expr:
    """The matrix of `entry`, in row i and column j, times v: row j of it."""
    index = class_index("m")
    return Contraction(rename(entry, {i: j, j: index}) * v[index], index)


def _second_by_output(problem: Problem, outer: Chain) -> Chain:
    """∂²L/∂o_i∂o_j with the entries of the output free of each other."""
    output = problem.composition.output_vector
    title = f"The second derivative of the loss with respect to {output.label}"
    line = Line(title, Partial(Partial(loss, output[i]), output[j]), free_of_logits(problem))
    line.put("derivative put in", "found above", Partial(outer.result, output[j]))
    line.exhaust(differentiate.RULES)
    line.finish()
    return line.chain()


FURTHER: dict[str, Quantity] = {"gauss-newton": gauss_newton, "gnvp": gauss_newton_product}
"""Those that have a name of their own."""


def gradient_by(problem: Problem, name: str) -> Chains:
    """∂L/∂name: one number for a scalar, entry j for a vector; the logits are held fixed.

    What y depends on (a temperature, say) reaches the loss through y as well.
    """
    in_y = apply(output_put_in(problem), problem.loss_definition)
    variable = _variable(name, in_y, problem.composition.y_definition)
    # An assumption about a vector says nothing of the loss beside it, where its derivative looks.
    read_names = vectors(variable)
    assumptions = tuple(each for each in problem.assumptions if not read_names & vectors(each.left))
    line = start(problem, f"The derivative of the loss with respect to {name}", Partial(loss, variable), assumptions)
    if problem.composition.y_definition is None or not problem.composition.y_definition.has(variable):
        line.put("definition", "the loss put in", Partial(in_y, variable))
        line.exhaust(differentiate.RULES)
        line.finish()
        return (line.chain(),)
    inner = derivative_of_y(problem, f"The derivative of y with respect to {name}", variable)
    outer = _taken(problem, f"The derivative of the loss with respect to y, {name} held fixed", in_y, y[i])
    direct = _taken(problem, f"The derivative of the loss with respect to {name}, y held fixed", in_y, variable)
    through = Contraction(Partial(loss, y[k]) * Partial(y[k], variable), k)
    line.put("chain rule", f"{name} reaches the loss through every y and by itself", through + direct.result)
    line.take(put_in("derivative of y put in", inner))
    line.take(put_in("derivative of the loss put in", outer))
    line.finish()
    return (inner, outer, *((direct,) if direct.result != 0 else ()), line.chain())


def _taken(problem: Problem, title: str, in_y: Expr, variable: Expr) -> Chain:
    """∂L/∂variable with y a vector by itself."""
    definitions = {**free_of_logits(problem), loss: (None, in_y)}
    line = Line(title, Partial(loss, variable), definitions)
    line.put("definition", "the loss put in", Partial(in_y, variable))
    line.exhaust(differentiate.RULES)
    line.finish()
    return line.chain()


def _variable(name: str, *definitions: Expr | None) -> Expr:
    """The symbol called `name` in the definitions, or entry j of the vector called so."""
    nodes = [node for each in definitions if each is not None for node in occurrences(each, (Symbol, Indexed))]
    if any(isinstance(node, Indexed) and node.base.label.name == name for node in nodes):
        entry: Expr = IndexedBase(name)[j]
        return entry
    found = next((node for node in nodes if isinstance(node, Symbol) and node.name == name), None)
    if found is None:
        raise UnsupportedError(f"there is no {name} to be differentiated by; a label takes the place of targets")
    return found
