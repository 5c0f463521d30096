"""Formulas look as a person writes them, and the index form says exactly what the expression says."""

import ast
import math

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Add, Expr, Integer, KroneckerDelta, Matrix, Mul, Pow, Rational, Symbol

from derive.errors import UnsupportedError
from derive.language.read import read
from derive.language.show import latex, text, unicode
from derive.notation import Contraction, Partial, free_indices, g, i, j, k, label, loss, n, rename, t, v, y, z

GAMMA = Symbol("gamma", real=True)


def total(body: Expr) -> Contraction:
    return Contraction(body, k)


DELTA = KroneckerDelta(i, j)

FORMULAS = [
    (y[j] - t[j], "y[j] - t[j]", "y_j − t_j", "y_{j} - t_{j}"),
    (1 - y[j], "1 - y[j]", "1 − y_j", "1 - y_{j}"),
    (-y[i], "-y[i]", "−y_i", "-y_{i}"),
    (Rational(-1, 2), "-1/2", "−1/2", r"-\frac{1}{2}"),
    (y[i] * (DELTA - y[j]), "y[i]*(delta(i, j) - y[j])", "y_i (δ_ij − y_j)", r"y_{i} (\delta_{ij} - y_{j})"),
    (
        y[j] * total(t[k]) - t[j],
        "y[j]*sum(t[i] for i in range(n)) - t[j]",
        "y_j Σ_i t_i − t_j",
        r"y_{j} \sum_{i} t_{i} - t_{j}",
    ),
    (
        -total(t[k] * sympy.log(y[k])),
        "-sum(t[i]*log(y[i]) for i in range(n))",
        "−Σ_i t_i log y_i",
        r"-\sum_{i} t_{i} \log y_{i}",
    ),
    (
        y[j] * (v[j] - total(v[k] * y[k])),
        "y[j]*(v[j] - sum(v[i]*y[i] for i in range(n)))",
        "y_j (v_j − Σ_i v_i y_i)",
        r"y_{j} \left(v_{j} - \sum_{i} v_{i} y_{i}\right)",
    ),
    (
        2 / n * y[j] * (y[j] - t[j] - total(y[k] * (y[k] - t[k]))),
        "2/n*y[j]*(y[j] - t[j] - sum(y[i]*(y[i] - t[i]) for i in range(n)))",
        "(2/n) y_j (y_j − t_j − Σ_i y_i (y_i − t_i))",
        r"\frac{2}{n} y_{j} \left(y_{j} - t_{j} - \sum_{i} y_{i} (y_{i} - t_{i})\right)",
    ),
    (
        sympy.exp(z[j]) / total(sympy.exp(z[k])),
        "exp(z[j])/sum(exp(z[i]) for i in range(n))",
        "exp(z_j) / Σ_i exp(z_i)",
        r"\frac{e^{z_{j}}}{\sum_{i} e^{z_{i}}}",
    ),
    (Partial(loss, z[j]), "diff(L, z[j])", "∂L/∂z_j", r"\frac{\partial L}{\partial z_{j}}"),
    (
        Partial(Partial(loss, z[j]), z[i]),
        "diff(diff(L, z[j]), z[i])",
        "∂²L/∂z_i∂z_j",
        r"\frac{\partial^{2} L}{\partial z_{i} \partial z_{j}}",
    ),
    (
        -total(t[k] / y[k] * Partial(y[k], z[j])),
        "-sum(t[i]/y[i]*diff(y[i], z[j]) for i in range(n))",
        "−Σ_i (t_i/y_i) ∂y_i/∂z_j",
        r"-\sum_{i} \frac{t_{i}}{y_{i}} \frac{\partial y_{i}}{\partial z_{j}}",
    ),
    (
        total(Partial(loss, y[k]) * Partial(y[k], z[j])),
        "sum(diff(L, y[i])*diff(y[i], z[j]) for i in range(n))",
        "Σ_i ∂L/∂y_i ∂y_i/∂z_j",
        r"\sum_{i} \frac{\partial L}{\partial y_{i}} \frac{\partial y_{i}}{\partial z_{j}}",
    ),
    (
        t[i] * (1 - y[i]) ** GAMMA * sympy.log(y[i]),
        "t[i]*(1 - y[i])**gamma*log(y[i])",
        "t_i (1 − y_i)^γ log y_i",
        r"t_{i} (1 - y_{i})^{\gamma} \log y_{i}",
    ),
    (y[j] * y[i] ** 2, "y[i]**2*y[j]", "y_i² y_j", "y_{i}^{2} y_{j}"),
    (sympy.log(y[label]), "log(y[label])", "log y_label", r"\log y_{\mathrm{label}}"),
    (Mul(-1, Add(y[i], t[i]), evaluate=False), "-(t[i] + y[i])", "−(t_i + y_i)", "-(t_{i} + y_{i})"),
    (1 / (y[i] * t[i]), "1/(t[i]*y[i])", "1 / (t_i y_i)", r"\frac{1}{t_{i} y_{i}}"),
    ((y[i] / t[i]) ** GAMMA, "(y[i]/t[i])**gamma", "(y_i/t_i)^γ", r"\left(\frac{y_{i}}{t_{i}}\right)^{\gamma}"),
    (Pow(Mul(-1, y[i]), 2, evaluate=False), "(-y[i])**2", "(−y_i)²", "(-y_{i})^{2}"),
    (
        total(t[k]) * total(y[k]),
        "sum(t[i] for i in range(n))*sum(y[i] for i in range(n))",
        "(Σ_i t_i) Σ_i y_i",
        r"\left(\sum_{i} t_{i}\right) \sum_{i} y_{i}",
    ),
    (total(-t[k]), "sum(-t[i] for i in range(n))", "Σ_i (−t_i)", r"\sum_{i} (-t_{i})"),
    (
        Contraction(y[k] * Contraction(t[i] * y[k], i), k),
        "sum(y[i]*sum(t[j]*y[i] for j in range(n)) for i in range(n))",
        "Σ_i y_i Σ_j t_j y_i",
        r"\sum_{i} y_{i} \sum_{j} t_{j} y_{i}",
    ),
    (sympy.exp(z[i] / GAMMA), "exp(z[i]/gamma)", "exp(z_i/γ)", r"\exp\left(\frac{z_{i}}{\gamma}\right)"),
    (y[i] ** Rational(2, 3), "y[i]**(2/3)", "y_i^(2/3)", "y_{i}^{2/3}"),
]


@pytest.mark.parametrize(("expression", "index_form", "terminal", "paper"), FORMULAS, ids=[row[1] for row in FORMULAS])
def test_formula_as_a_person_writes_it(expression: Expr, index_form: str, terminal: str, paper: str) -> None:
    assert text(expression) == index_form
    assert unicode(expression) == terminal
    assert latex(expression) == paper


def test_bound_index_avoids_the_free_indices_of_the_whole_chain() -> None:
    assert unicode(total(t[k])) == "Σ_i t_i"
    assert unicode(total(t[k]), avoid=(i, j)) == "Σ_k t_k"
    assert unicode(y[i] * total(t[k]), avoid=(j,)) == "y_i Σ_k t_k"


def test_a_given_class_count_is_the_upper_limit_of_a_sum() -> None:
    assert latex(total(t[k]), n=3) == r"\sum_{i=1}^{3} t_{i}"


def test_macros_stand_for_the_symbols() -> None:
    assert latex(y[j] - t[j], macros=True) == r"\probs_{j} - \targets_{j}"
    assert latex(Partial(loss, z[j]), macros=True) == r"\frac{\partial \lossvalue}{\partial \logits_{j}}"
    assert latex(2 / n * g[i], macros=True) == r"\frac{2}{\classcount} \upstream_{i}"


def test_matrix_in_each_notation() -> None:
    matrix = Matrix([[y[1], -y[2]], [0, 1]])
    assert text(matrix) == "[[y[1], -y[2]], [0, 1]]"
    assert unicode(matrix) == "[y_1, −y_2; 0, 1]"
    assert latex(matrix) == r"\begin{pmatrix} y_{1} & -y_{2} \\ 0 & 1 \end{pmatrix}"


def test_unknown_node_is_named() -> None:
    with pytest.raises(UnsupportedError, match="gamma"):
        text(sympy.gamma(y[i]))


def combine(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    """Expressions built from smaller ones; powers and quotients of what is positive alone."""
    positive = st.sampled_from([y[i], y[j], n, GAMMA, total(sympy.exp(z[k])), 1 + total(y[k] ** 2)])
    exponents = st.sampled_from([Integer(2), Integer(-1), Integer(-2), Rational(1, 2), GAMMA, GAMMA - 1])
    return st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: a - b, inner, inner),
        st.builds(lambda a, b: a * b, inner, inner),
        st.builds(lambda a, b: a / b, inner, positive),
        st.builds(lambda a, b: a**b, positive, exponents),
        st.builds(sympy.tanh, inner),
        st.builds(sympy.log, positive),
        st.builds(Contraction, inner, st.sampled_from([i, j])),
    )


LEAVES = st.sampled_from(
    [y[i], y[j], t[i], t[j], z[i], g[j], v[i], DELTA, n, GAMMA, Integer(2), Integer(-3), Rational(-2, 3)]
)
EXPRESSIONS = st.recursive(LEAVES, combine, max_leaves=9)


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS)
def test_index_form_reads_back_as_the_same_expression(expression: Expr) -> None:
    written = text(expression)
    assert read(written) == read(text(read(written))), written
    numerator, _ = sympy.fraction(sympy.together(read(written) - expression))
    assert sympy.expand(numerator) == 0, written


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS)
def test_index_form_has_the_value_of_the_expression(expression: Expr) -> None:
    written = text(expression)
    ast.parse(written, mode="eval")
    expected = value(expression)
    found = eval(written, {"__builtins__": {}, **PYTHON})  # noqa: S307 - our own output
    assert math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9), f"{written} is {found}, not {expected}"


CLASSES = 3
VECTORS = {
    "z": [0.5, -1.25, 0.75],
    "y": [0.2, 0.5, 0.3],
    "t": [0.1, 0.7, 0.4],
    "g": [1.5, -0.5, 2.0],
    "v": [0.3, -0.8, 1.1],
}
PYTHON = {
    **VECTORS,
    **{name: getattr(math, name) for name in ("exp", "log", "sqrt", "tanh")},
    "sum": sum,
    "range": range,
    "abs": abs,
    "delta": lambda a, b: int(a == b),
    "n": CLASSES,
    "gamma": 1.7,
    "i": 0,
    "j": 2,
}


def value(expression: Expr) -> float:
    """The number that an expression stands for, its free indices at the classes that `PYTHON` gives them."""
    expanded = expand_sums(rename(expression, {i: 0, j: 2}))
    assert not free_indices(expanded)
    numbers = {base[position]: VECTORS[str(base)][position] for base in (z, y, t, g, v) for position in range(CLASSES)}
    return float(expanded.xreplace({**numbers, n: CLASSES, GAMMA: 1.7}))


def expand_sums(expression: Expr) -> Expr:
    """Every sum over the classes written out."""
    if isinstance(expression, Contraction):
        return Add(*(expand_sums(rename(expression.body, {expression.index: number})) for number in range(CLASSES)))
    if not expression.args or isinstance(expression, sympy.Indexed):
        return expression
    return expression.func(*map(expand_sums, expression.args))
