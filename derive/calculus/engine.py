"""Derive one quantity of one composition, for any number of classes or a given one."""

from contextlib import suppress
from dataclasses import replace
from functools import cache

from sympy import Expr, Integer, nan, zoo

from derive import notation
from derive.calculus.abbreviate import abbreviate
from derive.calculus.further import FURTHER, gradient_by
from derive.calculus.problem import Problem
from derive.calculus.quantities import QUANTITIES, used_assumptions
from derive.catalogue.model import Assumption, Composition
from derive.derivation import Chain, Check, Result, Step
from derive.errors import UnsupportedError
from derive.proof.check import check, prove

PROVED_UP_TO = {"hessian": 5, "hvp": 5, "gauss-newton": 5, "gnvp": 5}
"""The most classes at which a closed form is proved deterministically; more takes minutes."""
PROVED_UP_TO_FIRST_ORDER = 8


def derive_quantity(
    composition: Composition,
    quantity: str,
    n: int | None = None,
    assumptions: tuple[Assumption, ...] = (),
    labels: bool = False,
) -> Result:
    """Derive `quantity`, for any number of classes or, with `n`, for that many.

    Args:
        composition: what is derived.
        quantity: one of `composition.quantities` or `composition.further_quantities`.
        n: a given number of classes. The derivation for any number is then instantiated, and its closed form proved
            deterministically besides where n is small enough.
        assumptions: the declared facts that may be used; each shows in the step that uses it.
        labels: whether the targets are class labels: t_i = δ_i,label.

    Raises:
        UnsupportedError: the composition has no such quantity.
        ProofError: a step or the closed form failed its exact check.
    """
    if quantity not in (*composition.quantities, *composition.further_quantities):
        allowed = ", ".join((*composition.quantities, *composition.further_quantities))
        raise UnsupportedError(f"{composition.name} has no {quantity}; it has {allowed}")
    problem = Problem(composition, assumptions, labels)
    return _for_any_number(problem, quantity) if n is None else _for_a_given_number(problem, quantity, n)


@cache
def _for_any_number(problem: Problem, quantity: str) -> Result:
    chains = _derive(problem, quantity)
    closed_form, used = chains[-1].result, used_assumptions(chains)
    proof = check(chains[-1].left, closed_form, problem.definitions, used)
    short_form, named_sums = abbreviate(closed_form)
    return Result(problem.composition, quantity, None, chains, closed_form, short_form, named_sums, (proof,), used)


@cache
def _for_a_given_number(problem: Problem, quantity: str, n: int) -> Result:
    return _instantiate(_for_any_number(problem, quantity), problem, n)


def _derive(problem: Problem, quantity: str) -> tuple[Chain, ...]:
    name, _, variable = quantity.partition(":")
    if variable:
        return gradient_by(problem, variable)
    return {**QUANTITIES, **FURTHER}[name](problem)


def _instantiate(result: Result, problem: Problem, n: int) -> Result:
    """The same derivation with n classes, and a deterministic proof of its closed form where that is feasible."""

    def at_n(expression: Expr) -> Expr:
        instantiated: Expr = expression.xreplace({notation.n: Integer(n)})
        return instantiated

    def step_at_n(step: Step) -> Step:
        return replace(step, before=at_n(step.before), after=at_n(step.after))

    meanings = [meaning for _, meaning in problem.definitions.values()]
    if any(at_n(expression).has(zoo, nan) for expression in (*meanings, result.closed_form)):
        raise UnsupportedError(f"{result.composition.name} is not defined for n = {n}: it divides by 0")
    chains = tuple(
        Chain(chain.title, at_n(chain.left), tuple(step_at_n(step) for step in chain.steps)) for chain in result.chains
    )
    proofs: tuple[Check, ...] = result.proofs
    if n <= PROVED_UP_TO.get(result.quantity, PROVED_UP_TO_FIRST_ORDER):
        left, right = result.chains[-1].left, result.closed_form
        with suppress(UnsupportedError):
            proofs = (*proofs, prove(left, right, n, problem.definitions, result.assumptions))
    return replace(
        result,
        n=n,
        chains=chains,
        closed_form=at_n(result.closed_form),
        short_form=at_n(result.short_form),
        named_sums=tuple((name, at_n(meaning)) for name, meaning in result.named_sums),
        proofs=proofs,
    )
