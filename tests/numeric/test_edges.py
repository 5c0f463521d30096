"""What is not a number, and what is at the edge: NaN, infinities, one class, no rows, overflow."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.numeric.backends import Backend, OpenBackend, arguments_of
from tests.numeric.calls import BOTH, C_BACKENDS, CALLS, DTYPES, LOSSES, NUMPY_BACKENDS, judge, takes
from tests.numeric.cases import Array, Batch, unit
from tests.numeric.comparison import report

N_CALLS = [(*call, n) for call in CALLS for n in (1, 2, 3, 17, 100) if takes(call[0], n)]


def broken_rows(n: int) -> Iterator[tuple[str, Array]]:
    """Rows whose every result is NaN, with NaN and +inf at every position."""
    for position in range(n):
        here, noise = unit(n, position) > 0, np.linspace(-1.0, 1.0, n)
        yield f"NaN at {position}", np.where(here, np.nan, noise)
        yield f"+inf at {position}", np.where(here, np.inf, noise)
        yield f"NaN at {position}, else -inf", np.where(here, np.nan, -np.inf)
        yield f"+inf at {position}, else -inf", np.where(here, np.inf, -np.inf)
        yield f"NaN at {position}, else huge", np.where(here, np.nan, 1e30)
    yield "all -inf", np.full(n, -np.inf)
    yield "all +inf", np.full(n, np.inf)
    yield "all NaN", np.full(n, np.nan)


def results(backend: Backend, module: str, quantity: str, family: str, z: Array) -> list[Array]:
    """The outputs for logits of shape (rows, n)."""
    rows, n = z.shape
    weights = np.linspace(0.5, 1.5, rows * n, dtype=z.dtype).reshape(rows, n)
    t = np.arange(rows, dtype=np.int64) % n if family == "labels" else weights / 4
    got = backend.call(module, quantity, *arguments_of(quantity, z, t, weights, weights))
    return list(got) if isinstance(got, tuple) else [got]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "module", "quantity", "family", "n"), N_CALLS)
def test_a_broken_row_gives_nan_and_leaves_the_others(
    open_backend: OpenBackend, name: str, module: str, quantity: str, family: str, n: int, dtype: type[Any]
) -> None:
    broken = list(broken_rows(n)) if n <= 17 else list(broken_rows(n))[:: n // 2]
    whole = np.stack([np.linspace(0.0, 2.0, n) + row for row in range(len(broken) + 1)])
    z = np.empty((2 * len(broken) + 1, n), dtype)
    z[0::2], z[1::2] = whole, np.stack([row for _, row in broken])
    sound = z.copy()
    sound[1::2] = whole[:-1]
    spoiled, plain = (results(open_backend(name), module, quantity, family, rows) for rows in (z, sound))
    for got, expected in zip(spoiled, plain, strict=True):
        for (case, _), row in zip(broken, got[1::2], strict=True):
            assert np.isnan(row).all(), f"{case}, n = {n}: got {row}, should be NaN throughout"
        assert np.array_equal(got[0::2], expected[0::2]), f"n = {n}: a sound row changed"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("module", LOSSES)
@pytest.mark.parametrize("name", NUMPY_BACKENDS + C_BACKENDS)
def test_nan_targets_spoil_their_row_alone(open_backend: OpenBackend, name: str, module: str, dtype: type[Any]) -> None:
    z = np.linspace(-1.0, 1.0, 15, dtype=dtype).reshape(5, 3)
    t = np.full_like(z, 0.25)
    loss = partial(open_backend(name).call, module, "loss")
    sound = loss(z, t)
    for row in range(5):
        spoiled = t.copy()
        spoiled[row, 1] = np.nan
        got = loss(z, spoiled)
        assert np.isnan(got[row])
        assert np.array_equal(np.delete(got, row), np.delete(sound, row))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "module", "quantity", "family"), CALLS)
def test_no_rows(
    open_backend: OpenBackend, name: str, module: str, quantity: str, family: str, dtype: type[Any]
) -> None:
    for part in results(open_backend(name), module, quantity, family, np.empty((0, 3), dtype)):
        assert part.shape[0] == 0
        assert part.dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in NUMPY_BACKENDS + C_BACKENDS if takes(name, 1)])
def test_one_class_is_certain(open_backend: OpenBackend, name: str, dtype: type[Any]) -> None:
    """Whatever its logit, bit for bit: y is 1, log y and the label's loss are 0, and so are their derivatives."""
    call = open_backend(name).call
    z = np.array([[0.0], [1.5], [-3e38], [1e30]], dtype)
    ones, labels = np.ones_like(z), np.zeros(4, np.int64)
    assert np.array_equal(call("softmax", "value", z), ones)
    assert np.array_equal(call("log_softmax", "value", z), 0 * ones)
    assert np.array_equal(call("softmax", "vjp", z, ones), 0 * ones)
    for t in (ones, labels):
        loss, gradient = call("softmax_cross_entropy", BOTH, z, t)
        assert np.array_equal(loss, 0 * ones[:, 0])
        assert np.array_equal(gradient, 0 * ones)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "n"), [(name, n) for name in NUMPY_BACKENDS + C_BACKENDS for n in (2, 3, 17) if takes(name, n)]
)
def test_a_loss_overflows_no_sooner_than_the_exact_result(
    open_backend: OpenBackend, name: str, n: int, dtype: type[Any]
) -> None:
    """The difference of the logits exceeds the range, its share in the loss does not."""
    huge = np.finfo(dtype).max * dtype(0.9)
    z = np.stack([huge * (1 - 2 * unit(n, position)) for position in range(n)]).astype(dtype)
    t = np.full_like(z, 0.25)
    cases = tuple(f"{-huge:g} at {position}, else {huge:g}; t = 1/4" for position in range(n))
    report((name,), judge(open_backend(name), "softmax_cross_entropy", "loss", "dense", Batch(cases, z, t, t, t)))
