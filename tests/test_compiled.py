"""`derive.load`: the C kernels behave like the generated NumPy modules, and are compiled once."""

import inspect
import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import derive
from derive import compiled
from derive.cache import cache_folder
from derive.compiled import load_cached
from derive.errors import DeriveError, MissingToolError, OutputError, UnknownNameError, UnsafeError
from tests.numeric.backends import GENERATED

UNSAFE = "identity+sum(t*exp(z))*sum(exp(-z))"
FILES = {"one.h": "int one(void);\n", "one.c": '#include "one.h"\nint one(void) { return 1; }\n'}


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        compiled.load_kernels.cache_clear()
        yield
    compiled.load_kernels.cache_clear()


def reference(stem: str, folder: str = "any") -> ModuleType:
    """The generated NumPy module."""
    module = ModuleType(stem)
    exec((GENERATED / folder / "numpy" / f"{stem}.py").read_text(), vars(module))  # noqa: S102
    return module


def draw(n: int, dtype: type = np.float32) -> dict[str, np.ndarray]:
    random = np.random.default_rng(n)
    z, g = random.normal(size=(2, 5, 4, n)).astype(dtype)
    return {"z": 3 * z, "t": random.dirichlet(np.ones(n), (5, 4)).astype(dtype), "g": g, "v": g}


@pytest.mark.parametrize("n", [None, 3])
@pytest.mark.parametrize("composition", ["softmax", "softmax+cross-entropy", "softmax+mse"])
def test_every_function_agrees_with_the_numpy_module(composition: str, n: int | None) -> None:
    kernels = derive.load(composition, n)
    module = reference(composition.replace("+", "_").replace("-", "_"), "any" if n is None else f"n{n}")
    assert kernels.__all__ == module.__all__
    for name in module.__all__:
        function, expected = getattr(kernels, name), getattr(module, name)
        assert str(inspect.signature(function)) == str(inspect.signature(expected))
        assert function.__doc__ == expected.__doc__
        for dtype in (np.float16, np.float32, np.float64):
            values = draw(3, dtype)
            given = [values[each] for each in inspect.signature(function).parameters if each in values]
            for axis, moved in ((-1, given), (1, [np.moveaxis(each, -1, 1) for each in given])):
                pairs = zip(results(function(*moved, axis=axis)), results(expected(*moved, axis=axis)), strict=True)
                for got, want in pairs:
                    assert got.dtype == want.dtype
                    tolerance = 40 * np.finfo(got.dtype).eps
                    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def results(value: object) -> tuple[np.ndarray, ...]:
    return value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [0, 1, 7])
def test_arrays_worked_on_as_they_lie_hold_what_is_returned_without_out(dtype: type, batch: int) -> None:
    kernels = derive.load("softmax+cross-entropy")
    z, labels = np.random.default_rng(batch).normal(size=(batch, 6)).astype(dtype), np.arange(batch) % 6
    out = np.empty(batch, dtype), np.empty_like(z)
    returned = kernels.loss_and_gradient(z, labels, out=out)
    assert all(given is got for given, got in zip(out, returned, strict=True))
    for got, want in zip(out, kernels.loss_and_gradient(z, labels), strict=True):
        assert np.array_equal(got, want)


def test_an_output_may_be_the_input_or_a_part_of_it() -> None:
    kernels = derive.load("softmax")
    z = np.random.default_rng(0).normal(size=(9, 6))
    expected = kernels.value(z)
    block = np.concatenate([z, np.zeros((1, 6))])
    assert np.array_equal(kernels.value(block[:9], out=block[1:]), expected)
    assert np.array_equal(kernels.value(z, out=z), expected)


def test_inputs_may_be_read_only_and_have_gaps() -> None:
    kernels = derive.load("softmax")
    z = np.random.default_rng(0).normal(size=(9, 12))[::2, ::3]
    z.flags.writeable = False
    out = np.empty((9, 12))[::2, ::3]
    assert np.array_equal(kernels.value(z, out=out), kernels.value(z.copy()))


OPTIONS = (
    {"reduction": "mean", "weight": np.linspace(0, 1, 20).reshape(5, 4)},
    {"reduction": "sum", "class_weight": np.array([0.5, 2.0, 1.0]), "ignore_index": 1},
    {"axis": 0},
)


@pytest.mark.parametrize("options", OPTIONS)
def test_reductions_weights_and_ignored_labels_are_those_of_the_numpy_module(options: dict) -> None:
    kernels, module = derive.load("softmax+cross-entropy"), reference("softmax_cross_entropy")
    z = draw(3, np.float64)["z"]
    labels = np.random.default_rng(1).integers(0, 3, (5, 4))
    if "axis" in options:
        z = np.moveaxis(z, -1, 0)
    for got, want in zip(
        kernels.loss_and_gradient(z, labels, **options), module.loss_and_gradient(z, labels, **options), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_loss_of_ones_own_takes_its_parameters_by_keyword(dtype: type) -> None:
    kernels = derive.load("softmax+-shape*w[k]*log(y[k])", where="0 < shape < 4", name="shaped")
    random = np.random.default_rng(0)
    z, labels = random.normal(size=(6, 4)).astype(dtype), random.integers(0, 4, 6)
    w = random.uniform(1, 2, 4).astype(dtype)
    log_y = z - np.log(np.exp(z.astype(np.float64)).sum(-1, keepdims=True))
    expected = -1.5 * w[labels] * log_y[np.arange(6), labels]
    for out in (np.empty(6, dtype), None):
        for shape in (1.5, np.float32(1.5)):
            got = kernels.loss(z, labels, shape=shape, w=w, out=out)
            np.testing.assert_allclose(got, expected, rtol=20 * np.finfo(dtype).eps)
            assert got.dtype == dtype
    direction = kernels.hvp(z, labels, z.copy(), shape=1.5, w=w)
    assert np.array_equal(kernels.hvp(z, labels, z.copy(), shape=1.5, w=w, out=np.empty_like(z)), direction)
    with pytest.raises(ValueError, match=r"shape is 5\.0; it should be finite, with 0 < shape < 4"):
        kernels.loss(z, labels, shape=5.0, w=w, out=np.empty(6, dtype))
    with pytest.raises(ValueError, match="w is an array of numbers of shape"):
        kernels.loss(z, labels, shape=1.5, w=w[:3], out=np.empty(6, dtype))
    with pytest.raises(TypeError, match="required keyword-only argument: 'w'"):
        kernels.loss(z, labels, shape=1.5, out=np.empty(6, dtype))


def test_further_quantities_are_loaded_where_they_are_named() -> None:
    kernels = derive.load("softmax-temperature+focal", quantities=["gradient:T"])
    z, labels, h = draw(4, np.float64)["z"][0], np.arange(4), 1e-6
    above, below = (kernels.loss(z, labels, T=2 + step, gamma=1.5) for step in (h, -h))
    np.testing.assert_allclose(kernels.gradient_T(z, labels, T=2.0, gamma=1.5), (above - below) / (2 * h), rtol=1e-6)
    assert not hasattr(derive.load("softmax-temperature+focal"), "gradient_T")
    with pytest.raises(UnknownNameError, match="softmax\\+mse has no quantity to build 'gradient:q'"):
        derive.load("softmax+mse", quantities=["gradient:q"])


def test_what_a_result_does_not_depend_on_may_be_any_number_in_range() -> None:
    kernels = derive.load("softmax+a*log(1/y[k])+w[k]", name="shifted")
    z, labels, w = np.zeros((2, 3)), np.array([0, 2]), np.ones(3)
    expected = 2 * (1 / 3 - np.eye(3)[labels])
    np.testing.assert_allclose(kernels.gradient(z, labels, a=2.0, w=w), expected, rtol=1e-14)


def test_a_loss_that_is_0_everywhere_has_kernels() -> None:
    kernels = derive.load("softmax+sum(0*y[i] for i in range(n))*y[k]", name="nothing")
    for n in (3, 100):
        loss, grad = kernels.loss_and_gradient(np.ones((5, n)), np.zeros(5, int))
        assert loss.tolist() == [0] * 5
        assert grad.tolist() == np.zeros((5, n)).tolist()


def test_kernels_that_are_wrong_somewhere_are_loaded_only_where_that_is_allowed() -> None:
    with pytest.raises(UnsafeError, match="cannot be made safe"):
        derive.load(UNSAFE)
    assert derive.load(UNSAFE, allow_unsafe=True).loss(np.zeros((1, 2)), np.zeros((1, 2))).shape == (1,)


def test_mistakes_are_those_of_the_numpy_module() -> None:
    kernels, z = derive.load("softmax+cross-entropy"), np.zeros((2, 3), np.float32)
    out = np.empty(2, np.float32)
    with pytest.raises(IndexError, match=r"labels\[1\] is 3; classes run from 0 to 2"):
        kernels.loss(z, np.array([0, 3]), out=out)
    with pytest.raises(ValueError, match=r"out is float64 of shape \(2,\); the result is float32"):
        kernels.loss(z, np.array([0, 1]), out=np.empty(2))
    with pytest.raises(ValueError, match="should hold 3 classes"):
        derive.load("softmax+cross-entropy", 3).loss(np.zeros((2, 4)), np.array([0, 1]), out=np.empty(2))
    with pytest.raises(TypeError, match="missing 1 required positional argument: 't'"):
        kernels.loss(z)
    with pytest.raises(ValueError, match="two arrays"):
        kernels.loss_and_gradient(z, z, out=out)


def compute(rows: int) -> bytes:
    """What the compiled kernels give for rows that are enough work for several threads."""
    z = np.random.default_rng(rows).normal(size=(rows, 37)).astype(np.float32)
    return derive.load("softmax").value(z).tobytes()


def test_results_have_the_same_bits_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    results = set()
    for threads in "1", "2", "5":
        monkeypatch.setenv("OMP_NUM_THREADS", threads)  # read when the runtime library is loaded
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            results.add(pool.apply(compute, [5000]))
    assert results == {compute(5000)}


def test_a_forked_process_computes_after_its_parent_used_threads() -> None:
    want = compute(5000)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(compute, [5000]).get(timeout=60) == want


def load_one(folder: Path) -> int:
    """What the compiled function of FILES returns."""
    return load_cached(FILES, folder).one()


def test_what_is_compiled_once_is_not_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_one(tmp_path) == 1
    (path,) = tmp_path.iterdir()
    before = path.stat().st_mtime_ns
    assert load_one(tmp_path) == 1
    assert path.stat().st_mtime_ns == before
    load_cached(FILES | {"one.h": "int one(void); /* other */\n"}, tmp_path)
    monkeypatch.setenv("CC", "cc -O0")
    load_one(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_several_processes_may_compile_the_same_at_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.map(load_one, [tmp_path] * 6) == [1] * 6
    assert len(list(tmp_path.iterdir())) == 1


def test_a_damaged_library_is_compiled_again(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:  # a library once loaded is not read again
        pool.apply(load_one, [tmp_path])
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    assert load_one(tmp_path) == 1


def test_a_cache_that_cannot_be_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot keep compiled kernels: .+; set XDG_CACHE_HOME"):
        load_one(tmp_path / "file")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache_folder() == tmp_path / ".cache" / "derive"


def test_a_source_that_does_not_compile_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError, match=r"does not compile one\.c"):
        load_cached({"one.c": "int one(void) { return missing; }\n"}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="there is no loss 'hinge'"):
        derive.load("softmax+hinge")
    with pytest.raises(DeriveError, match="N is '0'"):
        derive.load("softmax", 0)
