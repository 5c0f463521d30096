"""Reductions, weights, upstream gradients and ignored rows, against their definitions and PyTorch where it is there."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import derive

RANDOM = np.random.default_rng(11)
Z = RANDOM.normal(size=(6, 4))
T = RANDOM.dirichlet(np.ones(4), size=6)
V = RANDOM.normal(size=(6, 4))
LABELS = np.array([0, 1, -100, 3, 2, -100])
WEIGHT = np.array([1.0, 0.5, 2.0, 0.0, 3.0, 1.0])
CLASS_WEIGHT = np.array([0.5, 1.0, 2.0, 4.0])


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return load("softmax+cross-entropy", tmp_path_factory.mktemp("out"))


def load(composition: str, out: Path) -> ModuleType:
    made = derive.build(out=out, compositions=[composition], targets=["numpy"])
    (path,) = (made.folder / "numpy").glob("*.py")
    spec = importlib.util.spec_from_file_location(f"reduced_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_dense_losses_are_weighted_and_reduced_as_defined(module: ModuleType, reduction: str) -> None:
    rows = WEIGHT * -(T * (Z - np.log(np.exp(Z).sum(-1, keepdims=True)))).sum(-1)
    expected = {"none": rows, "sum": rows.sum(), "mean": rows.sum() / WEIGHT.sum()}[reduction]
    np.testing.assert_allclose(module.loss(Z, T, reduction=reduction, weight=WEIGHT), expected, rtol=1e-13)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("upstream", [None, 2.5])
def test_a_gradient_is_that_of_the_reduced_loss(module: ModuleType, reduction: str, upstream: float | None) -> None:
    gradient = module.gradient(Z, T, reduction=reduction, weight=WEIGHT, upstream=upstream)
    step = 1e-6

    def reduced(along: float) -> float:
        return float(module.loss(Z + along * V, T, reduction=reduction, weight=WEIGHT))

    slope = (reduced(step) - reduced(-step)) / (2 * step)
    assert (gradient * V).sum() == pytest.approx((upstream or 1) * slope, rel=1e-8)


def test_every_derivative_has_the_same_factor_a_row(module: ModuleType) -> None:
    upstream = RANDOM.normal(size=6)
    factor = upstream * WEIGHT / WEIGHT.sum()
    options = {"reduction": "mean", "weight": WEIGHT, "upstream": upstream}
    for name, inputs in (("gradient", (Z, T)), ("hvp", (Z, T, V)), ("hessian", (Z, T))):
        bare = getattr(module, name)(*inputs)
        scaled = getattr(module, name)(*inputs, **options)
        np.testing.assert_allclose(scaled, bare * factor.reshape(6, *[1] * (bare.ndim - 1)), rtol=1e-12, atol=1e-18)


def test_ignored_rows_count_for_nothing_whatever_is_in_them(module: ModuleType) -> None:
    broken = Z.copy()
    broken[LABELS == -100] = np.nan
    kept = LABELS != -100
    loss, gradient = module.loss_and_gradient(broken, LABELS, ignore_index=-100, reduction="mean")
    assert loss == pytest.approx(module.loss(Z[kept], LABELS[kept]).mean(), rel=1e-13)
    assert not gradient[~kept].any()
    np.testing.assert_allclose(gradient[kept], module.gradient(Z[kept], LABELS[kept]) / kept.sum(), rtol=1e-13)


def test_the_mean_of_no_row_is_nan_and_moves_nothing(module: ModuleType) -> None:
    nothing = np.full(6, -100)
    assert np.isnan(module.loss(Z, nothing, ignore_index=-100, reduction="mean"))
    assert module.loss(Z, nothing, ignore_index=-100, reduction="sum") == 0
    assert not module.gradient(Z, nothing, ignore_index=-100, reduction="mean").any()


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_class_weights_and_ignored_labels_are_those_of_pytorch(module: ModuleType, reduction: str) -> None:
    torch = pytest.importorskip("torch")
    z = torch.tensor(Z, requires_grad=True)
    weight = torch.tensor(CLASS_WEIGHT)
    expected = torch.nn.functional.cross_entropy(
        z, torch.tensor(LABELS), weight=weight, ignore_index=-100, reduction=reduction
    )
    expected.sum().backward()
    options = {"class_weight": CLASS_WEIGHT, "ignore_index": -100, "reduction": reduction}
    loss, gradient = module.loss_and_gradient(Z, LABELS, **options)
    np.testing.assert_allclose(loss, expected.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(gradient, z.grad.numpy(), rtol=1e-12, atol=1e-16)


def test_results_keep_their_dtype_and_go_where_they_are_wanted(module: ModuleType) -> None:
    out = (np.empty((), np.float32), np.empty((6, 4), np.float32))
    loss, gradient = module.loss_and_gradient(Z.astype(np.float32), T, reduction="mean", weight=WEIGHT, out=out)
    assert loss is out[0]
    assert gradient is out[1]
    assert np.all(loss == module.loss(Z.astype(np.float32), T, reduction="mean", weight=WEIGHT))


@pytest.mark.parametrize(
    ("t", "options", "sentence"),
    [
        (T, {"reduction": "average"}, "reduction is 'average'; it should be 'none', 'mean' or 'sum'"),
        (T, {"weight": [1.0, 2.0]}, r"weight has shape \(2,\); it should broadcast to one a row, \(6,\)"),
        (T, {"class_weight": CLASS_WEIGHT}, "class_weight is given, and t is dense"),
        (T, {"ignore_index": 0}, "ignore_index is given, and t is dense"),
        (LABELS * 0, {"class_weight": [1.0]}, r"class_weight has shape \(1,\); it should have shape \(4,\)"),
    ],
)
def test_a_wrong_option_is_one_sentence(module: ModuleType, t: np.ndarray, options: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        module.loss(Z, t, **options)


def test_parameters_are_keywords_and_held_to_their_ranges(tmp_path: Path) -> None:
    module = load("softmax+-double*w[k]*log(y[k])", tmp_path)
    labels = np.array([0, 1, 2, 3, 0, 1])
    weights = {"double_": 2.0, "w": CLASS_WEIGHT}
    log_y = Z - np.log(np.exp(Z).sum(-1, keepdims=True))
    expected = -2 * CLASS_WEIGHT[labels] * log_y[np.arange(6), labels]
    np.testing.assert_allclose(module.loss(Z, labels, **weights), expected, rtol=1e-13)
    for wrong, sentence in (
        ({"double_": 0.0}, "double_ is 0.0; it should be finite, with 0 < double_"),
        ({"w": [1.0, 1.0, np.nan, 1.0]}, "w is nan; it should be finite, with 0 < w"),
        ({"w": [1.0]}, r"w is an array of numbers of shape \(1,\); it should be one for each class, shape \(4,\)"),
        ({"double_": [1.0]}, r"double_ is an array of numbers of shape \(1,\); it should be a single one"),
    ):
        with pytest.raises(ValueError, match=sentence):
            module.loss(Z, labels, **{**weights, **wrong})
    with pytest.raises(ValueError, match="it should hold class labels, integers of shape"):
        module.loss(Z, T, **weights)
