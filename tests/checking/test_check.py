"""`derive check`: what it says of right and wrong formulas, of unreadable ones, and how it takes letters."""

import json
import time

import numpy as np
import pytest

import derive
from derive.catalogue import read_composition
from derive.checking import mistakes
from derive.checking.files import Allowance
from derive.checking.files import _ends_in_time as ends_in_time
from derive.checking.formula import FormulaError
from derive.checking.world import make_world
from derive.cli import main
from derive.errors import DeriveError

CE, NLL = "softmax+cross-entropy", "softmax+-log(y[k])"
CASES = (
    r"\frac{\partial p_i}{\partial a_j}=\begin{cases} p_i(1-p_i) & \text{if } i=j \\ -p_i p_j & \text{else}\end{cases}"
)
MATRIX = r"\begin{pmatrix} y_1(1-y_1) & -y_1y_2 \\ -y_2y_1 & y_2(1-y_2) \end{pmatrix}"


@pytest.mark.parametrize(
    ("composition", "quantity", "formula", "verdict"),
    [
        ("softmax", "jacobian", "diag(y) - y@y.T", "right"),
        ("softmax", "jacobian", r"\operatorname{diag}(s) - s s^\top", "right"),
        ("softmax", "jacobian", r"\frac{\partial S_i}{\partial a_j} = S_i(\mathbf 1\{i=j\} - S_j)", "right"),
        ("softmax", "jacobian", r"\frac{\partial y_i}{\partial z_i} = y_i(1-y_i)", "right"),
        ("softmax", "jacobian", CASES, "right"),
        ("softmax", "jacobian", MATRIX, "right"),
        ("softmax", "vjp", r"s \odot (g - (s^\top g))", "right"),
        ("softmax", "vjp", "np.einsum('ij,i->j', J, g)", "right"),
        ("softmax", "value", "np.exp(z - np.max(z))/np.sum(np.exp(z - np.max(z)))", "right"),
        (CE, "gradient", "y - t", "right-if"),
        (CE, "gradient", "y - onehot(k)", "right"),
        (CE, "gradient", r"p_j - y_j \quad \blacksquare", "right-if"),
        (CE, "gradient", r"p_j - y_j \qquad (3.2)", "right-if"),
        ("softmax+half-squared-error", "loss", r"\frac{1}{2}(y-t)^\top(y-t)", "right"),
        ("softmax+mse", "loss", r"\frac1n(y-t)^T(y-t)", "right"),
        (CE, "gradient", r"\hat y - y", "right-if"),
        (CE, "gradient", r"\frac{\partial L}{\partial z_j} = p_j - t_j", "right-if"),
        (CE, "gradient", "(y - t)/B", "off-by-factor"),
        (CE, "loss", "np.log(np.sum(np.exp(z - z.max()))) + z.max() - z[k]", "right"),
        (NLL, "gradient", r"p_j - \mathbf{1}_{j=y}", "right"),
    ],
)  # fmt: skip
def test_a_formula_gets_its_verdict(composition, quantity, formula, verdict):
    found = derive.check(composition, quantity, formula)
    assert found.verdict == verdict, found


@pytest.mark.parametrize(
    ("composition", "quantity", "formula", "mistake"),
    [
        ("softmax", "jacobian", "-y[i]*y[j]", "delta-missing"),
        ("softmax", "jacobian", "delta(i, j) - y[j]", "log-softmax-for-softmax"),
        ("log-softmax", "jacobian", "delta(i, j) - y[i]", "transposed"),
        ("log-softmax", "value", "softmax(z)", "softmax-for-log-softmax"),
        ("softmax", "vjp", "g", "identity-jacobian"),
        ("softmax", "vjp", "s*(1 - s)*dout", "off-diagonal-dropped"),
        ("softmax", "vjp", "(np.diag(y) - np.outer(y, y)).sum(axis=0)*g", "jacobian-summed"),
        (CE, "gradient", "t - y", "sign"),
        (CE, "gradient", "-t/y", "chain-stopped-early"),
        (CE, "gradient", "softmax(y) - t", "double-softmax"),
        (CE, "loss", "-np.sum(y*np.log(t))", "targets-and-probabilities-swapped"),
        ("softmax+mse", "gradient", "(y - t)*y*(1 - y)", "factor+off-diagonal-dropped"),
        (NLL, "gradient", r"\frac{\partial L}{\partial z_j} = y_j - 1", "label-case-only"),
    ],
)
def test_a_wrong_formula_is_traced_to_its_mistake(composition, quantity, formula, mistake):
    found = derive.check(composition, quantity, formula)
    assert found.mistake is not None, found
    assert found.mistake.id == mistake
    assert found.counterexample is not None


def test_the_jacobian_summed_over_its_outputs_is_zero():
    found = derive.check("softmax", "vjp", "(np.diag(y) - np.outer(y, y)).sum(axis=0)*g", n=3)
    assert found.mistake.id == "jacobian-summed"
    np.testing.assert_allclose(found.counterexample.theirs, np.zeros(3), atol=1e-12)


def test_a_jacobian_filled_with_logits_is_found():
    formula = "-t/y @ (np.diag(z) - np.outer(z, z))"
    z, t, y = np.array([1.75, 1.75]), np.array([0.0, 1.0]), np.array([0.5, 0.5])
    np.testing.assert_allclose(-t / y @ (np.diag(z) - np.outer(z, z)), [6.125, 2.625])
    for n in (2, None):
        assert derive.check(CE, "gradient", formula, n=n).mistake.id == "logits-for-probabilities"


def test_the_first_wrong_link_of_a_chain_is_named():
    found = derive.check(CE, "gradient", "y*t.sum() - t = y*t.sum() + t = y - t")
    assert (found.verdict, found.first_wrong_link) == ("right-if", "y*t.sum() + t")


@pytest.mark.parametrize(
    ("composition", "left"),
    [
        (CE, r"-\frac{\partial L}{\partial z_j} = t_j - y_j"),
        (CE, r"-\nabla_z L = t - y"),
        (CE, r"\frac{\partial (-L)}{\partial z_j} = t_j - y_j"),
        (CE, r"\frac{\partial L}{\partial z_j} + t_j = y_j"),
        ("softmax-temperature+cross-entropy", r"T \frac{\partial L}{\partial z_j} = y_j - t_j"),
        ("softmax-temperature+cross-entropy", r"\frac{\partial L}{\partial z_j} - \frac1T y_j = -\frac1T t_j"),
    ],
)
def test_what_stands_beside_the_derivative_on_the_left_counts(composition, left):
    found = derive.check(composition, "gradient", left)
    assert (found.verdict, found.assumptions) == ("right-if", ("sum-t-1",))


def test_a_left_side_that_is_another_derivative_is_the_first_wrong_link():
    found = derive.check(CE, "gradient", r"\frac{\partial L}{\partial y_j} = y_j - t_j")
    assert (found.verdict, found.first_wrong_link) == ("right-if", r"\frac{\partial L}{\partial y_j}")
    assert derive.check(CE, "gradient", r"\frac{\partial L}{\partial z_j} = y_j - t_j").first_wrong_link is None


@pytest.mark.parametrize("formula", [r"\nabla_z L", r"\frac{\partial L}{\partial z_j}"])
def test_a_derivative_that_is_only_named_claims_nothing(formula):
    with pytest.raises(FormulaError, match="ends with a derivative that is not taken; write what it equals"):
        derive.check(CE, "gradient", formula)


def test_what_let_says_beats_every_habit():
    found = derive.check(CE, "gradient", "y - p", {"targets": "p", "probabilities": "y"})
    assert found.verdict == "right-if"
    assert found.reading == {"y": "probabilities", "p": "targets"}


@pytest.mark.parametrize(
    ("composition", "quantity", "formula", "verdicts"),
    [
        (CE, "gradient", "p - q", {"right-if", "off-by-factor"}),
        ("softmax+mse", "gradient", "2/N*y*(y - t - np.sum((y - t)*y))", {"right", "off-by-factor"}),
    ],
)
def test_of_two_likely_readings_that_disagree_both_are_given_and_let_picks_each(
    composition, quantity, formula, verdicts
):
    found = derive.check(composition, quantity, formula)
    both = [(found.let, found.verdict), *((other.let, other.verdict) for other in found.other_readings)]
    assert {verdict for _, verdict in both} == verdicts
    for let, verdict in both:
        picked = derive.check(composition, quantity, formula, let)
        assert (picked.verdict, picked.other_readings) == (verdict, ())


def test_rows_and_columns_that_nothing_tells_apart_are_two_readings():
    found = derive.check("log-softmax", "jacobian", "(k == m) - p[m]")
    assert (found.verdict, [other.verdict for other in found.other_readings]) == ("right", ["wrong"])
    named = derive.check("log-softmax", "jacobian", r"\frac{\partial y_m}{\partial z_k} = \delta_{km} - p_m")
    assert (named.verdict, named.mistake.id, named.other_readings) == ("wrong", "transposed", ())


@pytest.mark.parametrize("name", ["H", "L", "J", "E", "C", r"\mathcal L", r"\ell"])
def test_the_name_under_a_derivative_on_the_left_is_the_loss(name):
    loss, formula = "softmax+-sum(y*log(y))", rf"\frac{{\partial {name}}}{{\partial z_i}} = -p_i(\log p_i + {name})"
    found = derive.check(loss, "gradient", formula, {"probabilities": "p"})
    assert (found.verdict, found.reading[name.split()[-1]]) == ("right", "loss")
    other = derive.check(loss, "gradient", formula, {"probabilities": "p", "classes": name})
    assert (other.verdict, other.reading[name.split()[-1]]) == ("wrong", "classes")


def test_the_index_of_an_entry_may_be_the_labels_or_any_and_both_are_said():
    formula = r"\frac{\partial L}{\partial z_k} = p_k - 1"
    found = derive.check(NLL, "gradient", formula)
    (other,) = found.other_readings
    assert (found.verdict, found.let, other.verdict, other.mistake) == (
        "right", {"label": "k"}, "wrong", "label-case-only"
    )  # fmt: skip
    named = derive.check(NLL, "gradient", formula, {"label": "k"})
    assert (named.verdict, named.other_readings) == ("right", ())


def test_both_readings_are_in_the_report_and_in_json(capsys):
    arguments = ["check", CE, "gradient", "p - q"]
    main(arguments)
    assert "--let targets=p --let probabilities=q" in " ".join(capsys.readouterr().out.split())
    main([*arguments, "--json"])
    (other,) = json.loads(capsys.readouterr().out)["other_readings"]
    assert (other["verdict"], other["factor"], other["let"]) == (
        "off-by-factor", "-1", {"targets": "p", "probabilities": "q"}
    )  # fmt: skip


@pytest.mark.parametrize(
    "formula",
    [
        "y -",
        "__import__('os').system('true')",
        "(lambda: y)()",
        "[y for y in z]",
        "y.__class__",
        "2**64**64**64",
        "(" * 300 + "y" + ")" * 300,
        "y" + " + y" * 5000,
        "exp((z[1]+z[2]+z[0]+1)**60)",
        "sum(" * 8
        + "y[a]*y[b]*y[c]*y[d]*y[e]*y[f]*y[h]*y[m]"
        + "".join(f" for {name} in range(n))" for name in "abcdefhm"),
        r"\frac{y}{",
        r"\hat" * 800 + " y",
        r"y_{",
        r"\begin{pmatrix} y \end{bmatrix}",
        r"\sum_{i} y_i +",
        r"y_j - t_j \approx 0",
        r"y_j - t_j \leq 1",
        r"y_j \frac{\partial L}{\partial }",
        r"\hat ) y - t",
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence_at_once(formula, capsys):
    started = time.process_time()
    status = main(["check", CE, "gradient", formula])
    error = capsys.readouterr().err
    assert status == 2, error
    assert error.count("\n") == 1
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "formula", ["y[i] - t[j]*t[k]*t[m]", "softmax(y) @ t", "np.outer(y, t)", "np.dot(y.T, y, t)", "delta(i) - t[i]"]
)
def test_a_formula_of_another_shape_is_ill_formed(formula):
    assert derive.check(CE, "gradient", formula).verdict == "ill-formed"


@pytest.mark.parametrize(
    "bounds", ["_{k=1}^{n}", "_{k=1}^K", "_{k=0}^{C-1}", "_k", r"_{k \in \mathcal C}", "_{k=1}^{3}"]
)
def test_a_sum_over_all_classes_may_be_written_in_several_ways(bounds):
    formula = rf"\frac{{e^{{z_i}}}}{{\sum{bounds} e^{{z_k}}}}"
    assert derive.check("softmax", "value", formula, n=3 if "3" in bounds else None).verdict == "right"


@pytest.mark.parametrize(
    "formula",
    [
        r"\frac{e^{z_i}}{\sum_{k=1}^{n-1} e^{z_k}}",
        r"\frac{e^{z_i}}{\sum_{k=2}^{n} e^{z_k}}",
        r"\frac{e^{z_i}}{\sum_{k=0}^{n} e^{z_k}}",
        r"\frac{e^{z_i}}{\sum_{k=1}^{i} e^{z_k}}",
        r"\frac{e^{z_i}}{\sum_{k=1}^{3} e^{z_k}}",
        "exp(z[i])/sum(exp(z[k]) for k in range(n - 1))",
        "exp(z[i])/sum(exp(z[k]) for k in range(2))",
        "exp(z[i])/sum(exp(z[k]) for k in range(1, n))",
    ],
)
def test_a_sum_over_a_part_of_the_classes_is_refused(formula):
    with pytest.raises(DeriveError, match="a sum runs over all classes"):
        derive.check("softmax", "value", formula)


def test_the_rows_of_a_batch_share_the_parameters(tmp_path):
    (tmp_path / "grad.py").write_text(
        "import numpy as np\n"
        "def grad(z, t, T):\n"
        "    e = np.exp((z - z.max(-1, keepdims=True)) / T)\n"
        "    return (e / e.sum(-1, keepdims=True) * t.sum(-1, keepdims=True) - t) / T\n"
    )
    place = f"{tmp_path}/grad.py:grad"
    verdict = derive.check("softmax-temperature+cross-entropy", "gradient", place, in_file=True)
    assert verdict.verdict == "right"


def test_a_role_that_does_not_exist_is_refused():
    with pytest.raises(DeriveError, match="there is no role"):
        derive.check(CE, "gradient", "y - t", {"probability": "y"})


def test_json_is_one_document_with_every_field(capsys):
    assert main(["check", CE, "gradient", "-t/y", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    fields = "verdict assumptions factor first_wrong_link mistake counterexample right_formula reading checked"
    assert set(fields.split()) <= set(found)
    assert set(found["mistake"]) == {"id", "explanation"}
    assert {"n", "z", "t", "theirs", "truth"} <= set(found["counterexample"])


def test_a_formula_may_begin_with_a_minus_sign_and_the_exit_status_tells(capsys):
    assert main(["check", CE, "loss", "-sum(t[i]*log(y[i]) for i in range(n))"]) == 0
    assert main(["check", CE, "loss", "-sum(t*log(y))", "--let", "targets=t"]) == 0
    assert "right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "verdict", "factor", "mistake"),
    [
        ("def f(z, t):\n    e = np.exp(z)\n    return e/e.sum(-1, keepdims=True) - t\n", "right-if", None, None),
        ("def f(y, t):\n    return (y - t)/(len(y) if y.ndim > 1 else 1)\n", "off-by-factor", "1/B", "factor"),
        ("def f(z, t):\n    e = np.exp(z)\n    return e/e.sum() - t\n", "wrong", None, "index-mixed-up"),
        ("def f(y, t):\n    return t - y\n", "off-by-factor", "-1", "sign"),
        (
            (
                "def f(z, labels):\n    y = np.exp(z)/np.exp(z).sum(-1, keepdims=True)\n"
                "    y[np.arange(len(y)), labels] -= 1\n    return y\n"
            ),
            "right",
            None,
            None,
        ),
        ("def f(y_pred, y_true):\n    return -y_true/y_pred\n", "wrong", None, "chain-stopped-early"),
        ("def f(y, t):\n    return y.sum()\n", "ill-formed", None, None),
        ("def f(y, t):\n    raise KeyError(1)\n", "ill-formed", None, None),
    ],
)
def test_a_function_is_run_on_rows_and_batches(code, verdict, factor, mistake, tmp_path):
    (tmp_path / "mine.py").write_text("import numpy as np\n" + code, encoding="utf-8")
    found = derive.check(CE, "gradient", f"{tmp_path / 'mine.py'}:f", in_file=True)
    assert (found.verdict, found.factor, found.mistake and found.mistake.id) == (verdict, factor, mistake), found


def test_a_function_of_the_logarithm_of_the_output_and_one_of_a_single_row(tmp_path):
    code = (
        "import numpy as np\n"
        "def vjp(logp, g):\n    return g - np.exp(logp)*g.sum(-1, keepdims=True)\n"
        "def jacobian(s):\n    s = s.reshape(-1, 1)\n    return np.diagflat(s) - s @ s.T\n"
    )
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    assert derive.check("log-softmax", "vjp", f"{tmp_path / 'mine.py'}:vjp", in_file=True).verdict == "right"
    found = derive.check("softmax", "jacobian", f"{tmp_path / 'mine.py'}:jacobian", in_file=True)
    assert (found.verdict, found.mistake) == ("right", None)
    assert any("takes one row at a time" in line for line in found.checked)


def test_the_ranges_of_a_definition_are_said_as_for_its_derivation():
    verdict = derive.check("softmax+c*sum(t*y)", "gradient", "c*y*(t - sum(t*y))", where="c in R")
    assert verdict.verdict == "right"
    with pytest.raises(DeriveError, match="has its own"):
        derive.check("softmax+mse", "gradient", "y - t", where="0 < a")


@pytest.mark.parametrize(
    ("formula", "let"),
    [
        ("a*(1-p[t])**(g-1)*(g*p[t]*log(p[t]) + p[t] - 1)*((j==t) - p[j])", {"alpha": "a", "gamma": "g"}),
        (r"\alpha (1-p_t)^{c-1}(c\, p_t \log p_t + p_t - 1)(\delta_{jt} - p_j)", {}),
        ("alpha*(1-p[t])**(focus-1)*(focus*p[t]*log(p[t]) + p[t] - 1)*((j==t) - p[j])", {}),
    ],
)
def test_a_parameter_of_the_definition_may_be_spelled_otherwise(formula, let):
    roles = {"probabilities": "p", "label": "t", **let}
    found = derive.check("softmax+-alpha*(1-y[k])**gamma*log(y[k])", "gradient", formula, roles)
    assert found.verdict == "right", found
    assert any(role.startswith("parameter gamma") for role in found.reading.values())


def test_the_number_of_examples_is_no_parameter_of_the_loss():
    found = derive.check("softmax-temperature+cross-entropy", "gradient", "(y - t)/N", {"targets": "t"})
    assert (found.verdict, found.factor) == ("off-by-factor", "T/N")


@pytest.mark.parametrize("n", [2, 3, 4, 5, None])
def test_that_targets_are_0_and_1_says_nothing_of_their_sum(n):
    assert derive.check(CE, "gradient", "2*y - t", n=n).verdict == "wrong"
    assert derive.check(CE, "gradient", "y*(t*t).sum() - t", n=n).assumptions == ("t-binary",)


def test_a_counterexample_shows_all_that_it_rests_on():
    found = derive.check("softmax-temperature", "vjp", "y*(1 - y)*g/T").counterexample
    z, y, g, temperature = (np.array(each) for each in (found.z, *(found.given[name] for name in ("y", "g", "T"))))
    np.testing.assert_allclose(y, np.exp(z / temperature) / np.exp(z / temperature).sum(), atol=1e-5)
    np.testing.assert_allclose(found.theirs, y * (1 - y) * g / temperature, atol=1e-5)
    np.testing.assert_allclose(found.truth, y * (g - (g * y).sum()) / temperature, atol=1e-5)
    assert not found.targets_matter


def test_an_unlikely_reading_is_not_offered():
    found = derive.check("softmax", "jacobian", "s[i]*((i == j) - s[j])")
    assert (found.verdict, found.other_readings) == ("right", ())


@pytest.mark.parametrize(
    ("code", "verdict", "mistake"),
    [
        ("def f(y, g):\n    return y*(g - (g*y).sum(-1, keepdims=True))\n", "right", None),
        ("def f(y, g):\n    return y*(g - (g*y).sum(-1))\n", "wrong", "index-mixed-up"),
        ("def f(y, g):\n    return y*(g - (g*y).sum(0))\n", "wrong", "index-mixed-up"),
        ("def f(y, g):\n    return (y*g).sum(-1), y*(g - (g*y).sum(-1, keepdims=True))\n", "right", None),
        ("def f(y, dout, axis=-1):\n    return y*(dout - (dout*y).sum(axis, keepdims=True))\n", "right", None),
    ],
)
def test_rows_of_a_batch_that_feel_each_other_are_found(code, verdict, mistake, tmp_path):
    (tmp_path / "f.py").write_text(code, encoding="utf-8")
    found = derive.check("softmax", "vjp", f"{tmp_path / 'f.py'}:f", in_file=True)
    assert (found.verdict, found.mistake and found.mistake.id) == (verdict, mistake)


@pytest.mark.parametrize(
    "formula",
    [
        "x^" * 200 + "2",
        "exp(" * 30 + "z" + ")" * 30,
        "f'(" * 80,
        "y_i " * 900,
        "d" * 200 + r"\alpha",
        "kl_div(" * 30 + "z" + ")" * 30,
        "KL(t, " * 30 + "y" + ")" * 30,
        r"D_{KL}(t \| " * 30 + "y" + ")" * 30,
        "; ".join(f"{b}_i = {a}_i {a}_i {a}_i {a}_i" for a, b in zip("ycdefghlmno", "cdefghlmnop", strict=True))
        + r"; p_i \hat y",
    ],
)
def test_towers_and_deep_nests_are_refused_at_once(formula):
    started = time.process_time()
    with pytest.raises(DeriveError):
        derive.check(CE, "gradient", formula)
    assert time.process_time() - started < 2


def test_several_formulas_that_are_no_cases_are_refused():
    with pytest.raises(DeriveError, match="several formulas"):
        derive.check("softmax", "jacobian", r"y_i(1 - y_j) \text{ if } i = j, \quad z_i")


def test_what_is_wrong_only_in_a_batch_is_shown_there(tmp_path):
    place = tmp_path / "grad.py"
    place.write_text("def vjp(y, g):\n    return y * (g - (g * y).sum())\n", encoding="utf-8")
    found = derive.check("softmax", "vjp", f"{place}:vjp", in_file=True)
    assert (found.verdict, found.mistake.id) == ("wrong", "index-mixed-up")
    y, g = (np.array(found.counterexample.given[name]) for name in "yg")
    assert y.ndim == 2
    np.testing.assert_allclose(found.counterexample.theirs, y * (g - (g * y).sum()), atol=1e-5)
    truth = [(np.diag(row) - np.outer(row, row)) @ upstream for row, upstream in zip(y, g, strict=True)]
    np.testing.assert_allclose(found.counterexample.truth, truth, atol=1e-5)


def test_a_function_that_refuses_a_batch_is_quoted(tmp_path):
    place = tmp_path / "grad.py"
    place.write_text('def vjp(y, g):\n    assert y.ndim == 1, "a row"\n    return y * (g - g @ y)\n', encoding="utf-8")
    found = derive.check("softmax", "vjp", f"{place}:vjp", in_file=True)
    assert (found.verdict, found.mistake) == ("wrong", None)
    raised = "raised AssertionError: a row (line 2 of grad.py)"
    assert found.reason == f"it is right on a single row, and on a batch vjp {raised}"


def test_a_function_that_forks_is_not_waited_for(tmp_path):
    place = tmp_path / "grad.py"
    place.write_text(
        "import os, time\ndef vjp(y, g):\n    if os.fork() == 0:\n        time.sleep(60)\n"
        "    return y * (g - (g * y).sum(-1, keepdims=True))\n",
        encoding="utf-8",
    )
    assert derive.check("softmax", "vjp", f"{place}:vjp", in_file=True).verdict == "right"


def test_a_maximum_is_a_guard_only_next_to_a_tiny_number():
    assert derive.check(CE, "value", "-np.sum(t*np.log(np.maximum(y, 1e-12)))").verdict == "right"
    for bound, verdict in (("0", "right"), ("-1e-12", "right"), ("0.5", "wrong"), ("z", "wrong")):
        assert derive.check("softmax", "value", f"np.maximum(y, {bound})").verdict == verdict
    assert derive.check(CE, "gradient", "np.maximum(y - t, 1e-12)").verdict == "wrong"


@pytest.mark.parametrize(
    "bounds", ["1e-12, 1", "1e-7, 1 - 1e-7", "eps, 1 - eps", "0, 1", "min=1e-7", "a_min=1e-9, a_max=1.0"]
)
def test_probabilities_may_be_clipped_where_they_are_anyway(bounds):
    assert derive.check(CE, "loss", f"-np.sum(t*np.log(np.clip(y, {bounds})))").verdict == "right"


@pytest.mark.parametrize(
    ("quantity", "formula"),
    [
        ("gradient", "np.clip(y, 0.5, 0.5) - t"),
        ("gradient", "torch.clamp(y - t, 0, 1)"),
        ("loss", "-np.sum(t*np.log(softmax(np.clip(z, -1, 1))))"),
        ("loss", "-np.sum(t*np.clip(np.log(y), -1, 0))"),
        ("gradient", "np.clip(y - t, a_min=0, a_max=0.1)"),
        ("gradient", "y.clamp(min=0.4) - t"),
        ("gradient", "y.clamp(max=0.5) - t"),
    ],
)
def test_what_clipping_changes_is_refused(quantity, formula):
    with pytest.raises(FormulaError, match="clip is read where it keeps probabilities from 0 and 1"):
        derive.check(CE, quantity, formula)


@pytest.mark.parametrize(
    ("body", "verdict", "factor"),
    [
        ("(y - t)/len(y)", "off-by-factor", "1/B"),
        ("2*(y - t)", "off-by-factor", "2"),
        ("(y - t)/y.shape[-1]", "off-by-factor", "1/n"),
        ("t - np.exp(z)/np.exp(z).sum(axis=0)", "wrong", None),
        ("2*(y - t) if y.ndim == 1 else y", "wrong", None),
    ],
)
def test_a_function_that_is_off_by_a_factor_is_tried_on_a_batch_too(body, verdict, factor, tmp_path):
    (tmp_path / "f.py").write_text(f"import numpy as np\ndef f(z, y, t):\n    return {body}\n")
    found = derive.check(CE, "gradient", f"{tmp_path}/f.py:f", in_file=True)
    assert found.verdict == verdict
    assert factor is None or found.factor == factor


def test_wrong_formulas_have_names_of_their_own():
    for name in ("softmax+cross-entropy", "softmax+label-smoothed-cross-entropy", "sigmoid+mse", "log-softmax"):
        composition = read_composition(name)
        for quantity in composition.quantities:
            world = make_world(composition, 3, 0)
            for stage in mistakes._stages(quantity):
                names = [wrong.name for wrong in stage(world, quantity) if wrong.cause]
                assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("composition", "quantity", "source", "verdict", "reason"),
    [
        (
            "softmax+cross-entropy",
            "value",
            "import numpy as np\ndef f(z, k):\n    return np.log(np.exp(z).sum(1)) - z[np.arange(len(k)), k]\n",
            "right",
            "",
        ),
        ("softmax", "vjp", "def f(y, g):\n    return np.zeros(10**7)\n", "ill-formed", "returned 10000000 numbers"),
    ],
    ids=["a loss of batches alone", "a flood of numbers"],
)
def test_what_a_function_returns_is_judged_whatever_its_size(composition, quantity, source, verdict, reason, tmp_path):
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    found = derive.check(composition, quantity, f"{tmp_path / 'mine.py'}:f", in_file=True)
    assert found.verdict == verdict
    assert reason in found.reason


def test_a_class_count_beyond_judging_is_refused():
    with pytest.raises(DeriveError, match="up to 10 classes"):
        derive.check("softmax", "jacobian", "np.diag(y) - np.outer(y, y)", n=100_000_000)


def test_a_printed_minus_is_read_in_python():
    assert derive.check("softmax", "jacobian", "y[i]*((i==j) − y[j])").verdict == "right"


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("np.clip(z, 0, 1)", "--file"),
        ("F.cross_entropy(z, k, weight=w)", "weight of cross_entropy is not read"),
        ("nn.Linear(3, 4)(z)", "CrossEntropyLoss"),
        ("np.array([y[0], [y[1]]])", "neither a vector nor a matrix"),
    ],
)
def test_what_is_not_read_says_what_would_be(formula, said):
    with pytest.raises(FormulaError, match=said):
        derive.check(CE, "gradient", formula)


def test_a_mask_is_a_guard_only_of_what_is_zero_or_undefined_there():
    assert derive.check("softmax+kl", "value", "np.sum(np.where(t > 0, t*np.log(t/y), 0))").verdict == "right"
    assert derive.check(CE, "gradient", "np.where(t > 0, y - t, 0)").verdict == "wrong"
    assert derive.check(CE, "gradient", "np.where(t >= 0, y - t, 0)").verdict == "right-if"


@pytest.mark.parametrize(
    ("quantity", "formula", "said"),
    [
        ("value", "-np.sum(t*np.log(y + 1e-12))", "right but for 1e-12"),
        ("value", "-np.sum(t*np.log(y + eps))", "right but for eps"),
        ("gradient", "t - y + 1e-9", "off-by-factor -1 if sum-t-1 but for 1e-09"),
    ],
)
def test_of_a_tiny_number_that_is_added_it_is_said_what_the_formula_is_without_it(quantity, formula, said):
    found = derive.check(CE, quantity, formula)
    assert found.verdict == "wrong"
    assert said in found.reason


def test_a_number_of_the_definition_is_not_left_out_for_being_tiny():
    found = derive.check("softmax+-log(y[k] + 1e-3)", "value", "-log(y[k] + 1e-3)")
    assert found.verdict == "right"
    assert derive.check("softmax+-log(y[k] + 1e-3)", "value", "-log(y[k])").verdict == "wrong"


def test_a_role_for_a_letter_that_is_not_there_is_said():
    found = derive.check(CE, "gradient", "p - t", {"label": "q"})
    assert found.reading["q"] == "label, and not in the formula"


def test_the_right_formula_says_what_it_needs(capsys):
    main(["check", CE, "gradient", "t - y"])
    assert "y[j] - t[j], where the targets sum to 1" in capsys.readouterr().out


def test_positions_count_from_one():
    with pytest.raises(FormulaError, match="at position 5"):
        derive.check(CE, "gradient", "y - @")


@pytest.mark.parametrize(
    ("quantity", "formula", "said"),
    [
        ("gradient", "y - (1 - eps)*t - eps/n", "label-smoothed-cross-entropy with alpha = eps"),
        ("gradient", "y - (0.9*t + 0.1/n)", "label-smoothed-cross-entropy with alpha = 0.1"),
        ("loss", r"-(1-p_t)^\gamma\log p_t", " focal with gamma."),
        ("loss", "-0.25*(1 - y[k])**2*log(y[k])", "alpha-balanced-focal with alpha = 0.25 and gamma = 2"),
        ("gradient", "y*(w @ t) - w*t", "weighted-cross-entropy with w."),
    ],
)
def test_another_loss_is_named_with_its_parameters(quantity, formula, said):
    found = derive.check(CE, quantity, formula)
    assert found.mistake is not None, found
    assert found.mistake.id == "other-loss"
    assert said in found.mistake.explanation


def test_the_mistake_of_the_first_wrong_link_is_named_beside_that_of_the_last():
    found = derive.check("softmax+mse", "gradient", "2/n*(y - t)*y*(1 - y) = c*(y - t)*y*(1 - y) = y - t")
    assert found.first_wrong_link == "2/n*(y - t)*y*(1 - y)"
    assert found.first_wrong_link_mistake is not None
    assert found.first_wrong_link_mistake.id == "off-diagonal-dropped"
    assert found.mistake is not None
    assert found.mistake.id == "chain-stopped-early+factor"
    right = derive.check(CE, "gradient", "-t*(1 - y) = y - t")
    assert (right.verdict, right.mistake) == ("right-if", None)
    assert right.first_wrong_link_mistake is not None
    assert right.first_wrong_link_mistake.id == "off-diagonal-dropped"


def test_letters_that_the_definition_has_not_are_said_and_have_values():
    found = derive.check(CE, "gradient", "y[j] - (1 - eps)*t[j] - w[j]*eps/n")
    assert found.counterexample is not None
    assert 0 < found.counterexample.given["eps"] < 1
    assert len(found.counterexample.given["w"]) == found.counterexample.n
    assert "eps and w were taken as parameters of your formula; the definition has none" in found.reason


def test_what_a_function_raises_says_the_line(tmp_path):
    (tmp_path / "grad.py").write_text("def inner(z):\n    return {}[3]\n\ndef grad(z, t):\n    return inner(z)\n")
    found = derive.check(CE, "gradient", f"{tmp_path / 'grad.py'}:grad", in_file=True)
    assert found.verdict == "ill-formed"
    assert "raised KeyError: 3 (line 2 of grad.py)" in found.reason


HANGING = "while True:\n        pass\n"
UNWATCHED = "import signal\n    signal.setitimer(signal.ITIMER_REAL, 0)\n    "


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (f"def grad(z, y):\n    {HANGING}", "grad took longer than 10 seconds"),
        (f"def grad(z, y):\n    {UNWATCHED}{HANGING}", "grad took longer than 10 seconds"),
        (f"if True:\n    {HANGING}def grad(z, y):\n    return z\n", "grad.py took longer than 60 seconds to load"),
    ],
)
def test_what_hangs_is_waited_for_once(tmp_path, monkeypatch, source, said):
    monkeypatch.setattr(
        "derive.checking.trial.Allowance", lambda: Allowance(loading=20 if source.startswith("def") else 2, running=1)
    )
    started = []
    monkeypatch.setattr(
        "derive.checking.files._ends_in_time", lambda *given: started.append(given) or ends_in_time(*given)
    )
    (tmp_path / "grad.py").write_text(source)
    begun = time.monotonic()
    found = derive.check(CE, "gradient", f"{tmp_path / 'grad.py'}:grad", in_file=True)
    assert said in found.reason
    assert len(started) == 1
    assert time.monotonic() - begun < 15


def test_what_a_file_imports_may_take_longer_than_the_function(tmp_path, monkeypatch):
    monkeypatch.setattr("derive.checking.trial.Allowance", lambda: Allowance(loading=60, running=1))
    (tmp_path / "grad.py").write_text("import time\ntime.sleep(2)\ndef grad(y, t):\n    return y - t\n")
    assert derive.check(CE, "gradient", f"{tmp_path / 'grad.py'}:grad", in_file=True).verdict == "right-if"


def _nested(name, depth):
    return "y" if not depth else f"{name}({_nested(name, depth - 1)}, {depth}*z)"


@pytest.mark.parametrize(
    ("quantity", "formula"),
    [
        ("jacobian", "@".join(["J"] * 30)),
        ("jacobian", "@".join(["np.outer(y, y)"] * 30)),
        ("jacobian", r" \cdot ".join(["J"] * 30)),
        ("vjp", "J @ " * 40 + "g"),
        ("vjp", _nested("np.maximum", 50)),
        ("vjp", _nested("np.minimum", 50)),
        ("vjp", "np.einsum('ij,jk,kl,lm,mo->i', J, J, J, J, J)"),
        ("vjp", "=".join(["y"] * 1500)),
    ],
)
def test_enormous_formulas_are_refused(quantity, formula):
    with pytest.raises(FormulaError, match=r"too large|too many|at most|more than"):
        derive.check("softmax", quantity, formula)


@pytest.mark.parametrize("count", ["y.shape[0]", "len(y)"])
def test_a_length_may_be_that_of_the_batch_and_both_readings_are_said(count):
    found = derive.check(CE, "gradient", f"(y - t)/{count}")
    (other,) = found.other_readings
    assert (found.verdict, found.factor) == ("off-by-factor", "1/n")
    assert (other.verdict, other.factor) == ("off-by-factor", "1/B")
    assert "batch" in other.where
    assert not derive.check("softmax+mse", "gradient", f"2*y*(y - t - y @ (y - t))/{count}").other_readings
