"""The derivation of each quantity: which rules lead from its definition to its closed form, in which order.

Nothing here knows an activation or a loss by name. A gradient goes through the activation's output (chain rule, the
Jacobian put in, the sum contracted with the loss still opaque, and only then the loss), so that cancellations such as
y − t come about by themselves; everything else is differentiated directly.
"""

from collections.abc import Callable
from functools import cache

import sympy
from sympy import Expr, Indexed

from derive.calculus import contract, differentiate
from derive.calculus.differentiate import known
from derive.calculus.line import Line
from derive.calculus.problem import Problem
from derive.calculus.rewrite import Rule, expand
from derive.catalogue.model import Assumption
from derive.derivation import Chain
from derive.notation import Contraction, Partial, g, i, j, k, loss, occurrences, rename, v, y, z

Chains = tuple[Chain, ...]
Quantity = Callable[[Problem], Chains]


def value(problem: Problem) -> Chains:
    """The definition, written in the logits for an activation and in its output for a loss."""
    composition = problem.composition
    if composition.loss is not None:
        line = _line(problem, f"The loss {composition.loss.name} of one row", loss)
        line.put("definition", "the loss put in", problem.loss_definition)
        line.take(_output_put_in(problem))
    else:
        line = _line(problem, f"The output of {composition.name}", rename(composition.output, {i: j}))
        line.take(_y_put_in(problem))
        line.take(_LOG_OF_QUOTIENT)
    return (line.chain(),)


@cache
def jacobian(problem: Problem) -> Chains:
    """∂output_i/∂z_j, row i and column j."""
    return (*_jacobian_of_y(problem), *_jacobian_of_output(problem))


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
    line = _line(
        problem, "The gradient of the loss with respect to the logits", Partial(loss, z[j]), problem.assumptions
    )
    if any(node.base == z for node in occurrences(problem.loss_definition, Indexed)):
        line.put("definition", "the loss put in", Partial(problem.loss_definition, z[j]))
        return (*jacobian(problem), _differentiated(problem, line))
    output = problem.composition.output_vector
    outer = _loss_by_output(problem)
    through = Contraction(Partial(loss, output[k]) * Partial(output[k], z[j]), k)
    line.put("chain rule", "the logits reach the loss through every entry of the output", through)
    line.take(_known_jacobian(problem, output[i]))
    line.finish()
    line.take(_loss_put_in(outer))
    line.take(_output_put_in(problem))
    line.finish()
    return (*jacobian(problem), outer, line.chain())


@cache
def hessian(problem: Problem) -> Chains:
    """∂²L/∂z_i∂z_j, row i and column j."""
    line = _line(problem, "The Hessian of the loss", Partial(Partial(loss, z[i]), z[j]), problem.assumptions)
    first, used = _closed_form(problem, gradient)
    line.put("gradient put in", "its closed form", Partial(rename(first, {j: i}), z[j]), used)
    return (_differentiated(problem, line),)


def hvp(problem: Problem) -> Chains:
    """Σ_i ∂²L/∂z_j∂z_i v_i."""
    total = Contraction(Partial(Partial(loss, z[j]), z[k]) * v[k], k)
    line = _line(problem, "Hessian-vector product: the Hessian times the direction v", total, problem.assumptions)
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
    steps = [step for chain in chains for step in chain.steps]
    return tuple(dict.fromkeys(assumption for step in steps for assumption in step.assumptions))


def _closed_form(problem: Problem, quantity: Quantity) -> tuple[Expr, tuple[Assumption, ...]]:
    chains = quantity(problem)
    return chains[-1].result, used_assumptions(chains)


def _line(problem: Problem, title: str, left: Expr, assumptions: tuple[Assumption, ...] = ()) -> Line:
    return Line(title, left, problem.definitions, assumptions, problem.facts)


@cache
def _jacobian_of_y(problem: Problem) -> Chains:
    """∂y_i/∂z_j from the definition of y, written in y again; empty where there is no y."""
    definition = problem.composition.y_definition
    if definition is None:
        return ()
    line = _line(problem, "The Jacobian of y: row i is the output, column j the logit", Partial(y[i], z[j]))
    line.put("definition", "y put in", Partial(definition, z[j]))
    line.exhaust(differentiate.RULES)
    line.exhaust(contract.RULES)
    line.put("split the fraction", "one fraction for each term", expand(line.now))
    if problem.folding is not None:
        line.take(problem.folding)
    line.finish()
    return (line.chain(),)


@cache
def _jacobian_of_output(problem: Problem) -> Chains:
    """∂output_i/∂z_j where the output is not y itself."""
    output = problem.composition.output
    if output == y[i]:
        return ()
    title = f"The Jacobian of {problem.composition.activation.name}: row i is the output, column j the logit"
    return (_differentiated(problem, _line(problem, title, Partial(output, z[j]))),)


def _loss_by_output(problem: Problem) -> Chain:
    """∂L/∂output_i with the entries of the output free of each other: no fact about them is used."""
    output = problem.composition.output_vector
    definitions = {name: meaning for name, meaning in problem.definitions.items() if name not in (y, output)}
    line = Line(f"The derivative of the loss with respect to {output.label}", Partial(loss, output[i]), definitions)
    line.put("definition", "the loss put in", Partial(problem.loss_definition, output[i]))
    line.exhaust(differentiate.RULES)
    line.finish()
    return line.chain()


def _differentiated(problem: Problem, line: Line) -> Chain:
    """Every derivative in the line taken, with the Jacobian of y as a known rule, and the sums contracted."""
    chains = _jacobian_of_y(problem)
    rules = [_known_chain(chains[-1], "Jacobian of y")] if chains else []
    line.exhaust((*rules, *differentiate.RULES))
    line.exhaust(contract.RULES)
    if problem.folding is not None:
        line.take(problem.folding)
    line.finish()
    return line.chain()


def _product(problem: Problem, title: str, total: Expr) -> Chain:
    """A product with the Jacobian: its closed form put in, and the sum contracted."""
    line = _line(problem, title, total)
    line.take(_known_jacobian(problem, problem.composition.output))
    line.finish()
    return line.chain()


def _known_chain(chain: Chain, name: str) -> Rule:
    assert isinstance(chain.left, Partial)  # noqa: S101 - every Jacobian's chain starts so
    return known(name, "found above", chain.left, chain.result)


def _known_jacobian(problem: Problem, output: Expr) -> Rule:
    """The activation's Jacobian as a rule on ∂`output`_i/∂z_j."""
    return known("Jacobian put in", "found above", Partial(output, z[j]), jacobian(problem)[-1].result)


def _loss_put_in(outer: Chain) -> Rule:
    """∂L/∂output_i as the rule that its chain found."""

    def visit(node: Expr) -> Expr | None:
        if isinstance(node, Partial) and node.body == loss and node.variable.base == outer.left.variable.base:
            return rename(outer.result, {i: node.variable.indices[0]})
        return None

    return Rule("derivative of the loss put in", "found above", visit)


def _y_put_in(problem: Problem) -> Rule:
    definition = problem.composition.y_definition

    def visit(node: Expr) -> Expr | None:
        if definition is not None and isinstance(node, Indexed) and node.base == y:
            return rename(definition, {i: node.indices[0]})
        return None

    return Rule("definition", "y put in", visit)


def _output_put_in(problem: Problem) -> Rule:
    """The rule that writes what the output is, where a closed form calls it o."""
    vector, output = problem.composition.output_vector, problem.composition.output

    def visit(node: Expr) -> Expr | None:
        if isinstance(node, Indexed) and node.base == vector and output != node:
            return rename(output, {i: node.indices[0]})
        return None

    return Rule("output put in", "what the activation gives", visit)


def _log_of_quotient(node: Expr) -> Expr | None:
    """log(exp(a)/b) = a − log b."""
    if not isinstance(node, sympy.log):
        return None
    above, below = node.args[0].as_numer_denom()
    if below == 1 or not isinstance(above, sympy.exp):
        return None
    return above.args[0] - sympy.log(below)


_LOG_OF_QUOTIENT = Rule(
    "log of a quotient", "the logarithm of a quotient is the difference, and undoes the exponential", _log_of_quotient
)
