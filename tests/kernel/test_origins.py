"""Logits count from the largest where only their differences matter, and from 0 everywhere else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest

from derive.catalogue import losses, read_composition
from derive.catalogue.parameters import choose_parameters
from derive.kernel.dump import dump
from derive.kernel.interpret import interpret
from derive.kernel.ir import Kernel
from derive.pipeline import plan_kernels

TEMPERATURE = "softmax-temperature"
OFFSET = 1e4
LOGITS = (0.5, -1.25, 2.0, -3.0)
"""Numbers that a float32 holds beside the offset too, so that nothing but the kernel rounds."""
TARGETS = (0.25, 0.0, 0.5, 0.5)


def kernels(composition: str, quantity: str) -> list[Kernel]:
    """The kernels of a quantity: for targets, for a label, or for both."""
    known = read_composition(composition)
    further = (quantity,) if quantity in known.further_quantities else ()
    planned = plan_kernels(replace(known, further=further), None)
    return [each for each in planned if each.name == quantity.replace(":", "_")]


def run(kernel: Kernel, z: Any, dtype: type[Any], targets: Any = TARGETS) -> Any:
    given = {"z": z, "t": targets, **choose_parameters(kernel.parameters, len(z))}
    values = {name: np.array(each, dtype) for name, each in given.items()}
    (got,) = interpret(kernel, values, 2 if kernel.labels else None).values()
    return got


INVARIANT = [(f"{TEMPERATURE}+{name}", "gradient:T") for name in losses()]
INVARIANT += [
    ("softmax+sum(t*(z - sum(y*z)))", "loss"),
    ("softmax+sum(t*(z - sum(y*z)))", "gradient"),
    ("softmax+(z[k] - sum(y*z))**2", "loss"),
    ("identity+log(sum(exp(z/T))) - z[k]/T", "gradient:T"),
    ("identity+log(sum(exp((z - z[k])/T)))", "gradient:T"),
]


@pytest.mark.parametrize(("composition", "quantity"), INVARIANT)
def test_what_all_logits_have_in_common_costs_no_digits(composition: str, quantity: str) -> None:
    found = kernels(composition, quantity)
    assert found
    for kernel in found:
        for dtype in (np.float32, np.float64):
            at = run(kernel, np.array(LOGITS), dtype)
            moved = run(kernel, np.array(LOGITS) + OFFSET, dtype)
            np.testing.assert_array_equal(at, moved)


def log_softmax(z: Any, temperature: Any) -> list[Any]:
    total = mpmath.log(sum(mpmath.exp((each - max(z)) / temperature) for each in z))
    return [(each - max(z)) / temperature - total for each in z]


VALUES: dict[str, Callable[[list[Any]], Any]] = {
    "cross-entropy": lambda logs: -sum(a * b for a, b in zip(TARGETS, logs, strict=True)),
    "brier": lambda logs: sum((mpmath.exp(b) - a) ** 2 for a, b in zip(TARGETS, logs, strict=True)),
    "reverse-kl": lambda logs: sum(mpmath.exp(b) * (b - mpmath.log(a)) for a, b in zip(SOFT, logs, strict=True)),
}
SOFT = (0.25, 0.125, 0.5, 0.5)


@pytest.mark.parametrize("name", VALUES)
def test_the_derivative_by_the_temperature_is_that_of_the_loss(name: str) -> None:
    targets = SOFT if name == "reverse-kl" else TARGETS
    (kernel,) = (each for each in kernels(f"{TEMPERATURE}+{name}", "gradient:T") if not each.labels)
    (temperature,) = (float(each) for each in choose_parameters(kernel.parameters, 4).values())
    z = np.array(LOGITS) + OFFSET
    with mpmath.workdps(60):
        exact = mpmath.diff(lambda at: VALUES[name](log_softmax([mpmath.mpf(each) for each in z], at)), temperature)
    for dtype in (np.float32, np.float64):
        got = run(kernel, z, dtype, targets)
        np.testing.assert_allclose(float(got), float(exact), rtol=40 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("offset", [0.0, OFFSET])
def test_a_class_of_probability_0_has_no_part_in_the_derivative(offset: float) -> None:
    for kernel in kernels(f"{TEMPERATURE}+cross-entropy", "gradient:T"):
        without = run(kernel, np.array([0.5, 1.0, 2.0]) + offset, np.float64, (0.25, 0.25, 0.5))
        beside = run(kernel, np.array([0.5, 1.0, 2.0, -np.inf]) + offset, np.float64, (0.25, 0.25, 0.5, 0.0))
        np.testing.assert_array_equal(without, beside)


@pytest.mark.parametrize(
    ("composition", "quantity"),
    [
        ("identity+sum(t*z)", "loss"),  # it is larger where all logits are
        ("identity+log(sum(exp(z))) - sum(t*z)", "loss"),  # it is, unless the targets sum to 1
        ("identity+sum((z - sum(z)/n)**2)", "gradient"),  # nothing has asked for the largest
        ("softmax+sum(y*abs(z - z[k]))", "loss"),  # a difference is one already
        ("softmax+cross-entropy", "gradient"),
    ],
)
def test_other_logits_stay_as_they_are(composition: str, quantity: str) -> None:
    for kernel in kernels(composition, quantity):
        assert "# Logits count" not in dump(kernel)


def test_the_largest_logit_is_found_once() -> None:
    for kernel in kernels(f"{TEMPERATURE}+label-smoothed-cross-entropy", "gradient:T"):
        assert dump(kernel).count("= max over j of") == 1
