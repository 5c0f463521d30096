"""Losses of no catalogue go from a line of text to a derivation, LaTeX that compiles, and kernels that pass."""

import shutil
import subprocess

import pytest

from derive.cli import main

TYPED_IN = {
    # Milletari, Navab and Ahmadi, V-Net, 2016, with the s of its implementations
    "dice": ("1 - (2*sum(t*y) + s)/(sum(t) + sum(y) + s)", ""),
    # Wang and others, Symmetric cross entropy for robust learning with noisy labels, 2019; log 0 is log c
    "symmetric": ("-a*sum(t*log(y)) - b*sum(y*log(t + c))", ""),
    # Zhang and Sabuncu, Generalized cross entropy loss, 2018, with a penalty on confidence, Pereyra and others, 2017
    "generalised-entropy": ("sum(t*(1 - y**q))/q + b*sum(y*log(y))", "0 < q <= 1"),
    # Hellinger, 1909
    "squared-hellinger": ("sum((sqrt(t) - sqrt(y))**2)/2", ""),
    # Feng and others, Can cross entropy loss be robust to label noise?, 2020: its series to the second order
    "taylor": ("sum(t*((1 - y) + (1 - y)**2/2))", ""),
    # Amari, Differential-geometrical methods in statistics, 1985
    "alpha-divergence": ("(1 - sum(t**a*y**(1 - a)))/(a*(1 - a))", "0 < a < 1"),
}


@pytest.mark.parametrize("name", TYPED_IN)
def test_a_typed_in_loss_is_derived_built_and_verified(name, tmp_path, capsys):
    definition, where = TYPED_IN[name]
    arguments = [f"softmax+{definition}", "--where", where, "--name", name, "--out", str(tmp_path)]
    assert main(["build", *arguments, "--verify"]) == 0
    built, verified = capsys.readouterr().out.split(" 0 removed\n")
    assert f"softmax+{name}" in built
    assert verified.endswith("all 6 parts passed\n")
    if shutil.which("pdflatex") is not None:
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "derivations.tex"]
        done = subprocess.run(command, cwd=tmp_path / "any" / "latex", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        assert "Overfull" not in done.stdout
