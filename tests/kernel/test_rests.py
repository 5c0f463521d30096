"""What is left of a whole: the sum that stands for it, its value where nothing cancels, its digits where all does."""

import mpmath
import pytest
from sympy import Expr

from derive.catalogue.sigmoid import activation as sigmoid
from derive.catalogue.softmax import activation as softmax
from derive.kernel.rests import sums_to_1, write_rests
from derive.language import read as language
from derive.notation import i, k, label, rename, t, y, z
from derive.proof.evaluate import Point, evaluate
from derive.proof.field import Reals


def read(text: str) -> Expr:
    """The formula `text`, in which k is the label."""
    return rename(language.read(text), {k: label})


Y = read(softmax.y)
TARGETS = [mpmath.mpf(x) for x in ("0.25", "1", "0.5")]


def point(logits: tuple[float, ...]) -> Point:
    values = {z: [mpmath.mpf(x) for x in logits], t: TARGETS}
    return Point(Reals(), 3, values, {y: (i, Y)}, {label: 1})


def test_only_exponentials_over_their_sum_sum_to_1():
    assert sums_to_1(Y)
    assert not sums_to_1(read(sigmoid.y))
    assert not sums_to_1(None)


def test_the_logarithm_of_what_is_left_of_1_is_one_of_a_sum():
    written = write_rests(read("log(1 - sum(t[i]*y[i] for i in range(n)))"), Y, {})
    assert written == read("log(sum((1 - t[i])*y[i] for i in range(n)))")


@pytest.mark.parametrize(
    "text",
    [
        "log(1 - sum(t[i]*y[i] for i in range(n)))",
        "sqrt(1 - sum(t[i]*y[i] for i in range(n)))",
        "t[k]/(1 - sum(t[i]*y[i] for i in range(n)))",
        "log(sum(exp(z[i]) for i in range(n)) - exp(z[k]))",
        "1/(exp(z[k]) - sum(exp(z[i]) for i in range(n)))",
    ],
)
def test_it_is_what_it_was_and_keeps_its_digits_where_the_row_is_sure_of_a_class(text):
    before = read(text)
    after = write_rests(before, Y, {})
    assert after != before
    for logits in ((0.5, -1.0, 2.0), (0.0, 60.0, 1.0)):
        with mpmath.workdps(100):
            exact = evaluate(before, point(logits))
        with mpmath.workdps(20):
            got = evaluate(after, point(logits))
        with mpmath.workdps(100):
            assert abs(got - exact) < abs(exact) * mpmath.mpf(10) ** -15


def test_what_cancels_nowhere_stays_as_it_is():
    for text in ("log(1 + sum(t[i]*y[i] for i in range(n)))", "(1 - sum(t[i]*y[i] for i in range(n)))**2"):
        assert write_rests(read(text), Y, {}) == read(text)
