"""Vectors and matrices written out: classes are numbered from 1, and large ones have dots."""

from sympy import KroneckerDelta

from derive.language.explicit import column_vector, matrix, row_vector, shown
from derive.language.show import LatexSpeller, UnicodeSpeller
from derive.notation import i, j, t, y

JACOBIAN = y[i] * (KroneckerDelta(i, j) - y[j])


def test_rows_are_the_first_index_and_columns_the_second() -> None:
    grid = matrix(y[i] - t[j], i, j, 2)
    assert UnicodeSpeller().spell(grid) == "[y_1 − t_1, y_1 − t_2; y_2 − t_1, y_2 − t_2]"


def test_the_delta_is_one_on_the_diagonal_and_zero_off_it() -> None:
    assert UnicodeSpeller().spell(matrix(JACOBIAN, i, j, 2)) == "[y_1 (1 − y_1), −y_1 y_2; −y_1 y_2, y_2 (1 − y_2)]"


def test_one_class() -> None:
    assert UnicodeSpeller().spell(matrix(JACOBIAN, i, j, 1)) == "[y_1 (1 − y_1)]"


def test_vectors_lie_or_stand() -> None:
    assert UnicodeSpeller().spell(row_vector(y[j], j, 3)) == "[y_1, y_2, y_3]"
    assert UnicodeSpeller().spell(column_vector(y[j], j, 3)) == "[y_1; y_2; y_3]"


def test_a_large_matrix_shows_its_first_two_and_last_rows_and_columns() -> None:
    written = LatexSpeller(n=1000).spell(matrix(y[i] * t[j], i, j, 1000))
    assert written.count(r"\\") == 3
    assert r"\ddots" in written
    assert "y_{1000}" in written
    assert "y_{3}" not in written


def test_six_classes_are_written_out_and_seven_are_not() -> None:
    assert list(shown(6)) == [1, 2, 3, 4, 5, 6]
    assert list(shown(7)) == [1, 2, None, 7]
