"""Rewriting throughout an expression keeps indices apart."""

import sympy

from derive.calculus.rewrite import expand, replace
from derive.language.read import read
from derive.notation import Contraction
from derive.proof.check import agree


def test_what_comes_into_a_nested_sum_may_be_a_sum_itself() -> None:
    hole = sympy.Dummy()
    total = read("sum(exp(z[i]) for i in range(n))")
    assert isinstance(total, Contraction)
    nested = read("sum(y[i]*sum(y[k]*a/(y[i] + 1) for k in range(n)) for i in range(n))")
    (parameter,) = (symbol for symbol in nested.free_symbols if str(symbol) == "a")
    filled = replace(nested.xreplace({parameter: hole}), {hole: total})
    assert agree(filled, nested.xreplace({parameter: 1}) * total, {})


def test_what_stands_under_a_fraction_line_or_a_root_is_not_multiplied_out() -> None:
    for formula in ("y[j]/(1 - y[j])**2", "y[j]*(1 + y[j])**(3/2)", "(1 + y[j])**(-5/2)"):
        assert expand(read(formula)) == read(formula)
