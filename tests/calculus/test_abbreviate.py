"""Sums that recur or make a formula long get a name; what the names stand for gives the formula back."""

import pytest

from derive.calculus.abbreviate import abbreviate
from derive.calculus.engine import derive_quantity
from derive.catalogue.cross_entropy import loss as cross_entropy
from derive.catalogue.model import Composition
from derive.catalogue.mse import loss as mse
from derive.catalogue.softmax import activation as softmax
from derive.language.read import read


@pytest.mark.parametrize("loss", [cross_entropy, mse])
@pytest.mark.parametrize("quantity", ["value", "gradient", "hessian", "hvp"])
def test_putting_the_sums_back_gives_the_closed_form(loss, quantity: str) -> None:
    result = derive_quantity(Composition(softmax, loss), quantity)
    assert result.short_form.xreplace(dict(result.named_sums)) == result.closed_form


def test_a_short_formula_keeps_a_sum_that_occurs_once() -> None:
    gradient = read("2/n*y[j]*(y[j] - t[j] - sum(y[i]*(y[i] - t[i]) for i in range(n)))")
    assert abbreviate(gradient) == (gradient, ())


def test_a_sum_that_occurs_twice_is_named() -> None:
    total = "sum(y[i]*t[i] for i in range(n))"
    short, named = abbreviate(read(f"y[j]*{total} - t[j]*{total}**2"))
    assert named == ((read("R"), read(total)),)
    assert short == read("y[j]*R - t[j]*R**2")


def test_a_sum_that_is_different_for_each_class_is_not_named() -> None:
    inner = "sum(delta(j, i)*y[i]**t[j] for i in range(n))"
    assert abbreviate(read(f"{inner} + {inner}**2"))[1] == ()


def test_a_name_of_the_definition_is_not_taken() -> None:
    total = "sum(y[i]*t[i] for i in range(n))"
    _, named = abbreviate(read(f"R*{total} + {total}**2"))
    assert [str(name) for name, _ in named] == ["S"]


def test_a_long_formula_has_every_row_wide_sum_named() -> None:
    result = derive_quantity(Composition(softmax, mse), "hessian")
    assert [str(name) for name, _ in result.named_sums] == ["R", "S"]
