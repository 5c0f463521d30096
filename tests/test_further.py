"""Kernels of derivatives with respect to targets and parameters, built when they are asked for."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import derive
from derive.calculus.engine import derive_quantity
from derive.catalogue import read_composition
from derive.cli import main
from derive.errors import DeriveError, UnknownNameError, UnsupportedError
from derive.verification import verify

STEP = 1e-6
Z = np.array([[0.25, -1.0, 2.0], [1.5, 1.5, -0.5]])
T = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def warm(tmp_path_factory) -> Path:
    """A build with two parameters, one of them of the activation."""
    return derive.build(
        n=3,
        out=tmp_path_factory.mktemp("out"),
        compositions=["softmax-temperature+poly-1"],
        targets=["numpy", "c"],
        quantities=["gradient:epsilon", "gradient:T", "gradient:t"],
    ).folder


def test_they_are_slopes_of_the_loss_row_by_row(warm) -> None:
    module = load(warm / "numpy" / "softmax_temperature_poly_1.py")
    at = {"epsilon": 1.5, "T": 2.0}
    for name, value in at.items():
        above, below = ({**at, name: value + change} for change in (STEP, -STEP))
        slopes = (module.loss(Z, T, **above) - module.loss(Z, T, **below)) / (2 * STEP)
        got = getattr(module, f"gradient_{name}")(Z, T, **at)
        assert got.shape == (2,)
        np.testing.assert_allclose(got, slopes, rtol=1e-7, atol=1e-9)
    moved = [T + STEP * np.eye(3)[k] for k in range(3)]
    slopes = np.stack([(module.loss(Z, each, **at) - module.loss(Z, T, **at)) / STEP for each in moved], axis=-1)
    np.testing.assert_allclose(module.gradient_t(Z, T, **at), slopes, rtol=1e-6, atol=1e-8)


def test_they_take_labels_weights_and_an_upstream_gradient(warm) -> None:
    module = load(warm / "numpy" / "softmax_temperature_poly_1.py")
    at, labels = {"epsilon": 1.5, "T": 2.0}, np.array([2, 1])
    plain = module.gradient_epsilon(Z, labels, **at)
    np.testing.assert_allclose(plain, module.gradient_epsilon(Z, np.eye(3)[labels], **at), rtol=1e-12)
    scaled = module.gradient_epsilon(Z, labels, **at, reduction="mean", weight=[1.0, 3.0], upstream=2.0)
    np.testing.assert_allclose(scaled, plain * [0.5, 1.5], rtol=1e-12)
    with pytest.raises(ValueError, match=r"t has shape \(2,\); it should broadcast"):
        module.gradient_t(Z, labels, **at)


def test_they_are_verified_and_the_head_says_the_command(warm) -> None:
    assert all(each.passed for each in verify(warm)), [each.problem for each in verify(warm)]
    text = (warm / "numpy" / "softmax_temperature_poly_1.py").read_text()
    assert "--quantity gradient:t --quantity gradient:T --quantity gradient:epsilon" in " ".join(text.split()[:60])
    assert (
        "int softmax_temperature_poly_1_n3_gradient_epsilon_labels_f32("
        in (warm / "c" / "softmax_temperature_poly_1.h").read_text()
    )


def test_nothing_of_it_is_built_without_being_asked_for(tmp_path) -> None:
    folder = derive.build(n=3, out=tmp_path, compositions=["softmax+poly-1"], targets=["numpy"]).folder
    assert "gradient_epsilon" not in (folder / "numpy" / "softmax_poly_1.py").read_text()
    assert "further" not in json.loads((folder / "manifest.json").read_text())["spec"]["compositions"][0]


def test_gauss_newton_is_the_curvature_by_the_output_between_two_jacobians(tmp_path) -> None:
    build = derive.build(
        out=tmp_path, compositions=["softmax+poly-1"], targets=["numpy", "c"], quantities=["gauss-newton", "gnvp"]
    )
    assert all(each.passed for each in verify(build.folder)), [each.problem for each in verify(build.folder)]
    module, epsilon, v = load(build.folder / "numpy" / "softmax_poly_1.py"), 1.5, np.array([0.5, -1.0, 2.0])
    y = np.exp(Z) / np.exp(Z).sum(-1, keepdims=True)
    jacobians = [np.diag(each) - np.outer(each, each) for each in y]
    wanted = np.stack([each.T @ np.diag(t / p**2) @ each for each, t, p in zip(jacobians, T, y, strict=True)])
    np.testing.assert_allclose(module.gauss_newton(Z, T, epsilon=epsilon), wanted, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(module.gnvp(Z, T, v, epsilon=epsilon), wanted @ v, rtol=1e-12, atol=1e-14)
    at_labels = module.gnvp(Z, np.array([2, 1]), v, epsilon=epsilon)
    np.testing.assert_allclose(at_labels, module.gnvp(Z, np.eye(3)[[2, 1]], v, epsilon=epsilon), rtol=1e-12)


def test_a_label_does_not_vary() -> None:
    composition = read_composition("softmax+cross-entropy")
    with pytest.raises(UnsupportedError, match="no t to be differentiated by"):
        derive_quantity(composition, "gradient:t", labels=True)


def test_what_is_no_such_derivative_is_refused(tmp_path, capsys) -> None:
    with pytest.raises(UnknownNameError, match="no quantity to build 'gradient:beta'"):
        derive.build(out=tmp_path, compositions=["softmax+poly-1"], quantities=["gradient:beta"])
    with pytest.raises(DeriveError, match="compositions that are named; name one"):
        derive.build(out=tmp_path, quantities=["gradient:t"])
    status = main(["build", "--out", str(tmp_path), "identity+mse", "--quantity", "gnvp"])
    assert status == 2
    assert "no quantity to build 'gnvp'" in capsys.readouterr().err


def test_a_loss_that_reads_itself_is_refused(capsys) -> None:
    assert main(["show", "softmax+L*sum(t*y**2)"]) == 2
    assert "reads L, the loss itself" in capsys.readouterr().err
