"""Generated files work anywhere: copied to a bare folder, with neither this project nor SymPy nor Jinja."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GENERATED = Path(__file__).parents[1] / "generated"

PYTHON = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"derive", "sympy", "jinja2", "mpmath"}:
            raise ImportError(f"{name} is not to be had here")

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, "numpy_kernels")

import numpy as np
import log_softmax, softmax, softmax_cross_entropy, softmax_mse

z = np.array([[1.0, 2.0, 3.0], [1e4, 1e4, -1e4]])
t = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
y = softmax.value(z)
assert np.allclose(y.sum(axis=-1), 1)
assert np.allclose(log_softmax.value(z[:1]), np.log(y[:1]))
assert np.allclose(softmax_cross_entropy.gradient(z, t), y - t)
assert np.allclose(softmax_cross_entropy.gradient(z, np.array([2, 0])), y - np.eye(3)[[2, 0]])
loss, gradient = softmax_mse.loss_and_gradient(z, t)
assert loss.shape == (2,) and gradient.shape == (2, 3)
assert not {"sympy", "jinja2", "derive"} & set(sys.modules)
"""

C = """
#include <math.h>
#include <stdio.h>
#include "softmax_cross_entropy.h"

int main(void)
{
    const float z[2][3] = {{1.0f, 2.0f, 3.0f}, {0.0f, 0.0f, 0.0f}};
    const int64_t labels[2] = {2, 0};
    float loss[2], grad[2][3];
    const int status = CALL(z[0], 3, labels, loss, grad[0], 3);
    printf("%d %.4f %.4f\\n", status, (double)loss[1], (double)grad[1][0]);
    return status;
}
"""


@pytest.fixture(params=["any", "n3"])
def outside(request, tmp_path):
    """A bare folder with a copy of one build, its NumPy modules beside each other and its C as it is."""
    build = GENERATED / request.param
    shutil.copytree(build / "numpy", tmp_path / "numpy_kernels", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(build / "c", tmp_path / "c")
    return request.param, tmp_path


def test_numpy_modules_need_numpy_alone(outside):
    _, folder = outside
    command = [sys.executable, "-P", "-c", PYTHON]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env={})
    assert done.returncode == 0, done.stderr


def test_c_files_need_a_compiler_alone(outside):
    build, folder = outside
    compiler = shutil.which("cc") or pytest.skip("no C compiler here")
    name = "softmax_cross_entropy_n3_" if build == "n3" else "softmax_cross_entropy_"
    sizes = "2," if build == "n3" else "2, 3,"
    call = f"-DCALL(...)={name}loss_and_gradient_labels_f32({sizes} __VA_ARGS__)"
    (folder / "main.c").write_text(C)
    compile_it = [compiler, "-std=c11", call, "-Ic", "main.c", "c/softmax_cross_entropy.c", "-lm", "-o", "program"]
    subprocess.run(compile_it, cwd=folder, check=True)
    done = subprocess.run([folder / "program"], capture_output=True, text=True, check=False)
    assert done.stdout == "0 1.0986 -0.6667\n"


def test_the_document_stands_alone(outside):
    build, folder = outside
    latex = shutil.which("pdflatex") or pytest.skip("no pdflatex here")
    shutil.copytree(GENERATED / build / "latex", folder / "latex")
    command = [latex, "-interaction=nonstopmode", "-halt-on-error", "derivations.tex"]
    done = subprocess.run(command, cwd=folder / "latex", capture_output=True, text=True, check=False, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
