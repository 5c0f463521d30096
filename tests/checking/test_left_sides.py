"""Left sides of formulas: which derivative they are of, and that another one than is due is said to be another."""

import pytest

import derive

CE = "softmax+cross-entropy"


@pytest.mark.parametrize(
    ("composition", "quantity", "formula", "says"),
    [
        ("softmax", "jacobian", r"\frac{\partial z_i}{\partial y_j} = y_i(\delta_{ij}-y_j)", "of the logits by the ou"),
        ("softmax", "jacobian", "dz/dy[i, j] = y[i]*((i==j) - y[j])", "of the logits by the output"),
        ("softmax", "jacobian", r"\frac{\partial L}{\partial z_j} = y_i(\delta_{ij}-y_j)", "of the loss by the logits"),
        (CE, "hessian", r"\frac{\partial L}{\partial z} = \operatorname{diag}(y) - y y^T", "of the loss by the logits"),
        (CE, "hessian", r"\frac{\partial L}{\partial z_j} = y_i(\delta_{ij}-y_j)", "of the loss by the logits"),
        (CE, "gradient", r"\frac{\partial^2 L}{\partial z_i \partial z_j} = y_j - t_j", "second derivative of the"),
        (CE, "gradient", r"\frac{\partial y_j}{\partial z_j} = y_j - t_j", "of the output by the logits"),
        (CE, "gradient", r"\frac{\partial L}{\partial y_j} = y_j - t_j", "of the loss by the output"),
        (CE, "value", r"\frac{\partial L}{\partial z_j} = -\sum_i t_i \log y_i", "of the loss by the logits"),
    ],
)  # fmt: skip
def test_a_left_side_that_is_another_derivative_is_the_first_wrong_link(composition, quantity, formula, says):
    found = derive.check(composition, quantity, formula)
    assert found.is_right
    assert found.first_wrong_link == formula.partition(" = ")[0]
    assert says in found.reason


@pytest.mark.parametrize(
    ("composition", "quantity", "formula"),
    [
        ("softmax", "jacobian", r"\frac{\partial S_i}{\partial a_j} = S_i(\delta_{ij} - S_j)"),
        ("softmax", "jacobian", r"\frac{\partial a_i}{\partial z_j} = y_i(\delta_{ij} - y_j)"),
        ("softmax", "jacobian", r"\frac{\partial \mathbf y}{\partial \mathbf z} = \operatorname{diag}(y) - y y^\top"),
        ("softmax", "jacobian", "dy/dz[i, j] = y[i]*((i==j) - y[j])"),
        ("log-softmax", "jacobian", r"\frac{\partial \log p_i}{\partial z_j} = \delta_{ij} - p_j"),
        ("softmax", "vjp", r"\frac{\partial L}{\partial z_j} = y_j(g_j - \sum_i g_i y_i)"),
        (CE, "gradient", r"\frac{\partial L}{\partial o_j} = p_j - y_j"),
        (CE, "gradient", r"\nabla_z L = y - t"),
        (CE, "gradient", r"\frac{\partial E}{\partial z_j} = y_j - t_j"),
        (CE, "gradient", r"dL/dz = y - t"),
        (CE, "hessian", r"\frac{\partial^2 L}{\partial z_i \partial z_j} = y_i(\delta_{ij} - y_j)"),
        (CE, "hessian", r"\frac{\partial y_i}{\partial z_j} = y_i(\delta_{ij} - y_j)"),
        (CE, "hessian", r"\nabla^2 L = \operatorname{diag}(y) - y y^\top"),
    ],
)
def test_a_left_side_that_may_be_what_is_due_is_none(composition, quantity, formula):
    found = derive.check(composition, quantity, formula)
    assert found.is_right
    assert (found.first_wrong_link, found.reason) == (None, "")
