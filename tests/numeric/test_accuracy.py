"""Every function of every backend against the truth, within the accuracy table, on the whole table of cases."""

from typing import Any

import pytest

from tests.numeric.backends import MATRICES, OpenBackend
from tests.numeric.calls import BOTH, C_CALLS, CALLS, DTYPES, LARGEST_MATRIX, judge, some_rows, takes
from tests.numeric.cases import batches, longest_batch
from tests.numeric.comparison import Miss, report

LONGEST_WAYS = [
    ("softmax", "value", "activation"),
    ("softmax", "vjp", "activation"),
    ("log_softmax", "value", "activation"),
    ("softmax_cross_entropy", BOTH, "labels"),
    ("softmax_cross_entropy", BOTH, "dense"),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "module", "quantity", "family"), CALLS)
def test_within_the_table(
    open_backend: OpenBackend, name: str, module: str, quantity: str, family: str, dtype: type[Any]
) -> None:
    found: list[Miss] = []
    for batch in batches(family, dtype):
        if takes(name, batch.n) and (batch.n <= LARGEST_MATRIX or quantity not in MATRICES):
            found += judge(open_backend(name), module, quantity, family, batch)
    report((name, module, quantity, family, dtype.__name__), found)


@pytest.mark.parametrize("name", ["numpy any", "gcc any", "clang any"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("module", "quantity", "family"), LONGEST_WAYS)
def test_a_row_of_a_hundred_thousand(
    open_backend: OpenBackend, name: str, module: str, quantity: str, family: str, dtype: type[Any]
) -> None:
    batch = longest_batch(family, dtype)
    report((name, module, quantity, family), judge(open_backend(name), module, quantity, family, batch))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "module", "quantity", "family"), C_CALLS)
def test_any_number_of_rows(
    open_backend: OpenBackend, name: str, module: str, quantity: str, family: str, dtype: type[Any]
) -> None:
    """C may treat blocks of rows and what is left over differently: 1 to 9 rows of 3 classes."""
    parts = (some_rows(family, dtype, count) for count in range(1, 10))
    found = [miss for part in parts for miss in judge(open_backend(name), module, quantity, family, part)]
    report((name, module, quantity, family, dtype.__name__), found)
