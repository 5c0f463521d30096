"""The functions that generated C defines for itself: their accuracy and their special values, in both precisions."""

import math
import shutil
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest

from derive.kernel.ir import Const, Element, Kernel
from derive.native import Library, compile_library
from derive.targets.c import FLAGS, target
from tests.targets.programs import Z, call, distances, entrywise, extent, product, squares_and_twice, total

mpmath.mp.dps = 50

Array = np.ndarray
PLAIN = ("-std=c11", "-O0", "-ffp-contract=off")
"""No fused multiply-add and no vectors: the other end from the flags of the header."""

BUILDS = [(compiler, flags) for compiler in ("gcc", "clang") if shutil.which(compiler) for flags in (FLAGS, PLAIN)]
TYPES = [("f32", np.float32), ("f64", np.float64)]
DTYPES = [np.float32, np.float64]
LENGTHS = [1, 2, 3, 7, 16, 17, 20, 21, 40, 41, 65, 127, 128, 129, 255, 257, 1000, 4097, 100_000]


def build(folder: Path, compiler: str, flags: tuple[str, ...], *kernels: Kernel) -> Library:
    for name, text in target.files(product(*kernels)).items():
        (folder / name).write_text(text)
    return compile_library([folder / "softmax.c"], folder, [compiler], flags)


def renamed(kernel: Kernel, name: str) -> Kernel:
    return Kernel(name, kernel.inputs, kernel.outputs, kernel.body)


@pytest.fixture(scope="module", params=BUILDS, ids=lambda build: f"{build[0]}{build[1][1]}")
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Library:
    compiler, flags = request.param
    return build(
        tmp_path_factory.mktemp("functions"),
        compiler,
        flags,
        renamed(entrywise(call("exp", Z)), "exp"),
        renamed(entrywise(call("exp_difference", Z, Element("b", "j")), ("z", "b")), "exp_difference"),
        renamed(entrywise(call("log", Z)), "log"),
        renamed(entrywise(call("log1p", Z)), "log1p"),
        renamed(entrywise(call("expm1", Z)), "expm1"),
        renamed(entrywise(call("sign", Z)), "sign"),
        renamed(entrywise(call("max", Z, Element("b", "j")), ("z", "b")), "larger"),
        renamed(entrywise(call("pow", Z, Const(Fraction(-5)))), "power"),
        total(),
        extent(),
        squares_and_twice(),
        distances(),
    )


def entries(library: Library, function: str, *inputs: Array) -> Array:
    """The output of an entrywise function, for one row."""
    rows = [np.ascontiguousarray(values)[None, :] for values in inputs]
    out = np.empty_like(rows[0])
    suffix = {np.dtype(dtype): name for name, dtype in TYPES}[out.dtype]
    assert library.call(f"softmax_{function}_{suffix}", 1, out.size, *rows, out) == 0
    return out[0]


def worst_ulps(computed: Array, truth: list[mpmath.mpf], dtype: type) -> float:
    digits = np.finfo(dtype).nmant + 1
    return max(
        float(abs(float(got) - exact) / mpmath.mpf(2) ** (mpmath.frexp(exact)[1] - digits))
        for got, exact in zip(computed.tolist(), truth, strict=True)
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_is_within_1_04_units_of_the_last_place(library: Library, dtype: type) -> None:
    finite = np.finfo(dtype)
    x = np.random.default_rng(1).uniform(np.log(finite.tiny), np.log(finite.max), 4000).astype(dtype)
    x[::2] /= dtype(200)
    x = x[(x > np.log(finite.tiny)) & (x < np.log(finite.max))]
    assert worst_ulps(entries(library, "exp", x), [mpmath.exp(mpmath.mpf(float(v))) for v in x], dtype) <= 1.04


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_at_its_ends(library: Library, dtype: type) -> None:
    finite = np.finfo(dtype)
    lowest, highest = np.log(dtype(finite.tiny)), np.log(dtype(finite.max))
    below = np.array([-np.inf, -finite.max, lowest - 1, lowest * 2], dtype)
    above = np.array([np.inf, finite.max, np.nextafter(highest, dtype(np.inf)) + 1], dtype)
    assert np.array_equal(entries(library, "exp", below), np.zeros(4))
    assert np.array_equal(entries(library, "exp", above), np.full(3, np.inf))
    assert np.array_equal(entries(library, "exp", np.array([0.0, -0.0], dtype)), [1, 1])
    assert np.all(np.isnan(entries(library, "exp", np.array([np.nan, -np.nan], dtype))))
    steps = dtype(np.spacing(highest)) * np.arange(-40, 41, dtype=dtype)
    near = np.concatenate([highest + steps, lowest + steps])
    truth = np.array([mpmath.exp(mpmath.mpf(float(x))) for x in near])
    got = entries(library, "exp", near)
    infinite, small = truth > float(finite.max), truth < float(finite.tiny)
    assert np.all(np.isinf(got) == infinite)
    assert np.all(got[small] <= finite.tiny)
    fair = ~infinite & ~small
    assert worst_ulps(got[fair], list(truth[fair]), dtype) <= 1.04


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_difference_does_not_feel_the_rounding_of_the_difference(library: Library, dtype: type) -> None:
    random = np.random.default_rng(2)
    b = random.uniform(0, 60, 2000).astype(dtype)
    a = (b - random.uniform(0, 60, 2000)).astype(dtype)
    truth = [mpmath.exp(mpmath.mpf(float(p)) - mpmath.mpf(float(q))) for p, q in zip(a, b, strict=True)]
    assert worst_ulps(entries(library, "exp_difference", a, b), truth, dtype) <= 1.1


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_difference_of_infinities(library: Library, dtype: type) -> None:
    big = np.finfo(dtype).max
    a = np.array([-np.inf, -big, np.nan, np.inf, -np.inf, 5, big, np.inf], dtype)
    b = np.array([5, big, 5, np.inf, -np.inf, np.nan, -big, 5], dtype)
    expected = [0, 0, np.nan, np.nan, np.nan, np.nan, np.inf, np.inf]
    assert np.array_equal(entries(library, "exp_difference", a, b), expected, equal_nan=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_logarithms_are_within_their_bounds(library: Library, dtype: type) -> None:
    finite, random = np.finfo(dtype), np.random.default_rng(3)
    wide = np.exp(random.uniform(np.log(finite.tiny), np.log(finite.max), 2000)).astype(dtype)
    near = (1 + random.uniform(-0.6, 0.6, 2000)).astype(dtype)
    x = np.concatenate([wide, near])
    assert worst_ulps(entries(library, "log", x), [mpmath.log(mpmath.mpf(float(v))) for v in x], dtype) <= 1.1
    x = np.concatenate([wide, near - 1, -np.exp(random.uniform(-30, -1, 1000)).astype(dtype)])
    assert worst_ulps(entries(library, "log1p", x), [mpmath.log1p(mpmath.mpf(float(v))) for v in x], dtype) <= 1.5


@pytest.mark.parametrize("dtype", DTYPES)
def test_expm1_is_within_2_units_of_the_last_place(library: Library, dtype: type) -> None:
    random = np.random.default_rng(4)
    x = np.concatenate([random.uniform(-40, 80, 2000), random.uniform(-1, 1, 2000)]).astype(dtype)
    assert worst_ulps(entries(library, "expm1", x), [mpmath.expm1(mpmath.mpf(float(v))) for v in x], dtype) <= 2


@pytest.mark.parametrize("dtype", DTYPES)
def test_logarithms_and_expm1_at_their_ends(library: Library, dtype: type) -> None:
    big, nan, inf = np.finfo(dtype).max, np.nan, np.inf
    smallest = np.finfo(dtype).smallest_subnormal
    x = np.array([0, -0.0, -1, nan, inf, 1], dtype)
    assert np.array_equal(entries(library, "log", x), [-inf, -inf, nan, nan, inf, 0], equal_nan=True)
    assert np.allclose(entries(library, "log", np.array([smallest], dtype)), np.log(smallest), rtol=1e-6)
    x = np.array([0, -1, -2, nan, inf, smallest], dtype)
    assert np.array_equal(entries(library, "log1p", x), [0, -inf, nan, nan, inf, smallest], equal_nan=True)
    x = np.array([0, -inf, -big, nan, inf, big], dtype)
    assert np.array_equal(entries(library, "expm1", x), [0, -1, -1, nan, inf, inf], equal_nan=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_small_functions(library: Library, dtype: type) -> None:
    x = np.array([-2, -0.0, 0, 3, np.nan, np.inf], dtype)
    assert np.array_equal(entries(library, "sign", x), [-1, 0, 0, 1, np.nan, 1], equal_nan=True)
    other = np.array([1, 1, -1, 1, 1, np.nan], dtype)
    assert np.array_equal(entries(library, "larger", x, other), [1, 1, 0, 3, np.nan, np.nan], equal_nan=True)
    assert np.allclose(entries(library, "power", x[[0, 3]]), [-1 / 32, 1 / 243], rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("name", "dtype"), TYPES)
@pytest.mark.parametrize("n", LENGTHS)
def test_a_sum_of_positive_terms_is_within_a_few_units_at_any_length(
    library: Library, name: str, dtype: type, n: int
) -> None:
    unit = np.finfo(dtype).eps / 2
    for values in (np.full(n, 0.1), np.random.default_rng(n).uniform(0, 1, n), np.geomspace(1, 1e-6, n)):
        z = values.astype(dtype)
        got = np.empty(1, dtype)
        assert library.call(f"softmax_total_{name}", 1, n, z[None, :], got) == 0
        exact = math.fsum(map(float, z))  # rounded once: half a unit at most
        assert abs(float(got[0]) - exact) <= 8 * unit * exact


@pytest.mark.parametrize(("name", "dtype"), TYPES)
def test_a_sum_with_an_infinite_term_is_infinite_and_one_with_nan_is_nan(
    library: Library, name: str, dtype: type
) -> None:
    for bad, position in [(bad, p) for bad in (np.inf, -np.inf, np.nan) for p in (0, 130, 299)]:
        z = np.ones((1, 300), dtype)
        z[0, position] = bad
        got = np.empty(1, dtype)
        assert library.call(f"softmax_total_{name}", 1, 300, z, got) == 0
        assert np.array_equal(got, [bad], equal_nan=True)


@pytest.mark.parametrize(("name", "dtype"), TYPES)
@pytest.mark.parametrize("n", LENGTHS)
def test_a_maximum_beside_a_sum_in_one_pass(library: Library, name: str, dtype: type, n: int) -> None:
    z = np.random.default_rng(n).normal(size=(2, n)).astype(dtype) - dtype(5)
    largest, mean = np.empty(2, dtype), np.empty(2, dtype)
    assert library.call(f"softmax_extent_{name}", 2, n, z, largest, mean) == 0
    assert np.array_equal(largest, z.max(axis=1))
    assert np.allclose(mean, z.mean(axis=1, dtype=np.float64), rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("name", "dtype"), TYPES)
@pytest.mark.parametrize("n", LENGTHS)
def test_what_an_output_kept_for_a_pass_does_not_stay_in_it(library: Library, name: str, dtype: type, n: int) -> None:
    z = np.random.default_rng(n).normal(size=(2, n)).astype(dtype)
    loss, grad = np.empty(2, dtype), np.empty_like(z)
    assert library.call(f"softmax_squares_and_twice_{name}", 2, n, z, loss, grad) == 0
    assert np.allclose(grad, 2 * np.exp(z.astype(np.float64)), rtol=4 * np.finfo(dtype).eps)
    assert np.allclose(loss, np.exp(2 * z.astype(np.float64)).sum(axis=1), rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("name", "dtype"), TYPES)
@pytest.mark.parametrize("n", LENGTHS)
def test_what_is_kept_for_a_pass_alone_need_not_be_stored(library: Library, name: str, dtype: type, n: int) -> None:
    z = np.random.default_rng(n).normal(size=(2, n)).astype(dtype)
    got = np.empty_like(z)
    assert library.call(f"softmax_distances_{name}", 2, n, z, got) == 0
    total_of_squares = np.exp(2 * z.astype(np.float64)).sum(axis=1, keepdims=True)
    assert np.allclose(got, z - total_of_squares, rtol=16 * np.finfo(dtype).eps)


def test_the_bits_of_an_entry_do_not_depend_on_the_compiler_nor_those_of_a_sum_on_its_optimiser(tmp_path: Path) -> None:
    """Compilers have lanes of their own, so that they add a row in another order."""
    z = np.random.default_rng(3).normal(size=(3, 1000)).astype(np.float32)
    entries, sums = set(), set()
    for compiler in {compiler for compiler, _ in BUILDS}:
        for level in ("-O0", "-O3"):
            folder = tmp_path / f"{compiler}{level}"
            folder.mkdir()
            flags = ("-std=c11", level, "-march=native", "-fno-trapping-math", "-fno-math-errno", "-ffp-contract=off")
            both = build(folder, compiler, flags, renamed(entrywise(call("exp", Z)), "exp"), total(call("exp", Z)))
            each, summed = np.empty_like(z), np.empty(3, np.float32)
            assert both.call("softmax_exp_f32", 3, 1000, z, each) == 0
            assert both.call("softmax_total_f32", 3, 1000, z, summed) == 0
            entries.add(each.tobytes())
            sums.add((compiler, summed.tobytes()))
    assert len(entries) == 1
    assert len(sums) == len({compiler for compiler, _ in sums})
