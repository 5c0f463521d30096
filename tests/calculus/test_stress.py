"""Random definitions, derived, agree with differences of the definition; nothing of the engine is asked for the truth.

Both the definition and the closed form are evaluated by Python itself, with mpmath numbers.
`DERIVE_STRESS=300` tries that many definitions.
"""

import os

import mpmath
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

import derive
from derive.language.show import text
from tests.calculus.truth import DIGITS, KNOWN, LOGITS, close, differences, found, truth

DEFINITIONS = int(os.environ.get("DERIVE_STRESS", "0"))

# Roots of sums and the exponential of a square are left out: the exact checks refuse some steps with them.
positive = st.sampled_from(
    ["y[i]", "t[i]", "w[i]", "a", "2", "(1 - y[i])", "(y[i] + t[i])", "exp(z[i])", "(1 + y[i]**2)"]
)
real = st.one_of(
    positive,
    st.sampled_from(["z[i]", "(y[i] - t[i])", "tanh(z[i])", "tanh(y[i])", "abs(y[i] - t[i])", "(t[i] - 1/n)"]),
    positive.map("log({})".format),
    st.tuples(positive, st.sampled_from(["2", "3", "gamma"])).map("{0[0]}**{0[1]}".format),
)
term = st.lists(real, min_size=1, max_size=2).map("*".join)
inner = st.lists(term, min_size=1, max_size=2).map(" - ".join)
total = inner.map("sum({} for i in range(n))".format)
shape = st.sampled_from(
    ["{}", "-{}", "{}/n", "({})**2", "tanh({})", "log(1 + ({})**2)", "a*{}",
     "{}/sum(y[i]*t[i] for i in range(n))"]
)  # fmt: skip
part = st.tuples(shape, total).map(lambda pair: pair[0].format(pair[1]))
nested = st.tuples(term, positive).map(
    lambda pair: f"sum({pair[0]}*sum({pair[1].replace('[i]', '[k]')}*y[k] for k in range(n)) for i in range(n))"
)
definitions = st.one_of(part, part, nested)


@pytest.mark.skipif(DEFINITIONS == 0, reason="takes minutes: make stress")
@settings(
    max_examples=max(DEFINITIONS, 1),
    deadline=None,
    derandomize=False,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
@given(definition=definitions)
def test_a_random_definition_agrees_with_its_differences(definition: str) -> None:
    note(f"softmax+{definition}")
    derivation = derive.derive(f"softmax+{definition}")
    forms = {quantity: text(derivation.closed_form(quantity)) for quantity in derivation.composition.quantities}
    with mpmath.workdps(DIGITS):
        logits = [mpmath.mpf(each) for each in LOGITS]
        slopes, curvatures = differences(lambda row: truth("softmax", definition, row), logits)
        assert close(found("softmax", forms["value"], logits), truth("softmax", definition, logits), 40)
        for j, slope in enumerate(slopes):
            assert close(found("softmax", forms["gradient"], logits, j=j), slope, 25), forms["gradient"]
            for i, curvature in enumerate(row[j] for row in curvatures):
                assert close(found("softmax", forms["hessian"], logits, i=i, j=j), curvature, 12), forms["hessian"]
            along = sum(each * mpmath.mpf(direction) for each, direction in zip(curvatures[j], KNOWN["v"], strict=True))
            assert close(found("softmax", forms["hvp"], logits, j=j), along, 12), forms["hvp"]
