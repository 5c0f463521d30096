"""What `derive show` prints can be given back: its last formula, as text, LaTeX, Markdown and JSON, is called right."""

import json
import os

import pytest

from derive.calculus.engine import derive_quantity
from derive.catalogue import activations, losses, read_composition
from derive.checking.verdict import judge_formula
from derive.errors import DeriveError, ProofError
from derive.targets.report import report_json, report_latex, report_markdown, report_text

SAMPLE = [
    "softmax", "log-softmax", "sigmoid", "softmax-temperature", "softmax+cross-entropy", "softmax+mse",
    "sigmoid+binary-cross-entropy", "identity+mse", "softmax+weighted-cross-entropy", "softmax-temperature+kl",
    "softmax+label-smoothed-cross-entropy", "softmax+expected-cost", "softmax+log-likelihood-ratio",
]  # fmt: skip
ABBREVIATED = [("softmax+focal", "gradient"), ("softmax+focal", "hessian"), ("softmax+mse", "hessian"),
               ("softmax+reverse-kl", "hvp")]  # fmt: skip
"""Their closed forms name sums on lines of their own."""


def catalogue():
    """Every activation, alone and with every loss."""
    for activation in activations():
        yield activation
        yield from (f"{activation}+{loss}" for loss in losses())


def cases():
    """The compositions with their quantities: a sample, or with DERIVE_CATALOGUE all that there are (10 minutes)."""
    for name in catalogue() if "DERIVE_CATALOGUE" in os.environ else SAMPLE:
        try:
            yield from ((name, quantity) for quantity in read_composition(name).quantities)
        except DeriveError:
            continue
    yield from ABBREVIATED


def pasted(result):
    """The last formula of a derivation in each format, with what stands beside it."""
    yield report_text([result]).rstrip().split("\n\n")[-1]
    for written, mark in ((report_latex([result]), "Checked:"), (report_markdown([result]), "Checked:")):
        yield written[written.index("\n", written.rindex(mark)) :]
    closed = json.loads(report_json([result]))["closed_form"]
    yield from closed.values()


@pytest.mark.parametrize(("name", "quantity"), list(dict.fromkeys(cases())))
def test_the_formula_that_a_derivation_ends_with_is_read(name, quantity):
    composition = read_composition(name)
    try:
        result = derive_quantity(composition, quantity, assumptions=composition.assumptions)
    except (DeriveError, ProofError):
        pytest.skip("no derivation")
    for formula in filter(str.strip, pasted(result)):
        found = judge_formula(composition, quantity, formula, explain=False)
        assert found.is_right, (formula, found.verdict, found.reason, found.reading)


@pytest.mark.parametrize(
    ("name", "quantity"),
    [("softmax", "jacobian"), ("softmax", "vjp"), ("softmax+cross-entropy", "gradient"),
     ("softmax+cross-entropy", "hvp"), ("softmax+mse", "gradient")],
)  # fmt: skip
def test_a_whole_chain_is_read_with_its_comments_and_remarks(name, quantity):
    composition = read_composition(name)
    result = derive_quantity(composition, quantity, assumptions=composition.assumptions)
    written = report_latex([result])
    found = judge_formula(
        composition, quantity, written[written.rindex(r"\begin{align*}") : written.rindex(r"\end{align*}") + 12]
    )
    assert found.is_right
    assert found.first_wrong_link is None
