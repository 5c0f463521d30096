"""What is read: commands of LaTeX, letters that look like others, statements of Python; and where something is not."""

import re

import pytest

import derive
from derive.checking.alphabet import plain_characters
from derive.checking.formula import FormulaError
from derive.checking.latex_tokens import tokenize

CE = "softmax+cross-entropy"


@pytest.mark.parametrize(
    ("formula", "position"),
    [
        (r"y_j - \foo t_j", 7),
        (r"\foo{y_j - t_j}", 1),
        (r"y_j - \alphabet_j", 7),
        (r"\frac{\unknown}{2} (y_j - t_j)", 7),
    ],
)
def test_a_command_that_is_not_known_is_refused_where_it_stands(formula, position):
    with pytest.raises(FormulaError, match=rf"at position {position}: \\\w+ is no command that is read"):
        derive.check(CE, "gradient", formula)


def test_a_command_of_the_users_own_is_read_as_let_says():
    let = {"probabilities": r"\yhat", "targets": r"\ytrue"}
    assert derive.check(CE, "gradient", r"\yhat_j - \ytrue_j", let).verdict == "right-if"


@pytest.mark.parametrize(
    ("written", "plain"),
    [("𝑦 − 𝑡", "y - t"), ("𝒚 − 𝐭", "y - t"), ("у − t", "y - t"), ("ℒ", "L"), ("ｙ²", "y²"), ("δᵢⱼ", "δᵢⱼ")],
)
def test_letters_of_other_alphabets_are_those_that_are_meant(written, plain):
    assert plain_characters(written) == plain


def test_positions_are_those_of_the_text_as_it_was_written():
    with pytest.raises(FormulaError, match="position 12"):
        derive.check(CE, "gradient", r"𝑦_j − 𝑡_j  \foo")
    assert [token.position for token in tokenize("y - t")] == [0, 2, 4, 5]


@pytest.mark.parametrize(
    "code",
    [
        "p = y; p - t",
        "p = softmax(z)\np - t",
        "import numpy as np\ne = np.exp(z - z.max())  # stable\np = e / e.sum()\nreturn p - t",
        "p = np.exp(z)\np /= p.sum()\ndz = p - t",
        "grad = y.copy()\ngrad -= t",
        "a = (y -\n  t)\na",
    ],
)
def test_statements_are_read_as_the_expression_that_they_end_with(code):
    assert derive.check(CE, "gradient", code).verdict == "right-if"


def test_an_entry_may_be_changed_at_the_label():
    assert derive.check(CE, "gradient", "dz = softmax(z)\ndz[k] -= 1").verdict == "right"
    assert derive.check(CE, "gradient", "dz = softmax(z)\ndz[np.arange(N), y] -= 1\ndz /= N").factor == "1/N"
    with pytest.raises(FormulaError, match=r"cannot read the assignment to dz\[k\] at position 25: an entry"):
        derive.check(CE, "gradient", "dz = softmax(z)\ndz[k] *= 2")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "for i in range(n):\n    dz[i] = y[i] - t[i]",
            "for at position 1 begins statements, .* --file FILE.py:FUNCTION",
        ),
        ("dz = y.copy()\nfor i in classes:\n    dz[i] -= t[i]\ndz", "for at position 15 begins statements"),
        ("def grad(y, t):\n    return y - t", "def at position 1 begins statements"),
        (
            "activations[-1] - activations",
            "activations is a list of layers in 'activations\\[-1\\]', and a vector elsewhere",
        ),
    ],
)
def test_code_that_is_no_expression_is_refused_with_what_to_do(code, said):
    with pytest.raises(FormulaError, match=said):
        derive.check(CE, "gradient", code)


def test_what_is_assigned_is_never_run():
    with pytest.raises(FormulaError, match="open is not a function"):
        derive.check(CE, "gradient", "p = open('x', 'w'); p - t")


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("tanh(" * 20 + "y" + ")" * 20, "exponents stand above one another"),
        ("a = y + y\n" + "a = a + a\n" * 60 + "a - t", "too large with its definitions written out"),
        ("𝑦" * 10**6, "at most 10000 are read"),
    ],
)
def test_what_is_too_large_is_refused_at_once(formula, said):
    with pytest.raises(FormulaError, match=said):
        derive.check(CE, "gradient", formula)


@pytest.mark.parametrize(
    ("composition", "formula", "verdict"),
    [
        ("sigmoid+binary-cross-entropy", "softmax(z) - t", "wrong"),
        ("sigmoid+binary-cross-entropy", "F.softmax(z) - t", "wrong"),
        ("sigmoid+binary-cross-entropy", r"\operatorname{softmax}(z)_i - t_i", "wrong"),
        ("sigmoid+binary-cross-entropy", "sigmoid(z) - t", "right"),
        (CE, r"\operatorname{softmax}(z)_i - t_i", "right-if"),
        ("softmax-temperature+cross-entropy", "(softmax(z/T) - t)/T", "right-if"),
    ],
)
def test_softmax_is_what_its_name_says_whatever_the_activation_is(composition, formula, verdict):
    assert derive.check(composition, "gradient", formula).verdict == verdict


@pytest.mark.parametrize(
    ("formula", "verdict"),
    [
        ("y*(g - (g*y).sum(axis=1, keepdims=True))", "right"),
        ("y*(g - (g*y).sum(1)[:, None])", "right"),
        ("y*(g - (g*y).sum(-1))", "right"),
        ("y*(g - (g*y).sum(axis=1))", "ill-formed"),
        ("g*y - y*np.sum(g*y, 1)", "ill-formed"),
        ("y*(g - (g*y).sum(dim=1))", "ill-formed"),
    ],
)
def test_a_sum_over_the_rows_of_a_batch_keeps_its_axis_beside_them(formula, verdict):
    assert derive.check("softmax", "vjp", formula).verdict == verdict


@pytest.mark.parametrize(
    ("composition", "quantity", "formula"),
    [
        ("softmax", "vjp", "y*(g − np.sum(g*z))"),
        ("softmax", "vjp", "y*(g − sum(z*y))"),
        ("softmax", "vjp", "y ⊙ (g + sum(g*y))"),
        ("softmax", "vjp", "y*(g − mean(g*y))"),
        ("softmax+mse", "value", "sum((y−t)²)/2"),
        ("softmax", "jacobian", "diag(p) + p*p^T"),
        ("softmax", "jacobian", "diag(p) - p^T*p"),
        ("softmax+cross-entropy", "gradient", "exp(z + lse) - t"),
        ("softmax+cross-entropy", "gradient", "p[c] + (c == k)"),
        ("softmax", "jacobian", "p_i(1-p_i) if i = j, p_i p_j otherwise"),
    ],
)
def test_wrong_formulas_stay_wrong_in_any_spelling(composition, quantity, formula):
    assert derive.check(composition, quantity, formula).verdict in ("wrong", "off-by-factor")


@pytest.mark.parametrize("sign", ["-", "−", "–", "\u00a0-\u00a0", "\u2009−\ufeff"])
@pytest.mark.parametrize("product", ["*", "·", "⋅", "×", "⊙", "∗"])
def test_the_signs_of_a_page_change_no_verdict(sign, product):
    assert derive.check("softmax", "vjp", f"y{product}(g{sign}np.sum(g{product}y))").verdict == "right"
    assert derive.check(CE, "gradient", f"y{product}t.sum(){sign}t").verdict == "right"


@pytest.mark.parametrize(
    ("formula", "position", "said"),
    [
        ("y·(g − np.foo(t))", 11, "foo is not a function"),
        ("½·(y − t)² +* t", 13, r"\* cannot stand here"),
        ("(y − t)² @@ t", 11, "@ cannot stand here"),
        ("np.exp(z)²)", 11, r"\) closes nothing"),
        ("(np.exp(z) − t[i]", 1, r"\( is not closed"),
        ("y_i − foo t_i", 7, "foo is no function or name that is known"),
        ("y[i] % t[i]", 6, "% is no sign of a formula"),
        ("y - foo(t)", 5, "foo is not a function"),
        ("y**100 - t", 4, "the exponent 100 is not between"),
        ("clip(y, 0.1, 0.2) - t", 1, "clip is read where"),
        ("  ", 1, "there is no formula"),
        ("y_i − t_i the gradient", 11, "the is no part of a formula"),
    ],
)
def test_an_error_says_where_in_the_text_as_it_was_written(formula, position, said):
    with pytest.raises(FormulaError, match=said) as caught:
        derive.check(CE, "gradient", formula)
    assert caught.value.position == position - 1
    assert f"at position {position}" in str(caught.value)


@pytest.mark.parametrize(
    ("below", "position"),
    [
        ("i<j", 11),
        ("t_i=0", 13),
        (r"i\in C, i<j", 19),
        (r"i \in C, t_i=0", 22),
        (r"i \in C, j \ne k", 26),
        (r"i\in C_j", 16),
        (r"i\in \bar C", 15),
        (r"i\in\{1,2\}", 14),
        (r"i\in\{1,3\}", 14),
        (r"i\in\{1,\dots,n-1\}", 16),
        (r"i\in\{2,\dots,n\}", 14),
        (r"i\in\{0,\dots,n\}", 16),
        (r"i\in[n-1]", 15),
        (r"i\in [n]}^{n-1", 21),
        (r"1\le i<n", 10),
        (r"i\in\text{classes other than } j", 14),
        (r"i\in\mathcal N(j)", 24),
        (r"i, j", 13),
    ],
)
def test_a_sum_over_a_part_of_the_classes_is_refused_where_it_says_so(below, position):
    with pytest.raises(FormulaError) as caught:
        derive.check(CE, "gradient", rf"p_j\sum_{{{below}}} t_i - t_j")
    assert caught.value.position == position - 1


def test_a_condition_behind_that_of_an_indicator_is_not_dropped():
    with pytest.raises(FormulaError):
        derive.check("softmax+-log(y[k])", "gradient", r"p_j - 1_{j=k, j\ne 1}")


@pytest.mark.parametrize(
    ("formula", "position"),
    [(r"y_j - t_j \text{ is wrong}", 11), (r"y_j - t_j \text{ maybe}", 11), (r"y_j - \mathrm{foo}_j", 7)],
)
def test_a_word_in_upright_text_that_is_not_known_is_refused(formula, position):
    with pytest.raises(FormulaError, match="is no function or name that is known") as caught:
        derive.check(CE, "gradient", formula)
    assert caught.value.position == position - 1


@pytest.mark.parametrize(
    "text",
    ["y +* t", "y - t)", "(y - t", "y - t[", "y t[i", "import os", "y - t; import os", "def f(z): return y", "print y",
     "y[1", "for i in range(n): y", "y - 't", "lambda: y", "await y", "*y", "@y", "y ? t", "y = = t", "y = "],
)  # fmt: skip
def test_no_word_of_python_itself_is_in_an_error(text):
    with pytest.raises(FormulaError, match="at position") as caught:
        derive.check(CE, "gradient", text)
    words = "syntax|EOF|EOL|never closed|unmatched|unterminated|literal|assign|Perhaps|Missing|mean|character"
    assert not re.search(rf"\b(?:{words})\b", str(caught.value))


@pytest.mark.parametrize(
    "sentence",
    ["The gradient is y - t", "so y - t.", "Therefore, y - t", "the answer: y - t", "grad: y - t", "we get y - t.",
     "y - t is the gradient", "The gradient of the loss with respect to the logits is $y - t$.",
     "y - t (y is the softmax output)", "Hence dL/dz = y - t.",
     "Thus ∂L/∂z_j = y_j − t_j, where y is the output", "y - t?"],
)  # fmt: skip
def test_the_words_of_a_sentence_around_a_formula_are_left_out(sentence):
    assert derive.check(CE, "gradient", sentence).verdict == "right-if"


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (r"\begin{pmatrix} y_1 & -y_1y_2 & \\ & y_2 & \\ & & y_3 \end{pmatrix}", "cells of the matrix are blank"),
        (r"\begin{pmatrix} & y_2 & \\ & y_2 & \\ & & y_3 \end{pmatrix}", "cells of the matrix are blank"),
        (
            r"\begin{pmatrix} y_1 & \cdots & y_n \\ y_2 & y_2 & \vdots \end{pmatrix}",
            "leave out no whole row and column",
        ),
    ],
)
def test_a_matrix_whose_pattern_is_not_evident_is_ill_formed(matrix, said):
    found = derive.check("softmax", "jacobian", matrix)
    assert found.verdict == "ill-formed"
    assert said in found.reason


@pytest.mark.parametrize(
    ("composition", "quantity", "formula"),
    [
        ("softmax", "jacobian", r"\begin{pmatrix} y_1 & & \\ & \ddots & \\ & & y_n \end{pmatrix}"),
        (CE, "gradient", r"\begin{pmatrix} y_1 \\ \vdots \\ y_k + 1 \\ \vdots \\ y_n\end{pmatrix}"),
        (CE, "gradient", r"\begin{pmatrix} y_1 \\ \vdots \\ y_k - 2 \\ \vdots \\ y_n\end{pmatrix}"),
        (CE, "value", r"-\sum y_i \log y_i"),
        ("softmax", "vjp", r"y_j (g_j - \sum g_i)"),
        ("softmax", "value", "e**z/sum(e**(2*z))"),
        (CE, "value", r"C = -\sum_j y_j \ln (1 - a_j)"),
    ],
)
def test_wrong_formulas_of_these_kinds_are_wrong(composition, quantity, formula):
    assert derive.check(composition, quantity, formula).verdict == "wrong"


def test_a_sum_that_may_run_over_two_indices_is_refused_with_what_to_write():
    with pytest.raises(FormulaError, match=r"may run over i or j; write its index below it, \\sum_i \(at position 1"):
        derive.check("softmax", "vjp", r"\sum g_i y_i (\delta_{ij} - y_j)")


@pytest.mark.parametrize(
    ("composition", "quantity", "formula", "verdict"),
    [
        ("softmax", "vjp", "a*(d - (a*d).sum())", "right"),
        ("softmax", "vjp", "a*(d + (a*d).sum())", "wrong"),
        ("softmax", "vjp", "a*(d - c*(a*d).sum())", "wrong"),
        ("softmax", "vjp", "s*(h - np.dot(s, h))", "right"),
        ("softmax", "vjp", "s*(h + np.dot(s, h))", "wrong"),
        ("softmax", "vjp", "y*(z - y@z)", "wrong"),
        ("softmax", "vjp", "y*(x - y@x)", "wrong"),
        ("log-softmax", "vjp", "d - p*(p*d).sum()", "wrong"),
    ],
)
def test_the_one_name_left_is_the_upstream_gradient(composition, quantity, formula, verdict):
    found = derive.check(composition, quantity, formula)
    assert found.verdict == verdict
    if verdict == "right":
        assert "upstream" in found.reading.values()


@pytest.mark.parametrize(
    ("composition", "formula", "verdict"),
    [
        ("softmax+weighted-cross-entropy", "w[k]*(y - t)", "right"),
        ("softmax+weighted-cross-entropy", "w[k]*(y + t)", "wrong"),
        ("softmax+weighted-cross-entropy", "w[k]*(y - 2*t)", "wrong"),
        ("softmax+generalised-cross-entropy", "y[k]**q*(y - t)", "right"),
        ("softmax+generalised-cross-entropy", "y[k]**(q - 1)*(y - t)", "wrong"),
        (CE, "p[k] = p[k] - 1", "right"),
        (CE, "p[k] = p[k] + 1", "wrong"),
        (CE, "p[i] = p[i] - t[i]", "right-if"),
        (CE, "dz = p.copy(); dz[k] = p[k] - 1; dz", "right"),
        (CE, "dz = p.copy(); dz[k] = p[k] - 2; dz", "wrong"),
    ],
)
def test_an_entry_at_the_label_beside_whole_vectors(composition, formula, verdict):
    assert derive.check(composition, "gradient", formula).verdict == verdict


@pytest.mark.parametrize(
    ("composition", "formula"),
    [
        ("softmax+jensen-shannon", r"H(\frac{t+y}{2}) - \frac12 H(t) + \frac12 H(y)"),
        ("softmax+jensen-shannon", r"\frac12 D_{KL}(t \|\| \frac{t+y}{2}) + \frac14 D_{KL}(y \|\| \frac{t+y}{2})"),
        ("softmax+kl", r"\mathrm{KL}(y \,\|\, t)"),
        ("softmax+focal", r"\mathrm{FL}(p_{\mathrm t}) = -(1-p_{\mathrm t})^\gamma p_{\mathrm t}"),
    ],
)
def test_wrong_losses_stay_wrong(composition, formula):
    assert derive.check(composition, "value", formula).verdict == "wrong"


@pytest.mark.parametrize(
    "formula",
    [
        r"\begin{pmatrix} y_1 - t_1 \\ \vdots \\ y_n + t_n\end{pmatrix}",
        r"\begin{pmatrix} y_1 + t_1 \\ y_2 - t_2 \\ y_3 - t_3\end{pmatrix}",
        "np.array([y[0] - t[0], y[1] - t[1], y[2] + t[2]])",
    ],
)
def test_what_is_wrong_at_one_class_is_no_better_for_another_label(formula):
    assert derive.check(CE, "gradient", formula).verdict == "wrong"


@pytest.mark.parametrize(
    ("quantity", "formula", "piece"),
    [
        ("gradient", "np.diag(y, 1) @ t", "diag"),
        ("gradient", "np.eye(n, k=1) @ y - t", "k of eye"),
        ("value", "-np.sum(t*math.log(y, 2))", "log"),
        ("value", "-sum(t*np.log(y), 1)", "begins at its second argument"),
        ("value", "-sum((t[i]*log(y[i]) for i in range(n)), 1)", "begins at its second argument"),
        ("value", "-np.sum(t*np.log(y), initial=3)", "initial of sum"),
        ("gradient", "np.sum(t, where=t>0)*y - t", "where of sum"),
        ("gradient", "softmax(z, temperature=2) - t", "temperature of softmax"),
        ("gradient", "softmax(z, 2) - t", "an axis"),
        ("gradient", "exp(z - logsumexp(z, b=2)) - t", "b of logsumexp"),
        ("gradient", "np.add(y, -t, where=False)", "where of add"),
        ("gradient", "int(y) - t", "int rounds"),
        ("gradient", "y.astype(int) - t", "may round"),
        ("gradient", "y - np.array(t, dtype=int)", "may round"),
        ("value", "F.cross_entropy(z, k, ignore_index=0)", "ignore_index of cross_entropy"),
    ],
)
def test_an_argument_that_is_not_read_is_refused(quantity, formula, piece):
    with pytest.raises(derive.DeriveError, match=piece):
        derive.check(CE, quantity, formula)


@pytest.mark.parametrize(
    "formula",
    [
        "y.astype(np.float32) - t",
        "tf.cast(y, tf.float32) - t",
        "np.sum(t, axis=-1, keepdims=True)*y - t",
        "softmax(z, dim=-1) - t",
        "np.eye(n, dtype=float) @ y - np.asarray(t, float)",
    ],
)
def test_how_numbers_are_kept_changes_no_formula(formula):
    assert derive.check(CE, "gradient", formula).verdict in ("right", "right-if")
