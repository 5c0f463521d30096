"""Each pass by itself, on kernels written by hand: what it rewrites, and what it leaves alone."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest

from derive.catalogue.parameters import Parameter
from derive.errors import KernelError
from derive.kernel.dump import dump_statement
from derive.kernel.expressions import ONE, ZERO, add, call, div, mul, neg, select, sub
from derive.kernel.ir import (
    LABEL,
    Array,
    Const,
    Element,
    Expression,
    Kernel,
    Let,
    Loop,
    Map,
    Reduce,
    Same,
    Scalar,
    Statement,
)
from derive.kernel.passes.cancel import cancel
from derive.kernel.passes.cases import split_cases
from derive.kernel.passes.compensate import compensate
from derive.kernel.passes.complement import complement
from derive.kernel.passes.divide import divide_once
from derive.kernel.passes.fuse import fuse
from derive.kernel.passes.hoist import hoist
from derive.kernel.passes.logarithm import take_logarithms
from derive.kernel.passes.logistic import divide_logistic
from derive.kernel.passes.place import place
from derive.kernel.passes.scale import scale
from derive.kernel.passes.separate import separate
from derive.kernel.passes.shift import shift
from derive.kernel.passes.split import split_sums
from derive.kernel.passes.tidy import tidy
from derive.kernel.passes.zeros import guard_zeros
from derive.kernel.validate import validate

Z, T, OUT = (Element(name, "j") for name in ("z", "t", "out"))
Z_LABEL = Element("z", LABEL)
S, M, R = Scalar("s"), Scalar("z_max"), Scalar("r")
EXP = call("exp", Z)
Y = div(EXP, S)
SUM = Reduce("s", "sum", "j", EXP)
MAXIMUM = Reduce("z_max", "max", "j", Z)
SHIFTED = call("exp", sub(Z, M))
SHIFTED_SUM = Reduce("s", "sum", "j", SHIFTED)
IS_LABEL = select(Same("j", LABEL), ONE, ZERO)
VECTOR, MATRIX, NUMBER = (Array("out", rank) for rank in (1, 2, 0))


def kernel(output: Array, *body: Statement, labels: bool = False) -> Kernel:
    return Kernel("made", (Array("z", 1), Array("t", 1)), (output,), body, labels=labels)


def ran(step: Callable[[Kernel], Kernel], output: Array, *body: Statement, labels: bool = False) -> list[str]:
    """What a pass makes of a program, line by line."""
    result = validate(step(validate(kernel(output, *body, labels=labels))))
    return [line for statement in result.body for line in dump_statement(statement)]


def stored(value: Expression) -> Map:
    return Map("out", ("j",), value)


def test_the_logarithm_of_a_probability_is_a_difference() -> None:
    assert ran(take_logarithms, VECTOR, SUM, stored(call("log", Y)))[-1] == "out[j] = z[j] + (-log(s))"
    assert ran(take_logarithms, VECTOR, stored(call("log", EXP))) == ["out[j] = z[j]"]


def test_a_probability_beside_a_power_of_it_raises_the_exponent() -> None:
    share = div(ONE, add(EXP, ONE))
    product = mul(T, share, call("pow", share, add(S, Const(Fraction(-1)))))
    alone = mul(T, call("pow", share, S))
    assert ran(take_logarithms, VECTOR, SUM, stored(product)) == ran(take_logarithms, VECTOR, SUM, stored(alone))


def test_a_factor_cancels_against_its_divisor() -> None:
    assert ran(cancel, VECTOR, stored(mul(EXP, add(T, neg(div(ONE, EXP))))))[-1] == "out[j] = (exp(z[j])*t[j]) + -1"
    assert ran(cancel, VECTOR, stored(mul(T, div(ONE, mul(T, EXP)))))[-1] == "out[j] = 1/exp(z[j])"


def test_a_power_cancels_as_far_as_a_term_is_divided() -> None:
    squared = mul(T, call("pow", EXP, Const(Fraction(2))), add(Z, div(T, EXP)))
    assert ran(cancel, VECTOR, stored(squared)) == ["out[j] = t[j]*((exp(z[j])*z[j]) + t[j])*exp(z[j])"]


def test_a_factor_that_all_terms_of_a_sum_share_cancels_too() -> None:
    sum_of_two = add(mul(EXP, T), neg(mul(Z, EXP)))
    lines = ran(cancel, VECTOR, stored(mul(add(ONE, neg(div(ONE, EXP))), sum_of_two)))
    assert lines == ["out[j] = (exp(z[j]) + -1)*(t[j] + (-z[j]))"]


def test_an_exponential_is_not_divided_by_1_and_itself() -> None:
    beside = add(EXP, ONE)
    assert ran(divide_logistic, VECTOR, stored(div(EXP, beside))) == ["out[j] = 1/(exp(-z[j]) + 1)"]
    squared = div(mul(T, add(T, mul(Z, EXP))), call("pow", beside, Const(Fraction(2))))
    (line,) = ran(divide_logistic, VECTOR, stored(squared))
    assert "exp(z[j])*" not in line
    assert ran(divide_logistic, VECTOR, stored(div(T, beside))) == ["out[j] = t[j]/(exp(z[j]) + 1)"]


def test_shift_subtracts_the_maximum_in_quotients() -> None:
    assert ran(shift, VECTOR, SUM, stored(Y)) == [
        "z_max = max over j of z[j]",
        "s = sum over j of exp(z[j] - z_max)",
        "out[j] = exp(z[j] - z_max)/s",
    ]


@pytest.mark.parametrize(
    ("value", "shifted"),
    [
        (add(Z, neg(call("log", S))), "(z[j] - z_max) + (-log(s))"),
        (add(call("log", S), neg(Z)), "(z_max - z[j]) + log(s)"),
        (add(T, call("log", S)), "t[j] + z_max + log(s)"),
        (mul(T, call("log", S)), "t[j]*(z_max + log(s))"),
        (add(Y, S), "(exp(z[j] - z_max)/s) + (exp(z_max)*s)"),
    ],
)
def test_shift_associates_a_logarithm_with_its_logit(value: Expression, shifted: str) -> None:
    assert ran(shift, VECTOR, SUM, stored(value))[-1] == f"out[j] = {shifted}"


def test_shift_leaves_a_sum_of_exponentials_alone_that_normalises_nothing() -> None:
    assert ran(shift, VECTOR, SUM, stored(mul(T, S)))[0] == "s = sum over j of exp(z[j])"


def test_shift_knows_the_exponent_whatever_it_is() -> None:
    doubled = call("exp", mul(Const(Fraction(2)), Z))
    lines = ran(shift, VECTOR, Reduce("s", "sum", "j", doubled), stored(div(doubled, S)))
    assert lines[0] == "exponent_max = max over j of 2*z[j]"
    assert lines[-1] == "out[j] = exp((2*z[j]) - exponent_max)/s"


def test_the_label_and_the_diagonal_are_set_apart() -> None:
    lines = ran(split_cases, VECTOR, stored(add(Z, neg(IS_LABEL))), labels=True)
    assert lines == ["out[j] = select(j is label, z[label] + -1, z[j])"]
    delta = select(Same("i", "j"), ONE, ZERO)
    matrix = Map("out", ("i", "j"), mul(Element("z", "i"), add(delta, neg(Z))))
    assert ran(split_cases, MATRIX, matrix) == ["out[i, j] = select(i is j, z[i]*((-z[i]) + 1), -(z[i]*z[j]))"]


def test_a_logarithm_of_a_sum_near_1_is_log1p_without_the_largest() -> None:
    assert ran(separate, VECTOR, MAXIMUM, SHIFTED_SUM, stored(call("log", S)))[1:] == [
        "exp_below = sum over j of select((z[j] - z_max) == 0, 0, exp(z[j] - z_max))",
        "ties = sum over j of select((z[j] - z_max) == 0, 1, 0)",
        "exp_rest = exp_below + (ties - 1)",
        "out[j] = log1p(exp_rest)",
    ]


def test_with_a_label_its_class_is_the_one_left_out() -> None:
    at_label = div(call("exp", sub(Z_LABEL, M)), S)
    lines = ran(separate, NUMBER, MAXIMUM, SHIFTED_SUM, Let("out", add(at_label, neg(ONE))), labels=True)
    assert lines[1:] == [
        "other_sum = sum over j of select(j is label, 0, exp(z[j] - z_max))",
        "s = other_sum + exp(z[label] - z_max)",
        "other_share = other_sum/s",
        "out = -other_share",
    ]
    twice = Let("out", add(at_label, at_label, neg(ONE)))
    assert ran(separate, NUMBER, MAXIMUM, SHIFTED_SUM, twice, labels=True)[-1] == (
        "out = (exp(z[label] - z_max)/s) + (-other_share)"
    )
    assert ran(separate, NUMBER, MAXIMUM, SHIFTED_SUM, Let("out", call("log", S)), labels=True)[-1] == (
        "out = log1p(other_sum + expm1(z[label] - z_max))"
    )


def test_with_a_label_the_diagonal_and_both_its_lines_are_set_apart() -> None:
    is_row, is_column, is_diagonal = (
        select(Same(one, two), ONE, ZERO) for one, two in (("i", LABEL), ("j", LABEL), ("i", "j"))
    )
    value = add(mul(Element("z", "i"), is_diagonal), mul(Element("t", "i"), is_row), mul(Element("t", "j"), is_column))
    assert ran(split_cases, MATRIX, Map("out", ("i", "j"), value), labels=True) == [
        (
            "out[i, j] = select(i is j, select(i is label, z[label] + t[label] + t[label], z[i]), "
            "select(i is label, t[label], select(j is label, t[label], 0)))"
        )
    ]


def test_a_weight_of_0_decides_beside_a_sum_of_logarithms() -> None:
    logs = Reduce("log_sum", "sum", "j", call("log", Y))
    lines = ran(guard_zeros, NUMBER, SUM, Let("a", Scalar("s")), logs, Let("out", mul(Scalar("a"), Scalar("log_sum"))))
    assert lines[-1] == "out = select(a == 0, 0, a*log_sum)"


def test_what_is_left_of_a_logistic_is_a_logistic() -> None:
    logistic = div(ONE, add(call("exp", neg(Z)), ONE))
    assert ran(complement, VECTOR, stored(add(ONE, neg(logistic))))[-1] == "out[j] = 1/(exp(z[j]) + 1)"
    assert ran(complement, VECTOR, stored(add(logistic, T, neg(ONE))))[-1] == "out[j] = (-(1/(exp(z[j]) + 1))) + t[j]"


def test_a_maximum_is_that_of_the_logits_where_a_parameter_scales_them() -> None:
    scaled = call("exp", div(Z, Scalar("T")))
    warm = replace(
        kernel(VECTOR, Reduce("s", "sum", "j", scaled), stored(div(scaled, S))), parameters=(Parameter("T", False),)
    )
    assert [line for each in shift(warm).body for line in dump_statement(each)] == [
        "z_max = max over j of z[j]",
        "s = sum over j of exp((z[j] - z_max)/T)",
        "out[j] = exp((z[j] - z_max)/T)/s",
    ]


def test_a_weighted_sum_of_log_probabilities_is_split() -> None:
    log_y = add(sub(Z, M), neg(call("log1p", R)))
    body = (MAXIMUM, Let("r", ONE), Reduce("t_dot_log_y", "sum", "j", mul(T, log_y)), Let("out", Scalar("t_dot_log_y")))
    assert ran(split_sums, NUMBER, *body)[2:] == [
        "target_sum = sum over j of t[j]",
        "t_dot_half_gap = sum over j of t[j]*(((1/2)*z_max) - ((1/2)*z[j]))",
        "out = -((2*t_dot_half_gap) + (target_sum*log1p(r)))",
    ]


def test_a_split_sum_may_be_read_by_the_next() -> None:
    log_y = add(sub(Z, M), neg(call("log1p", R)))
    first = Reduce("first", "sum", "j", mul(T, log_y))
    second = Reduce("second", "sum", "j", mul(Scalar("first"), T, log_y))
    lines = ran(split_sums, NUMBER, MAXIMUM, Let("r", ONE), first, second, Let("out", Scalar("second")))
    assert [line.split()[0] for line in lines[2:]] == ["target_sum", "t_dot_half_gap", "second", "out"]
    assert "first" not in " ".join(lines)


def test_a_split_sum_that_is_read_more_than_once_keeps_its_name() -> None:
    log_y = add(sub(Z, M), neg(call("log1p", R)))
    total = Reduce("entropy", "sum", "j", mul(T, log_y))
    lines = ran(split_sums, VECTOR, MAXIMUM, Let("r", ONE), total, stored(mul(T, Scalar("entropy"), Scalar("entropy"))))
    assert lines[4:] == [
        "entropy = -((2*t_dot_half_gap) + (target_sum*log1p(r)))",
        "out[j] = t[j]*entropy*entropy",
    ]


def test_a_factor_of_0_decides_a_product_with_a_logarithm() -> None:
    lines = ran(guard_zeros, VECTOR, MAXIMUM, stored(mul(T, sub(Z, M))))
    assert lines[-1] == "out[j] = select(t[j] == 0, 0, t[j]*(z[j] - z_max))"
    assert (
        ran(guard_zeros, VECTOR, MAXIMUM, stored(mul(T, call("exp", sub(Z, M)))))[-1]
        == "out[j] = t[j]*exp(z[j] - z_max)"
    )
    assert ran(guard_zeros, VECTOR, stored(mul(T, EXP))) == ["out[j] = select(t[j] == 0, 0, t[j]*exp(z[j]))"]
    assert ran(guard_zeros, VECTOR, stored(mul(Const(Fraction(3)), Z))) == ["out[j] = 3*z[j]"]


def test_rounding_is_put_back_only_where_a_result_must_be_right_by_itself() -> None:
    chosen = select(Same("j", LABEL), ZERO, SHIFTED)
    assert "exp_difference(z[j], z_max)" in ran(compensate, VECTOR, MAXIMUM, stored(chosen), labels=True)[-1]
    assert ran(compensate, VECTOR, MAXIMUM, stored(SHIFTED))[-1] == "out[j] = exp(z[j] - z_max)"


def test_one_division_a_row() -> None:
    lines = ran(divide_once, VECTOR, SUM, stored(add(Y, div(T, S))))
    assert lines[1:] == ["s_inverse = 1/s", "out[j] = (exp(z[j])*s_inverse) + (t[j]*s_inverse)"]


def test_functions_of_a_row_leave_its_loops() -> None:
    lines = ran(hoist, VECTOR, SUM, stored(mul(T, call("log", S))))
    assert lines[1:] == ["log_s = log(s)", "out[j] = t[j]*log_s"]


def test_functions_of_the_label_leave_the_loops_of_their_row() -> None:
    inner = call("log1p", add(S, call("expm1", sub(Z_LABEL, M))))
    label_case = select(Same("j", LABEL), call("exp", neg(inner)), mul(T, inner))
    lines = ran(hoist, VECTOR, MAXIMUM, SHIFTED_SUM, stored(label_case), labels=True)
    assert lines[2:] == [
        "expm1_label = expm1(z[label] - z_max)",
        "log1p_label = log1p(s + expm1_label)",
        "exp_label = exp(-log1p_label)",
        "out[j] = select(j is label, exp_label, t[j]*log1p_label)",
    ]


def test_a_function_that_a_loop_computes_has_its_name_where_a_row_computes_it_first() -> None:
    root = call("sqrt", S)
    lines = ran(hoist, VECTOR, SUM, Let("r", add(root, ONE)), stored(mul(T, root, R)))
    assert lines[1:] == ["sqrt_s = sqrt(s)", "r = sqrt_s + 1", "out[j] = t[j]*sqrt_s*r"]


def test_what_is_taken_away_comes_last() -> None:
    assert ran(tidy, VECTOR, SUM, stored(add(neg(S), Z)))[-1] == "out[j] = z[j] - s"
    assert ran(tidy, VECTOR, SUM, stored(add(neg(S), neg(Z))))[-1] == "out[j] = -(s + z[j])"
    assert ran(tidy, NUMBER, SUM, Let("out", mul(div(ONE, Scalar("n")), S)))[-1] == "out = s/n"


def test_shared_exponentials_live_in_the_output() -> None:
    lines = ran(lambda each: place(each, work=False), VECTOR, MAXIMUM, SHIFTED_SUM, stored(mul(SHIFTED, S)))
    assert lines[1:] == ["out[j] = exp(z[j] - z_max)", "s = sum over j of out[j]", "out[j] = out[j]*s"]


def test_without_an_output_they_live_in_a_work_array_or_are_computed_again() -> None:
    body = (MAXIMUM, SHIFTED_SUM, Reduce("q", "sum", "j", mul(SHIFTED, T)), Let("out", Scalar("q")))
    assert ran(lambda each: place(each, work=False), NUMBER, *body)[2].count("exp(") == 1
    assert ran(lambda each: place(each, work=True), NUMBER, *body)[1:3] == [
        "exponentials[j] = exp(z[j] - z_max)",
        "s = sum over j of exponentials[j]",
    ]


def test_what_is_0_at_the_label_is_stored_so_where_that_will_do() -> None:
    others = Reduce("s", "sum", "j", select(Same("j", LABEL), ZERO, SHIFTED))
    patched = stored(select(Same("j", LABEL), S, mul(SHIFTED, S)))
    lines = ran(lambda each: place(each, work=False), VECTOR, MAXIMUM, others, patched, labels=True)
    assert lines[1:] == [
        "out[j] = select(j is label, 0, exp(z[j] - z_max))",
        "s = sum over j of out[j]",
        "out[j] = select(j is label, s, out[j]*s)",
    ]
    bare = ran(lambda each: place(each, work=False), VECTOR, MAXIMUM, others, stored(SHIFTED), labels=True)
    assert bare[1:3] == ["out[j] = exp(z[j] - z_max)", "s = sum over j of select(j is label, 0, out[j])"]


def test_a_stored_array_is_scaled_once() -> None:
    fill, inverse = stored(EXP), Let("s_inverse", div(ONE, Scalar("s")))
    y = mul(OUT, Scalar("s_inverse"))
    dot = Reduce("dot", "sum", "j", mul(T, y))
    lines = ran(scale, VECTOR, fill, SUM, inverse, dot, stored(mul(y, add(T, neg(Scalar("dot"))))))
    assert lines[3:] == [
        "out[j] = out[j]*s_inverse",
        "dot = sum over j of t[j]*out[j]",
        "out[j] = out[j]*(t[j] + (-dot))",
    ]
    once = (fill, SUM, inverse, stored(mul(T, y)))
    assert ran(scale, VECTOR, *once) == [line for statement in once for line in dump_statement(statement)]


def test_one_loop_for_what_is_known_at_the_same_time() -> None:
    targets = Reduce("target_sum", "sum", "j", T)
    lines = ran(fuse, VECTOR, targets, MAXIMUM, SHIFTED_SUM, stored(mul(SHIFTED, S, Scalar("target_sum"))))
    assert lines == [
        "z_max = max over j of z[j]",
        "for j:",
        "  target_sum = sum over j of t[j]",
        "  s = sum over j of exp(z[j] - z_max)",
        "out[j] = exp(z[j] - z_max)*s*target_sum",
    ]


def test_a_loop_does_not_reorder_what_overwrites() -> None:
    filled, twice = stored(EXP), stored(mul(OUT, OUT))
    total = Reduce("total", "sum", "j", OUT)
    fused = fuse(kernel(VECTOR, filled, total, twice))
    assert fused.body == (Loop("j", (filled, total, twice)),)


def test_a_maximum_of_what_a_map_stores_comes_after_it() -> None:
    largest = Reduce("largest", "max", "j", OUT)
    lines = ran(fuse, VECTOR, stored(EXP), SUM, largest, stored(mul(OUT, Scalar("largest"), S)))
    assert lines == [
        "for j:",
        "  out[j] = exp(z[j])",
        "  s = sum over j of exp(z[j])",
        "largest = max over j of out[j]",
        "out[j] = out[j]*largest*s",
    ]


def test_passes_before_fusion_refuse_loops() -> None:
    with pytest.raises(KernelError, match="met a loop"):
        shift(kernel(VECTOR, Loop("j", (stored(Z),))))
