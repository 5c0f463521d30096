"""The derivation of each quantity: which rules lead from its definition to its closed form, in which order.

Nothing here knows an activation or a loss by name. A gradient goes through the activation's output (chain rule, the
Jacobian put in, the sum contracted with the loss still opaque, and only then the loss), so that cancellations such as
y − t come about by themselves; everything else is differentiated directly.
"""

from collections.abc import Callable
from functools import cache

from sympy import Expr, Indexed

from derive.calculus.pieces import (
    LOG_OF_QUOTIENT,
    Chains,
    derivatives_of_sums,
    differentiated,
    jacobian,
    known_jacobian,
    loss_by_output,
    output_put_in,
    put_in,
    start,
    y_put_in,
)
from derive.calculus.problem import Problem
from derive.catalogue.model import Assumption
from derive.derivation import Chain
from derive.notation import Contraction, Partial, g, i, j, k, loss, occurrences, rename, v, z

Quantity = Callable[[Problem], Chains]


def value(problem: Problem) -> Chains:
    """The definition, written in the logits for an activation and in its output for a loss."""
    composition = problem.composition
    if composition.loss is not None:
        line = start(problem, f"The loss {composition.loss.name} of one row", loss)
        line.put("definition", "the loss put in", problem.loss_definition)
        line.take(output_put_in(problem))
    else:
        line = start(problem, f"The output of {composition.name}", rename(composition.output, {i: j}))
        line.take(y_put_in(problem))
        line.take(LOG_OF_QUOTIENT)
    return (line.chain(),)


def vjp(problem: Problem) -> Chains:
    """Σ_i g_i ∂output_i/∂z_j."""
    total = Contraction(g[k] * Partial(rename(problem.composition.output, {i: k}), z[j]), k)
    return (_product(problem, "Vector-Jacobian product: the upstream gradient g times the Jacobian", total),)


def jvp(problem: Problem) -> Chains:
    """Σ_i ∂output_j/∂z_i v_i."""
    total = Contraction(Partial(rename(problem.composition.output, {i: j}), z[k]) * v[k], k)
    return (_product(problem, "Jacobian-vector product: the Jacobian times the direction v", total),)


@cache
def gradient(problem: Problem) -> Chains:
    """∂L/∂z_j."""
    line = start(
        problem, "The gradient of the loss with respect to the logits", Partial(loss, z[j]), problem.assumptions
    )
    if any(node.base == z for node in occurrences(problem.loss_definition, Indexed)):
        line.put("definition", "the loss put in", Partial(problem.loss_definition, z[j]))
        line.take(output_put_in(problem))
        return (*jacobian(problem), differentiated(problem, line))
    output = problem.composition.output_vector
    outer = loss_by_output(problem)
    through = Contraction(Partial(loss, output[k]) * Partial(output[k], z[j]), k)
    line.put("chain rule", "the logits reach the loss through every entry of the output", through)
    line.take(known_jacobian(problem, output[i]))
    line.finish()
    line.take(put_in("derivative of the loss put in", outer))
    line.take(output_put_in(problem))
    line.finish()
    return (*jacobian(problem), outer, line.chain())


@cache
def hessian(problem: Problem) -> Chains:
    """∂²L/∂z_i∂z_j, row i and column j."""
    line = start(problem, "The Hessian of the loss", Partial(Partial(loss, z[i]), z[j]), problem.assumptions)
    first, used = _closed_form(problem, gradient)
    sums = derivatives_of_sums(problem, first, z[j])
    line.put("gradient put in", "its closed form", Partial(rename(first, {j: i}), z[j]), used)
    return (*sums, differentiated(problem, line, sums))


def hvp(problem: Problem) -> Chains:
    """Σ_i ∂²L/∂z_j∂z_i v_i."""
    total = Contraction(Partial(Partial(loss, z[j]), z[k]) * v[k], k)
    line = start(problem, "Hessian-vector product: the Hessian times the direction v", total, problem.assumptions)
    second, used = _closed_form(problem, hessian)
    line.put("Hessian put in", "its closed form", Contraction(rename(second, {i: j, j: k}) * v[k], k), used)
    line.finish()
    return (line.chain(),)


QUANTITIES: dict[str, Quantity] = {
    "value": value,
    "jacobian": jacobian,
    "vjp": vjp,
    "jvp": jvp,
    "gradient": gradient,
    "hessian": hessian,
    "hvp": hvp,
}


def used_assumptions(chains: Chains) -> tuple[Assumption, ...]:
    """The assumptions that some step used, in the order of use."""
    return tuple(dict.fromkeys(each for chain in chains for each in chain.assumptions))


def _closed_form(problem: Problem, quantity: Quantity) -> tuple[Expr, tuple[Assumption, ...]]:
    chains = quantity(problem)
    return chains[-1].result, used_assumptions(chains)


def _product(problem: Problem, title: str, total: Expr) -> Chain:
    """A product with the Jacobian: its closed form put in, and the sum contracted."""
    line = start(problem, title, total)
    line.take(known_jacobian(problem, problem.composition.output))
    line.finish()
    return line.chain()
