"""Every closed form of the oracle equals differences, at 160 digits, of the bare definitions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from tests.numeric import oracle

DIGITS = 160
STEP = mpf(10) ** -40
FIRST, SECOND = mpf(10) ** -76, mpf(10) ** -74
"""Central differences leave an error of the order of the step squared."""


@pytest.fixture(params=[1, 2, 3, 5])
def point(request: pytest.FixtureRequest) -> dict[str, oracle.Vector]:
    rng = np.random.default_rng(request.param)
    return {name: oracle.vector(rng.normal(size=request.param)) for name in "ztgv"}


def gradient_of(function: Callable[[oracle.Vector], Any], z: oracle.Vector) -> oracle.Vector:
    """Entry (..., j) is the central difference of `function` in z_j."""
    shifts = oracle.identity(len(z)) * STEP
    return np.stack([np.asarray((function(z + h) - function(z - h)) / (2 * STEP)) for h in shifts], axis=-1)


def distance(left: Any, right: Any) -> mpf:
    assert np.shape(left) == np.shape(right)
    return max(abs(entry) for entry in np.ravel(left - right))


def test_first_derivatives(point: dict[str, oracle.Vector]) -> None:
    z, t, g, v = (point[name] for name in "ztgv")
    with mp.workdps(DIGITS):
        y = oracle.softmax(z)
        jacobian, log_jacobian = gradient_of(oracle.softmax, z), gradient_of(oracle.log_softmax, z)
        pairs = {
            "softmax jacobian": (oracle.softmax_jacobian(y), jacobian),
            "softmax vjp": (oracle.softmax_product(y, g), g @ jacobian),
            "softmax jvp": (oracle.softmax_product(y, v), jacobian @ v),
            "log-softmax jacobian": (oracle.log_softmax_jacobian(y), log_jacobian),
            "log-softmax vjp": (oracle.log_softmax_vjp(y, g), g @ log_jacobian),
            "log-softmax jvp": (oracle.log_softmax_jvp(y, v), log_jacobian @ v),
            "cross-entropy": (
                oracle.cross_entropy_gradient(y, t),
                gradient_of(lambda x: oracle.cross_entropy(oracle.log_softmax(x), t), z),
            ),
            "mse": (oracle.mse_gradient(y, t), gradient_of(lambda x: oracle.mse(oracle.softmax(x), t), z)),
        }
        errors = {name: distance(closed, differences) for name, (closed, differences) in pairs.items()}
    assert {name: error for name, error in errors.items() if error > FIRST} == {}


@pytest.mark.parametrize(("loss", "activation"), [("cross_entropy", "log_softmax"), ("mse", "softmax")])
def test_second_derivatives(point: dict[str, oracle.Vector], loss: str, activation: str) -> None:
    z, t, v = (point[name] for name in "ztv")
    definition, hessian, hvp = (getattr(oracle, loss + suffix) for suffix in ("", "_hessian", "_hvp"))
    output = getattr(oracle, activation)
    with mp.workdps(DIGITS):
        y = oracle.softmax(z)
        differences = gradient_of(lambda x: gradient_of(lambda w: definition(output(w), t), x), z)
        assert distance(hessian(y, t), differences) < SECOND
        assert distance(hvp(y, t, v), differences @ v) < SECOND


def test_log_softmax_is_the_logarithm_of_softmax(point: dict[str, oracle.Vector]) -> None:
    with mp.workdps(DIGITS):
        logs = oracle.vector(mp.log(p) for p in oracle.softmax(point["z"]))
        assert distance(logs, oracle.log_softmax(point["z"])) < mpf(10) ** -150


@pytest.mark.parametrize("z", [[0.0, -80.0], [1e30, 1e30], [-1e308, -1e308], [5.0, -700.0, -702.5], [1e10, 1e10 - 40]])
def test_the_working_precision_resolves_one_minus_y(z: list[float]) -> None:
    """Loss and gradient of the largest class hold 55 digits however near to 1 its probability is."""
    label = [1.0] + [0.0] * (len(z) - 1)
    with mp.workprec(oracle.working_bits(np.array(z))):
        exact, t = oracle.vector(z), oracle.vector(label)
        logs = oracle.log_softmax(exact)
        loss, gradient = oracle.cross_entropy(logs, t), oracle.cross_entropy_gradient(oracle.softmax(exact), t)
    with mp.workprec(5000):
        others = mp.fsum(mp.exp(logit - exact[0]) for logit in exact[1:])
        assert abs(loss / mp.log1p(others) - 1) < mpf(10) ** -55
        assert abs(gradient[0] / (-others / (1 + others)) - 1) < mpf(10) ** -55


def test_pairs_hold_what_they_stand_for() -> None:
    with mp.workprec(300):
        exact = oracle.vector([mpf(1) / 3, mpf(10) ** 400, -(mpf(10) ** 400), mpf(2) ** -2000, mpf("-inf")])
        high, low = oracle.to_pair(exact)
        assert abs((mpf(high[0]) + mpf(low[0])) * 3 - 1) < mpf(2) ** -104
    assert high[1:].tolist() == [np.inf, -np.inf, 0.0, -np.inf]
    assert low[1:].tolist() == [0.0, 0.0, 0.0, 0.0]
