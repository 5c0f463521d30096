"""The LaTeX of losses that are typed by hand compiles: parameters, labels, nested sums, names that LaTeX knows."""

import shutil
import subprocess
from pathlib import Path

import pytest

import derive

DEFINITIONS = (
    "softmax+-sum(t[i]*log(y[i]) for i in range(n))*double",
    "softmax+-(1 - y[k])**gamma*log(y[k])",
    "softmax+sum(w[i]*t[i]*y[i] for i in range(n))/sqrt(sum(y[i]**2 for i in range(n)))",
    "softmax+lambda_1*sum((y[i] - t[i])**2 for i in range(n))/n",
    "softmax+sum(y[i]*sum(c[k]*y[k] for k in range(n)) for i in range(n))",
    "softmax+(1 - y[k]**q)/q",
    "softmax+log(1 + exp(-alpha*y[k]))",
    "identity+log(sum(exp(z))) - sum(t*z)",
    "identity+sum(tanh(beta*z[i] - t[i])**2 for i in range(n))",
    "sigmoid+sum(abs(t[i] - y[i]) for i in range(n))",
)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_definitions_of_ones_own_compile(tmp_path: Path) -> None:
    build = derive.build(out=tmp_path, compositions=DEFINITIONS, targets=["latex"], allow_unsafe=True)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "derivations.tex"]
    folder = build.folder / "latex"
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stdout[-3000:]
    assert "Undefined control sequence" not in run.stdout
