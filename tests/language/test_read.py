"""The reader takes the index form, and nothing else; what it refuses it refuses with a position and at once."""

import contextlib
import time

import pytest
import sympy
from sympy import Integer, Rational, Symbol

from derive.errors import DefinitionError
from derive.language.habits import instead_of
from derive.language.read import read
from derive.notation import Contraction, Partial, i, j, k, label, loss, n, t, y, z


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("y[j] - t[j]", y[j] - t[j]),
        ("-sum(t[i]*log(y[i]) for i in range(n))", -Contraction(t[k] * sympy.log(y[k]), k)),
        ("sum((y[i] - t[i])**2 for i in range(n))/n", Contraction((y[k] - t[k]) ** 2, k) / n),
        ("y[i]*(delta(i, j) - y[j])", y[i] * (sympy.KroneckerDelta(i, j) - y[j])),
        ("diff(L, z[j])", Partial(loss, z[j])),
        ("-log(y[label])", -sympy.log(y[label])),
        ("0.1*alpha", Rational(1, 10) * Symbol("alpha", real=True)),
        ("sqrt(4) + 1e3", Integer(1002)),
        ("1e-15 + 1.5e-13*n", Rational(1, 10**15) + Rational(3, 2 * 10**13) * n),
        ("0.0 + 0e-5*n", Integer(0)),
        ("sum(sum(t[i]*y[k] for k in range(n)) for i in range(n))", Contraction(Contraction(t[i] * y[k], k), i)),
        ("sum(t[i]*y[k] for i in range(n) for k in range(n))", Contraction(Contraction(t[i] * y[k], k), i)),
    ],
)
def test_the_index_form_is_read(text: str, expression: sympy.Expr) -> None:
    assert read(text) == expression


@pytest.mark.parametrize(
    ("vector_form", "index_form"),
    [
        ("-sum(t*log(y))", "-sum(t[i]*log(y[i]) for i in range(n))"),
        ("-np.sum(t*np.log(y))", "-sum(t[i]*log(y[i]) for i in range(n))"),
        ("mean((y - t)**2)", "sum((y[i] - t[i])**2 for i in range(n))/n"),
        ("((y - t)**2).mean()", "sum((y[i] - t[i])**2 for i in range(n))/n"),
        ("-(t @ log(y))", "-sum(t[i]*log(y[i]) for i in range(n))"),
        ("-dot(t, log(y))", "-sum(t[i]*log(y[i]) for i in range(n))"),
        ("log(sum(exp(z))) - sum(t*z)", "log(sum(exp(z[i]) for i in range(n))) - sum(t[i]*z[i] for i in range(n))"),
        ("sum(y*sum(t*y))", "sum(y[i]*sum(t[k]*y[k] for k in range(n)) for i in range(n))"),
        ("-log(dot(t, y)) + sum(y[i]**2 for i in range(n))",
         "-log(sum(t[i]*y[i] for i in range(n))) + sum(y[i]**2 for i in range(n))"),
    ],
)  # fmt: skip
def test_the_vector_form_says_the_same(vector_form: str, index_form: str) -> None:
    assert read(vector_form) == read(index_form)


def test_the_name_of_a_bound_index_does_not_matter() -> None:
    assert read("sum(y[i] for i in range(n))") == read("sum(y[q] for q in range(n))")


def test_an_index_bound_twice_belongs_to_the_inner_sum() -> None:
    inner = read("sum(y[i]*sum(t[i] for i in range(n)) for i in range(n))")
    assert inner == read("sum(y[i]*sum(t[k] for k in range(n)) for i in range(n))")


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("y[j] - t", 7, "t is a vector: take the sum of it, or its entry t[i]"),
        ("sum(t) - y", 9, "y is a vector"),
        ("dot(2, 3)", 0, "'2' is a number, not a vector"),
        ("y[0]", 2, "not a class index"),
        ("2*foo(y[i])", 2, "foo is not a function"),
        ("lgo(y[i])", 0, "did you mean log?"),
        ("-log(softmax(z)[k])", 5, "only a name can have an index"),
        ("-np.log(y)[k]", 1, "only a name can have an index; write log(y[k]) "),
        ("-(a*np.log(1 - y) + t[k])[k]", 1, "write (a*log(1 - y[k]) + t[k]) "),
        ("-sum(t*log(softmax(z)))", 11, "write y, the output of the activation before the plus sign"),
        ("-sum(t*np.log_softmax(z))", 7, "write log(y)"),
        ("logsumexp(z) - z[k]", 0, "write log(sum(exp(z)))"),
        ("-sum(t*log(probs))", 11, "probs is no name here; write y, the output of the activation"),
        ("sum(log(1 + exp(logits)))", 16, "write z, the logits"),
        ("-sum(targets*log(y))", 5, "write t, the targets, or y[k]"),
        ("-sum(labels[i]*log(y[i]) for i in range(n))", 5, "write t, the targets, or y[k]"),
        ("y[i] // t[i]", 0, "not one of + - * / **"),
        ("(y - t)^2", 0, "not one of + - * / ** @; a power is written **"),
        ("y[i]**(0.5**0.5)", 7, "not a fraction of whole numbers"),
        ("0.3333333333333333333", 0, "too many digits; write a fraction"),
        ("y[i] @ t[i]", 0, "is a number, not a vector"),
        ("y[i].real", 0, "not part of the index form"),
        ("__import__('os').system('true')", 0, "not part of the index form"),
        ("(lambda: 1)()", 0, "not part of the index form"),
        ("[1 for i in range(n)]", 0, "not part of the index form"),
        ("'a'", 0, "not a number"),
        ("True", 0, "not a number"),
        ("sum(y[i])", 0, "'y[i]' is a number, not a vector"),
        ("sum(q)", 0, "where it is one for each class, write q[i]"),
        ("sum(max(z, 0))", 4, "write (x + abs(x))/2 for max(x, 0)"),
        ("sum(y[i] for i in range(3))", 13, "for i in range(n)"),
        ("sum(y[i] for i in range(n) if y[i])", 13, "for i in range(n)"),
        ("sum(i for i in range(n))", 4, "i is a class index"),
        ("sum((i - k)**2*y[i] for i in range(n))", 5, "is a parameter with an index: (r[i] - r[k])**2"),
        ("g*sum(y)", 0, "a parameter needs another name"),
        ("delta(i)", 0, "delta takes 2 arguments, not 1"),
        ("log(y[i], 2)", 0, "log takes 1 argument, not 2"),
        ("exp(x=1)", 0, "no keyword arguments"),
        ("sum(y, axis=0)", 0, "a definition is of one row, and a sum runs over its classes"),
        ("2*\N{GREEK SMALL LETTER ALPHA}", 2, "GREEK SMALL LETTER ALPHA; write alpha"),
        ("lambda*y[k]", 0, "lambda in 'lambda*y[k]' is a keyword of Python and cannot be a name; write lam"),
        ("y[k]*class", 5, "class in 'y[k]*class' is a keyword of Python and cannot be a name; write class_"),
        ("\N{MINUS SIGN}sum(y)", 0, "MINUS SIGN; write -"),
        ("(-1)**0.5", 0, "not a real number"),
        ("1" + "+y[i]" * 401, 0, "402 terms or factors in a row; at most 401 are read"),
        ("1/0", 0, "divides by zero"),
        ("log(0)", 0, "not a real number"),
        ("9**9**9", 3, "the exponent"),
        ("2**100", 3, "the exponent"),
        ("1e300", 0, "out of range"),
        ("1e-21*y[k]", 0, "'1e-21' is too small to be read; numbers besides 0 go down to 1e-20"),
        ("1e-400*y[k]", 0, "'1e-400' is too small to be read"),
        ("1e-400000000*y[k]", 0, "too small to be read"),
        ("(1e-20**64)**64", 0, "out of range"),
        ("y[i", 1, "cannot read"),
        ("sum(y[i] for i in range(n)", 3, "cannot read"),
        ("", 0, "cannot read"),
    ],
)
def test_what_is_refused_says_where_and_why(text: str, position: int, words: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        read(text)
    assert words in str(refusal.value)
    assert refusal.value.position == position


def test_what_is_written_for_a_greek_letter_can_be_read() -> None:
    names = [instead_of(letter) for letter in "αβγδεζηθικλμνξοπρστυφχψω"]
    assert names[10] == "lam"
    for name in set(names) - {"delta"}:
        assert read(f"{name}*n") == Symbol(name, real=True) * n


def test_a_long_sum_or_product_is_no_deeper_than_a_short_one() -> None:
    names = [f"a{number}" for number in range(200)]
    assert read(" + ".join(names)) == sympy.Add(*(Symbol(name, real=True) for name in names))
    assert read(" * ".join(names)) == sympy.Mul(*(Symbol(name, real=True) for name in names))


def test_the_axis_of_the_classes_may_be_said() -> None:
    assert read("-np.sum(t*np.log(y), axis=-1)") == read("-sum(t*log(y))")


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("sum(y[i] for j in range(n))", 13, "the sum runs over j, and 'y[i]' has i, which no sum runs over"),
        ("sum(t[i]*y[k] for i in range(n) for j in range(n))", 18, "the sum runs over j, and 't[i]*y[k]' has k"),
    ],
)
def test_an_index_that_runs_idly_is_refused_in_what_people_type(text: str, position: int, words: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        read(text, as_typed=True)
    assert words in str(refusal.value)
    assert refusal.value.position == position
    assert read("sum(1 for i in range(n))", as_typed=True) == read("sum(1 for i in range(n))")


@pytest.mark.parametrize(
    "text",
    ["(" * 10_000 + "1" + ")" * 10_000, "-" * 5_000 + "1", "+".join(["1"] * 4_000), "exp(" * 300 + "1" + ")" * 300,
     "((2**64)**64)**64", "y[i]**" * 100 + "2", "\x00", "1" * 9_000, "y[i]" * 3_000],
    ids=["parentheses", "signs", "terms", "calls", "powers", "tower", "null", "digits", "long"],
)  # fmt: skip
def test_enormous_text_is_refused_or_read_within_two_seconds(text: str) -> None:
    started = time.monotonic()
    with contextlib.suppress(DefinitionError):
        read(text)
    assert time.monotonic() - started < 2
