"""Every loss of the catalogue is what its source says, and so is its gradient: by formulas written by hand."""

import mpmath
import pytest
from mpmath import mpf

import derive
from derive.catalogue import activations, losses
from derive.language.show import text
from tests.calculus.truth import DIGITS, KNOWN, LOGITS, NUMBERS, close, differences, found
from tests.catalogue.formulas import ACTIVATIONS, LOSSES

PER_CLASS_ALPHA = {"alpha-balanced-focal"}
"""Losses in which alpha is a number for each class; they are tested against the one without it."""


def test_everything_has_a_formula_by_hand() -> None:
    assert set(LOSSES) == set(losses())
    assert set(ACTIVATIONS) == set(activations())


@pytest.mark.parametrize("name", sorted(set(LOSSES) - PER_CLASS_ALPHA))
def test_the_gradient_is_that_of_the_formula(name: str) -> None:
    activation = "sigmoid" if name.startswith("binary") else "softmax"
    formula = text(derive.derive(f"{activation}+{name}").closed_form("gradient"))
    with mpmath.workdps(DIGITS):
        given = {each: [mpf(entry) for entry in entries] for each, entries in KNOWN.items()}
        parameters = {**given, **{each: mpf(number) for each, number in NUMBERS.items()}}
        logits = [mpf(each) for each in LOGITS]
        slopes, _ = differences(lambda z: LOSSES[name](ACTIVATIONS[activation](z, given["t"], parameters)), logits)
        for j, slope in enumerate(slopes):
            assert close(found(activation, formula, logits, j=j), slope, 25), formula


def test_the_balanced_focal_loss_is_the_focal_loss_of_weighted_targets() -> None:
    balanced, focal_of = (losses()[name].definition for name in ("alpha-balanced-focal", "focal"))
    assert balanced.replace("alpha[i]*", "") == focal_of
