"""`derive check --file`: what is said of functions by the precision of what they return, and of what is no array."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import derive

CE = "softmax+cross-entropy"
SOFTMAX = """
import numpy as np
def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e/e.sum(-1, keepdims=True)
"""


@pytest.fixture
def judge(tmp_path):
    """The verdict on a function that is written out."""

    def judged(composition, quantity, source):
        (tmp_path / "mine.py").write_text(SOFTMAX + source, encoding="utf-8")
        name = source[source.rindex("def ") + 4 :].partition("(")[0]
        return derive.check(composition, quantity, f"{tmp_path / 'mine.py'}:{name}", in_file=True)

    return judged


@pytest.mark.parametrize(
    ("body", "verdict", "factor", "digits"),
    [
        ("softmax(np.float32(z)) - np.float32(t)", "right-if", None, 5),
        ("softmax(np.float32(z)) - t", "right-if", None, 5),
        ("softmax(np.float32(z)) - np.float32(t) + 0*z", "right-if", None, 5),
        ("np.float32(t) - softmax(np.float32(z))", "off-by-factor", "-1", 5),
        ("(softmax(np.float32(z)) - np.float32(t))/np.float32(3)", "off-by-factor", "1/3", 5),
        ("(softmax(np.float32(z)) - np.float32(t))*np.float32(1.001)", "wrong", None, 5),
        ("softmax(np.float32(z)) - np.float32(t)*np.float32(1.001)", "wrong", None, 5),
        ("softmax(z) - t", "right-if", None, 7),
        ("softmax(z) - t + 1e-6*z", "wrong", None, 7),
        ("softmax(z) - t + 1e-4*z.astype(np.float32)", "wrong", None, 7),
        ("np.round(softmax(z), 3) - t", "wrong", None, 7),
    ],
)
def test_what_computes_in_single_precision_is_compared_in_it(judge, body, verdict, factor, digits):
    found = judge(CE, "gradient", f"def f(z, t):\n    return {body}\n")
    assert (found.verdict, found.factor) == (verdict, factor)
    assert f"compared to {digits} digits" in found.checked[0] or verdict == "wrong"


def test_the_entries_that_differ_in_single_precision_are_those_that_are_wrong(judge):
    body = "y = softmax(np.float32(z)) - t\n    y[..., 0] *= 2\n    return y\n"
    found = judge(CE, "gradient", f"def f(z, t):\n    {body}")
    assert found.verdict == "wrong"
    assert found.counterexample.differs == [[1]]


def test_tensors_are_given_where_arrays_will_not_do_and_leave_their_graph(judge):
    torch = pytest.importorskip("torch")
    assert torch is not None
    head = "import torch\nimport torch.nn.functional as F\n"
    plain = judge(CE, "gradient", f"{head}def f(z, t):\n    return torch.softmax(z.float(), -1) - t\n")
    assert plain.verdict == "right-if"
    by_graph = (
        "def f(z, labels):\n    z = z.clone().requires_grad_()\n"
        "    F.cross_entropy(z, labels, reduction='sum').backward()\n    return z.grad\n"
    )
    assert judge(CE, "gradient", head + by_graph).verdict == "right"


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("None", "returned None"),
        ("()", "returned an empty tuple"),
        ("{}", "returned an empty dict"),
        ("'y - t'", "returned the text 'y - t'"),
        ("('y', None)", "returned a tuple without numbers"),
        ("[[1.0, 2.0], [3.0]]", "returned lists whose lengths differ"),
        ("z*1j", "returned complex numbers"),
        ("object()", "returned a value of the type object"),
        ("(softmax(z) - t).astype(np.float16)", "returned numbers of 11 bits"),
    ],
)
def test_what_is_no_array_of_numbers_is_named_with_what_is_due(judge, result, said):
    found = judge(CE, "gradient", f"def f(z, t):\n    return {result}\n")
    assert found.verdict == "ill-formed"
    assert said in found.reason
    assert found.reason.endswith("where an array of the shape (n,) is due")


@pytest.mark.parametrize(
    ("source", "verdict", "mistake", "one_row"),
    [
        ("def f(y):\n    return np.diag(y) - np.outer(y, y)\n", "right", None, True),
        ("def f(y):\n    return np.diag(y)*1.0 - y.reshape(-1, 1)*y\n", "right", None, True),
        ("def f(y):\n    return y[..., None]*(np.eye(y.shape[-1]) - y[..., None, :])\n", "right", None, False),
        ("def f(y):\n    return np.diag(y)\n", "wrong", "quotient-rule", False),
        (
            (
                "def f(z):\n    y = np.exp(z)/np.exp(z).sum()\n"
                "    return y[..., None]*(np.eye(z.shape[-1]) - y[..., None, :])\n"
            ),
            "wrong",
            "index-mixed-up",
            False,
        ),
    ],
)
def test_a_jacobian_may_be_of_one_row(judge, source, verdict, mistake, one_row):
    found = judge("softmax", "jacobian", source)
    assert (found.verdict, found.mistake and found.mistake.id) == (verdict, mistake)
    assert any("one row at a time" in line for line in found.checked) == one_row


def test_a_vector_for_each_row_is_due_of_a_product(judge):
    found = judge("softmax", "vjp", "def f(y, g):\n    return y*(g - np.dot(g, y))\n")
    assert (found.verdict, found.mistake.id) == ("wrong", "index-mixed-up")


def test_a_jacobian_of_lists_is_of_one_row_whatever_the_number_of_rows(judge):
    entries = "[[y[i]*((i == j) - y[j]) for j in range(len(y))] for i in range(len(y))]"
    found = judge("softmax", "jacobian", f"def f(y):\n    return {entries}\n")
    assert found.verdict == "right"
    assert "it takes one row at a time" in found.checked[1]


def test_a_function_ends_though_nobody_is_left_to_end_it(tmp_path):
    source = tmp_path / "grad.py"
    source.write_text("def grad(z):\n    while True:\n        pass\n")
    request = {"path": str(source), "name": "grad", "calls": [{"z": [0.0, 1.0]}], "loading": 60, "running": 1}
    runner = Path(derive.__file__).with_name("checking") / "runner.py"
    ended = subprocess.run(
        [sys.executable, str(runner), str(tmp_path / "answer.json")],
        input=json.dumps(request),
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert not (tmp_path / "answer.json").read_text()
