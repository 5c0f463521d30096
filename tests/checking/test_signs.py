"""Formulas with absolute values, signs and roots: what holds for numbers of both signs, and what only for some."""

import pytest

import derive

L1 = "softmax+sum(abs(y - t))"
REALS = "in real numbers to 50 digits"


@pytest.mark.parametrize(
    ("composition", "quantity", "formula"),
    [
        (L1, "gradient", "y*(np.sign(y - t) - np.sum(y*np.sign(y - t)))"),
        (L1, "gradient", "y*(abs(y - t)/(y - t) - np.sum(y*abs(y - t)/(y - t)))"),
        (L1, "value", "np.sum(np.sqrt((y - t)**2))"),
        ("identity+sum(t*abs(z))", "gradient", "t*z/np.sqrt(z**2)"),
        ("identity+sum(t*sqrt(z**2))", "gradient", "t*np.sign(z)"),
        ("identity+sum(t*log(z**2))", "value", "2*np.sum(t*np.log(abs(z)))"),
        ("softmax+sum(log(y**2 + 2*y*t + t**2))", "value", "2*np.sum(np.log(y + t))"),
        ("softmax+sqrt(2*sum((y - t)**2))", "value", "np.sqrt(2)*np.linalg.norm(y - t)"),
    ],
)
def test_what_is_equal_for_every_sign_is_right_and_says_what_that_rests_on(composition, quantity, formula):
    found = derive.check(composition, quantity, formula)
    assert found.verdict == "right", found
    assert REALS in found.checked[0]


@pytest.mark.parametrize(
    ("composition", "quantity", "formula"),
    [
        ("identity+sum(t*abs(z))", "value", "np.sum(t*z)"),
        ("identity+sum(t*abs(z))", "gradient", "t"),
        ("identity+sum(z*t)", "value", "np.sum(t*np.sqrt(z**2))"),
        ("softmax+sum(y - t)", "value", "np.sum(np.sqrt((y - t)**2))"),
        ("identity+sum(t*log(z**2))", "value", "2*np.sum(t*np.log(z))"),
        ("identity+sum(z*t)", "value", "np.sum(t*(abs(z + 9) - 9))"),  # equal where z is small
        ("softmax", "vjp", "y*(abs(g) - np.sum(abs(g)*y))"),
        ("softmax+sum(log(y + t))", "value", "np.sum(np.log(y + t + 1e-12**5))"),
    ],
)
def test_what_is_equal_for_some_signs_is_wrong(composition, quantity, formula):
    found = derive.check(composition, quantity, formula)
    assert found.verdict == "wrong", found


@pytest.mark.parametrize("formula", ["np.sum(t*(abs(z + 1000) - 1000))", "np.sum(t*(np.sqrt((z + 1000)**2) - 1000))"])
def test_what_is_equal_at_every_point_that_is_tried_may_be_undecided(formula):
    found = derive.check("identity+sum(z*t)", "value", formula)
    assert (found.verdict, "so large or so small" in found.reason) == ("undecided", True)


def test_a_mistake_is_found_in_real_numbers_too():
    found = derive.check(L1, "gradient", "y*(1 - y)*(y - t)/abs(y - t)")
    assert found.mistake.id == "off-diagonal-dropped"
    assert found.counterexample is not None


@pytest.mark.parametrize(
    ("formula", "assumptions"),
    [
        ("np.where(t == 1, y - 1, y)", ("t-one-hot",)),
        ("y[j] - 1 if t[j] == 1 else y[j]", ("t-one-hot",)),
        ("p - (y > 0)", ("t-one-hot",)),
        ("np.where(t != 0, y - t, y)", ("sum-t-1",)),
        ("np.where(t >= 0, y - t, 0)", ("sum-t-1",)),
    ],
)
def test_what_is_said_of_some_targets_holds_for_all_that_are_assumed(formula, assumptions):
    assert derive.check("softmax+cross-entropy", "gradient", formula).assumptions == assumptions


@pytest.mark.parametrize("count", ["n", "len(y)", "y.shape[0]"])
def test_a_formula_that_is_right_for_the_first_few_class_counts_is_wrong(count):
    formula = f"y - t + ({count} - 3)*({count} - 4)*({count} - 5)*y"
    assert derive.check("softmax+cross-entropy", "gradient", formula).verdict == "wrong"
