"""Parameters are the names that are no vector of the row, each with the range that is declared for it."""

from fractions import Fraction

import pytest

from derive.catalogue.model import Activation, Composition, Loss
from derive.catalogue.parameters import POSITIVE, Parameter, Range, read_ranges
from derive.catalogue.softmax import activation as softmax
from derive.errors import DefinitionError


@pytest.mark.parametrize(
    ("where", "name", "expected", "shown"),
    [
        ("0 < a < 1", "a", Range(Fraction(0), Fraction(1)), "0 < a < 1"),
        ("a >= 0", "a", Range(Fraction(0), None, low_included=True), "0 <= a"),
        ("1 > a, a >= 0.5", "a", Range(Fraction(1, 2), Fraction(1), low_included=True), "1/2 <= a < 1"),
        ("-1 <= c <= 1", "c", Range(Fraction(-1), Fraction(1), True, True), "-1 <= c <= 1"),
        ("c in R", "c", Range(low=None), "c is real"),
        ("a > 0, a >= 0", "a", Range(), "0 < a"),
        ("a > 1/3", "a", Range(Fraction(1, 3)), "1/3 < a"),
        (
            "-(2/3) < a <= 1e-15",
            "a",
            Range(Fraction(-2, 3), Fraction(1, 10**15), False, True),
            "-2/3 < a <= 1/1000000000000000",
        ),
        ("a >= 1e12", "a", Range(Fraction(10**12), None, low_included=True), "1000000000000 <= a"),
    ],
)
def test_a_range_is_read_and_shown(where: str, name: str, expected: Range, shown: str) -> None:
    assert read_ranges(where) == {name: expected}
    assert expected.describe(name) == shown


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("a", "is no range"),
        ("a < b", "is no range"),
        ("0 < a < b", "is no range"),
        ("0 < a != 1", "is no range"),
        ("a < 'x'", "is not a number"),
        ("a < sqrt(2)", "is no range"),
        ("p in [0,1]", r"'p in \[0,1\]' is no range; write 0 <= p <= 1$"),
        ("a > 0, p in (-1/2, 1], b > 0", "; write -1/2 < p <= 1$"),
        ("p in [0, 1", "is no range"),
        ("a > 1e400", "'1e400' is out of range; numbers go up to 1e.20"),
        ("a > 1e-400", "'1e-400' is too small to be read"),
        ("a > 9**9**9", "the exponent"),
        ("__import__('os') < 1", "is no range"),
        ("a < (", "is no range"),
        ("1 < a < 0", "no number a meets"),
        ("0 < a < 0", "no number a meets"),
    ],
)
def test_what_is_no_range_is_refused(where: str, words: str) -> None:
    with pytest.raises(DefinitionError, match=words):
        read_ranges(where)


def test_a_range_holds_what_it_says() -> None:
    half_open = read_ranges("0 <= a < 1")["a"]
    assert half_open.contains(0)
    assert not half_open.contains(1)
    assert not half_open.contains(float("nan"))
    assert not POSITIVE.contains(0)
    assert read_ranges("c in R")["c"].contains(-1e300)


def test_the_parameters_of_a_composition_are_sorted_and_ranged() -> None:
    warm = Activation("warm", "y[i]", "exp(z[i]/T)/sum(exp(z[k]/T) for k in range(n))", source="")
    definition = "-sum(w[i]*t[i]*(1 - y[i])**gamma*log(y[i]) for i in range(n))"
    composition = Composition(warm, Loss("weighted", definition, source="", where="gamma >= 0"))
    assert composition.parameters == (
        Parameter("T", per_class=False),
        Parameter("gamma", per_class=False, range=Range(low_included=True)),
        Parameter("w", per_class=True),
    )
    assert Composition(softmax).parameters == ()


@pytest.mark.parametrize(
    ("definition", "where", "words"),
    [
        ("a*sum(t*y)", "b > 0", "declares b, which is no parameter"),
        ("sum(a*a[i]*y[i] for i in range(n))", "", "a stands with and without an index"),
    ],
)
def test_a_name_is_one_thing_and_ranges_are_of_parameters(definition: str, where: str, words: str) -> None:
    composition = Composition(softmax, Loss("odd", definition, source="", where=where))
    with pytest.raises(DefinitionError, match=words):
        _ = composition.parameters
