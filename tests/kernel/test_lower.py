import pytest
from sympy import Integer, Rational, exp, gamma, log

from derive.errors import TriplesError, UnsupportedError
from derive.kernel.dump import dump
from derive.kernel.ir import Kernel
from derive.kernel.lower import Output, lower
from derive.kernel.validate import validate
from derive.notation import Contraction, g, i, j, k, n, rename, t, y, z
from tests.kernel.programs import CROSS_ENTROPY_GRADIENT, JACOBIAN, MSE, TARGET_SUM, VJP, Y, total


def lowered(form: object, rank: int = 1, inputs: tuple[str, ...] = ("z", "t", "g")) -> Kernel:
    return validate(lower("made", [Output("out", rank, form)], inputs, Y))


def body(kernel: Kernel) -> list[str]:
    lines = [line.strip() for line in dump(kernel).splitlines()[1:]]
    return [line for line in lines if not line.startswith("work ")]


def test_sums_are_named_after_what_they_hold_and_come_first() -> None:
    assert body(lowered(CROSS_ENTROPY_GRADIENT)) == [
        "target_sum = sum over j of t[j]",
        "exp_sum = sum over j of exp(z[j])",
        "out[j] = (target_sum*(exp(z[j])/exp_sum)) + (-t[j])",
    ]
    assert "g_dot_y = sum over j of g[j]*(exp(z[j])/exp_sum)" in body(lowered(VJP))


def test_equal_sums_are_computed_once() -> None:
    kernel = lowered(TARGET_SUM * (TARGET_SUM + t[j]))
    assert body(kernel) == ["target_sum = sum over j of t[j]", "out[j] = (target_sum + t[j])*target_sum"]


def test_different_sums_of_one_name_are_numbered() -> None:
    long = [total(t[k] * exp(g[k]) * log(g[k] + number) * exp(z[k])) for number in (2, 3)]
    names = [line.split()[0] for line in body(lowered(long[0] * long[1], rank=0))]
    assert names == ["row_sum", "row_sum_2", "out"]


def test_rank_decides_the_indices() -> None:
    assert body(lowered(JACOBIAN, rank=2))[-1].startswith("out[i, j] = ")
    assert body(lowered(MSE, rank=0))[-1] == "out = (1/n)*y_minus_t_squared_sum"
    assert body(lowered(Integer(0), rank=1)) == ["out[j] = 0"]


def test_constants_are_exact_and_the_class_count_is_a_scalar() -> None:
    assert body(lowered(Rational(2, 3) * t[j] / n)) == ["out[j] = ((2/3)/n)*t[j]"]


def test_factors_of_an_outer_index_leave_the_sum() -> None:
    assert body(lowered(Contraction(t[j] * g[k], k))) == ["g_sum = sum over j of g[j]", "out[j] = t[j]*g_sum"]
    assert body(lowered(Contraction(g[k] * (t[j] + z[k]), k)))[-1] == "out[j] = (t[j]*g_sum) + g_dot_z"


def test_a_sum_for_each_class_is_a_vector() -> None:
    assert body(lowered(Contraction(exp(t[j] * g[k]), k))) == [
        "exp_g_t_sum[j] = sum over k of exp(g[k]*t[j])",
        "out[j] = exp_g_t_sum[j]",
    ]


def test_sums_for_each_class_that_are_equal_are_made_once() -> None:
    pair = Contraction(exp(t[j] * g[k]), k)
    lines = body(lowered(pair**2 * Contraction(t[k] * rename(pair, {j: k}), k)))
    assert [line.split(" = ")[0] for line in lines] == ["exp_g_t_sum[j]", "t_dot_sum", "out[j]"]


def test_what_is_summed_over_pairs_is_not_multiplied_out() -> None:
    lines = body(lowered(Contraction((1 - t[k]) * exp(t[j] * g[k]), k)))
    assert lines[0].endswith("= sum over k of ((-t[k]) + 1)*exp(g[k]*t[j])")


def test_terms_that_are_for_themselves_leave_a_sum_over_pairs() -> None:
    lines = body(lowered(Contraction(t[j] * g[k] + exp(t[j] * g[k]), k)))
    assert lines[-1] == "out[j] = (t[j]*g_sum) + exp_g_t_sum[j]"


def test_a_sum_for_each_pair_of_classes_is_refused_by_name() -> None:
    with pytest.raises(
        UnsupportedError, match=r"the made has a sum for each pair of classes, sum\(exp\(.* not over trip"
    ):
        lowered(Contraction(exp(t[i] * t[j] * g[k]), k), rank=2)


def test_a_sum_over_triples_is_refused_by_name() -> None:
    triple = exp(t[i] * z[j] * g[k])
    with pytest.raises(TriplesError, match="not over triples"):
        lowered(Contraction(Contraction(triple, i), j) * Contraction(Contraction(Contraction(triple, i), j), k), rank=0)


def test_the_order_of_sums_is_changed_where_each_then_is_over_pairs() -> None:
    of_triples = exp(t[i] * z[j]) * exp(-t[i] * g[k])
    lines = body(lowered(Contraction(z[k] * Contraction(of_triples, i), k)))
    assert lines[-1].startswith("out[j] = ")
    assert len(lines) == 3


def test_an_unknown_function_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match="kernel made: gamma"):
        lowered(gamma(t[j]))


def test_y_without_a_definition_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="no y"):
        lower("made", [Output("out", 1, y[j])], ["z"])


def test_the_definition_of_y_is_read_at_any_index() -> None:
    assert body(lowered(y[i] * y[j], rank=2))[-1].count("exp_sum") == 2
