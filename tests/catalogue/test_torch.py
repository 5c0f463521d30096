"""Every loss of the catalogue against PyTorch's autograd, first and second order, on the CPU in float64.

Definitions are PyTorch's own functions where it has one, and the literature's formulas otherwise. Double backward is
PyTorch's way to a Hessian-vector product: the gradient of the gradient's product with v.
"""

import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import derive
from derive.catalogue import losses

torch = pytest.importorskip("torch")
F = torch.nn.functional

WHOLE = bool(os.environ.get("DERIVE_CATALOGUE"))
TOLERANCE = 1e-12
"""Of the largest entry of the row."""

PARAMETERS: Mapping[str, Any] = {
    "T": 1.75,
    "beta": 0.3,
    "c": np.array([-0.5, 2.0, 0.25, 1.0]),
    "epsilon": -0.25,
    "gamma": 2.5,
    "q": 0.7,
    "r": np.array([0.0, 0.5, 0.0, 0.5]),
    "w": np.array([0.5, 2.0, 1.25, 1.0]),
}
SMOOTHING = 0.3
BALANCE = np.array([0.25, 1.0, 0.5, 2.0])
"""What alpha is where it is a number, and where it is one for each class."""

CLASSES = 4


@dataclass(frozen=True)
class At:
    """What a loss is taken of, and PyTorch's shares of it: y, and log y where the activation gives one."""

    z: Any
    t: Any
    y: Any
    log_y: Any


def _softmax(z, t):
    return At(z, t, F.softmax(z, dim=-1), F.log_softmax(z, dim=-1))


def _sigmoid(z, t):
    return At(z, t, torch.sigmoid(z), F.logsigmoid(z))


ACTIVATIONS: Mapping[str, Callable[..., At]] = {
    "softmax": _softmax,
    "softmax-temperature": lambda z, t: _softmax(z / PARAMETERS["T"], t),
    "log-softmax": lambda z, t: At(z, t, F.log_softmax(z, dim=-1), None),
    "sigmoid": _sigmoid,
    "identity": lambda z, t: At(z, t, z, None),
}


def number(name: str) -> Any:
    return torch.as_tensor(PARAMETERS[name], dtype=torch.float64)


def focal(p: At, weight: Any) -> Any:
    return -(weight * p.t * (1 - p.y) ** PARAMETERS["gamma"] * p.log_y).sum(-1)


def cross_entropy(p: At) -> Any:
    return -(p.t * p.log_y).sum(-1)


def soft(p: At, **options: Any) -> Any:
    """PyTorch's cross-entropy of dense targets, whose logits may be any whose softmax is y: log y is."""
    return F.cross_entropy(p.log_y, p.t, reduction="none", **options)


def binary_focal(p: At) -> Any:
    other = At(-p.z, 1 - p.t, torch.sigmoid(-p.z), F.logsigmoid(-p.z))
    return focal(p, 1) + focal(other, 1)


def jensen_shannon(p: At) -> Any:
    log_middle = ((p.t + p.y) / 2).log()
    parts = (F.kl_div(log_middle, each, reduction="none") for each in (p.t, p.y))
    return sum(parts).sum(-1) / 2


LOSSES: Mapping[str, Callable[[At], Any]] = {
    "cross-entropy": soft,
    "mse": lambda p: F.mse_loss(p.y, p.t, reduction="none").mean(-1),
    "half-squared-error": lambda p: F.mse_loss(p.y, p.t, reduction="none").sum(-1) / 2,
    "brier": lambda p: F.mse_loss(p.y, p.t, reduction="none").sum(-1),
    "label-smoothed-cross-entropy": lambda p: soft(p, label_smoothing=SMOOTHING),
    "weighted-cross-entropy": lambda p: soft(p, weight=number("w")),
    "focal": lambda p: focal(p, 1),
    "alpha-balanced-focal": lambda p: focal(p, torch.as_tensor(BALANCE)),
    "kl": lambda p: F.kl_div(p.log_y, p.t, reduction="none").sum(-1),
    "reverse-kl": lambda p: F.kl_div(p.t.log(), p.y, reduction="none").sum(-1),
    "jensen-shannon": jensen_shannon,
    "entropy-penalised-cross-entropy": lambda p: cross_entropy(p) + PARAMETERS["beta"] * (p.y * p.log_y).sum(-1),
    "generalised-cross-entropy": lambda p: (p.t * (1 - p.y ** PARAMETERS["q"])).sum(-1) / PARAMETERS["q"],
    "poly-1": lambda p: cross_entropy(p) + PARAMETERS["epsilon"] * (p.t * (1 - p.y)).sum(-1),
    "z-loss-cross-entropy": lambda p: cross_entropy(p) + PARAMETERS["beta"] * torch.logsumexp(p.z, -1) ** 2,
    "log-likelihood-ratio": lambda p: ((number("r") - p.t) * p.log_y).sum(-1),
    "expected-cost": lambda p: p.y @ number("c"),
    "binary-cross-entropy": lambda p: F.binary_cross_entropy_with_logits(p.z, p.t, reduction="none").sum(-1),
    "binary-focal": binary_focal,
}

COMPOSITIONS = [
    *(f"softmax+{name}" for name in LOSSES if not name.startswith("binary")),
    *(f"sigmoid+{name}" for name in LOSSES if name.startswith("binary")),
    *("softmax-temperature+cross-entropy", "softmax-temperature+kl", "log-softmax+mse", "identity+half-squared-error"),
]
SAMPLE = ["softmax+weighted-cross-entropy", "softmax+label-smoothed-cross-entropy", "sigmoid+binary-cross-entropy"]


def rows(offset: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits of several scales, one row with an offset, targets that sum to 1 and are not 0, and directions."""
    random = np.random.default_rng(2006)
    scale = np.array([0.1, 1.0, 3.0, 1.0, 8.0])[:, None]
    z = random.standard_normal((5, CLASSES)) * scale + np.array([0.0, 0.0, 1.0, offset, 0.0])[:, None]
    return z, random.dirichlet(np.ones(CLASSES), size=5), random.standard_normal((5, CLASSES))


def differentiate(loss: Callable[..., Any], z: np.ndarray, t: np.ndarray, v: np.ndarray) -> dict[str, np.ndarray]:
    """Each quantity, by autograd."""
    logits, targets = torch.tensor(z, requires_grad=True), torch.tensor(t)
    value = loss(logits, targets)
    (slope,) = torch.autograd.grad(value.sum(), logits, create_graph=True)
    product = torch.zeros_like(logits)
    if slope.requires_grad:
        (product,) = torch.autograd.grad(slope, logits, torch.tensor(v), materialize_grads=True)
    second = [
        torch.autograd.functional.hessian(lambda row, target=target: loss(row[None], target[None])[0], row)
        for row, target in zip(logits.detach(), targets, strict=True)
    ]
    found = {"loss": value, "gradient": slope, "hessian": torch.stack(second), "hvp": product}
    return {name: each.detach().numpy() for name, each in found.items()}


@pytest.fixture(scope="module")
def load(tmp_path_factory) -> Callable[[str], ModuleType]:
    """The generated NumPy module of a composition."""
    out = tmp_path_factory.mktemp("out")

    def loaded(name: str) -> ModuleType:
        build = derive.build(out=out, compositions=[name], targets=["numpy"])
        (path,) = (build.folder / each for each in build.files[name])
        spec = importlib.util.spec_from_file_location(path.stem, Path(path))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return loaded


def chosen(name: str) -> dict[str, Any]:
    """The parameters that a composition has."""
    composition = derive.catalogue.read_composition(name)
    alpha = BALANCE if "balanced" in name else SMOOTHING
    return {each.name: {**PARAMETERS, "alpha": alpha}[each.name] for each in composition.parameters}


def test_pytorch_has_every_loss() -> None:
    assert set(LOSSES) == set(losses())


@pytest.mark.parametrize("name", COMPOSITIONS if WHOLE else SAMPLE)
def test_kernels_agree_with_autograd(name: str, load: Callable[[str], ModuleType]) -> None:
    activation, _, loss = name.partition("+")
    z, t, v = rows(offset=1.0 if activation == "sigmoid" else 300.0)
    compare(load(name), chosen(name), (z, t, v), lambda *at: LOSSES[loss](ACTIVATIONS[activation](*at)))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cross-entropy", {}),
        ("weighted-cross-entropy", {"weight": number("w")}),
        ("label-smoothed-cross-entropy", {"label_smoothing": SMOOTHING}),
    ],
)
def test_kernels_of_labels_agree_with_autograd(
    name: str, options: Mapping[str, Any], load: Callable[[str], ModuleType]
) -> None:
    z, _, v = rows(offset=300.0)
    labels = np.array([0, 3, 1, 2, 2])
    compare(
        load(f"softmax+{name}"),
        chosen(f"softmax+{name}"),
        (z, labels, v),
        lambda logits, target: F.cross_entropy(logits, target, reduction="none", **options),
    )


def compare(
    module: ModuleType, parameters: Mapping[str, Any], at: tuple[np.ndarray, ...], loss: Callable[..., Any]
) -> None:
    z, t, v = at
    got = {name: getattr(module, name)(z, t, **parameters) for name in ("loss", "gradient", "hessian")}
    got["hvp"] = module.hvp(z, t, v, **parameters)
    for name, expected in differentiate(loss, z, t, v).items():
        flat, truth = (each.reshape(len(z), -1) for each in (got[name], expected))
        largest = np.maximum(np.abs(truth).max(axis=1, keepdims=True), np.finfo(float).tiny)
        assert (np.abs(flat - truth) / largest).max() < TOLERANCE, name
