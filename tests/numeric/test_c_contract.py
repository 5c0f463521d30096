"""The contract of the C functions beyond their results: return codes, memory, threads."""

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
    bits,
    outputs_of,
    prototypes,
    reserve,
)
from tests.numeric.calls import C_CALLS, C_WAYS, DTYPES

LABEL_CALLS = [(name, module, quantity) for name, module, quantity, family in C_CALLS if family == "labels"]
ROWS, N = 5, 3
LARGEST_SIZE = 2 ** (8 * ctypes.sizeof(ctypes.c_size_t)) - 1


class Call:
    """One call as a list of named arguments, which a test may spoil before it makes the call."""

    def __init__(self, backend: CBackend, module: str, quantity: str, labels: bool, dtype: type[Any]) -> None:
        self.backend = backend
        self.symbol = backend.symbol(module, quantity, labels, np.dtype(dtype))
        prototype = prototypes(backend.folder)[self.symbol]
        inputs, kinds = SIGNATURES[quantity]
        results = zip(outputs_of(prototype), kinds, strict=True)
        widths = {name: N if kind == "vector" else 1 for name, kind in results}
        self.memory = {name: np.full(ROWS * N, 0.25, dtype) for name in inputs} | {"labels": np.zeros(ROWS, np.int64)}
        self.outputs = {name: reserve("output", ROWS, n, np.dtype(dtype), 8, 0).block for name, n in widths.items()}
        addresses = {name: int(block.ctypes.data) for name, block in (self.memory | self.outputs).items()}
        strides = {f"{name}_stride": N for name in addresses}
        self.arguments = arrange(prototype, {"batch": ROWS, "n": N} | addresses | strides)

    @property
    def pointers(self) -> list[str]:
        return [name for name, value in self.arguments.items() if isinstance(value, ctypes.c_void_p)]

    @property
    def strides(self) -> list[str]:
        return [name for name in self.arguments if name.endswith("_stride")]

    def spoiled(self, name: str, value: Any) -> tuple[int, bool]:
        """The return code with one argument replaced, and whether any output was written."""
        before = [bits(block).copy() for block in self.outputs.values()]
        code = self.backend.invoke(self.symbol, {**self.arguments, name: value})
        after = [bits(block) for block in self.outputs.values()]
        return code, any(not np.array_equal(old, new) for old, new in zip(before, after, strict=True))


OpenC = Callable[[str], CBackend]


@pytest.fixture
def open_c(open_backend: OpenBackend) -> OpenC:
    """As `open_backend`, for the names of C backends."""
    return lambda name: cast(CBackend, open_backend(name))


@pytest.fixture(params=DTYPES)
def dtype(request: pytest.FixtureRequest) -> type[Any]:
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(("module", "quantity", "family"), C_WAYS)
def test_parameters(folder: str, module: str, quantity: str, family: str, dtype: type[Any]) -> None:
    """Sizes, then each input with its stride, then each output; labels and losses, one a row, have none."""
    backend = CBackend("none", folder, ctypes.CDLL(None))
    number = "float" if dtype == np.float32 else "double"
    prototype = prototypes(folder)[backend.symbol(module, quantity, family == "labels", np.dtype(dtype))]
    results = outputs_of(prototype)
    expected = [("size_t", "batch")] + ([("size_t", "n")] if backend.n is None else [])
    for name in SIGNATURES[quantity][0]:
        strided = [(f"const{number}*", name), ("size_t", f"{name}_stride")]
        expected += [("constint64_t*", "labels")] if name == "t" and family == "labels" else strided
    for name, kind in zip(results, SIGNATURES[quantity][1], strict=True):
        expected += [(f"{number}*", name)] + ([("size_t", f"{name}_stride")] if kind == "vector" else [])
    assert list(prototype) == expected


@pytest.mark.parametrize(("name", "module", "quantity", "family"), C_CALLS)
def test_null_pointers(open_c: OpenC, name: str, module: str, quantity: str, family: str, dtype: type[Any]) -> None:
    call = Call(open_c(name), module, quantity, family == "labels", dtype)
    answers = {name: call.spoiled(name, ctypes.c_void_p(None)) for name in call.pointers}
    assert answers == dict.fromkeys(call.pointers, (NULL_POINTER, False))


@pytest.mark.parametrize(("name", "module", "quantity", "family"), C_CALLS)
def test_impossible_sizes(open_c: OpenC, name: str, module: str, quantity: str, family: str, dtype: type[Any]) -> None:
    call = Call(open_c(name), module, quantity, family == "labels", dtype)
    spoils = [("batch", LARGEST_SIZE), ("batch", LARGEST_SIZE // 2)]
    spoils += [(stride, value) for stride in call.strides for value in (0, 1, N - 1, LARGEST_SIZE, LARGEST_SIZE // 4)]
    if open_c(name).n is None:
        spoils += [("n", 0), ("n", N + 1), ("n", LARGEST_SIZE), ("n", LARGEST_SIZE // 8)]
    answers = {spoil: call.spoiled(spoil[0], ctypes.c_size_t(spoil[1])) for spoil in spoils}
    assert {spoil: answer for spoil, answer in answers.items() if answer != (IMPOSSIBLE_SIZE, False)} == {}


@pytest.mark.parametrize(("name", "module", "quantity"), LABEL_CALLS)
@pytest.mark.parametrize("label", [-1, N, N + 1, np.iinfo(np.int64).min, np.iinfo(np.int64).max, 2**32])
def test_labels_out_of_range(
    open_c: OpenC, name: str, module: str, quantity: str, label: int, dtype: type[Any]
) -> None:
    """At every row: the call says so, stays inside its arrays, and the rows before are done."""
    for rows in (1, 5, 19):
        z = np.linspace(-1.0, 1.0, rows * N, dtype=dtype).reshape(rows, N)
        labels = np.arange(rows, dtype=np.int64) % N
        inputs = [{"z": z, "t": labels, "v": z}[name] for name in SIGNATURES[quantity][0]]
        expected = open_c(name).status(module, quantity, *inputs)[1]
        for row in range(rows):
            wrong = labels.copy()
            wrong[row] = label
            code, got = open_c(name).status(module, quantity, *(wrong if i is labels else i for i in inputs))
            assert code == LABEL_OUT_OF_RANGE, f"labels[{row}] is {label}"
            for part, sound in zip(got, expected, strict=True):
                assert np.array_equal(part[:row], sound[:row]), f"labels[{row}] is {label}: an earlier row differs"


@pytest.mark.parametrize(("name", "module", "quantity", "family"), C_CALLS)
def test_threads_agree_bit_for_bit(
    open_c: OpenC, name: str, module: str, quantity: str, family: str, dtype: type[Any]
) -> None:
    z = np.random.default_rng(0).normal(size=(400, N)).astype(dtype)
    t = np.arange(400, dtype=np.int64) % N if family == "labels" else np.abs(z)
    known = {"z": z, "t": t, "g": z[::-1], "v": z[::-1]}
    inputs = [known[name] for name in SIGNATURES[quantity][0]]
    code, expected = open_c(name).status(module, quantity, *inputs)
    assert code == OK
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: open_c(name).status(module, quantity, *inputs), range(8)))
    for code, parts in answers:
        assert code == OK
        assert all(np.array_equal(part, whole) for part, whole in zip(parts, expected, strict=True))
