"""What is read: commands of LaTeX, letters that look like others, statements of Python; and where something is not."""

import pytest

import derive
from derive.checking.alphabet import plain_letters
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
    [("𝑦 − 𝑡", "y − t"), ("𝒚 − 𝐭", "y − t"), ("у − t", "y − t"), ("ℒ", "L"), ("ｙ²", "y²"), ("δᵢⱼ", "δᵢⱼ")],
)
def test_letters_of_other_alphabets_are_those_that_are_meant(written, plain):
    assert plain_letters(written) == plain


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
