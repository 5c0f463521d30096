"""A layer's derivation in every format says the same: each step, each shape, the matrix forms."""

import ast
import json
import shutil
import subprocess

import pytest

from derive.api import build, derive
from derive.errors import UnknownNameError
from derive.targets.layer_report import layer_json, layer_latex, layer_markdown, layer_text


@pytest.fixture(scope="module")
def result():
    return derive("softmax+cross-entropy").layer()


def test_text_ends_in_the_matrix_forms_with_their_shapes(result):
    assert layer_text(result).splitlines()[-11:] == [
        "Z = X W + 1 b",
        "    B × n = (B × d)(d × n) + (B × 1)(1 × n)",
        "G = ∂L/∂Z = (1/B) (Y − T)",
        "    B × n = (B × n) + (B × n)",
        "∂L/∂W = Xᵀ G",
        "    d × n = (d × B)(B × n)",
        "∂L/∂b = 1ᵀ G",
        "    1 × n = (1 × B)(B × n)",
        "∂L/∂X = G Wᵀ",
        "    B × d = (B × n)(n × d)",
        "where Σ_i t_i = 1",
    ]


def test_text_names_each_rule_under_its_step_and_fits_a_terminal(result):
    lines = layer_text(result).splitlines()
    place = lines.index("    = Σ_r (Xᵀ)_ar G_rj")
    assert lines[place + 1].startswith("          transpose: ")
    assert all(len(line) <= 80 for line in lines)


def test_a_given_number_of_classes_shows_in_every_shape():
    text = layer_text(derive("softmax+mse", n=3).layer())
    assert "    d × 3 = (d × B)(B × 3)" in text
    assert "= (1/B) (2/3) Y_rj (Y_rj − T_rj − Σ_i Y_ri (Y_ri − T_ri))" in text


def test_without_a_matrix_form_the_result_stays_in_index_form():
    text = layer_text(derive("softmax+mse").layer("sum"))
    assert "\nG_rj = ∂L/∂Z_rj = (2/n) Y_rj (Y_rj − T_rj − Σ_i Y_ri (Y_ri − T_ri))" in text
    assert "∂L/∂W = Xᵀ G" in text
    assert r"$$G_{rj} = \frac{\partial L}{\partial Z_{rj}} = " in layer_markdown(derive("softmax+mse").layer())


def test_each_row_has_a_label_of_its_own():
    layer = derive("softmax+-w[k]*log(y[k])").layer()
    assert "G_rj = ∂L/∂Z_rj = (1/B) w_label_r (Y_rj − δ_(j,label_r))" in layer_text(layer)
    assert r"\delta_{j,\mathrm{label}_r}" in layer_latex(layer)
    written = json.loads(layer_json(layer))["closed_forms"]
    assert [ast.unparse(ast.parse(each["text"])) for each in written if "label[r]" in each["text"]]


def test_json_holds_shapes_closed_forms_and_steps_whose_text_is_python(result):
    document = json.loads(layer_json(result))
    assert document["shapes"]["W"] == ["d", "n"]
    forms = {each["name"]: (each["shape"], each["text"]) for each in document["closed_forms"]}
    assert forms["dL/dW"] == (["d", "n"], "X.T @ G")
    assert forms["dL/dX"] == (["B", "d"], "G @ W.T")
    assert forms["dL/db"] == (["n"], "ones.T @ G")
    assert [each["id"] for each in document["assumptions"]] == ["sum-t-1"]
    for step in document["steps"]:
        ast.parse(step["before"]["text"])
        ast.parse(step["after"]["text"])
        assert step["check"]["shapes"]


def test_markdown_puts_a_brace_with_its_shape_under_every_factor(result):
    form = r"\underbrace{X^{\top}}_{d \times B} \, \underbrace{G}_{B \times n}"
    assert rf"$$\frac{{\partial L}}{{\partial W}} = {form}$$" in layer_markdown(result)


def test_a_reduction_that_is_none_is_named():
    with pytest.raises(UnknownNameError, match=r"there is no reduction 'max'; .*mean, sum"):
        derive("softmax+mse").layer("max")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_the_fragment_and_the_shown_latex_compile(tmp_path, result):
    shown = layer_latex(derive("softmax+sum(t[i]*(1 - y[i])**2*log(y[i]) for i in range(n))").layer())
    build(out=tmp_path, compositions=["softmax+cross-entropy", "softmax+mse"], targets=["latex"], layer=True)
    folder = tmp_path / "any" / "latex"
    of_labels = layer_latex(derive("softmax+-log(y[k])").layer())
    (folder / "shown.tex").write_text(
        "\\documentclass{article}\\usepackage{amsmath}\\begin{document}\n"
        f"{layer_latex(result)}\n{shown}\n{of_labels}\n\\end{{document}}\n"
    )
    for name in ("derivations", "shown"):
        run = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", name],
            cwd=folder,
            capture_output=True,
            check=False,
        )
        log = (folder / f"{name}.log").read_text(errors="replace")
        assert run.returncode == 0, log[-2000:]
        if name == "derivations":
            assert "Overfull" not in log
            assert r"\input{softmax_mse_layer}" in (folder / "derivations.tex").read_text()
