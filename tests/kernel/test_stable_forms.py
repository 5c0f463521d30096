"""Passes for logarithms, powers and complements of probabilities: what each kernel then holds."""

import mpmath
import numpy as np
import pytest
from sympy import KroneckerDelta, Symbol, exp, log, sqrt

from derive.catalogue.parameters import Parameter
from derive.kernel.dump import dump
from derive.kernel.interpret import interpret
from derive.kernel.lower import Output
from derive.kernel.pipeline import compile_kernel, store
from derive.notation import Contraction, i, j, k, label, t, v, y, z
from tests.kernel import programs as forms

GAMMA = Symbol("gamma", real=True)
PARAMETERS = {"gamma": Parameter("gamma", per_class=False)}


def program(output: Output) -> str:
    return dump(compile_kernel("made", [output], ["z", "t"], forms.Y, parameters=PARAMETERS))


def test_a_broken_power_of_a_probability_goes_through_its_logarithm() -> None:
    assert "exp(gamma*((z[j] - z_max)" in program(Output("out", 1, y[j] ** GAMMA))


def test_a_power_of_what_is_left_of_1_does_not_cancel() -> None:
    text = program(Output("out", 1, (1 - y[j]) ** GAMMA))
    assert "(-expm1((z[j] - z_max)" in text
    assert "1 - " not in text.splitlines()[-1]


def test_the_logarithm_of_a_quotient_is_a_difference() -> None:
    assert "log(t[j]*" not in program(Output("out", 1, log(t[j] / y[j])))


def test_the_logarithm_of_a_weighted_sum_is_a_log_sum_exp() -> None:
    text = program(Output("loss", 0, log(forms.total(t[k] * y[k]))))
    assert "t_dot_y_log_max = max over j of" in text
    assert "loss = t_dot_y_log_max + log(t_dot_y)" in text


def test_a_factor_cancels_against_a_root_of_it() -> None:
    text = program(Output("out", 1, t[j] * y[j] / sqrt(t[j] * y[j])))
    assert "out[j] = sqrt(t[j])*exp((1/2)*((z[j] - z_max)" in text


def test_the_logarithm_of_a_sum_of_roots_is_a_log_sum_exp() -> None:
    text = program(Output("loss", 0, log(forms.total(sqrt(t[k] * y[k])))))
    assert "loss = t_y_power_sum_log_max + log(t_y_power_sum)" in text


def test_a_sum_of_several_products_is_divided_by_the_largest_of_them() -> None:
    text = program(Output("loss", 0, log(forms.total(t[k] * y[k] + t[k] * y[k] ** GAMMA))))
    assert "_log_max = max over j of max(" in text


def test_a_sum_and_a_number_are_divided_by_the_larger_of_them() -> None:
    text = program(Output("loss", 0, log(1 + forms.total(t[k] * exp(z[k])))))
    assert "whole_sum_log_max = max(" in text
    assert "loss = whole_sum_log_max + log1p(whole_sum_rest)" in text


def test_beside_the_label_a_number_and_a_sum_are_compared_with_its_logit() -> None:
    form = log(1 + forms.total(exp(z[k]))) - z[label]
    text = dump(compile_kernel("made", [Output("loss", 0, form)], ["z"], labels=True))
    assert "loss = (whole_sum_log_max - z[label]) + log1p(whole_sum_rest)" in text
    assert "other_sum + expm1(z[label] - exp_sum_log_max) + " in text
    assert "whole_sum = " not in text


def test_exponentials_over_their_own_sum_are_probabilities() -> None:
    total = forms.total(exp(z[k]))
    text = program(Output("out", 1, exp(z[j]) * (total - exp(z[j])) / total**2))
    assert "exp_sum**2" not in text
    assert "exp(z_max)" not in text


def test_a_probability_over_itself_is_1() -> None:
    assert "/(exp" not in program(Output("out", 1, t[j] * (1 - y[j] / y[j]) + y[j]))


def test_a_logarithm_of_a_probability_close_to_1_is_not_taken_for_0() -> None:
    body = t[k] * (1 - y[k]) ** GAMMA * log(y[k]) * log(1 - y[k])
    kernel = compile_kernel("made", [Output("out", 0, forms.total(body))], ["z", "t"], forms.Y, parameters=PARAMETERS)
    values = {"z": [0, 21], "t": [0, 1], "gamma": 1.5}
    got = interpret(store(kernel, work=True), {name: np.array(each, np.float32) for name, each in values.items()})
    small = np.exp(-21.0)
    np.testing.assert_allclose(got["out"], small**2.5 * 21, rtol=1e-4)


@pytest.mark.parametrize("logit", [-30.0, 30.0])
def test_the_logarithm_of_what_a_label_leaves_of_1_keeps_its_digits(logit: float) -> None:
    kernel = compile_kernel("made", [Output("out", 0, log(1 - y[label]))], ["z"], forms.Y, labels=True)
    got = interpret(kernel, {"z": np.array([logit, 0.0])}, 0)["out"]
    np.testing.assert_allclose(got, -np.log1p(np.exp(logit)), rtol=1e-14)


@pytest.mark.parametrize("own", [0, 1, 2])
def test_what_the_label_leaves_and_logarithms_of_other_classes_keep_their_digits_together(own: int) -> None:
    form = forms.total(y[k] * log(y[k])) - y[label] * (1 - y[label])
    kernel = compile_kernel("made", [Output("out", 0, form)], ["z"], forms.Y, labels=True)
    logits = [0, 20, 1]
    got = interpret(store(kernel, work=True), {"z": np.array(logits, np.float32)}, own)["out"]
    shares = [mpmath.exp(each - 20) for each in logits]
    exact = [each / sum(shares) for each in shares]
    want = sum(each * mpmath.log(each) for each in exact) - exact[own] * (1 - exact[own])
    np.testing.assert_allclose(float(got), float(want), rtol=1e-6)


@pytest.mark.parametrize("exponent", [0.5, 1e-2, 1e-6])
def test_what_a_power_with_a_small_exponent_leaves_of_1_keeps_its_digits(exponent: float) -> None:
    outputs = [Output("out", 0, (1 - y[label] ** GAMMA) / GAMMA), Output("grad", 1, (y[j] ** GAMMA - 1) / GAMMA)]
    kernel = compile_kernel("made", outputs, ["z"], forms.Y, labels=True, parameters=PARAMETERS)
    logits = [0, 2, 1]
    got = interpret(store(kernel, work=True), {"z": np.array(logits, np.float64), "gamma": np.float64(exponent)}, 0)
    with mpmath.workdps(40):
        share = [mpmath.exp(each) / sum(mpmath.exp(other) for other in logits) for each in logits]
        exact = [float((each ** mpmath.mpf(exponent) - 1) / exponent) for each in share]
    np.testing.assert_allclose(got["grad"], exact, rtol=1e-15)
    np.testing.assert_allclose(-got["out"], exact[0], rtol=1e-15)


def test_a_number_over_a_small_sum_is_taken_apart_in_a_logarithm() -> None:
    text = program(Output("out", 1, y[j] * log(2 * y[j] / (t[j] + y[j]))))
    assert "log(2/" not in text
    assert "log_constant = log(2)" in text


def test_a_number_that_all_terms_share_stands_outside_their_logarithm() -> None:
    text = program(Output("out", 1, y[j] * log(y[j] / ((t[j] + y[j]) / 2))))
    assert "1/2" not in text
    assert "log_constant = log(2)" in text


def test_a_probability_is_not_divided_by_itself_where_a_target_is_0() -> None:
    text = program(Output("out", 1, y[j] ** 2 / (t[j] + y[j])))
    assert "out[j] = select(t[j] == 0, exp(z[j] - z_max)*exp_sum_inverse, " in text
    kernel = compile_kernel("made", [Output("out", 1, y[j] / (t[j] + 3 * y[j]))], ["z", "t"], forms.Y)
    got = interpret(kernel, {"z": np.array([0, 1000, 2], np.float32), "t": np.array([0, 1, 0.5], np.float32)})["out"]
    np.testing.assert_allclose(got, [1 / 3, 1 / 4, 0])


def test_a_target_of_0_beside_a_quotient_by_a_probability_makes_a_product_0() -> None:
    form = forms.total(t[k] ** 2 * v[k] / y[k])
    kernel = compile_kernel("made", [Output("out", 0, form)], ["z", "t", "v"], forms.Y)
    values = {"z": [0, 1000, 0], "t": [0, 0.5, 0], "v": [1, 2, 0]}
    got = interpret(kernel, {name: np.array(each, np.float32) for name, each in values.items()})
    np.testing.assert_allclose(got["out"], 0.5)


def test_what_is_left_of_1_for_a_label_has_a_logarithm_where_it_underflows() -> None:
    kernel = compile_kernel("made", [Output("out", 0, log(1 - y[label]))], ["z"], forms.Y, labels=True)
    for logits, exact in (([1000, 0, 0], np.log(2) - 1000), ([0, 0, 0], np.log(2 / 3)), ([1000, 1000], -np.log(2))):
        got = interpret(kernel, {"z": np.array(logits, np.float32)}, 0)["out"]
        np.testing.assert_allclose(got, exact, rtol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1e-12, 0.25])
def test_what_is_left_of_1_is_exact_where_it_is_nearly_all(scale: float) -> None:
    whole = forms.total(t[k] * y[k])
    loss, gradient = log(1 - whole), y[j] * (whole - t[j]) / (1 - whole)
    kernel = compile_kernel("made", [Output("loss", 0, loss), Output("grad", 1, gradient)], ["z", "t"], forms.Y)
    logits, targets = np.array([0.5, -1.0, 2.0]), scale * np.array([1.0, 0.5, 0.0])
    got = interpret(kernel, {"z": logits, "t": targets})
    share = np.exp(logits) / np.exp(logits).sum()
    wanted = share @ targets
    np.testing.assert_allclose(got["loss"], np.log1p(-wanted), rtol=1e-14)
    np.testing.assert_allclose(got["grad"], share * (wanted - targets) / (1 - wanted), rtol=1e-14)


def test_differences_of_one_class_from_another_are_0_at_one_class() -> None:
    body = (y[i] - y[k] - t[i] + t[k]) ** 2
    form = Contraction(Contraction(body, k), i)
    kernel = compile_kernel("made", [Output("out", 0, form)], ["z", "t"], forms.Y)
    for target in (0.3, 0.1, 7e-3):
        values = {"z": np.array([1.75], np.float32), "t": np.array([target], np.float32)}
        assert interpret(kernel, values)["out"] == 0


@pytest.mark.parametrize("as_ratio", [True, False])
def test_a_margin_of_the_label_keeps_its_digits_where_the_label_is_all_but_sure(as_ratio: bool) -> None:
    own = exp(GAMMA * (z[label] - 0.25))
    whole = own + forms.total((1 - KroneckerDelta(k, label)) * exp(GAMMA * z[k]))
    form = -log(own / whole) if as_ratio else log(whole) - GAMMA * (z[label] - 0.25)
    kernel = compile_kernel("made", [Output("loss", 0, form)], ["z"], labels=True, parameters=PARAMETERS)
    logits, gamma = [0.0, 4.0, -2.0, 1.0], 4.0
    got = interpret(kernel, {"z": np.array(logits, np.float32), "gamma": np.float32(gamma)}, 1)["loss"]
    rest = sum(mpmath.exp(gamma * each) for each in (logits[0], *logits[2:])) / mpmath.exp(gamma * (logits[1] - 0.25))
    np.testing.assert_allclose(float(got), float(mpmath.log1p(rest)), rtol=1e-6)


def test_two_sums_that_are_negative_have_a_positive_product() -> None:
    one, two = forms.total((t[k] + 1) * exp(z[k])), forms.total((t[k] + 1) * exp(-z[k]))
    kernel = compile_kernel("made", [Output("loss", 0, log(1 + one * two))], ["z", "t"])
    logits, targets = [0.1, 0.5, -0.3], [-3.0, -2.5, -4.0]
    got = interpret(kernel, {"z": np.array(logits), "t": np.array(targets)})["loss"]
    sums = [sum((b + 1) * np.exp(sign * a) for a, b in zip(logits, targets, strict=True)) for sign in (1, -1)]
    np.testing.assert_allclose(got, np.log1p(sums[0] * sums[1]), rtol=1e-12)
