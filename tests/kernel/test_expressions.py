from fractions import Fraction

from derive.kernel.expressions import ONE, ZERO, add, at, call, div, indices, mul, neg, power, rewrite, select, sub
from derive.kernel.ir import LABEL, Const, Element, Same, Scalar

A, B = Scalar("a"), Scalar("b")
HALF, TWO = Const(Fraction(1, 2)), Const(Fraction(2))


def test_constants_fold() -> None:
    assert add(A, ONE, neg(ONE)) == A
    assert add() == ZERO
    assert mul(A, TWO, HALF) == A
    assert mul(A, ZERO) == ZERO
    assert div(ONE, TWO) == HALF
    assert power(A, ZERO) == ONE


def test_a_sign_moves_out_of_products_and_quotients() -> None:
    assert mul(neg(A), B) == neg(mul(A, B))
    assert mul(neg(A), neg(B)) == mul(A, B)
    assert div(neg(A), B) == neg(div(A, B))
    assert div(Const(Fraction(-2)), B) == neg(div(TWO, B))


def test_a_rounded_difference_turns_round_but_never_dissolves() -> None:
    assert neg(sub(A, B)) == sub(B, A)
    assert add(sub(A, B), ONE).arguments[0] == sub(A, B)


def test_a_choice_between_equals_is_no_choice() -> None:
    assert select(Same("i", "j"), A, A) == A


def test_rewriting_folds_what_became_constant() -> None:
    assert rewrite(mul(A, add(B, ONE)), lambda node: ZERO if node == A else None) == ZERO


def test_indices_are_replaced_in_entries_and_comparisons() -> None:
    value = select(Same("j", LABEL), ONE, Element("z", "j"))
    assert indices(at(value, "j", "i")) == {"i", LABEL}
    assert call("exp", at(Element("z", "j"), "j", LABEL)) == call("exp", Element("z", LABEL))
