"""Expressions as C: the same tree comes back out of C's rules of precedence, and nothing is printed by guess."""

from fractions import Fraction

import pytest

from derive.errors import UnsupportedError
from derive.kernel.ir import CLASS_COUNT, LABEL, Array, Call, Const, Element, Expression, Kernel, Same, Scalar
from derive.targets.c_expression import Printer, own_functions
from derive.targets.c_precision import F32, F64

KERNEL = Kernel("probe", (Array("z", 1), Array("weight", 0)), (Array("loss", 0), Array("out", 1)), ())
A, B, C = Scalar("a"), Scalar("b"), Scalar("c")


def call(operation: str, *arguments: Expression) -> Call:
    return Call(operation, arguments)


def number(numerator: int, denominator: int = 1) -> Const:
    return Const(Fraction(numerator, denominator))


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (call("add", A, B, C), "a + b + c"),
        (call("add", A, call("add", B, C)), "a + (b + c)"),
        (call("sub", call("sub", A, B), C), "a - b - c"),
        (call("sub", A, call("sub", B, C)), "a - (b - c)"),
        (call("add", A, call("neg", B)), "a - b"),
        (call("add", A, call("neg", call("add", B, C))), "a - (b + c)"),
        (call("sub", A, call("neg", B)), "a - -b"),
        (call("neg", call("neg", A)), "-(-a)"),
        (call("neg", call("mul", A, B)), "-(a * b)"),
        (call("mul", call("add", A, B), C), "(a + b) * c"),
        (call("mul", A, call("div", B, C)), "a * (b / c)"),
        (call("div", call("mul", A, B), C), "a * b / c"),
        (call("select", call("equal", A, number(0)), number(0), call("mul", A, B)), "a == 0.0f ? 0.0f : a * b"),
        (call("mul", call("select", Same("j", LABEL), A, B), C), "(j == label ? a : b) * c"),
        (call("select", call("less", A, B), call("select", Same("i", "j"), A, B), C), "a < b ? (i == j ? a : b) : c"),
        (call("log1p", call("exp", A)), "log1p_f32(exp_f32(a))"),
        (call("exp_difference", A, B), "exp_difference_f32(a, b)"),
        (call("max", A, B), "larger_f32(a, b)"),
        (call("pow", A, number(2)), "power_f32(a, 2)"),
        (call("pow", A, number(-3)), "1.0f / power_f32(a, 3)"),
        (call("mul", A, call("pow", B, number(-1))), "a * (1.0f / power_f32(b, 1))"),
        (call("pow", A, number(1, 2)), "powf(a, 0.5f)"),
        (call("pow", A, B), "powf(a, b)"),
        (call("div", number(2), Scalar(CLASS_COUNT)), "2.0f / (float)n"),
        (call("mul", A, number(-2)), "a * -2.0f"),
        (call("add", A, number(-2)), "a - 2.0f"),
        (call("mul", number(1, 3), A), "(1.0f / 3.0f) * a"),
        (Element("z", "j"), "z_j"),
        (Element("z", LABEL), "z_label[row]"),
        (call("mul", Scalar("loss"), Scalar("weight")), "loss * weight"),
    ],
)
def test_the_tree_survives_the_rules_of_precedence(expression: Expression, text: str) -> None:
    assert Printer(KERNEL, F32).along_row().text(expression) == text


def test_across_rows_every_value_of_a_row_has_one_for_each() -> None:
    expression = call(
        "mul", call("select", Same("j", LABEL), A, Element("z", "j")), Element("z", LABEL), Scalar("loss")
    )
    printed = Printer(KERNEL, F32, across=True).text(expression)
    assert printed == "(j == label[lane] ? a[lane] : z_j) * z_label[lane] * loss[lane]"


def test_in_the_arithmetic_of_rows_every_value_has_one_for_each() -> None:
    expression = call("mul", A, Element("z", LABEL), Scalar("loss"))
    assert Printer(KERNEL, F32).text(expression) == "a_rows[row] * z_label[row] * loss_rows[row]"


def test_classes_side_by_side_are_numbered_from_0() -> None:
    expression = call("select", Same("j", LABEL), A, Element("z", "j"))
    printer = Printer(KERNEL, F32).along_row(over="j")
    assert printer.text(expression) == "lane == label_lane ? a : z_j"
    assert printer.place("z", "j") == "z_row[j + lane]"


def test_within_a_pass_over_pairs_the_class_at_hand_has_a_lane_or_none() -> None:
    printer = Printer(KERNEL, F32).along_row(over="k")
    assert printer.text(call("select", Same("j", "k"), A, Element("z", "j"))) == "j_lane == lane ? a : z_j"
    assert printer.text(call("select", Same("j", LABEL), A, Element("z", "k"))) == "j == label ? a : z_k"
    assert (printer.place("z", "j"), printer.place("z", "k")) == ("z_row[j]", "z_row[k + lane]")


def test_double_precision_has_no_suffix() -> None:
    expression = call("mul", call("log", A), call("exp", number(1, 4)))
    assert Printer(KERNEL, F64).along_row().text(expression) == "log_f64(a) * exp_f64(0.25)"


@pytest.mark.parametrize(
    ("value", "single", "double"),
    [
        (Fraction(2**24), "16777216.0f", "16777216.0"),
        (Fraction(2**24 + 1), "16777217.0f", "16777217.0"),
        (Fraction(1, 10), "(1.0f / 10.0f)", "(1.0 / 10.0)"),
        (Fraction(10**20), "1e+20f", "1e+20"),
    ],
)
def test_a_literal_is_the_number_nearest_to_the_fraction(value: Fraction, single: str, double: str) -> None:
    assert (F32.literal(value), F64.literal(value)) == (single, double)


def test_an_unknown_node_names_itself_the_kernel_and_the_target() -> None:
    with pytest.raises(UnsupportedError, match=r"the C target cannot print erf \(in the kernel probe\)"):
        Printer(KERNEL, F32).text(call("erf", A))


def test_only_the_functions_that_are_called_are_asked_for() -> None:
    expression = call("add", call("pow", A, number(2)), call("pow", A, B), call("log", call("exp", A)))
    assert own_functions(KERNEL, expression) == {"power", "exp", "log"}
