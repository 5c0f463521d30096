"""Laws that hold whatever the numbers are, and agreement with another library where one is installed.

The errors allowed are a few times those of the accuracy table: each side of a law has its own.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.numeric.backends import OpenBackend, load_module
from tests.numeric.calls import DTYPES
from tests.numeric.cases import Array

SLACK = 64
"""Units of u, relative to the largest term."""


def numpy_function(module: str, quantity: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(load_module("any", module), quantity)
    return found


def close(left: Array, right: Array, scale: float, dtype: Any) -> None:
    """Both sides of a law, within `SLACK` units of `scale`."""
    allowed = SLACK * float(np.finfo(dtype).eps) / 2 * scale
    error = float(np.max(np.abs(np.asarray(left, np.float64) - np.asarray(right, np.float64)), initial=0.0))
    assert error <= allowed, f"differ by {error:.3g}, allowed {allowed:.3g}:\n{left}\n{right}"


@st.composite
def problems(draw: st.DrawFn) -> tuple[Array, Array, Array, Array, int]:
    """Logits, targets, upstream gradient and direction of shape (rows, n), and a seed."""
    rows, n, seed = draw(st.integers(1, 4)), draw(st.integers(1, 20)), draw(st.integers(0, 2**32 - 1))
    dtype, scale = draw(st.sampled_from(DTYPES)), draw(st.sampled_from([0.01, 1.0, 5.0, 30.0]))
    rng = np.random.default_rng(seed)
    z, g, v = (rng.normal(size=(rows, n)).astype(dtype) for _ in range(3))
    return z * dtype(scale), rng.random((rows, n)).astype(dtype), g, v, seed


law = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@law
@given(problems())
def test_probabilities_sum_to_one(problem: tuple[Array, Array, Array, Array, int]) -> None:
    z = problem[0]
    close(numpy_function("softmax", "value")(z).sum(axis=-1), np.ones(len(z)), 1.0, z.dtype)


@law
@given(problems(), st.integers(-1000, 1000))
def test_a_shift_of_the_logits_changes_nothing(problem: tuple[Array, Array, Array, Array, int], shift: int) -> None:
    """Bit for bit where the shift is exact: logits in eighths."""
    z = np.round(problem[0] * 8) / 8
    shifted = z + z.dtype.type(shift)
    for module in ("softmax", "log_softmax"):
        value = numpy_function(module, "value")
        assert np.array_equal(value(z), value(shifted)), module
    for module in ("softmax_cross_entropy", "softmax_mse"):
        both = numpy_function(module, "loss_and_gradient")
        for plain, moved in zip(both(z, problem[1]), both(shifted, problem[1]), strict=True):
            assert np.array_equal(plain, moved), module


@law
@given(problems())
def test_permuting_the_classes_permutes_the_result(problem: tuple[Array, Array, Array, Array, int]) -> None:
    z, t, g, _, seed = problem
    order = np.random.default_rng(seed).permutation(z.shape[1])
    for module in ("softmax", "log_softmax"):
        vjp = numpy_function(module, "vjp")
        close(vjp(z[:, order], g[:, order]), vjp(z, g)[:, order], float(np.abs(g).sum()), z.dtype)
    for module in ("softmax_cross_entropy", "softmax_mse"):
        gradient = numpy_function(module, "gradient")
        close(gradient(z[:, order], t[:, order]), gradient(z, t)[:, order], float(t.sum()) + 1, z.dtype)


@law
@given(problems())
def test_rows_and_columns_of_the_jacobian_sum_to_zero(problem: tuple[Array, Array, Array, Array, int]) -> None:
    z = problem[0]
    jacobian = numpy_function("softmax", "jacobian")(z)
    close(jacobian.sum(axis=-1), np.zeros_like(z), 1.0, z.dtype)
    close(jacobian.sum(axis=-2), np.zeros_like(z), 1.0, z.dtype)
    close(numpy_function("log_softmax", "jacobian")(z).sum(axis=-1), np.zeros_like(z), 2.0, z.dtype)


@law
@given(problems())
def test_products_are_products_with_the_matrices(problem: tuple[Array, Array, Array, Array, int]) -> None:
    z, t, g, v, _ = problem
    for module in ("softmax", "log_softmax"):
        jacobian = numpy_function(module, "jacobian")(z)
        scale = float(np.abs(g).sum() + np.abs(v).sum())
        close(numpy_function(module, "vjp")(z, g), np.einsum("rij,ri->rj", jacobian, g), scale, z.dtype)
        close(numpy_function(module, "jvp")(z, v), np.einsum("rij,rj->ri", jacobian, v), scale, z.dtype)
    for module in ("softmax_cross_entropy", "softmax_mse"):
        hessian = numpy_function(module, "hessian")(z, t)
        scale = float(np.abs(v).sum() * (1 + t.sum()))
        close(hessian, np.swapaxes(hessian, -1, -2), 1 + float(t.sum()), z.dtype)
        close(numpy_function(module, "hvp")(z, t, v), np.einsum("rij,rj->ri", hessian, v), scale, z.dtype)


@law
@given(problems())
def test_the_gradient_is_the_vjp_of_the_derivative_in_y(problem: tuple[Array, Array, Array, Array, int]) -> None:
    z, t = problem[:2]
    y = numpy_function("softmax", "value")(z)
    vjp = numpy_function("softmax", "vjp")
    scale = 1 + float(t.sum())
    upstream = 2 * (y - t) / z.dtype.type(z.shape[1])
    close(numpy_function("softmax_mse", "gradient")(z, t), vjp(z, upstream), scale, z.dtype)
    if y.min() > 1e-3:
        close(numpy_function("softmax_cross_entropy", "gradient")(z, t), vjp(z, -t / y), scale * 1000, z.dtype)
    through_logs = numpy_function("log_softmax", "vjp")(z, -t)
    close(numpy_function("softmax_cross_entropy", "gradient")(z, t), through_logs, scale, z.dtype)


@law
@given(problems())
def test_labels_are_one_hot_targets(problem: tuple[Array, Array, Array, Array, int]) -> None:
    z, _, _, v, seed = problem
    labels = np.random.default_rng(seed).integers(0, z.shape[1], size=len(z))
    t = np.eye(z.shape[1], dtype=z.dtype)[labels]
    loss, gradient = (numpy_function("softmax_cross_entropy", quantity) for quantity in ("loss", "gradient"))
    close(loss(z, labels), loss(z, t), 1 + float(np.max(loss(z, t))), z.dtype)
    close(gradient(z, labels), gradient(z, t), 1.0, z.dtype)
    hvp = numpy_function("softmax_cross_entropy", "hvp")
    close(hvp(z, labels, v), hvp(z, t, v), float(np.abs(v).sum()), z.dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["numpy any", "gcc any"])
def test_backends_agree_with_torch(open_backend: OpenBackend, name: str, dtype: type[Any]) -> None:
    """PyTorch's own tolerance, on rows that are not confident: there its loss is off."""
    torch = pytest.importorskip("torch")
    z = np.random.default_rng(5).normal(size=(64, 10)).astype(dtype)
    labels = np.arange(64, dtype=np.int64) % z.shape[1]
    logits = torch.tensor(z, requires_grad=True)
    losses = torch.nn.functional.cross_entropy(logits, torch.tensor(labels), reduction="none")
    losses.sum().backward()
    loss, gradient = open_backend(name).call("softmax_cross_entropy", "loss_and_gradient", z, labels)
    close(loss, losses.detach().numpy(), 10.0, dtype)
    close(gradient, logits.grad.numpy(), 1.0, dtype)
