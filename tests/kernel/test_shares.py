"""Shares of a sum over the probabilities: what is written in them is what it was."""

import mpmath
import pytest
import sympy
from sympy import Expr
from sympy.codegen.cfunctions import log1p

from derive import catalogue
from derive.calculus.engine import derive_quantity
from derive.catalogue.softmax import activation as softmax
from derive.kernel.shares import in_shares_of_rest, in_shares_of_whole
from derive.language.read import read
from derive.notation import free_indices, i, j, t, v, y, z
from derive.proof.evaluate import Point, evaluate
from derive.proof.field import Reals

LOGITS = ((0.5, -1.0, 2.0), (60.0, 0.0, 1.0), (0.0, 60.0, 1.0), (0.0, 1.0, 60.0))
TARGETS = ((0.25, 0.5, 0.25), (0.0, 1.0, 0.0), (2.0, 0.5, 0.25))
LOSSES = (
    "-(1 - sum(t*y))**gamma*log(sum(t*y))",
    "-(1 - sum(t*y))**2*log(sum(t*y))",
    "(1 - sum(t*y))**gamma*(-sum(t*log(y)))",
    "-sum(t*log(y)) + a*log(1 - sum(t*y))",
    "-log(sum(t*y)) + sum(t)*sum(t*y)**2",
)


def closed_forms() -> dict[str, Expr]:
    return {
        f"{loss}: {quantity}": derive_quantity(catalogue.read_composition(f"softmax+{loss}"), quantity).closed_form
        for loss in LOSSES
        for quantity in ("gradient", "hessian", "hvp")
    }


FORMS = closed_forms()


def value(expression: Expr, logits: tuple[float, ...], targets: tuple[float, ...]) -> list[mpmath.mpf]:
    """The entries of `expression`, to 300 digits."""
    with mpmath.workdps(300):
        values = {z: logits, t: targets, v: (1.0, -2.0, 0.5)}
        exact = {name: [mpmath.mpf(number) for number in numbers] for name, numbers in values.items()}
        point = Point(Reals(), 3, exact, {y: (i, read(softmax.y))})
        entries = [{i: 0, j: 1}, {i: 1, j: 1}, {i: 2, j: 1}] if i in free_indices(expression) else [{j: 0}, {j: 1}]
        return [mpmath.re(evaluate(expression, point.at(entry))) for entry in entries]


@pytest.mark.parametrize("rewrite", [in_shares_of_whole, in_shares_of_rest])
@pytest.mark.parametrize("name", FORMS)
def test_it_is_what_it_was(name, rewrite):
    written = rewrite(FORMS[name]).replace(log1p, lambda x: sympy.log(1 + x))
    for logits in LOGITS:
        for targets in TARGETS:
            for got, before in zip(value(written, logits, targets), value(FORMS[name], logits, targets), strict=True):
                assert abs(got - before) <= mpmath.mpf(10) ** -100 * (1 + abs(before))
