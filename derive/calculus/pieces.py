"""The parts that the derivations of several quantities share: Jacobians, the derivative of the loss, and rules.

A result found before becomes a rule that puts it in.
"""

from functools import cache

import sympy
from sympy import Expr, Indexed

from derive import notation
from derive.calculus import contract, differentiate
from derive.calculus.differentiate import known
from derive.calculus.line import Line
from derive.calculus.problem import Problem
from derive.calculus.readability import cost
from derive.calculus.rewrite import Rule, expand
from derive.catalogue.model import Assumption, Composition
from derive.derivation import Chain
from derive.notation import Contraction, Partial, free_indices, i, j, loss, nesting, occurrences, rename, y, z
from derive.proof.evaluate import Definitions

Chains = tuple[Chain, ...]


def start(problem: Problem, title: str, left: Expr, assumptions: tuple[Assumption, ...] = ()) -> Line:
    """A line of a problem: checked with what its names stand for, finished with what is known of y."""
    return Line(title, left, problem.definitions, assumptions, problem.facts)


def jacobian(problem: Problem) -> Chains:
    """∂output_i/∂z_j, row i and column j."""
    return (*jacobian_of_y(problem), *jacobian_of_output(_alone(problem)))


def jacobian_of_y(problem: Problem) -> Chains:
    """∂y_i/∂z_j from the definition of y, written in y again; empty where there is no y."""
    return _jacobian_of_y(_alone(problem))


def _alone(problem: Problem) -> Problem:
    """The activation without the loss: all losses over it share its Jacobian."""
    return Problem(Composition(problem.composition.activation))


@cache
def _jacobian_of_y(problem: Problem) -> Chains:
    if problem.composition.y_definition is None:
        return ()
    return (derivative_of_y(problem, "The Jacobian of y: row i is the output, column j the logit", z[j]),)


def derivative_of_y(problem: Problem, title: str, variable: Expr) -> Chain:
    """∂y_i/∂variable from the definition of y, written in y again."""
    line = start(problem, title, Partial(y[i], variable))
    line.put("definition", "y put in", Partial(problem.composition.y_definition, variable))
    line.exhaust(differentiate.RULES)
    line.exhaust(contract.RULES)
    line.put("split the fraction", "one fraction for each term", expand(line.now))
    if problem.folding is not None:
        line.take(problem.folding)
    line.finish()
    return line.chain()


@cache
def jacobian_of_output(problem: Problem) -> Chains:
    """∂output_i/∂z_j where the output is not y itself."""
    output = problem.composition.output
    if output == y[i]:
        return ()
    title = f"The Jacobian of {problem.composition.activation.name}: row i is the output, column j the logit"
    return (differentiated(problem, start(problem, title, Partial(output, z[j]))),)


@cache
def loss_by_output(problem: Problem) -> Chain:
    """∂L/∂output_i with the entries of the output free of each other: no fact about them is used."""
    output = problem.composition.output_vector
    title = f"The derivative of the loss with respect to {output.label}"
    line = Line(title, Partial(loss, output[i]), free_of_logits(problem))
    line.put("definition", "the loss put in", Partial(problem.loss_definition, output[i]))
    line.exhaust(differentiate.RULES)
    line.finish()
    return line.chain()


def free_of_logits(problem: Problem) -> Definitions:
    """What the names stand for when the output is a vector by itself, and nothing is known of it."""
    output = problem.composition.output_vector
    return {name: meaning for name, meaning in problem.definitions.items() if name not in (y, output)}


def differentiated(problem: Problem, line: Line, sums: Chains = ()) -> Chain:
    """Every derivative in the line taken, with the Jacobian of y as a known rule, and the sums contracted.

    Args:
        problem: what is derived.
        line: the line, which holds derivatives.
        sums: derivatives of sums over the classes, each known from here on.
    """
    chains = jacobian_of_y(problem)
    rules = [put_in("Jacobian of y", chains[-1])] if chains else []
    rules += [put_in("derivative of the sum put in", chain) for chain in sums]
    line.exhaust((*rules, *differentiate.rules_around({_differentiated_in(chain) for chain in sums})))
    line.exhaust(contract.RULES)
    if problem.folding is not None:
        line.take(problem.folding)
    line.finish()
    return line.chain()


def derivatives_of_sums(problem: Problem, expression: Expr, variable: Expr) -> Chains:
    """The derivative of each sum in `expression` that is one number a row and moves with `variable`, inner ones first.

    Taken by themselves they stay short, and what is made of them has their shape: the product rule on the whole would
    have to find it again among its terms.
    """
    found = [node for node in occurrences(expression, Contraction) if free_indices(node) <= {notation.label}]
    moving = [node for node in dict.fromkeys(found) if differentiate.depends(node, variable)]
    chains: Chains = ()
    for node in sorted(moving, key=lambda each: (nesting(each), cost(each), str(each))):
        line = start(problem, "The derivative of a sum in it", Partial(node, variable), problem.assumptions)
        chains = (*chains, differentiated(problem, line, chains))
    return chains


def _differentiated_in(chain: Chain) -> Expr:
    """What the derivative that a chain starts from is taken of."""
    assert isinstance(chain.left, Partial)  # noqa: S101 - asked only of chains that start from a derivative
    return chain.left.body


def put_in(name: str, chain: Chain) -> Rule:
    """The result of a chain as a rule on the derivative that it starts from, at whatever indices."""
    assert isinstance(chain.left, Partial)  # noqa: S101 - asked only of chains that start from a derivative
    return known(name, "found above", chain.left, chain.result, chain.assumptions)


def known_jacobian(problem: Problem, output: Expr) -> Rule:
    """The activation's Jacobian as a rule on ∂`output`_i/∂z_j."""
    return known("Jacobian put in", "found above", Partial(output, z[j]), jacobian(problem)[-1].result)


def y_put_in(problem: Problem) -> Rule:
    """The rule that writes what y stands for."""
    definition = problem.composition.y_definition

    def visit(node: Expr) -> Expr | None:
        if definition is not None and isinstance(node, Indexed) and node.base == y:
            return rename(definition, {i: node.indices[0]})
        return None

    return Rule("definition", "y put in", visit)


def output_put_in(problem: Problem) -> Rule:
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


LOG_OF_QUOTIENT = Rule(
    "log of a quotient", "the logarithm of a quotient is the difference, and undoes the exponential", _log_of_quotient
)
