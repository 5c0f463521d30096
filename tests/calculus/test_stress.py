"""Random definitions, derived, agree with differences of the definition; nothing of the engine is asked for the truth.

The index form is Python: both the definition and the closed form are evaluated by Python itself, with mpmath numbers.
`DERIVE_STRESS=300` tries that many definitions.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

import derive
from derive.language.show import text

DEFINITIONS = int(os.environ.get("DERIVE_STRESS", "30"))
DIGITS = 60
STEP = mpmath.mpf(10) ** -18
LOGITS = ("0.3", "-1.2", "0.8")
KNOWN = {
    "t": ("0.2", "0.7", "1.9"),
    "v": ("1.1", "0.4", "-0.7"),
    "w": ("0.5", "2", "1.3"),
}
ACTIVATIONS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "softmax": lambda z: [mpmath.exp(each) / sum(mpmath.exp(other) for other in z) for each in z],
    "sigmoid": lambda z: [1 / (1 + mpmath.exp(-each)) for each in z],
}

positive = st.sampled_from(
    ["y[i]", "t[i]", "w[i]", "a", "2", "(1 - y[i])", "(y[i] + t[i])", "exp(z[i])", "(1 + y[i]**2)", "y[i]**a"]
)
real = st.one_of(
    positive,
    st.sampled_from(["z[i]", "(y[i] - t[i])", "tanh(z[i])", "tanh(y[i])", "abs(y[i] - t[i])", "(t[i] - 1/n)"]),
    positive.map("log({})".format),
    positive.map("sqrt({})".format),
    st.tuples(positive, st.sampled_from(["2", "3", "-1", "gamma"])).map("{0[0]}**{0[1]}".format),
)
term = st.lists(real, min_size=1, max_size=3).map("*".join)
inner = st.lists(term, min_size=1, max_size=2).map(" - ".join)
total = inner.map("sum({} for i in range(n))".format)
shape = st.sampled_from(
    ["{}", "-{}", "{}/n", "({})**2", "tanh({})", "exp(-({})**2)", "log(1 + ({})**2)", "a*{}", "{}/(1 + sum(y[i]*t[i] for i in range(n)))"]
)  # fmt: skip
part = st.tuples(shape, total).map(lambda pair: pair[0].format(pair[1]))
nested = st.tuples(term, positive).map(
    lambda pair: f"sum({pair[0]}*sum({pair[1].replace('[i]', '[k]')}*y[k] for k in range(n)) for i in range(n))"
)
definitions = st.one_of(part, part, nested, st.tuples(part, part).map(" + ".join))


def namespace(activation: str, logits: list[Any], indices: Mapping[str, int]) -> dict[str, Any]:
    """What the names of the index form mean to Python."""
    return {
        "__builtins__": {},
        "sum": sum, "range": range, "exp": mpmath.exp, "log": mpmath.log, "sqrt": mpmath.sqrt, "tanh": mpmath.tanh,
        "abs": abs, "sign": mpmath.sign, "delta": lambda left, right: int(left == right), "n": len(logits),
        "a": mpmath.mpf("1.5"), "gamma": mpmath.mpf("2.5"), "z": logits,
        **{name: [mpmath.mpf(entry) for entry in entries] for name, entries in KNOWN.items()},
        "y": ACTIVATIONS[activation](logits),
        **indices,
    }  # fmt: skip


def truth(activation: str, definition: str, logits: list[Any]) -> Any:
    return eval(definition, namespace(activation, logits, {}))  # noqa: S307 - written a few lines above


def found(activation: str, formula: str, logits: list[Any], **indices: int) -> Any:
    return eval(formula, namespace(activation, logits, indices))  # noqa: S307 - what the engine wrote


def differences(value: Callable[[list[Any]], Any], logits: list[Any]) -> tuple[list[Any], list[list[Any]]]:
    """The gradient and the Hessian of `value`, by central differences."""

    def shifted(*changes: tuple[int, int]) -> Any:
        row = list(logits)
        for number, sign in changes:
            row[number] += sign * STEP
        return value(row)

    numbers = range(len(logits))
    slopes = [(shifted((each, 1)) - shifted((each, -1))) / (2 * STEP) for each in numbers]
    curvatures = [
        [sum(a * b * shifted((row, a), (column, b)) for a in (1, -1) for b in (1, -1)) / (4 * STEP**2)
         for column in numbers]
        for row in numbers
    ]  # fmt: skip
    return slopes, curvatures


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@settings(
    max_examples=(DEFINITIONS + 1) // 2,
    deadline=None,
    derandomize=DEFINITIONS <= 30,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
@given(definition=definitions)
def test_a_random_definition_agrees_with_its_differences(activation: str, definition: str) -> None:
    note(f"{activation}+{definition}")
    derivation = derive.derive(f"{activation}+{definition}")
    forms = {quantity: text(derivation.closed_form(quantity)) for quantity in derivation.composition.quantities}
    with mpmath.workdps(DIGITS):
        logits = [mpmath.mpf(each) for each in LOGITS]
        slopes, curvatures = differences(lambda row: truth(activation, definition, row), logits)
        assert close(found(activation, forms["value"], logits), truth(activation, definition, logits), 40)
        for j, slope in enumerate(slopes):
            assert close(found(activation, forms["gradient"], logits, j=j), slope, 25), forms["gradient"]
            for i, curvature in enumerate(row[j] for row in curvatures):
                assert close(found(activation, forms["hessian"], logits, i=i, j=j), curvature, 12), forms["hessian"]
            along = sum(each * mpmath.mpf(direction) for each, direction in zip(curvatures[j], KNOWN["v"], strict=True))
            assert close(found(activation, forms["hvp"], logits, j=j), along, 12), forms["hvp"]


def close(one: Any, two: Any, digits: int) -> bool:
    return bool(abs(one - two) <= mpmath.mpf(10) ** -digits * (1 + abs(two)))
