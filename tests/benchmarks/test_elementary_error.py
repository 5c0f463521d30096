"""The errors that the script finds are those that there are, in the functions that are generated."""

import pytest

from benchmarks.elementary_error import ALLOWED, GENERATED, TRUTHS, find_functions, measure, read_sources, with_callees

EXACT = """
INLINE {type} identity_{name}({type} x)
{{
    return x;
}}

static {type} exp_{name}({type} x)
{{
    return {wrong}({type})exp((double)identity_{name}(x));
}}
"""

ONE_TO_TWO = range(0x3F800000, 0x40000000)
MINUS_ONE_TO_TWO = {"f32": range(0xBF800000, 0xC0000000), "f64": 100_000}


@pytest.mark.parametrize("build", ["fused", "plain"])
@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_the_exponential_of_the_kernels_is_measured(precision: str, build: str) -> None:
    functions = find_functions([path.read_text() for path in GENERATED.glob("*.c")])
    name = f"exp_nonpositive_{precision}"
    found = measure(name, with_callees(name, functions), build, MINUS_ONE_TO_TWO[precision])
    assert found.wrong == 0
    assert 0.5 < found.worst <= ALLOWED


def test_every_exponential_and_logarithm_is_found() -> None:
    found = {name.rsplit("_", 1)[0] for name in find_functions(read_sources())}
    assert found >= set(TRUTHS)


def test_a_function_comes_with_what_it_calls() -> None:
    functions = find_functions([EXACT.format(type="float", name="f32", wrong="")])
    assert list(functions) == ["identity_f32", "exp_f32"]
    text = with_callees("exp_f32", functions)
    assert text.index("identity_f32(float x)") < text.index("exp_f32(float x)")
    assert "exp_f32" not in with_callees("identity_f32", functions)


@pytest.mark.parametrize(("factor", "wrong"), [("", 0), ("1.001f * ", 0), ("1e38f * 1e38f * ", 1 << 23)])
def test_an_error_is_measured_in_units_and_what_is_no_number_counted(factor: str, wrong: int) -> None:
    text = with_callees("exp_f32", find_functions([EXACT.format(type="float", name="f32", wrong=factor)]))
    found = measure("exp_f32", text, "plain", ONE_TO_TWO)
    assert found.wrong == wrong
    assert found.is_right == (not factor)
    if not factor:
        assert found.worst == pytest.approx(0.5, abs=1e-3)  # rounding, and nothing more
    elif not wrong:
        assert found.worst > 8000
