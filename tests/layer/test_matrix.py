"""A sum of products becomes a product of matrices by where its indices stand, whatever the matrices are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.errors import UnsupportedError
from derive.layer.matrix import matrix_lines
from derive.layer.nodes import ONES, ROWS, Array, Axis, Cell, Entry, Index, Product, Sum, W, X, b

SIZES = (2, 3, 4, 5, 6)


def index(name, axis=None):
    return Index(name, axis or Axis(name, name.upper()))


def last_line(expression, row, column):
    *_, (_, _, cell) = matrix_lines(expression, row, column)
    assert isinstance(cell, Cell)
    return cell.matrix


def multiplied(matrix, values):
    ((_, factors),) = matrix.terms
    tables = [values[each.array].T if each.is_transposed else values[each.array] for each in factors]
    result = tables[0]
    for table in tables[1:]:
        result = result @ table
    return result


@given(
    st.integers(1, 4).flatmap(
        lambda count: st.tuples(st.lists(st.booleans(), min_size=count, max_size=count), st.permutations(range(count)))
    )
)
def test_any_chain_of_matrices_in_any_order_and_orientation_is_found(drawn):
    turned, order = drawn
    indices = [index(f"i{number}") for number in range(len(turned) + 1)]
    entries, values, operands = [], {}, []
    rng = np.random.default_rng(0)
    for number, is_turned in enumerate(turned):
        ends = indices[number : number + 2][:: -1 if is_turned else 1]
        array = Array(f"M{number}", tuple(each.axis for each in ends))
        values[array] = rng.integers(-9, 9, [SIZES[indices.index(each)] for each in ends])
        entries.append(Entry(array, tuple(ends)))
        operands += [values[array], [indices.index(each) for each in ends]]
    body = Product(tuple(entries[number] for number in order)) if len(entries) > 1 else entries[0]
    for inner in indices[1:-1]:
        body = Sum(inner, body)
    matrix = last_line(body, indices[0], indices[-1])
    truth = np.einsum(*operands, [0, len(turned)])
    np.testing.assert_array_equal(multiplied(matrix, values), truth)


def test_a_sum_over_the_rows_is_a_product_with_ones_and_a_row_for_every_row_too():
    r, j = index("r", ROWS), index("j", W.axes[1])
    array = Array("G", (ROWS, W.axes[1]))
    values = {array: np.arange(6).reshape(2, 3), ONES: np.ones((2, 1)), b: np.array([[1, 2, 3]])}
    column_sum = last_line(Sum(r, Entry(array, (r, j))), None, j)
    np.testing.assert_array_equal(multiplied(column_sum, values), [[3, 5, 7]])
    repeated = last_line(Entry(b, (j,)), r, j)
    np.testing.assert_array_equal(multiplied(repeated, values), [[1, 2, 3], [1, 2, 3]])


def test_each_line_says_which_rule_led_to_it():
    r, a, j = index("r", ROWS), index("a", W.axes[0]), index("j", W.axes[1])
    array = Array("G", (ROWS, W.axes[1]))
    expression = Sum(r, Product((Entry(array, (r, j)), Entry(X, (r, a)))))
    seen = [expression]
    rules = []
    for rule, _, line in matrix_lines(expression, a, j):
        if line != seen[-1]:
            rules.append(rule)
            seen.append(line)
    assert rules == ["order", "transpose", "matrix product"]


def test_what_is_no_path_is_refused():
    r, a, j = index("r", ROWS), index("a", W.axes[0]), index("j", W.axes[1])
    array = Array("G", (ROWS, W.axes[1]))
    three = Sum(r, Product((Entry(X, (r, a)), Entry(array, (r, j)), Entry(array, (r, j)))))
    with pytest.raises(UnsupportedError, match="stands in several places"):
        last_line(three, a, j)
    unsummed = Product((Entry(X, (r, a)), Entry(array, (r, j))))
    with pytest.raises(UnsupportedError, match="no path"):
        last_line(unsummed, a, j)
    apart = Sum(r, Product((Entry(X, (r, a)), Entry(b, (j,)))))
    with pytest.raises(UnsupportedError, match="no path"):
        last_line(apart, a, j)
