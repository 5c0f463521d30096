"""No right formula is called wrong: each quantity in equivalent shapes, as our own printers write them."""

import pytest
import sympy

from derive.calculus.engine import derive_quantity
from derive.catalogue import read_composition
from derive.checking.verdict import judge_formula
from derive.language.show import latex, text, unicode
from derive.notation import Partial

FIRST_ORDER = [
    "softmax", "log-softmax", "sigmoid", "softmax-temperature", "softmax+cross-entropy", "softmax+mse", "identity+mse",
    "sigmoid+binary-cross-entropy", "softmax+weighted-cross-entropy", "softmax+label-smoothed-cross-entropy",
    "softmax-temperature+kl", "softmax+reverse-kl", "softmax+-log(y[k])", "softmax+a*sum(t*y**2)", "softmax+focal",
    "softmax+jensen-shannon", "softmax+-sqrt(y[k])", "softmax+1/y[k]", "sigmoid+binary-focal", "log-softmax+-sum(t*y)",
]  # fmt: skip
SECOND_ORDER = ["softmax+cross-entropy", "softmax+mse", "sigmoid+binary-cross-entropy", "identity+mse"]
"""Others have pages of steps."""
CASES = [(name, quantity) for name in FIRST_ORDER for quantity in read_composition(name).quantities
         if quantity not in ("hessian", "hvp") or name in SECOND_ORDER]  # fmt: skip


def shapes(composition, quantity):
    """The closed form with and without what is assumed, multiplied out, factored, and the last steps on the way."""
    assumed = derive_quantity(composition, quantity, assumptions=composition.assumptions)
    free = derive_quantity(composition, quantity).closed_form
    yield from (assumed.closed_form, free, sympy.expand(free), sympy.factor(free))
    yield from [step.after for step in assumed.chains[-1].steps if not step.after.has(Partial)][-3:]


@pytest.mark.parametrize(("name", "quantity"), CASES)
def test_a_right_formula_is_right_in_every_shape(name, quantity):
    composition = read_composition(name)
    written = {write(shape): None for shape in shapes(composition, quantity) for write in (text, latex, unicode)}
    for formula in written:
        found = judge_formula(composition, quantity, formula, explain=False)
        assert found.is_right, (formula, found.verdict, found.reason, found.reading)
