"""Kernels of losses that nobody prepared are right at hard inputs, or the build says where they are not."""

from pathlib import Path

import numpy as np
import pytest
from sympy import Expr, Symbol, exp, log

import derive
from derive.catalogue import activations
from derive.catalogue.model import Activation, Composition, Loss
from derive.catalogue.parameters import Parameter
from derive.cli import main
from derive.errors import UnsafeError
from derive.kernel.blame import describe_culprit, find_culprit
from derive.kernel.interpret import interpret
from derive.kernel.lower import Output
from derive.kernel.pipeline import compile_kernel
from derive.kernel.safety import find_break
from derive.notation import i, j, k, t, y, z
from derive.pipeline import find_breaks, plan_kernels
from tests.kernel import programs as forms

SOFTMAX, IDENTITY = activations()["softmax"], activations()["identity"]
SIGMOID = Activation("logistic", "y[i]", "1/(1 + exp(-z[i]))", source="")
WARM = Activation("warm", "y[i]", "exp(z[i]/T)/sum(exp(z[k]/T) for k in range(n))", source="")


@pytest.mark.parametrize(
    ("activation", "definition", "where"),
    [
        (SOFTMAX, "-(1 - y[k])**gamma*log(y[k])", ""),
        (SOFTMAX, "(1 - y[k]**q)/q", "0 < q < 1"),
        (SOFTMAX, "-log(sum(t*y))", ""),
        (SOFTMAX, "sum(sqrt(t*y))", ""),
        (SOFTMAX, "sum(t*log(t/y))", ""),
        (SOFTMAX, "-log(y[k]) + e*(1 - y[k])", ""),
        (SIGMOID, "-sum(t*log(y) + (1 - t)*log(1 - y))", ""),
        (WARM, "-sum(t*log(y))", ""),
        (WARM, "-(1 - y[k])**gamma*log(y[k])", ""),
        (SOFTMAX, "(1 - y[k])**2 + sum(y*y)", ""),
        (SOFTMAX, "-sum(t*(y**(1 - q) - 1)/(1 - q))", "0 < q < 1"),
        (SOFTMAX, "-log(sum(sqrt(t*y)))", ""),
        (SOFTMAX, "log(sum(t**a*y**(1 - a)))/(a - 1)", "a > 1"),
        (SOFTMAX, "-log(2*sum(t*y)/(sum(t*t) + sum(y*y)))", ""),
        (SOFTMAX, "-log(y[k]) + a*(1 - y[k]) + b*(1 - y[k])**2", ""),
        (SOFTMAX, "-log(p[k]*exp(z[k])/sum(p[i]*exp(z[i]) for i in range(n)))", ""),
        (SOFTMAX, "log(sum(exp(s*(z - m*t)))) - sum(t*s*(z - m*t))", ""),
        (SOFTMAX, "w*sum(t*log(t/(w*t + (1 - w)*y))) + (1 - w)*sum(y*log(y/(w*t + (1 - w)*y)))", "0 < w < 1"),
        (SOFTMAX, "sum((t - y)**2/(t + y))", ""),
        (SOFTMAX, "-log(1 - y[k])", ""),
        (SOFTMAX, "-log(y[k]/(1 - y[k]))", ""),
        (SOFTMAX, "-sum(t*log(y) + (1 - t)*log(1 - y))", ""),
        (SOFTMAX, "(1 - (sum(t*y) + 1)/(sum(t*y) + a*sum((1 - t)*y) + b*sum(t*(1 - y)) + 1))**c", ""),
        # Two negative sums have a quotient with powers: the closed form of the gradient has both the other way round.
        (SOFTMAX, "(1 - sum(t*y)/(sum(t*y) + a*sum((1 - t)*y) + b*sum(t*(1 - y))))**c", ""),
        # Every output may underflow, and with no target so does what is divided by.
        (SIGMOID, "1 - sum(2*t*y)/(sum(t**2) + sum(y**2))", ""),
        (SIGMOID, "1 - sum(t*y)/(sum(t*y) + a*sum((1 - t)*y) + b*sum(t*(1 - y)))", ""),
        # Without a target it has no value: the cosine then depends on how small which target is.
        (SOFTMAX, "1 - sum(t*y)/sqrt(sum(t**2)*sum(y**2))", ""),
        # A kink at a target of 0: the slope there is that of the sign of 0.
        (IDENTITY, "sum(abs(y - t))", ""),
        (IDENTITY, "sum((q - 1/2)*(t - y) + abs(t - y)/2)", "0 < q < 1"),
        # Infinite at a logit of -inf, however slowly.
        (IDENTITY, "sum(log(1 + (y - t)**2))", ""),
        (IDENTITY, "sum(sqrt(abs(y - t) + 1))", ""),
        # Sums of exponentials over n, and beside n.
        (IDENTITY, "log(mean(exp(z))) - sum(t*z)", ""),
        (IDENTITY, "log(sum(exp(s*z))/n)/s", ""),
        (IDENTITY, "log(sum(exp(z)) + n) - sum(t*z)", ""),
        # A number beside a sum is a quotient by another sum.
        (SOFTMAX, "-log(sum(y)/n) - log(1 - y[k])", ""),
    ],
)
def test_a_loss_of_ones_own_is_safe(activation: Activation, definition: str, where: str) -> None:
    composition = Composition(activation, Loss("own", definition, source="", where=where))
    assert find_breaks(composition, plan_kernels(composition, None)) == ()


def test_matrices_and_what_two_kernels_do_at_once_are_tried() -> None:
    right, wrong = forms.JACOBIAN, forms.JACOBIAN + y[i] * y[j] / 9
    kernel = compile_kernel("jacobian", [Output("jac", 2, right)], ["z"], forms.Y)
    assert find_break(kernel, [Output("jac", 2, right)], forms.Y, {}) is None
    found = find_break(kernel, [Output("jac", 2, wrong)], forms.Y, {})
    assert found is not None
    assert found.output == "jac"
    outputs = [Output("loss", 0, forms.CROSS_ENTROPY), Output("grad", 1, forms.CROSS_ENTROPY_GRADIENT)]
    kernel = compile_kernel("loss_and_gradient", outputs, ["z", "t"], forms.Y)
    assert find_break(kernel, outputs, forms.Y, {}, forms.CROSS_ENTROPY) is None
    found = find_break(kernel, [outputs[0], Output("grad", 1, t[j])], forms.Y, {}, forms.CROSS_ENTROPY)
    assert found is not None
    assert found.output == "grad"


def test_parameters_are_tried_at_the_ends_of_their_ranges() -> None:
    a = Symbol("a", real=True)
    only_inside = Output("grad", 1, y[j] * (2 * a - 3))
    parameters = {"a": Parameter("a", per_class=False)}
    kernel = compile_kernel("gradient", [only_inside], ["z"], forms.Y, parameters=parameters)
    found = find_break(kernel, [Output("grad", 1, y[j] * (2 * a - 3) ** 3)], forms.Y, parameters)
    assert found is not None
    assert "a = 0.0625" in found.inputs


def test_large_values_are_asked_for_where_nothing_is_infinite() -> None:
    kernel = compile_kernel("gradient", [Output("grad", 1, exp(z[j]) * (1 + (z[j] / 50) ** 16))], ["z"])
    found = find_break(kernel, [Output("grad", 1, exp(z[j]))], None, {}, forms.total(exp(z[k])))
    assert found is not None
    assert "z = (50, -50, 1)" in found.inputs, "it is right up to e^30"
    assert found.exact > 1e21


def test_a_target_of_0_is_tried_where_t_log_t_has_a_limit() -> None:
    divergence = forms.total(t[k] * log(t[k] / y[k]))
    outputs = [Output("grad", 1, y[j] - t[j])]
    wrong_at_0 = Output("grad", 1, y[j] - t[j] + exp(-(10**6) * t[j]))
    broken = compile_kernel("gradient", [wrong_at_0], ["z", "t"], forms.Y)
    found = find_break(broken, outputs, forms.Y, {}, divergence)
    assert found is not None
    assert "t = (0, 1, 0)" in found.inputs


def test_nothing_is_asked_where_a_logarithm_of_a_target_of_0_makes_the_loss_infinite() -> None:
    divergence = forms.total(y[k] * log(y[k] / t[k]))
    outputs = [Output("loss", 0, divergence)]
    kernel = compile_kernel("loss", outputs, ["z", "t"], forms.Y)
    assert find_break(kernel, outputs, forms.Y, {}, divergence) is None


def test_what_is_not_safe_is_refused_with_the_expression_and_the_input(tmp_path: Path) -> None:
    unsafe = "softmax+-log(1-(1-y[k])**c)"
    with pytest.raises(
        UnsafeError, match=r"softmax\+-log\(1 - \(1 - y\[k\]\)\*\*c\) cannot be made safe: .* at z = "
    ) as refusal:
        derive.build(out=tmp_path, compositions=[unsafe])
    assert ": log(1 - (other_share**c)) is wrong there" in str(refusal.value)
    assert not list(tmp_path.iterdir())
    assert main(["build", "--out", str(tmp_path), unsafe]) == 2
    derive.build(out=tmp_path, compositions=[unsafe], targets=["c"], allow_unsafe=True)
    (header,) = (tmp_path / "any" / "c").glob("*.h")
    assert "UNSAFE, at inputs like these among others:" in header.read_text()


@pytest.mark.parametrize(
    ("form", "logits", "culprit"),
    [
        (t[j] * exp(z[j] ** 2) / 3, [0, 120, 0], "exp(z[j]**2)"),
        (t[j] * exp(forms.total(z[k] ** 2)), [0, 120, 0], "exp(z_squared_sum)"),
        (
            y[j] * (1 - forms.total(y[k] ** 2)) ** -1,
            [40, 0, 0],
            "(exp(z[j] - z_max)*exp_sum_inverse)/(1 - y_squared_sum)",
        ),
        (t[j] * forms.total(z[k] ** 4) / 3, [4e9, 4e9, 4e9], "z_power_sum"),
        (y[j] * (1 - forms.total(y[k] ** 2)), [0, 1, 2], None),
    ],
)
def test_of_expressions_that_go_wrong_the_innermost_is_the_culprit(
    form: Expr, logits: list[int], culprit: str | None
) -> None:
    kernel = compile_kernel("made", [Output("out", 1, form)], ["z", "t"], forms.Y)
    values = {"z": np.array(logits, np.float32), "t": np.ones(3, np.float32)}
    found = find_culprit(kernel, values, None, "out", (1,))
    assert (None if found is None else describe_culprit(found)) == culprit


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_interpreter_computes_what_the_kernel_says(dtype: type) -> None:
    kernel = compile_kernel("gradient", [Output("grad", 1, forms.CROSS_ENTROPY_GRADIENT)], ["z", "t"], forms.Y)
    logits, targets = np.array([1.0, 2.0, 4.0], dtype), np.array([0.5, 0.0, 0.5], dtype)
    exponentials = np.exp(np.array([1.0, 2.0, 4.0]))
    got = interpret(kernel, {"z": logits, "t": targets})["grad"]
    assert got.dtype == dtype
    np.testing.assert_allclose(got, exponentials / exponentials.sum() - targets, rtol=1e-5)
