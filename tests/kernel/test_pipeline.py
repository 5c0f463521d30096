"""Whole kernels, from closed form to loops: golden programs, and laws that hold for every one."""

import re

import pytest
from sympy import Expr

from derive.kernel.dump import dump
from derive.kernel.ir import Kernel, Loop
from derive.kernel.lower import Output
from derive.kernel.pipeline import compile_kernel, schedule, store
from derive.kernel.validate import validate
from tests.kernel import programs as forms


def compiled(*outputs: Output, labels: bool = False) -> Kernel:
    inputs = ["z"] if labels else ["z", "t", "g", "v"]
    return compile_kernel("made", outputs, inputs, forms.Y, labels)


def lines(kernel: Kernel) -> list[str]:
    """The statements, without the signature and the notes."""
    return [line.removeprefix("  ") for line in dump(kernel).splitlines()[1:] if not line.startswith("  #")]


VECTORS: dict[str, Expr] = {
    "softmax": forms.Y_AT_J,
    "log-softmax": forms.LOG_SOFTMAX,
    "vjp": forms.VJP,
    "cross-entropy": forms.CROSS_ENTROPY_GRADIENT,
    "mse": forms.MSE_GRADIENT,
}


def test_softmax_is_two_passes_after_the_maximum() -> None:
    assert lines(schedule(compiled(Output("out", 1, forms.Y_AT_J)), work=False)) == [
        "z_max = max over j of z[j]",
        "for j:",
        "  out[j] = exp(z[j] - z_max)",
        "  exp_sum = sum over j of out[j]",
        "exp_sum_inverse = 1/exp_sum",
        "out[j] = out[j]*exp_sum_inverse",
    ]


def test_dense_loss_and_gradient_share_their_exponentials() -> None:
    loss, grad = Output("loss", 0, forms.CROSS_ENTROPY), Output("grad", 1, forms.CROSS_ENTROPY_GRADIENT)
    assert lines(schedule(compiled(loss, grad), work=False)) == [
        "z_max = max over j of z[j]",
        "for j:",
        "  grad[j] = exp_difference(z[j], z_max)",
        "  exp_below = sum over j of select(grad[j] == 1, 0, grad[j])",
        "  ties = sum over j of select(grad[j] == 1, 1, 0)",
        "  target_sum = sum over j of t[j]",
        "  t_dot_half_gap = sum over j of select(t[j] == 0, 0, t[j]*(((1/2)*z_max) - ((1/2)*z[j])))",
        "exp_rest = exp_below + (ties - 1)",
        "exp_sum = exp_rest + 1",
        "loss = (2*t_dot_half_gap) + (target_sum*log1p(exp_rest))",
        "exp_sum_inverse = 1/exp_sum",
        "grad[j] = (target_sum*grad[j]*exp_sum_inverse) - t[j]",
    ]


def test_loss_and_gradient_at_a_label_keep_what_is_near_0() -> None:
    loss, grad = Output("loss", 0, forms.LABEL_LOSS), Output("grad", 1, forms.LABEL_GRADIENT)
    assert lines(schedule(compiled(loss, grad, labels=True), work=False)) == [
        "z_max = max over j of z[j]",
        "for j:",
        "  grad[j] = select(j is label, 0, exp_difference(z[j], z_max))",
        "  other_sum = sum over j of grad[j]",
        "exp_sum = other_sum + exp_difference(z[label], z_max)",
        "other_share = other_sum/exp_sum",
        "loss = log1p(other_sum + expm1(z[label] - z_max)) - (z[label] - z_max)",
        "exp_sum_inverse = 1/exp_sum",
        "grad[j] = select(j is label, -other_share, grad[j]*exp_sum_inverse)",
    ]


def test_a_matrix_keeps_its_probabilities_in_a_work_array() -> None:
    kernel = store(compiled(Output("out", 2, forms.JACOBIAN)), work=True)
    assert kernel.work == ("y",)
    assert lines(kernel)[-2:] == [
        "y[i] = y[i]*exp_sum_inverse",
        "out[i, j] = select(i is j, (1 - y[i])*y[i], -(y[j]*y[i]))",
    ]


EXPONENTIAL = re.compile(r"exp(?:_difference)?\([^()]*\)")


@pytest.mark.parametrize("name", VECTORS)
def test_no_exponential_is_computed_twice_where_there_is_an_output(name: str) -> None:
    kernel = store(compiled(Output("out", 1, VECTORS[name])), work=False)
    assert len(EXPONENTIAL.findall(dump(kernel))) == 1
    assert kernel.work == ()


@pytest.mark.parametrize("name", VECTORS)
def test_every_exponential_is_of_a_shifted_logit(name: str) -> None:
    found = EXPONENTIAL.findall(dump(compiled(Output("out", 1, VECTORS[name]))))
    assert found
    assert set(found) <= {"exp(z[j] - z_max)", "exp_difference(z[j], z_max)"}


@pytest.mark.parametrize("work", [False, True])
@pytest.mark.parametrize("name", VECTORS)
def test_schedules_are_sound_and_fused(name: str, work: bool) -> None:
    kernel = validate(schedule(compiled(Output("out", 1, VECTORS[name])), work))
    assert any(isinstance(statement, Loop) for statement in kernel.body)


def test_every_pass_that_acts_says_so_once() -> None:
    notes = compiled(Output("loss", 0, forms.CROSS_ENTROPY)).notes
    assert len(notes) == len(set(notes)) == 6
