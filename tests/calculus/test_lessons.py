"""The lessons hold for whatever fits them, and their numbers come out right."""

from sympy import Matrix, Rational

from derive.calculus.lessons import learn
from derive.catalogue import activations, losses
from derive.catalogue.model import Activation, Composition
from derive.notation import KroneckerDelta, i, j, rename, t, y

SOFTMAX = Composition(activations()["softmax"])


def test_the_jacobian_is_its_diagonal_and_its_off_diagonal_part() -> None:
    lessons = learn(SOFTMAX)
    assert lessons is not None
    for row, column in ((1, 1), (1, 2), (2, 1)):
        diagonal, other, whole = (
            rename(part, {i: row, j: column}) for part in (lessons.diagonal, lessons.off_diagonal, lessons.jacobian)
        )
        assert (diagonal + other - whole).expand() == 0
        assert (other if row == column else diagonal) == 0


def test_rows_and_columns_sum_to_zero_because_the_output_sums_to_one() -> None:
    lessons = learn(SOFTMAX)
    assert lessons is not None
    for chain in (lessons.row_sum, lessons.column_sum):
        assert chain.result == 0
        assert "sum of y" in [step.rule for step in chain.steps]


def test_both_routes_arrive_at_the_same_gradient() -> None:
    (lesson,) = learn(SOFTMAX).losses
    assert lesson.through_output.loss_by_output[1] == -t[i] / y[i]
    assert lesson.through_logarithm.loss_by_output[1] == -t[i]
    assert lesson.through_logarithm.jacobian[1] == KroneckerDelta(i, j) - y[j]
    assert lesson.through_output.gradient.result == lesson.through_logarithm.gradient.result == y[j] - t[j]


def test_the_example_in_numbers() -> None:
    (lesson,) = learn(SOFTMAX).losses
    example = lesson.example
    half = Rational(1, 2)
    assert example.output == (half, half)
    assert example.loss_by_output == (0, -2)
    assert example.jacobian == Matrix([[half**2, -(half**2)], [-(half**2), half**2]])
    assert example.gradient == example.closed_form == (half, -half)
    assert example.wrong_gradient == (Rational(49, 8), Rational(21, 8))


def test_no_lessons_where_they_do_not_hold() -> None:
    assert learn(Composition(activations()["log-softmax"])) is None
    assert learn(Composition(activations()["softmax"], losses()["mse"])) is None


def test_another_activation_that_sums_to_one_has_the_same_lesson() -> None:
    sharper = Activation("sharp", "y[i]", "exp(2*z[i])/sum(exp(2*z[k]) for k in range(n))", "made up")
    lessons = learn(Composition(sharper))
    assert lessons is not None
    assert lessons.row_sum.result == 0
    assert lessons.losses == ()
