"""The generated functions of a layer against differences of the whole loss, and the laws of a layer."""

import importlib.util
import itertools
import shlex

import numpy as np
import pytest
from mpmath import mp, mpf

from derive.api import build

B, D, N = 4, 2, 3


def mp_softmax(row):
    powers = [mp.exp(each) for each in row]
    return [each / mp.fsum(powers) for each in powers]


TRUTHS = {
    "softmax+cross-entropy": lambda y, t: -mp.fsum(b * mp.log(a) for a, b in zip(y, t, strict=True)),
    "softmax+mse": lambda y, t: mp.fsum((a - b) ** 2 for a, b in zip(y, t, strict=True)) / len(y),
    "log-softmax+sum(t[i]*y[i]**2 for i in range(n))": lambda y, t: mp.fsum(
        b * mp.log(a) ** 2 for a, b in zip(y, t, strict=True)
    ),
}
"""Each loss of one row, in the softmax of its logits."""
COMPOSITIONS = list(TRUTHS)


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    out = tmp_path_factory.mktemp("layer")
    made = build(out=out, compositions=COMPOSITIONS, targets=["numpy"], layer=True)
    loaded = {}
    for product in made.products:
        path = made.folder / "numpy" / f"{product.stem}_layer.py"
        loaded[product.composition.name] = load(path)
    return loaded


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def arrays():
    rng = np.random.default_rng(7)
    t = rng.random((B, N))
    return rng.normal(size=(B, D)), rng.normal(size=(D, N)), rng.normal(size=N), t / t.sum(axis=1, keepdims=True)


def total(loss, x, w, b, t, reduction):
    rows = range(len(x))
    z = [[mp.fsum(x[r][a] * w[a][j] for a in range(len(w))) + b[j] for j in range(len(b))] for r in rows]
    losses = mp.fsum(loss(mp_softmax(z[r]), t[r]) for r in rows)
    return losses / len(x) if reduction == "mean" else losses


def exact(array):
    made = np.empty(array.shape, dtype=object)
    made[...] = np.vectorize(mpf, otypes=[object])(array)
    return made


def by_differences(loss, arrays, position, reduction):
    """The derivative of the whole loss by one of the arrays, entry by entry, central differences at 60 digits."""
    h = mpf(10) ** -20
    slopes = np.empty(arrays[position].shape)
    for place in itertools.product(*map(range, slopes.shape)):
        ends = []
        for step in (h, -h):
            moved = [exact(each) for each in arrays]
            moved[position][place] += step
            ends.append(total(loss, *moved, reduction))
        slopes[place] = float((ends[0] - ends[1]) / (2 * h))
    return slopes


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", COMPOSITIONS)
def test_loss_and_gradients_are_those_of_the_whole_loss(modules, arrays, name, reduction):
    loss, *gradients = modules[name].loss_and_gradients(*arrays, reduction=reduction)
    with mp.workdps(60):
        truth = float(total(TRUTHS[name], *map(exact, arrays), reduction))
        np.testing.assert_allclose(loss, truth, rtol=1e-13)
        for gradient, position in zip(gradients, (1, 2, 0), strict=True):
            slopes = by_differences(TRUTHS[name], arrays, position, reduction)
            assert gradient.shape == arrays[position].shape
            np.testing.assert_allclose(gradient, slopes, rtol=1e-11, atol=1e-13)


def test_labels_are_one_hot_rows(modules, arrays):
    x, w, b, _ = arrays
    labels = np.array([2, 0, 1, 2])
    module = modules["softmax+cross-entropy"]
    by_labels, dense = module.loss_and_gradients(x, w, b, labels), module.loss_and_gradients(x, w, b, np.eye(N)[labels])
    for one, other in zip(by_labels, dense, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_the_sum_is_the_mean_times_the_rows(modules, arrays, name):
    mean, of_sum = (modules[name].loss_and_gradients(*arrays, reduction=each) for each in ("mean", "sum"))
    for one, other in zip(mean, of_sum, strict=True):
        np.testing.assert_allclose(B * one, other, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_db_is_the_column_sum_of_dz_and_dw_of_one_row_an_outer_product(modules, arrays, name):
    x, w, b, t = arrays
    module = modules[name]
    _, z_grad = module.loss_and_gradient(x @ w + b, t)
    _, _, b_grad, _ = module.loss_and_gradients(x, w, b, t, reduction="sum")
    np.testing.assert_allclose(b_grad, z_grad.sum(axis=0), rtol=1e-14)
    _, w_grad, _, x_grad = module.loss_and_gradients(x[:1], w, b, t[:1])
    np.testing.assert_allclose(w_grad, np.outer(x[0], z_grad[0]), rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(x_grad[0], w @ z_grad[0], rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_results_have_the_dtype_of_x_and_inputs_stay(modules, arrays, dtype):
    given = [each.astype(dtype) for each in arrays]
    kept = [each.copy() for each in given]
    made = modules["softmax+cross-entropy"].loss_and_gradients(*given)
    assert all(each.dtype == dtype for each in made)
    for before, after in zip(kept, given, strict=True):
        np.testing.assert_array_equal(before, after)


def test_large_logits_do_not_overflow(modules):
    module = modules["softmax+cross-entropy"]
    loss, *gradients = module.loss_and_gradients(np.eye(2), 1e300 * np.eye(2), np.zeros(2), [1, 1])
    assert loss == 5e299
    assert all(np.isfinite(each).all() for each in gradients)


def test_a_batch_without_rows_has_sum_0_and_mean_nan(modules):
    empty = np.empty((0, D)), np.ones((D, N)), np.ones(N), np.empty((0, N))
    module = modules["softmax+mse"]
    loss, w_grad, b_grad, x_grad = module.loss_and_gradients(*empty, reduction="sum")
    assert loss == 0
    assert (w_grad.shape, b_grad.shape, x_grad.shape) == ((D, N), (N,), (0, D))
    assert not w_grad.any()
    assert np.isnan(module.loss_and_gradients(*empty)[0])


@pytest.mark.parametrize(
    ("position", "value", "sentence"),
    [
        (0, np.ones(D), r"x has shape \(2,\); it should be \(B, d\)"),
        (1, np.ones((N, D)), r"w has shape \(3, 2\); it should be \(2, n\)"),
        (2, np.ones(D), r"b has shape \(2,\); it should be \(3,\)"),
        (0, np.ones((B, D)) * 1j, "x has dtype complex128"),
    ],
)
def test_a_wrong_argument_is_named_with_what_it_should_be(modules, arrays, position, value, sentence):
    given = list(arrays)
    given[position] = value
    with pytest.raises(ValueError, match=sentence):
        modules["softmax+mse"].loss_and_gradients(*given)


def test_a_wrong_label_or_reduction_is_named(modules, arrays):
    x, w, b, _ = arrays
    module = modules["softmax+cross-entropy"]
    with pytest.raises(IndexError, match=r"labels\[3\] is 3; classes run from 0 to 2"):
        module.loss_and_gradients(x, w, b, [0, 1, 2, 3])
    with pytest.raises(ValueError, match="reduction is 'max'; it should be 'mean' or 'sum'"):
        module.loss_and_gradients(x, w, b, [0, 1, 2, 2], reduction="max")


def test_a_parameter_named_as_an_array_of_the_layer_is_named_so_in_errors(tmp_path, arrays):
    name = "softmax+-sum(w[i]*t[i]*log(y[i]) for i in range(n))"
    made = build(out=tmp_path, compositions=[name], name="weighted", targets=["numpy"], layer=True)
    path = made.folder / "numpy" / "softmax_weighted_layer.py"
    module = load(path)
    with pytest.raises(ValueError, match=r"w_ is -1\.0; it should be finite, with 0 < w_"):
        module.loss_and_gradients(*arrays, w_=[1.0, -1.0, 2.0])
    loss, *_ = module.loss_and_gradients(*arrays, w_=[1.0, 2.0, 3.0], reduction="sum")
    x, w, b, t = arrays
    exponentials = np.exp(x @ w + b)
    y = exponentials / exponentials.sum(axis=1, keepdims=True)
    assert loss == pytest.approx(-np.sum([1.0, 2.0, 3.0] * t * np.log(y)), rel=1e-14)
    again = path.read_text().split("To make it again:\n")[1].splitlines()[0].strip()
    assert shlex.split(again) == [*("derive", "build", name, "--name", "weighted", "--layer", "--target", "numpy")]


def test_a_module_for_a_given_n_says_what_it_takes(tmp_path, arrays):
    made = build(n=2, out=tmp_path, compositions=["softmax+cross-entropy"], targets=["numpy"], layer=True)
    path = made.folder / "numpy" / "softmax_cross_entropy_layer.py"
    module = load(path)
    with pytest.raises(ValueError, match=r"w has shape \(2, 3\); it should be \(2, 2\)"):
        module.loss_and_gradients(*arrays)
    imports = {line for line in path.read_text().splitlines() if line.startswith(("import ", "from "))}
    assert imports == {
        "from collections.abc import Callable",
        "from typing import Any",
        "import numpy as np",
        "from numpy.typing import ArrayLike, DTypeLike, NDArray",
    }
