from fractions import Fraction

import pytest

from derive.errors import UnsupportedError
from derive.kernel.expressions import ONE, ZERO, add, call, div, mul, neg, power, select, sub
from derive.kernel.ir import LABEL, Const, Element, Expression, Same, Scalar
from derive.targets.numpy_expression import Printer

A, B, C = (Scalar(name) for name in "abc")
TWO, THIRD = Const(Fraction(2)), Const(Fraction(1, 3))


def code(expression: Expression, *rows: str) -> str:
    return Printer("made", rows, {"z": "z_label"}).code(expression)


@pytest.mark.parametrize(
    ("expression", "python"),
    [
        (add(A, B, C), "a + b + c"),
        (add(A, sub(B, C)), "a + (b - c)"),
        (sub(A, sub(B, C)), "a - (b - c)"),
        (sub(sub(A, B), C), "a - b - c"),
        (mul(A, add(B, C)), "a * (b + c)"),
        (mul(A, div(B, C)), "a * (b / c)"),
        (div(mul(A, B), C), "a * b / c"),
        (div(A, mul(B, C)), "a / (b * c)"),
        (neg(mul(A, B)), "-(a * b)"),
        (call("mul", A, neg(B)), "a * -b"),
        (power(A, TWO), "np.square(a)"),
        (power(add(A, B), Const(Fraction(3))), "np.power(a + b, 3)"),
        (mul(Const(Fraction(1, 2)), A), "0.5 * a"),
        (mul(THIRD, A), "1 / 3 * a"),
        (div(A, THIRD), "a / (1 / 3)"),
        (call("max", A, call("log1p", B)), "np.maximum(a, np.log1p(b))"),
        (select(call("equal", A, ZERO), ZERO, B), "np.where(a == 0, 0, b)"),
        (select(call("less", A, B), ONE, ZERO), "np.where(a < b, 1, 0).astype(z.dtype)"),
    ],
)
def test_scalars(expression: Expression, python: str) -> None:
    assert code(expression) == python


def test_an_entry_at_the_label_has_a_variable() -> None:
    assert code(Element("z", LABEL)) == "z_label"
    assert code(select(Same("j", LABEL), A, Element("z", "j")), "j") == "np.where(is_label, a, z)"


@pytest.mark.parametrize(
    ("expression", "python"),
    [
        (mul(Element("y", "i"), Element("y", "j")), "y[..., :, None] * y[..., None, :]"),
        (mul(Element("y", "i"), A), "(y * a)[..., :, None]"),
        (add(Element("y", "i"), Element("y", "j"), A), "y[..., :, None] + y[..., None, :] + a[..., None]"),
        (mul(TWO, Element("y", "i"), Element("t", "j")), "2 * y[..., :, None] * t[..., None, :]"),
        (select(Same("i", "j"), ONE, Element("y", "j")), "np.where(np.eye(n, dtype=bool), 1, y[..., None, :])"),
    ],
)
def test_matrices_broadcast_rows_against_columns(expression: Expression, python: str) -> None:
    assert code(expression, "i", "j") == python


def test_an_unknown_operation_is_refused_with_kernel_and_target() -> None:
    with pytest.raises(UnsupportedError, match=r"numpy target cannot print .*gamma.* \(in the kernel made\)"):
        code(call("gamma", A))
