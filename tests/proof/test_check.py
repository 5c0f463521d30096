"""The exact check passes identities and kills what is almost one."""

import itertools

import pytest
import sympy
from sympy import Expr, Integer

from derive.catalogue.model import SUM_T_1
from derive.catalogue.softmax import activation as softmax
from derive.errors import ProofError
from derive.language.read import read
from derive.notation import i, loss, y
from derive.proof.check import agree, check, prove

CROSS_ENTROPY = {y: (i, read(softmax.y)), loss: (None, read("-sum(t[i]*log(y[i]) for i in range(n))"))}
MSE = {y: (i, read(softmax.y)), loss: (None, read("sum((y[i] - t[i])**2 for i in range(n))/n"))}

RIGHT = [
    (CROSS_ENTROPY, "diff(L, z[j])", "y[j]*sum(t[i] for i in range(n)) - t[j]"),
    (CROSS_ENTROPY, "diff(diff(L, z[i]), z[j])", "y[i]*(delta(i, j) - y[j])*sum(t[k] for k in range(n))"),
    (MSE, "diff(L, z[j])", "2/n*y[j]*(y[j] - t[j] - sum(y[i]*(y[i] - t[i]) for i in range(n)))"),
    (MSE, "diff(y[i], z[j])", "y[i]*(delta(i, j) - y[j])"),
]


def mutants(expression: Expr) -> list[Expr]:
    """The expression with one node at a time changed: a sign, a factor, an exponent, a vector."""
    changed = []
    for node in set(sympy.preorder_traversal(expression)):
        replacements = []
        if isinstance(node, sympy.Indexed):
            others = [base for base in ("y", "t", "z") if base != str(node.base.label)]
            replacements += [sympy.IndexedBase(base)[node.indices[0]] for base in others]
            replacements += [node**2, -node, node + 1]
        elif isinstance(node, (sympy.Add, sympy.Mul, sympy.KroneckerDelta)):
            replacements += [-node, 2 * node, node + 1]
        elif isinstance(node, Integer):
            replacements += [node + 1]
        changed += [expression.xreplace({node: replacement}) for replacement in replacements]
    return [mutant for mutant in changed if mutant != expression]


@pytest.mark.parametrize(("definitions", "left", "right"), RIGHT)
def test_a_right_formula_passes_both_ways(definitions, left: str, right: str) -> None:
    assert check(read(left), read(right), definitions).classes[0] >= 3
    for n in (1, 2, 3, 4):
        assert prove(read(left), read(right), n, definitions).points == 0


@pytest.mark.parametrize(("definitions", "left", "right"), RIGHT)
def test_no_mutant_of_a_right_formula_passes(definitions, left: str, right: str) -> None:
    survivors = [mutant for mutant in mutants(read(right)) if agree(read(left), mutant, definitions)]
    assert survivors == []


def test_an_assumption_is_used_only_where_it_is_named() -> None:
    left, right = read("diff(L, z[j])"), read("y[j] - t[j]")
    assert not agree(left, right, CROSS_ENTROPY)
    assert agree(left, right, CROSS_ENTROPY, (SUM_T_1,))
    with pytest.raises(ProofError, match="n = 3"):
        check(left, right, CROSS_ENTROPY)
    with pytest.raises(ProofError):
        prove(left, right, 3, CROSS_ENTROPY)


def test_soft_targets_tell_t_from_its_square() -> None:
    assert not agree(read("y[j] - t[j]"), read("y[j] - t[j]**2"), {}, (SUM_T_1,))


def test_an_identity_of_two_classes_fails_at_more() -> None:
    power_sums = [f"sum(t[i]**{power} for i in range(n))" for power in (1, 2, 3)]
    first, second, third = power_sums
    newton = read(f"{first}**3 - 3*{first}*{second} + 2*{third}")
    prove(newton, Integer(0), 2, {})
    assert not agree(newton, Integer(0), {})


def test_free_indices_are_tried_equal_and_different() -> None:
    for claim, wrong in itertools.permutations(["y[i]*y[j]", "y[i]*y[j] + delta(i, j)"], 2):
        assert not agree(read(claim), read(wrong), {})


LOGARITHMS = [
    ("log(1 + exp(-1 - z[j]))", "log(1 + exp(1 + z[j])) - 1 - z[j]"),
    ("log(exp(-z[j]) + 1)", "log(exp(z[j]) + 1) - z[j]"),
    ("log(exp(z[i] - z[j]) + 1)", "log(exp(z[j] - z[i]) + 1) + z[i] - z[j]"),
]


@pytest.mark.parametrize(("left", "right"), LOGARITHMS)
def test_the_logarithm_of_a_sum_of_exponentials_has_one_form(left: str, right: str) -> None:
    assert check(read(left), read(right), {}).method == "modular"
    assert not agree(read(left), read(f"{right} + z[j]/10**9"), {})


ROOTS = [
    ("sum(sqrt(1 + y[i]**2) for i in range(n))", "sum((1 + y[i]**2)/sqrt(1 + y[i]**2) for i in range(n))"),
]


@pytest.mark.parametrize(("left", "right"), ROOTS)
def test_what_the_prime_field_lacks_is_decided_in_real_numbers(left: str, right: str) -> None:
    assert check(read(left), read(right), {}).method == "real"
    assert not agree(read(left), read(f"{right} + y[j]/10**9"), {})
