"""The evaluator against mpmath's own numerics: values, derivatives by differences, and laws of exp, log and powers."""

import mpmath
import pytest

from derive.catalogue.softmax import activation as softmax
from derive.errors import ProofError
from derive.language.read import read
from derive.notation import Contraction, i, j, k, loss, y, z
from derive.proof.arithmetic import raise_to
from derive.proof.check import check
from derive.proof.evaluate import Point, evaluate
from derive.proof.field import PRIME, BadPointError, PrimeField, RationalFunctions, Reals

LOGITS = [mpmath.mpf(x) for x in ("0.3", "-1.2", "2.5", "0.9")]
TARGETS = [mpmath.mpf(x) for x in ("0.1", "0.7", "1.3", "0.4")]
DEFINITION = {y: (i, read(softmax.y))}

LOSSES = [
    ("-sum(t[i]*log(y[i]) for i in range(n))", lambda y, t: -sum(a * mpmath.log(b) for a, b in zip(t, y, strict=True))),
    ("sum((y[i]-t[i])**2 for i in range(n))/n", lambda y, t: sum((b - a) ** 2 for a, b in zip(t, y, strict=True)) / 4),
    ("sum(t[i]*sqrt(y[i]) for i in range(n))", lambda y, t: sum(a * mpmath.sqrt(b) for a, b in zip(t, y, strict=True))),
    ("log(sum(t[i]*y[i]**2.5 for i in range(n)))",
     lambda y, t: mpmath.log(sum(a * b ** mpmath.mpf("2.5") for a, b in zip(t, y, strict=True)))),
    ("tanh(sum(t[i]*y[i] for i in range(n)))", lambda y, t: mpmath.tanh(sum(a * b for a, b in zip(t, y, strict=True)))),
    ("sum(sqrt((y[i]-t[i])**2) for i in range(n))", lambda y, t: sum(abs(b - a) for a, b in zip(t, y, strict=True))),
    ("sum(t[i]*log((y[i]-t[i])**2) for i in range(n))",
     lambda y, t: sum(a * 2 * mpmath.log(abs(b - a)) for a, b in zip(t, y, strict=True))),
    ("sum(abs(y[i]-t[i]) for i in range(n))", lambda y, t: sum(abs(b - a) for a, b in zip(t, y, strict=True))),
]  # fmt: skip


def probabilities(logits: list[mpmath.mpf]) -> list[mpmath.mpf]:
    total = sum(mpmath.exp(x) for x in logits)
    return [mpmath.exp(x) / total for x in logits]


@pytest.mark.parametrize(("text", "function"), LOSSES)
def test_derivatives_agree_with_differences_of_the_definition(text, function) -> None:
    with mpmath.workdps(60):
        definitions = {**DEFINITION, loss: (None, read(text))}
        point = Point(Reals(), 4, {z: LOGITS, y.func("t"): TARGETS}, definitions)
        step = mpmath.mpf(10) ** -20

        def at(*changes: tuple[int, int]) -> mpmath.mpf:
            logits = list(LOGITS)
            for number, sign in changes:
                logits[number] += sign * step
            return function(probabilities(logits), TARGETS)

        assert mpmath.almosteq(evaluate(loss, point), at(), 1e-40)
        for number in range(4):
            first = evaluate(read("diff(L, z[j])"), point.at({j: number}))
            assert mpmath.almosteq(first, (at((number, 1)) - at((number, -1))) / (2 * step), 1e-30, 1e-30)
        second = evaluate(read("diff(diff(L, z[i]), z[j])"), point.at({i: 0, j: 2}))
        corners = at((0, 1), (2, 1)) - at((0, 1), (2, -1)) - at((0, -1), (2, 1)) + at((0, -1), (2, -1))
        assert mpmath.almosteq(second, corners / (4 * step**2), 1e-15, 1e-15)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("log(y[j])", "z[j] - log(sum(exp(z[i]) for i in range(n)))"),
        ("log(y[j]**3/y[i])", "3*log(y[j]) - log(y[i])"),
        ("exp(2*z[i] + z[j])", "exp(z[i])**2*exp(z[j])"),
        ("exp(z[i]/2)**2", "exp(z[i])"),
        ("y[i]**gamma*y[i]**(1 - gamma)", "y[i]"),
        ("(y[i]*y[j])**gamma", "y[i]**gamma*y[j]**gamma"),
        ("exp(gamma*log(y[i]))", "y[i]**gamma"),
        ("sqrt(y[i])*sqrt(y[j])", "sqrt(y[i]*y[j])"),
        ("log(6)", "log(2) + log(3)"),
        ("tanh(z[i]/2)", "2*exp(z[i])/(1 + exp(z[i])) - 1"),
        ("diff(tanh(z[i]), z[i])", "4/(exp(z[i]) + exp(-z[i]))**2"),
        ("diff(y[i]**gamma, z[j])", "gamma*y[i]**gamma*(delta(i, j) - y[j])"),
        ("diff(sqrt(y[i]), z[j])", "sqrt(y[i])*(delta(i, j) - y[j])/2"),
        ("diff(log(1 - y[i]), z[j])", "-y[i]*(delta(i, j) - y[j])/(1 - y[i])"),
        ("diff((1 - y[i])**gamma*log(y[i]), y[i])", "(1 - y[i])**gamma/y[i] - gamma*(1 - y[i])**(gamma - 1)*log(y[i])"),
    ],
)
def test_laws_of_functions_that_are_not_rational_hold_modulo_a_prime(left: str, right: str) -> None:
    assert check(read(left), read(right), DEFINITION).method == "modular"


def test_the_root_of_a_square_is_not_what_was_squared_where_that_may_be_negative() -> None:
    with pytest.raises(ProofError):
        check(read("sqrt((y[i] - t[i])**2)"), read("y[i] - t[i]"), DEFINITION)


def test_a_derivative_inside_a_derivative_keeps_its_own_epsilon() -> None:
    # d/dz_j (z_j · d/dz_i (z_i z_j)) = d/dz_j z_j² = 2 z_j; one shared epsilon would give more.
    for field in (PrimeField(0), RationalFunctions(8)):
        point = Point(field, 3, indices={i: 0, j: 1})
        assert evaluate(read("diff(z[j]*diff(z[i]*z[j], z[i]), z[j])"), point) == evaluate(read("2*z[j]"), point)


def test_an_explicit_class_counts_from_one() -> None:
    point = Point(PrimeField(0), 3)
    assert evaluate(z[1] + z[2] + z[3], point) == evaluate(Contraction(z[k], k), point)


def test_an_exponential_of_a_number_with_millions_of_digits_is_0_or_undefined() -> None:
    huge = mpmath.ldexp(1, 2**24)
    assert Reals().apply("exp", -huge) == 0
    with pytest.raises(BadPointError):
        Reals().apply("exp", huge)
    assert Reals().apply("exp", mpmath.mpf(2) ** 20) == mpmath.exp(2**20)


def test_a_power_with_an_exponent_of_many_digits_is_taken_by_squares() -> None:
    field = PrimeField(0)
    assert raise_to(field.number(3), 10**12 + 7, field) == field.number(pow(3, 10**12 + 7, PRIME))
    assert mpmath.almosteq(raise_to(Reals().number(3), -5, Reals()), mpmath.mpf(1) / 243)
