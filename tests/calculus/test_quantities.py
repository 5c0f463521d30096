"""What the engine finds: the forms that people know, right by differences of the definition, the same at every run."""

import os
import subprocess
import sys

import mpmath
import pytest

from derive.calculus import contract
from derive.calculus.engine import derive_quantity
from derive.catalogue import read_composition
from derive.catalogue.cross_entropy import loss as cross_entropy
from derive.catalogue.log_softmax import activation as log_softmax
from derive.catalogue.model import SUM_T_1, Activation, Composition, Loss
from derive.catalogue.mse import loss as mse
from derive.catalogue.softmax import activation as softmax
from derive.errors import ProofError, UnsupportedError
from derive.language.read import read
from derive.language.show import text
from derive.notation import Contraction, Partial, g, i, j, k, label, rename, t, v, y, z
from derive.proof.check import agree
from derive.proof.evaluate import Point, evaluate
from derive.proof.field import Reals

SOFTMAX = Composition(softmax)
LOG_SOFTMAX = Composition(log_softmax)
CROSS_ENTROPY = Composition(softmax, cross_entropy)
MSE = Composition(softmax, mse)
ASSUMED = (SUM_T_1,)

KNOWN = [
    (SOFTMAX, "value", (), "exp(z[j])/sum(exp(z[i]) for i in range(n))"),
    (SOFTMAX, "jacobian", (), "y[i]*(delta(i, j) - y[j])"),
    (SOFTMAX, "vjp", (), "y[j]*(g[j] - sum(g[i]*y[i] for i in range(n)))"),
    (SOFTMAX, "jvp", (), "y[j]*(v[j] - sum(v[i]*y[i] for i in range(n)))"),
    (LOG_SOFTMAX, "value", (), "z[j] - log(sum(exp(z[i]) for i in range(n)))"),
    (LOG_SOFTMAX, "jacobian", (), "delta(i, j) - y[j]"),
    (LOG_SOFTMAX, "vjp", (), "g[j] - y[j]*sum(g[i] for i in range(n))"),
    (LOG_SOFTMAX, "jvp", (), "v[j] - sum(v[i]*y[i] for i in range(n))"),
    (CROSS_ENTROPY, "value", (), "-sum(t[i]*log(y[i]) for i in range(n))"),
    (CROSS_ENTROPY, "gradient", (), "y[j]*sum(t[i] for i in range(n)) - t[j]"),
    (CROSS_ENTROPY, "gradient", ASSUMED, "y[j] - t[j]"),
    (CROSS_ENTROPY, "hessian", (), "y[i]*(delta(i, j) - y[j])*sum(t[k] for k in range(n))"),
    (CROSS_ENTROPY, "hessian", ASSUMED, "y[i]*(delta(i, j) - y[j])"),
    (CROSS_ENTROPY, "hvp", (), "y[j]*(v[j] - sum(v[i]*y[i] for i in range(n)))*sum(t[i] for i in range(n))"),
    (CROSS_ENTROPY, "hvp", ASSUMED, "y[j]*(v[j] - sum(v[i]*y[i] for i in range(n)))"),
    (MSE, "value", (), "sum((y[i] - t[i])**2 for i in range(n))/n"),
    (MSE, "gradient", (), "2/n*y[j]*(y[j] - t[j] - sum(y[i]*(y[i] - t[i]) for i in range(n)))"),
    (
        MSE,
        "hessian",
        (),
        (
            "2/n*y[i]*((delta(i, j) - y[j])*(2*y[i] - t[i] - sum(y[k]*(y[k] - t[k]) for k in range(n)))"
            " - y[j]*(2*y[j] - t[j] - sum(y[k]*(2*y[k] - t[k]) for k in range(n))))"
        ),
    ),
]

INVENTED = [
    "sum(t[i]*y[i]**3 for i in range(n))",
    "-sum((1 - y[i])**gamma*t[i]*log(y[i]) for i in range(n))",
    "-(1 - y[k])**2*log(y[k])",
    "log(sum(exp(z[i]) for i in range(n))) - sum(t[i]*z[i] for i in range(n))",
    "-log(sum(t[i]*y[i]**2 for i in range(n)))",
    "sum(y[i]*log(y[i]/t[i]) for i in range(n))",
    "sum(t[i]*(y[i] - sum(t[k]*y[k] for k in range(n)))**2 for i in range(n))",
    "sum(sqrt(y[i])*t[i] for i in range(n))/a",
    "tanh(sum(w[i]*y[i] for i in range(n)))",
    "sum(z[i]**2*y[i] for i in range(n))",
    "sum(abs(y[i] - t[i]) for i in range(n))",
    "sum(t*log(t) + y*log(y) - (t + y)*log((t + y)/2))/2",
    "(1 - sum(t*y**a))/a",
    "sum(y[i]*y[k]*exp(t[i] - t[k]) for i in range(n) for k in range(n))",
    "-sum(t*log(y) + (1 - t)*log(1 - y))",
    "sum(log(1 + exp(1 - t*z)))",
    "sqrt(sum((sqrt(t) - sqrt(y))**2)/2)",
    "exp(-sum(tanh(y))**2)",
    "sum(sqrt(1 + y**2))",
    "sum(y**(1/a))",
    "sum(y**y)",
    "sum(2*exp(z[i])*sum((1 - y[k])*y[k] for k in range(n)) for i in range(n))",
    "sum((t - (exp(z) + 1)/sum(exp(z) + 1))**2)",
]


@pytest.mark.parametrize(("composition", "quantity", "assumptions", "form"), KNOWN)
def test_the_closed_form_is_the_one_people_know(composition, quantity, assumptions, form) -> None:
    assert derive_quantity(composition, quantity, assumptions=assumptions).closed_form == read(form)


@pytest.mark.parametrize(
    ("definition", "form"),
    [
        ("-sum(((1 - a)*t + a/n)*log(y))", "y[j] - t[j] + a*(t[j] - 1/n)"),
        ("-sum(w[i]*t[i]*log(y[i]) for i in range(n))", "y[j]*sum(w[i]*t[i] for i in range(n)) - w[j]*t[j]"),
        ("(1 - sum(t*y**q))/q", "y[j]*sum(t[i]*y[i]**q for i in range(n)) - t[j]*y[j]**q"),
        ("sum(t*log(t/y))", "y[j] - t[j]"),
        ("sum(y*log(y/t))", "y[j]*(log(y[j]/t[j]) - sum(y[i]*log(y[i]/t[i]) for i in range(n)))"),
        ("-sum(t*log(y)) + b*log(sum(exp(z)))**2", "y[j]*(1 + 2*b*log(sum(exp(z[i]) for i in range(n)))) - t[j]"),
        ("1 - 2*sum(t*y)/(s + sum(t + y))", "2*y[j]/(2 + s)*(sum(t[i]*y[i] for i in range(n)) - t[j])"),
        ("sum(c[i]*y[i] for i in range(n))", "y[j]*(c[j] - sum(c[i]*y[i] for i in range(n)))"),
        (
            "-(1 - y[k])**a*log(y[k])",
            "(y[j] - delta(j, label))*(1 - y[label])**(a - 1)*(1 - y[label]*(1 + a*log(y[label])))",
        ),
        ("(1 - y[k]**q)/q", "y[label]**q*(y[j] - delta(j, label))"),
        ("-sum(t*log(y)) + a*(1 - sum(t*y))", "y[j]*(1 + a*(sum(t[i]*y[i] for i in range(n)) - t[j])) - t[j]"),
    ],
)
def test_losses_of_the_literature_have_their_short_forms(definition: str, form: str) -> None:
    composition = Composition(softmax, Loss("named", definition, source="", assumes=("sum-t-1",)))
    assert derive_quantity(composition, "gradient", assumptions=ASSUMED).closed_form == read(form)


def test_a_product_over_its_root_is_the_root_and_a_logarithm_of_a_product_is_differentiated_factor_by_factor() -> None:
    composition = Composition(softmax, Loss("named", "-log(sum(sqrt(t*y)))", source=""))
    form = text(derive_quantity(composition, "gradient").closed_form)
    assert form == "1/2*(y[j] - sqrt(t[j]*y[j])/sum(sqrt(t[i]*y[i]) for i in range(n)))"
    rules = {step.rule for step in derive_quantity(read_composition("softmax+kl"), "gradient").steps}
    assert "logarithmic derivative" in rules


@pytest.mark.parametrize(("quantity", "form"), [
    ("value", "-log(y[label])"),
    ("gradient", "y[j] - delta(j, label)"),
    ("hessian", "y[i]*(delta(i, j) - y[j])"),
    ("hvp", "y[j]*(v[j] - sum(v[i]*y[i] for i in range(n)))"),
])  # fmt: skip
def test_labels_are_one_hot_targets(quantity: str, form: str) -> None:
    assert derive_quantity(CROSS_ENTROPY, quantity, labels=True).closed_form == read(form)


@pytest.mark.parametrize("definition", INVENTED)
def test_no_derivative_is_left_in_a_closed_form(definition: str) -> None:
    composition = Composition(softmax, Loss("invented", definition, source=""))
    for quantity in composition.quantities:
        assert not derive_quantity(composition, quantity).closed_form.has(Partial)


@pytest.mark.parametrize("definition", INVENTED)
def test_an_invented_loss_agrees_with_differences_of_its_definition(definition: str) -> None:
    composition = Composition(softmax, Loss("invented", definition, source=""))
    loss_definition = composition.loss_definition
    with mpmath.workdps(60):
        logits, direction = ([mpmath.mpf(x) for x in row] for row in (("0.3", "-1.2", "0.8"), ("1.1", "0.4", "-0.7")))
        targets = [mpmath.mpf(x) for x in ("0.2", "0.7", "1.9")]
        names = {"gamma": mpmath.mpf("2.5"), "a": mpmath.mpf("1.5")}
        scalars = {symbol: names[symbol.name] for symbol in loss_definition.free_symbols if symbol.name in names}
        rows = {t: targets, v: direction, read("w[i]").base: [mpmath.mpf(x) for x in ("0.5", "2", "1.3")]}
        meanings = {y: (i, composition.y_definition)}
        indices = {label: 1}
        step = mpmath.mpf(10) ** -18

        def at(change: list[int]) -> mpmath.mpf:
            shifted = [logit + step * unit for logit, unit in zip(logits, change, strict=True)]
            return evaluate(loss_definition, Point(Reals(), 3, {z: shifted, **rows, **scalars}, meanings, indices))

        def found(quantity: str, **classes: int) -> mpmath.mpf:
            point = Point(Reals(), 3, {z: logits, **rows, **scalars}, meanings, indices)
            placed = point.at({{"i": i, "j": j}[name]: number for name, number in classes.items()})
            return evaluate(derive_quantity(composition, quantity).closed_form, placed)

        def unit(*numbers: tuple[int, int]) -> list[int]:
            change = [0, 0, 0]
            for number, sign in numbers:
                change[number] += sign
            return change

        for column in range(3):
            slope = (at(unit((column, 1))) - at(unit((column, -1)))) / (2 * step)
            assert mpmath.almosteq(found("gradient", j=column), slope, 1e-25, 1e-25)
        second = {}
        for row in range(3):
            for column in range(3):
                corners = [at(unit((row, a), (column, b))) * a * b for a in (1, -1) for b in (1, -1)]
                second[row, column] = sum(corners) / (4 * step**2)
                assert mpmath.almosteq(found("hessian", i=row, j=column), second[row, column], 1e-12, 1e-12)
            product = sum(second[row, column] * direction[column] for column in range(3))
            assert mpmath.almosteq(found("hvp", j=row), product, 1e-12, 1e-12)


def test_a_loss_of_another_output_goes_through_that_output() -> None:
    likelihood = Composition(
        log_softmax, Loss("nll", "-sum(t[i]*y[i] for i in range(n))", source="", assumes=("sum-t-1",))
    )
    assert derive_quantity(likelihood, "gradient", assumptions=ASSUMED).closed_form == read("y[j] - t[j]")
    identity = Composition(Activation("identity", "z[i]", None, source=""), mse)
    assert derive_quantity(identity, "gradient").closed_form == read("2/n*(z[j] - t[j])")


def test_an_assumption_that_a_sum_s_derivative_used_shows_where_that_is_put_in() -> None:
    normalised = Loss("nce", "sum(t*log(y))/sum(log(y))", source="", assumes=("sum-t-1",))
    result = derive_quantity(Composition(softmax, normalised), "hessian", assumptions=ASSUMED)
    (put_in,) = [
        step for step in result.chains[-1].steps if step.rule == "derivative of the sum put in" and step.assumptions
    ]
    assert put_in.assumptions == ASSUMED


def test_a_root_that_is_real_under_the_assumption_alone_is_checked() -> None:
    hellinger = Loss("hellinger", "sqrt(sum((sqrt(t) - sqrt(y))**2)/2)", source="", assumes=("sum-t-1",))
    result = derive_quantity(Composition(softmax, hellinger), "hvp", assumptions=ASSUMED)
    assert not result.closed_form.has(Partial)


def test_a_loss_of_logits_and_of_an_output_that_is_not_y_follows_both() -> None:
    both = Composition(log_softmax, Loss("both", "sum(y[i]*z[i] for i in range(n))", source=""))
    form = "z[j] + log(y[j]) - y[j]*sum(z[i] for i in range(n))"
    assert derive_quantity(both, "gradient").closed_form == read(form)


def test_an_activation_that_is_no_softmax_is_folded_back_too() -> None:
    sigmoid = Composition(Activation("logistic", "y[i]", "1/(1 + exp(-z[i]))", source=""))
    assert derive_quantity(sigmoid, "jacobian").closed_form == read("delta(i, j)*y[i]*(1 - y[i])")
    assert derive_quantity(sigmoid, "vjp").closed_form == read("g[j]*y[j]*(1 - y[j])")
    warm = Composition(Activation("warm", "y[i]", "exp(z[i]/T)/sum(exp(z[k]/T) for k in range(n))", source=""))
    assert derive_quantity(warm, "jacobian").closed_form == read("y[i]*(delta(i, j) - y[j])/T")


@pytest.mark.parametrize("composition", [SOFTMAX, LOG_SOFTMAX, CROSS_ENTROPY, MSE], ids=lambda each: each.name)
def test_steps_form_chains_and_say_what_they_use(composition: Composition) -> None:
    for quantity in composition.quantities:
        result = derive_quantity(composition, quantity, assumptions=composition.assumptions)
        for chain in result.chains:
            assert chain.steps
            assert chain.steps[0].before == chain.left
            assert all(one.after == two.before for one, two in zip(chain.steps, chain.steps[1:], strict=False))
        assert all(step.rule and step.reason and step.check.classes[0] >= 3 for step in result.steps)
        assert result.closed_form == result.chains[-1].result
        assert set(result.assumptions) == {used for step in result.steps for used in step.assumptions}


def test_the_assumption_stands_at_the_step_that_used_it() -> None:
    result = derive_quantity(CROSS_ENTROPY, "gradient", assumptions=ASSUMED)
    (step,) = [step for step in result.steps if step.assumptions]
    assert step.assumptions == ASSUMED
    assert step.before == read("y[j]*sum(t[i] for i in range(n)) - t[j]")
    assert step.after == read("y[j] - t[j]")
    assert derive_quantity(MSE, "gradient", assumptions=ASSUMED).assumptions == ()


@pytest.mark.parametrize("n", [1, 2, 3, 8, 1000])
def test_a_given_number_of_classes_is_an_instance(n: int) -> None:
    result = derive_quantity(MSE, "gradient", n=n)
    assert result.closed_form == derive_quantity(MSE, "gradient").closed_form.subs(read("n"), n)
    methods = {proof.method for proof in result.proofs}
    assert methods == ({"modular", "rational"} if n <= 8 else {"modular"})


@pytest.mark.parametrize(
    ("composition", "quantity", "form"),
    [
        (CROSS_ENTROPY, "gradient:t", "-log(y[j])"),
        (
            CROSS_ENTROPY,
            "gauss-newton",
            "t[i]*(delta(i, j) - y[j]) + y[i]*(y[j] - t[j])",
        ),
        (MSE, "gradient:t", "-2/n*(y[j] - t[j])"),
        (Composition(softmax, Loss("f", "-(1 - y[k])**a*log(y[k])", source="")), "gradient:a",
         "-(1 - y[label])**a*log(y[label])*log(1 - y[label])"),
        (Composition(softmax, Loss("w", "-sum(w[i]*t[i]*log(y[i]) for i in range(n))", source="")), "gradient:w",
         "-t[j]*log(y[j])"),
    ],
)  # fmt: skip
def test_further_quantities_are_found_on_request(composition, quantity: str, form: str) -> None:
    assert quantity in composition.further_quantities
    found = derive_quantity(composition, quantity, assumptions=composition.assumptions)
    assert agree(found.closed_form, read(form), {}, found.assumptions)


def test_a_temperature_reaches_the_loss_through_y() -> None:
    warm = Activation("warm", "y[i]", "exp(z[i]/T)/sum(exp(z[k]/T) for k in range(n))", source="")
    composition = Composition(warm, cross_entropy)
    with mpmath.workdps(50):
        logits, targets = ([mpmath.mpf(x) for x in row] for row in (("0.3", "-1.2", "0.8"), ("0.2", "0.7", "1.9")))
        temperature, step = mpmath.mpf("1.7"), mpmath.mpf(10) ** -15

        def at(value: mpmath.mpf) -> mpmath.mpf:
            exponentials = [mpmath.exp(logit / value) for logit in logits]
            pairs = zip(targets, exponentials, strict=True)
            return -sum(target * mpmath.log(each / sum(exponentials)) for target, each in pairs)

        values = {z: logits, t: targets, read("T"): temperature}
        point = Point(Reals(), 3, values, {y: (i, composition.y_definition)})
        found = evaluate(derive_quantity(composition, "gradient:T").closed_form, point)
        slope = (at(temperature + step) - at(temperature - step)) / (2 * step)
        assert mpmath.almosteq(found, slope, 1e-20)


def test_gauss_newton_differs_from_the_hessian_by_the_curvature_of_the_activation() -> None:
    hessian, newton = (derive_quantity(MSE, name).closed_form for name in ("hessian", "gauss-newton"))
    slope = read("2/n*(y[i] - t[i])")
    curvature = Contraction(rename(slope, {i: k}) * Partial(Partial(y[k], z[i]), z[j]), k)
    assert agree(hessian, newton + curvature, {y: (i, MSE.y_definition)})


def test_a_false_rule_stops_the_derivation_with_its_name_and_both_sides(monkeypatch) -> None:
    lost = contract.Rule("lost term", "wrong on purpose", lambda node: 2 * node if node == g[j] else None)
    monkeypatch.setattr(contract, "RULES", (lost, *contract.RULES))
    fresh = Composition(Activation("fresh", "y[i]", softmax.y, source=""))
    with pytest.raises(ProofError, match=r"lost term.*g\[j\].* is not .*2\*g\[j\]"):
        derive_quantity(fresh, "vjp")


def test_a_quantity_that_makes_no_sense_is_refused_with_those_that_do() -> None:
    with pytest.raises(UnsupportedError, match="softmax has no hessian; it has value, jacobian, vjp, jvp"):
        derive_quantity(SOFTMAX, "hessian")


def test_every_run_takes_the_same_steps_whatever_the_hash_seed() -> None:
    program = (
        "from tests.calculus.test_quantities import *\n"
        "for c in (SOFTMAX, LOG_SOFTMAX, CROSS_ENTROPY, MSE):\n"
        "    for q in c.quantities:\n"
        "        for s in derive_quantity(c, q, assumptions=c.assumptions).steps: print(s.rule, s.after)\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }  # fmt: skip
    assert len(outputs) == 1
