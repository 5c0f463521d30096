"""Every loss of the catalogue is what its source says, and so is its gradient: by formulas written by hand."""

from types import SimpleNamespace

import mpmath
import pytest

import derive
from derive.catalogue import losses
from derive.language.show import text
from tests.calculus.truth import ACTIVATIONS, DIGITS, KNOWN, LOGITS, NUMBERS, close, differences, found

log, exp = mpmath.log, mpmath.exp


def cross_entropy(y, t):
    return -sum(b * log(a) for a, b in zip(y, t, strict=True))


def squares(y, t):
    return sum((a - b) ** 2 for a, b in zip(y, t, strict=True))


def divergence(p, q):
    return sum(a * log(a / b) for a, b in zip(p, q, strict=True))


def mean_of(p, q):
    return [(a + b) / 2 for a, b in zip(p, q, strict=True)]


def focal(y, t, gamma):
    return -sum(b * (1 - a) ** gamma * log(a) for a, b in zip(y, t, strict=True))


def weighed(w, t):
    return [a * b for a, b in zip(w, t, strict=True)]


def other(p):
    return [1 - a for a in p]


BY_HAND = {
    "cross-entropy": lambda p: cross_entropy(p.y, p.t),
    "mse": lambda p: squares(p.y, p.t) / 3,
    "half-squared-error": lambda p: squares(p.y, p.t) / 2,
    "brier": lambda p: squares(p.y, p.t),
    "label-smoothed-cross-entropy": lambda p: cross_entropy(p.y, [(1 - p.alpha) * each + p.alpha / 3 for each in p.t]),
    "weighted-cross-entropy": lambda p: cross_entropy(p.y, weighed(p.w, p.t)),
    "focal": lambda p: focal(p.y, p.t, p.gamma),
    "kl": lambda p: divergence(p.t, p.y),
    "reverse-kl": lambda p: divergence(p.y, p.t),
    "jensen-shannon": lambda p: (divergence(p.t, mean_of(p.t, p.y)) + divergence(p.y, mean_of(p.t, p.y))) / 2,
    "entropy-penalised-cross-entropy": lambda p: cross_entropy(p.y, p.t) - p.beta * cross_entropy(p.y, p.y),
    "generalised-cross-entropy": lambda p: sum(b * (1 - a**p.q) / p.q for a, b in zip(p.y, p.t, strict=True)),
    "poly-1": lambda p: cross_entropy(p.y, p.t) + p.epsilon * sum(b * (1 - a) for a, b in zip(p.y, p.t, strict=True)),
    "z-loss-cross-entropy": lambda p: cross_entropy(p.y, p.t) + p.beta * log(sum(exp(each) for each in p.z)) ** 2,
    "log-likelihood-ratio": lambda p: log(p.y[1]) + cross_entropy(p.y, p.t),
    "expected-cost": lambda p: sum(a * b for a, b in zip(p.c, p.y, strict=True)),
    "binary-cross-entropy": lambda p: cross_entropy(p.y, p.t) + cross_entropy(other(p.y), other(p.t)),
    "binary-focal": lambda p: focal(p.y, p.t, p.gamma) + focal(other(p.y), other(p.t), p.gamma),
}
PER_CLASS_ALPHA = {"alpha-balanced-focal"}
"""Losses in which alpha is a number for each class; they are tested against the one without it."""


def test_every_loss_has_a_formula_by_hand() -> None:
    assert set(BY_HAND) | PER_CLASS_ALPHA == set(losses())


@pytest.mark.parametrize("name", list(BY_HAND))
def test_the_gradient_is_that_of_the_formula(name: str) -> None:
    activation = "sigmoid" if name.startswith("binary") else "softmax"
    formula = text(derive.derive(f"{activation}+{name}").closed_form("gradient"))
    with mpmath.workdps(DIGITS):
        given = {each: [mpmath.mpf(entry) for entry in entries] for each, entries in KNOWN.items()}
        given |= {each: mpmath.mpf(number) for each, number in NUMBERS.items()}
        logits = [mpmath.mpf(each) for each in LOGITS]
        slopes, _ = differences(
            lambda z: BY_HAND[name](SimpleNamespace(y=ACTIVATIONS[activation](z), z=z, **given)), logits
        )
        for j, slope in enumerate(slopes):
            assert close(found(activation, formula, logits, j=j), slope, 25), formula


def test_the_balanced_focal_loss_is_the_focal_loss_of_weighted_targets() -> None:
    balanced, focal_of = (losses()[name].definition for name in ("alpha-balanced-focal", "focal"))
    assert balanced.replace("alpha[i]*", "") == focal_of
