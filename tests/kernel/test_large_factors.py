"""Factors that overflow in a product that does not: quotients by probabilities, sums of exponentials, logistics.

The truth is the loss written by hand, differentiated by differences to a hundred digits.
"""

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import pytest

from derive.catalogue import read_composition
from derive.kernel.interpret import interpret
from derive.kernel.pipeline import store
from derive.pipeline import plan_kernels

Numbers = Sequence[Any]
ByHand = Callable[[Numbers, Numbers], Any]


def softmax(z: Numbers) -> Numbers:
    total = mpmath.fsum(map(mpmath.exp, z))
    return [mpmath.exp(each) / total for each in z]


def chi_squared(z: Numbers, t: Numbers) -> Any:
    return mpmath.fsum((y - own) ** 2 / y for y, own in zip(softmax(z), t, strict=True))


def alpha_divergence(z: Numbers, t: Numbers) -> Any:
    return (1 - mpmath.fsum(own**3 / y**2 for y, own in zip(softmax(z), t, strict=True))) / -6


def of_pairs(z: Numbers, t: Numbers) -> Any:
    return mpmath.fsum(
        (1 - one) * two * mpmath.exp(above - below)
        for above, one in zip(z, t, strict=True)
        for below, two in zip(z, t, strict=True)
    )


def top_1(z: Numbers, t: Numbers) -> Any:
    own = next(each for each, target in zip(z, t, strict=True) if target == 1)
    return mpmath.fsum(1 / (1 + mpmath.exp(own - each)) + 1 / (1 + mpmath.exp(-(each**2))) for each in z)


def squared_margin(z: Numbers, t: Numbers) -> Any:
    own = next(each for each, target in zip(z, t, strict=True) if target == 1)
    return mpmath.fsum(mpmath.log(1 + mpmath.exp(1 - own + each)) ** 2 for each in z)


def negative_binomial(z: Numbers, t: Numbers) -> Any:
    return mpmath.fsum(
        (own + 3) * mpmath.log(3 + mpmath.exp(each)) - own * each for each, own in zip(z, t, strict=True)
    )


def correlation(z: Numbers, t: Numbers) -> Any:
    def centred(numbers: Numbers) -> Numbers:
        mean = mpmath.fsum(numbers) / len(numbers)
        return [each - mean for each in numbers]

    def dot(one: Numbers, two: Numbers) -> Any:
        return mpmath.fsum(a * b for a, b in zip(one, two, strict=True))

    logits, targets = centred(z), centred(t)
    return 1 - dot(logits, targets) / mpmath.sqrt(dot(logits, logits) * dot(targets, targets))


PAIRS = "sum(sum((1 - t[i])*t[k]*exp(z[i] - z[k]) for i in range(n)) for k in range(n))"
LOSSES: dict[str, ByHand] = {
    # Pearson, 1900
    "softmax+sum((y - t)**2/y)": chi_squared,
    "softmax+(1 - sum(t**a*y**(1 - a)))/(a*(1 - a))": alpha_divergence,
    # Zhang and Zhou, Multilabel neural networks, 2006
    f"identity+{PAIRS}": of_pairs,
    # Li, Song and Luo, Improving pairwise ranking for multi-label image classification, 2017
    f"identity+log(1 + {PAIRS})": lambda z, t: mpmath.log(1 + of_pairs(z, t)),
    # Hidasi and others, Session-based recommendations with recurrent neural networks, 2016
    "identity+sum(1/(1 + exp(z[k] - z[i])) + 1/(1 + exp(-z[i]**2)) for i in range(n))": top_1,
    "identity+sum(log(1 + exp(1 - z[k] + z[i]))**2 for i in range(n))": squared_margin,
    # Lawless, 1987, by the logarithm of the mean
    "identity+sum((t + a)*log(a + exp(z)) - t*z)": negative_binomial,
    # Pearson, 1895
    "identity+1 - sum((z - mean(z))*(t - mean(t)))/sqrt(sum((z - mean(z))**2)*sum((t - mean(t))**2))": correlation,
}
ROWS = [
    ((0.5, -1.25, 2.0), (0.25, 0.25, 0.5)),
    ((30.0, -30.0, 1.0), (0.0, 1.0, 0.0)),
    ((-30.0, 30.0, 1.0), (0.25, 0.5, 0.25)),
    ((50.0, -50.0, 1.0), (0.25, 0.25, 0.5)),
    ((-102.0, 1.0, 0.0), (0.0, 1.0, 0.0)),
    ((1e4, 1e4 + 3, 1e4 - 2), (0.0, 0.5, 1.0)),
]
V = (0.5, -1.0, 2.0)


def derivatives(loss: ByHand, z: Numbers, t: Numbers) -> dict[str, Any]:
    """What the kernels of a loss compute, by their outputs' names."""
    n = len(z)
    exact, targets = [mpmath.mpf(each) for each in z], [mpmath.mpf(each) for each in t]

    def partial(*classes: int) -> Any:
        orders = tuple(classes.count(each) for each in range(n))
        return mpmath.diff(lambda *moved: loss(moved, targets), tuple(exact), orders)

    hessian = [[partial(i, j) for j in range(n)] for i in range(n)]
    products = [mpmath.fsum(entry * other for entry, other in zip(row, V, strict=True)) for row in hessian]
    return {
        "loss": loss(exact, targets),
        "grad": [partial(j) for j in range(n)],
        "hess": hessian,
        "product": products,
    }


@pytest.mark.parametrize("definition", LOSSES)
@pytest.mark.parametrize(("z", "t"), ROWS)
def test_a_factor_that_overflows_does_not_spoil_a_product_that_does_not(
    definition: str, z: tuple[float, ...], t: tuple[float, ...]
) -> None:
    takes_labels = "z[k] +" in definition or "exp(z[k] - z[i])" in definition
    if takes_labels and 1.0 not in t:
        t = (0.0, 1.0, 0.0)
    with mpmath.workdps(100):
        exact = derivatives(LOSSES[definition], z, t)
    kernels = plan_kernels(read_composition(definition), None)
    assert kernels
    for kernel in kernels:
        given = {"z": z, "t": t, "v": V, "a": 3.0}
        values = {name: np.array(each, np.float32) for name, each in given.items()}
        got = interpret(store(kernel, work=True), values, t.index(1.0) if kernel.labels else None)
        for name, array in got.items():
            want = np.array(exact[name], dtype=np.longdouble)
            largest = np.abs(want).max()
            if largest < np.finfo(np.float32).max:
                # An exponential errs by its exponent's error, and logits are 160 apart at most; terms of 1 may cancel.
                np.testing.assert_allclose(array, want, rtol=0, atol=3e-5 * max(largest, 1), err_msg=kernel.name)
