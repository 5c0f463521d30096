"""Every loss of the catalogue is what its source says, and so is its gradient: by formulas written by hand."""

import mpmath
import pytest
from mpmath import mpf

import derive
from derive.calculus.engine import derive_quantity
from derive.catalogue import activations, losses, read_composition
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


@pytest.mark.parametrize("name", sorted(each.name for each in losses().values() if each.labels))
def test_the_gradient_of_a_label_is_that_of_the_formula_at_one_hot_targets(name: str) -> None:
    composition = read_composition(f"softmax+{name}")
    formula = text(derive_quantity(composition, "gradient", labels=True).closed_form)
    if name in PER_CLASS_ALPHA:
        formula = formula.replace("alpha[label]", "alpha")
    with mpmath.workdps(DIGITS):
        given = {each: [mpf(entry) for entry in entries] for each, entries in KNOWN.items()}
        parameters = {**given, **{each: mpf(number) for each, number in NUMBERS.items()}}
        if name in PER_CLASS_ALPHA:
            parameters["alpha"] = [parameters["alpha"]] * len(LOGITS)
        logits, label = [mpf(each) for each in LOGITS], 1
        one_hot = [mpf(number == label) for number in range(len(logits))]
        slopes, _ = differences(lambda z: LOSSES[name](ACTIVATIONS["softmax"](z, one_hot, parameters)), logits)
        for j, slope in enumerate(slopes):
            assert close(found("softmax", formula, logits, j=j, label=label), slope, 25), formula


def test_the_balanced_focal_loss_is_the_focal_loss_of_weighted_targets() -> None:
    balanced, focal_of = (losses()[name].definition for name in ("alpha-balanced-focal", "focal"))
    assert balanced.replace("alpha[i]*", "") == focal_of
