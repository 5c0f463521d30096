"""The C functions that take a weight for each row: what the plain ones give, times the weights; 0 for a weight of 0."""

import ctypes
from typing import Any, cast

import numpy as np
import pytest

from tests.numeric.backends import FOLDERS, SIGNATURES, OpenBackend
from tests.numeric.c_library import (
    IMPOSSIBLE_SIZE,
    LABEL_OUT_OF_RANGE,
    NULL_POINTER,
    OK,
    CBackend,
    arrange,
    outputs_of,
    prototypes,
    reserve,
)
from tests.numeric.calls import C_BACKENDS, C_WAYS, DTYPES, LOSSES

WAYS = [way for way in C_WAYS if way[0] in LOSSES]
CALLS = [(name, *way) for name in C_BACKENDS for way in WAYS]
LARGEST_SIZE = 2 ** (8 * ctypes.sizeof(ctypes.c_size_t)) - 1
RANDOM = np.random.default_rng(5)


@pytest.fixture(params=DTYPES)
def dtype(request: pytest.FixtureRequest) -> type[Any]:
    return request.param  # type: ignore[no-any-return]


def make_inputs(quantity: str, family: str, rows: int, n: int, dtype: type[Any]) -> list[Any]:
    z, t, v = (RANDOM.normal(size=(rows, n)).astype(dtype) for _ in range(3))
    labels = RANDOM.integers(0, n, rows).astype(np.int64)
    known = {"z": z, "t": labels if family == "labels" else np.abs(t), "v": v}
    return [known[name] for name in SIGNATURES[quantity][0]]


def make_weights(rows: int, dtype: type[Any]) -> Any:
    """Positive and negative numbers, and zeros of either sign: alone, beside each other, and at the ends."""
    weights = RANDOM.normal(size=rows).astype(dtype)
    weights[RANDOM.random(rows) < 0.4] = 0
    weights[RANDOM.random(rows) < 0.1] = -0.0
    return weights


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(("module", "quantity", "family"), WAYS)
def test_the_weights_stand_between_inputs_and_outputs(
    folder: str, module: str, quantity: str, family: str, dtype: type[Any]
) -> None:
    backend = CBackend("none", folder, ctypes.CDLL(None))
    plain, weighted = (
        list(prototypes(folder)[backend.symbol(module, quantity, family == "labels", np.dtype(dtype), each)])
        for each in (False, True)
    )
    place = [name for _, name in plain].index(outputs_of(tuple(plain))[0])
    number = "float" if dtype == np.float32 else "double"
    assert weighted == [*plain[:place], (f"const{number}*", "weights"), *plain[place:]]


@pytest.mark.parametrize(("name", "module", "quantity", "family"), CALLS)
def test_a_row_is_multiplied_by_its_weight(
    open_backend: OpenBackend, name: str, module: str, quantity: str, family: str, dtype: type[Any]
) -> None:
    backend = cast(CBackend, open_backend(name))
    shapes = [(rows, backend.n or n) for rows in (0, 1, 2, 37, 130) for n in (1, 2, 7, 32, 65, 130)]
    for rows, n in dict.fromkeys([*shapes, (50, backend.n or 3000)]):
        inputs, weights = make_inputs(quantity, family, rows, n, dtype), make_weights(rows, dtype)
        code, plain = backend.status(module, quantity, *inputs)
        assert code == OK
        inputs[0][weights == 0] = np.nan
        if family == "labels":
            inputs[1][weights == 0] = RANDOM.choice([-100, n, 2**62], size=np.sum(weights == 0))
        code, weighted = backend.status(module, quantity, *inputs, weights=weights)
        assert code == OK
        for part, whole in zip(weighted, plain, strict=True):
            factors = weights if part.ndim == 1 else weights[:, None]
            assert np.array_equal(part, np.where(factors == 0, 0, whole * factors)), (rows, n)


@pytest.mark.parametrize("name", C_BACKENDS)
def test_the_mean_of_the_rows_that_are_not_ignored(open_backend: OpenBackend, name: str) -> None:
    """Its definition, with class weights: the sum of the weighted losses over the sum of the weights."""
    backend = cast(CBackend, open_backend(name))
    z, labels = RANDOM.normal(size=(9, 3)), np.array([0, 2, -100, 1, 1, -100, 2, 0, 0], np.int64)
    kept = labels != -100
    class_weights = np.where(kept, np.array([0.5, 1.0, 4.0])[np.where(kept, labels, 0)], 0)
    loss, gradient = backend.status(
        "softmax_cross_entropy", "loss_and_gradient", z, labels, weights=class_weights / class_weights.sum()
    )[1]
    y = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    losses = np.array([-np.log(y[row, label]) if label >= 0 else 0 for row, label in enumerate(labels)])
    assert loss.sum() == pytest.approx(np.average(losses, weights=class_weights), rel=1e-13)
    one_hot = np.array([np.eye(3)[label] if label >= 0 else y[row] for row, label in enumerate(labels)])
    expected = (y - one_hot) * (class_weights / class_weights.sum())[:, None]
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize(("name", "module", "quantity", "family"), [each for each in CALLS if each[3] == "labels"])
def test_a_label_that_is_no_class_counts_only_with_a_weight(
    open_backend: OpenBackend, name: str, module: str, quantity: str, family: str, dtype: type[Any]
) -> None:
    backend = cast(CBackend, open_backend(name))
    inputs, weights = make_inputs(quantity, family, 19, 3, dtype), np.ones(19, dtype)
    weights[4] = 0
    expected = backend.status(module, quantity, *inputs, weights=weights)[1]
    inputs[1][[4, 11]] = 3
    code, got = backend.status(module, quantity, *inputs, weights=weights)
    assert code == LABEL_OUT_OF_RANGE
    for part, sound in zip(got, expected, strict=True):
        assert np.array_equal(part[:11], sound[:11])


@pytest.mark.parametrize(("name", "module", "quantity", "family"), CALLS)
def test_arguments_that_cannot_be_are_refused_and_nothing_is_written(
    open_backend: OpenBackend, name: str, module: str, quantity: str, family: str, dtype: type[Any]
) -> None:
    backend = cast(CBackend, open_backend(name))
    symbol = backend.symbol(module, quantity, family == "labels", np.dtype(dtype), weighted=True)
    prototype = prototypes(backend.folder)[symbol]
    inputs = {each: np.full(15, 0.25, dtype) for each in (*SIGNATURES[quantity][0], "weights")}
    inputs["labels"] = np.zeros(5, np.int64)
    outputs = {each: reserve("output", 5, 3, np.dtype(dtype), 8, 0) for each in outputs_of(prototype)}
    values = {each: int(array.ctypes.data) for each, array in inputs.items()}
    values |= {each: place.address for each, place in outputs.items()}
    values |= {"batch": 5, "n": 3, **{f"{each}_stride": 3 for each in values}}
    arguments = arrange(prototype, values)
    before = {each: place.block.tobytes() for each, place in outputs.items()}
    for each, value in arguments.items():
        is_pointer = isinstance(value, ctypes.c_void_p)
        spoiled = ctypes.c_void_p(None) if is_pointer else ctypes.c_size_t(LARGEST_SIZE)
        answer = backend.invoke(symbol, {**arguments, each: spoiled})
        assert answer == (NULL_POINTER if is_pointer else IMPOSSIBLE_SIZE), each
    assert {each: place.block.tobytes() for each, place in outputs.items()} == before
