"""Losses of papers, typed in: gradients and products at hard rows, against differences of the definition."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import mpmath
import numpy as np
import pytest

from derive.catalogue import activations
from derive.catalogue.model import Composition, Loss
from derive.kernel.interpret import interpret
from derive.pipeline import plan_kernels

DIGITS = 150
"""The differences lose 60; what is left of 1 beside a gap begins 0.44 digits below the point for each unit of it."""
STEPS = mpmath.mpf(10) ** -20, mpmath.mpf(10) ** -40
"""Of the differences along a direction, and of those within them."""
Numbers = Sequence[Any]


@dataclass(frozen=True)
class Typed:
    """A loss as text, and as a function of what the activation gives, targets or the label, and parameters.

    A parameter with several numbers is one for each class, repeated.
    """

    definition: str
    value: Callable[..., Any]
    where: str = ""
    parameters: dict[str, float | tuple[float, ...]] = field(default_factory=dict)
    labels: bool = False
    activation: str = "softmax"
    is_norm: bool = False
    """Whether it has a kink where the loss is 0."""


def xlogy(x: Any, y: Any) -> Any:
    return mpmath.mpf(0) if x == 0 else x * mpmath.log(y)


def jensen_shannon(y: Numbers, t: Numbers, w: float) -> Any:
    mean = [w * one + (1 - w) * other for one, other in zip(t, y, strict=True)]
    return sum(
        w * xlogy(one, one / m) + (1 - w) * xlogy(other, other / m) for one, other, m in zip(t, y, mean, strict=True)
    )


def focal_tversky(y: Numbers, t: Numbers, a: float, b: float, c: float, smooth: int = 1) -> Any:
    pairs = list(zip(t, y, strict=True))
    found = sum(one * other for one, other in pairs)
    wrong = a * sum((1 - one) * other for one, other in pairs)
    missed = b * sum(one * (1 - other) for one, other in pairs)
    return ((wrong + missed) / (found + wrong + missed + smooth)) ** mpmath.mpf(c)


LOSSES = {
    # Englesson and Azizpour, Generalized Jensen-Shannon divergence loss for learning with noisy labels, 2021
    "generalised-jensen-shannon": Typed(
        "w*sum(t*log(t/(w*t + (1 - w)*y))) + (1 - w)*sum(y*log(y/(w*t + (1 - w)*y)))",
        jensen_shannon,
        "0 < w < 1",
        {"w": 0.25},
    ),
    # Le Cam, Asymptotic methods in statistical decision theory, 1986
    "triangular-discrimination": Typed(
        "sum((t - y)**2/(t + y))", lambda y, t: sum((a - b) ** 2 / (a + b) for a, b in zip(t, y, strict=True))
    ),
}

LOSSES |= {
    # Kim and others, NLNL: negative learning for noisy labels, 2019
    "negative-learning": Typed("-log(1 - y[k])", lambda y, k: -mpmath.log(1 - y[k]), labels=True),
    "odds": Typed("-log(y[k]/(1 - y[k]))", lambda y, k: -mpmath.log(y[k] / (1 - y[k])), labels=True),
    "binary-cross-entropy": Typed(
        "-sum(t*log(y) + (1 - t)*log(1 - y))",
        lambda y, t: -sum(xlogy(a, b) + xlogy(1 - a, 1 - b) for a, b in zip(t, y, strict=True)),
    ),
    # Liu and others, Early-learning regularization prevents memorization of noisy labels, 2020
    "early-learning": Typed(
        "-sum(t*log(y)) + a*log(1 - sum(t*y))",
        lambda y, t, a: (
            -sum(xlogy(b, c) for b, c in zip(t, y, strict=True))
            + a * mpmath.log(sum((1 - b) * c for b, c in zip(t, y, strict=True)))
        ),
        parameters={"a": 1.5},
    ),
    # Lin and others, Focal loss for dense object detection, 2017, of the probability that the targets have
    "focal-of-whole": Typed(
        "-(1 - sum(t*y))**gamma*log(sum(t*y))",
        lambda y, t, gamma: (
            -(sum((1 - a) * b for a, b in zip(t, y, strict=True)) ** mpmath.mpf(gamma))
            * mpmath.log(sum(a * b for a, b in zip(t, y, strict=True)))
        ),
        parameters={"gamma": 1.5},
    ),
    # Leng and others, PolyLoss, 2022, of the probability that the targets have
    "poly-of-whole": Typed(
        "-log(sum(t*y)) + epsilon*(1 - sum(t*y))**2",
        lambda y, t, epsilon: (
            -mpmath.log(sum(a * b for a, b in zip(t, y, strict=True)))
            + epsilon * sum((1 - a) * b for a, b in zip(t, y, strict=True)) ** 2
        ),
        parameters={"epsilon": 0.5},
    ),
    # Abraham and Khan, A novel focal Tversky loss function, 2019
    "focal-tversky": Typed(
        "(1 - (sum(t*y) + 1)/(sum(t*y) + a*sum((1 - t)*y) + b*sum(t*(1 - y)) + 1))**c",
        focal_tversky,
        parameters={"a": 0.75, "b": 0.25, "c": 1.5},
    ),
    "focal-tversky-unsmoothed": Typed(
        "(1 - sum(t*y)/(sum(t*y) + a*sum((1 - t)*y) + b*sum(t*(1 - y))))**c",
        partial(focal_tversky, smooth=0),
        parameters={"a": 0.75, "b": 0.25, "c": 1.5},
    ),
}


LOSSES |= {
    # Menon and others, Long-tail learning via logit adjustment, 2021
    "logit-adjustment": Typed(
        "-log(p[k]*y[k]/sum(p[i]*y[i] for i in range(n)))",
        lambda y, k, p: -mpmath.log(p[k] * y[k] / sum(a * b for a, b in zip(p, y, strict=True))),
        parameters={"p": (0.5, 0.25, 1.5)},
        labels=True,
    ),
    # Cao and others, Learning imbalanced datasets with label-distribution-aware margin loss, 2019
    "margin": Typed(
        "-log(exp(s*(z[k] - m[k]))/(exp(s*(z[k] - m[k])) + sum(exp(s*z[i]) for i in range(n)) - exp(s*z[k])))",
        lambda z, k, m, s: (
            mpmath.log(
                mpmath.exp(s * (z[k] - m[k])) + sum(mpmath.exp(s * z[i]) * mpmath.mpf(i != k) for i in range(len(z)))
            )
            - s * (z[k] - m[k])
        ),
        parameters={"m": (0.5, 0.25, 1.5), "s": 2.0},
        labels=True,
        activation="identity",
    ),
    # Sohn, Improved deep metric learning with multi-class N-pair loss objective, 2016
    "n-pair": Typed(
        "log(sum(exp((z - z[k])/T)))",
        lambda z, k, T: mpmath.log(sum(mpmath.exp((each - z[k]) / mpmath.mpf(T)) for each in z)),
        parameters={"T": 0.5},
        labels=True,
        activation="identity",
    ),
    # Yeh and others, Decoupled contrastive learning, 2022
    "decoupled-contrastive": Typed(
        "-z[k]/T + log(sum(exp(z[i]/T) for i in range(n)) - exp(z[k]/T))",
        lambda z, k, T: (
            mpmath.log(sum(mpmath.exp(z[i] / mpmath.mpf(T)) for i in range(len(z)) if i != k)) - z[k] / mpmath.mpf(T)
        ),
        parameters={"T": 0.5},
        labels=True,
        activation="identity",
    ),
    # Rafailov and others, Direct preference optimization, 2023, of one answer against a fixed reference
    "preference": Typed(
        "log(1 + exp(-b*(log(y[k]) - r)))",
        lambda y, k, b, r: mpmath.log(1 + mpmath.exp(-b * (mpmath.log(y[k]) - r))),
        where="r in R",
        parameters={"b": 1.5, "r": -0.25},
        labels=True,
    ),
    # Saleh and Saleh, Statistical properties of the log-cosh loss function used in machine learning, 2022
    "log-cosh": Typed(
        "sum(log((exp(y - t) + exp(t - y))/2))",
        lambda z, t: sum(mpmath.log(mpmath.cosh(a - mpmath.mpf(b))) for a, b in zip(z, t, strict=True)),
        activation="identity",
    ),
    "sharpened": Typed(
        "sum(t*y**p)/sum(y**p)",
        lambda y, t, p: sum(a * b**p for a, b in zip(t, y, strict=True)) / sum(b**p for b in y),
        parameters={"p": 16.0},
    ),
    "mean-exponential": Typed(
        "log(mean(exp(s*z)))/s",
        lambda z, _, s: mpmath.log(sum(mpmath.exp(mpmath.mpf(s) * each) for each in z) / len(z)) / s,
        parameters={"s": 2.5},
        activation="identity",
    ),
    "power-norm": Typed(
        "sum(y**p)**(1/p)",
        lambda y, _, p: sum(b**p for b in y) ** (1 / mpmath.mpf(p)),
        parameters={"p": 1000.0},
    ),
    "root-mean-square": Typed(
        "sqrt(mean((y - t)**2))",
        lambda y, t: mpmath.sqrt(sum((a - b) ** 2 for a, b in zip(y, t, strict=True)) / len(y)),
        is_norm=True,
    ),
    "distance": Typed(
        "sqrt(sum((z - t)**2))",
        lambda z, t: mpmath.sqrt(sum((a - b) ** 2 for a, b in zip(z, t, strict=True))),
        activation="identity",
        is_norm=True,
    ),
    # Hellinger, Neue Begründung der Theorie quadratischer Formen von unendlichvielen Veränderlichen, 1909
    "hellinger": Typed(
        "sqrt(sum((sqrt(y) - sqrt(t))**2))",
        lambda y, t: mpmath.sqrt(sum((mpmath.sqrt(a) - mpmath.sqrt(b)) ** 2 for a, b in zip(y, t, strict=True))),
        is_norm=True,
    ),
    # Li and others, Improving pairwise ranking for multi-label image classification, 2017; the form of the circle loss,
    # Sun and others, 2020
    "pairs-of-labels": Typed(
        "log(1 + sum(t*exp(-s*(z - m)))*sum((1 - t)*exp(s*(z + m))))/s",
        lambda z, t, s, m: (
            mpmath.log(
                1
                + sum(a * mpmath.exp(-s * (b - m)) for a, b in zip(t, z, strict=True))
                * sum((1 - a) * mpmath.exp(s * (b + m)) for a, b in zip(t, z, strict=True))
            )
            / s
        ),
        parameters={"s": 2.0, "m": 0.25},
        activation="identity",
    ),
    "soft-maximum": Typed(
        "log(exp(a*sum(t*y)) + exp(b*sum(y**2)))",
        lambda y, t, a, b: mpmath.log(
            mpmath.exp(a * sum(c * d for c, d in zip(t, y, strict=True))) + mpmath.exp(b * sum(c * c for c in y))
        ),
        parameters={"a": 120.0, "b": 1.5},
    ),
    # Su and others, ZLPR: a novel loss for multi-label classification, 2022
    "several-labels": Typed(
        "log(1 + sum((1 - t)*exp(z))) + log(1 + sum(t*exp(-z)))",
        lambda z, t: (
            mpmath.log(1 + sum((1 - a) * mpmath.exp(b) for a, b in zip(t, z, strict=True)))
            + mpmath.log(1 + sum(a * mpmath.exp(-b) for a, b in zip(t, z, strict=True)))
        ),
        activation="identity",
    ),
}


def close_rows(n: int) -> list[list[float]]:
    """One class as far above the others as makes the rest of 1 a few roundings of it, in each precision, and less."""
    return [[gap, *([0.0] * (n - 1))] for gap in (5.0, 14.0, 15.5, 16.5, 17.5, 34.5, 36.0, 37.0, 38.5, 50.0, 120.0)]


def rows(n: int) -> list[list[float]]:
    """Ties, and one class 30, 80 and 1000 above or below the others: the first, one in the middle, the last."""
    spread = [((7 * number) % n) / 4 for number in range(n)]
    gaps = {0: 30.0, n // 2: 80.0, n - 1: 1000.0}
    apart = [
        [spread[number] + sign * gap * (number == place) for number in range(n)]
        for place, gap in gaps.items()
        for sign in (1, -1)
    ]
    return [[0.5] * n, spread, *apart]


def targets(n: int) -> list[list[float]]:
    """One-hot, soft, soft with zeros."""
    first, last = ([float(number == place) for number in range(n)] for place in (0, n - 1))
    return [first, last, [1 / n] * n, [0.5, 0.25, *[0.0] * (n - 2)]]


def derivatives(
    loss: Callable[[Numbers], Any], z: Numbers, v: Numbers, places: Sequence[int]
) -> tuple[list[Any], list[Any]]:
    """Entries of the gradient, and their derivatives along v, by central differences."""
    wide, narrow = STEPS

    def moved(at: Numbers, direction: Numbers, by: Any) -> list[Any]:
        return [a + by * b for a, b in zip(at, direction, strict=True)]

    def gradient(at: Numbers) -> list[Any]:
        axes = [[int(number == other) for other in range(len(at))] for number in places]
        return [(loss(moved(at, axis, narrow)) - loss(moved(at, axis, -narrow))) / (2 * narrow) for axis in axes]

    exact = [mpmath.mpf(each) for each in z]
    up, down = gradient(moved(exact, v, wide)), gradient(moved(exact, v, -wide))
    return [(a + b) / 2 for a, b in zip(up, down, strict=True)], [
        (a - b) / (2 * wide) for a, b in zip(up, down, strict=True)
    ]


def softmax(z: Numbers) -> Numbers:
    greatest = max(z)
    exponentials = [mpmath.exp(each - greatest) for each in z]
    total = sum(exponentials)
    return [each / total for each in exponentials]


def identity(z: Numbers) -> Numbers:
    return z


ACTIVATIONS = {"softmax": softmax, "identity": identity}


@pytest.mark.parametrize("n", [2, 3, 17])
@pytest.mark.parametrize("name", LOSSES)
def test_loss_gradient_and_product_at_hard_rows(name: str, n: int) -> None:
    typed = LOSSES[name]
    definition = Loss(name, typed.definition, source="", where=typed.where)
    composition = Composition(activations()[typed.activation], definition)
    kernels = {kernel.name: kernel for kernel in plan_kernels(composition, None)}
    v = [((5 * number) % 7 - 2.5) / 2 for number in range(n)]
    classes: Sequence[Any] = range(0, n, max(1, n // 3)) if typed.labels else targets(n)
    places = sorted({0, n // 2, n - 1})
    parameters = {
        key: np.resize(value, n).tolist() if isinstance(value, tuple) else value
        for key, value in typed.parameters.items()
    }
    for z in rows(n) + close_rows(n) * typed.is_norm:
        for target in classes:
            with mpmath.workdps(DIGITS + int(0.44 * (max(z) - min(z)))):

                def loss(at: Numbers, target: Any = target) -> Any:
                    return typed.value(ACTIVATIONS[typed.activation](at), target, **parameters)

                exact = {"loss": [loss([mpmath.mpf(each) for each in z])]}
                if typed.is_norm and len({*z}) == len({*target}) == 1:
                    continue
                exact["gradient"], exact["hvp"] = derivatives(loss, z, v, places)
            for dtype, allowed in ((np.float32, 1e-4), (np.float64, 1e-12)):
                given = {"z": z, "v": v, **parameters} | ({} if typed.labels else {"t": target})
                values = {key: np.array(value, dtype) for key, value in given.items()}
                for quantity, truth in exact.items():
                    label = target if typed.labels else None
                    (got,) = interpret(kernels[quantity], values, label).values()
                    found = got[places] if got.ndim else [got]
                    scale = max(1.0, *(abs(float(each)) for each in truth))
                    wrong = max(abs(float(a) - float(b)) for a, b in zip(found, truth, strict=True))
                    told = (quantity, dtype.__name__, z, target, found, [float(each) for each in truth])
                    assert wrong <= allowed * scale, told


def test_a_power_of_two_negative_sums_is_that_of_their_quotient() -> None:
    """At one class, and a target of 7: 1.5 (1 - 7) over 7 + 1.5 (1 - 7) is 4.5, and nothing changes with the logit."""
    definition = LOSSES["focal-tversky-unsmoothed"].definition
    composition = Composition(activations()["softmax"], Loss("made", definition, source=""))
    given = {"z": [0.3], "t": [7.0], "v": [1.0], "a": 1.5, "b": 0.5, "c": 1.25}
    for kernel in plan_kernels(composition, None):
        if kernel.name in ("loss", "gradient", "hvp"):
            values = {name: np.array(each, np.float64) for name, each in given.items()}
            (got,) = interpret(kernel, values, None).values()
            assert float(np.ravel(got)[0]) == pytest.approx(4.5**1.25 if kernel.name == "loss" else 0, abs=1e-12)
