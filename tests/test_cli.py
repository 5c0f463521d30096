"""The command line: what it prints, where, and its exit status."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from derive.cli import main
from derive.cli_types import CompositionType
from derive.errors import KernelError, ProofError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run(capsys):
    """Run a command line; its exit status, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def derive(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "derive", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, **options)


# Listing and showing.


def test_list_names_everything_that_can_be_asked_for(run):
    status, out, _ = run("list")
    assert status == 0
    for word in ("softmax", "log-softmax", "cross-entropy", "mse", "gradient", "sum-t-1", "numpy", "latex", "Bishop"):
        assert word in out
    for closed_form in ("y_i (δ_ij − y_j)", "y_j − t_j", "y_j Σ_i w_i t_i − w_j t_j"):
        assert closed_form in out
    assert not any(line.endswith(" ") for line in out.splitlines())


def test_list_as_json_is_one_document(run):
    status, out, _ = run("list", "--json", "--activation", "sigmoid")
    data = json.loads(out)
    assert status == 0
    assert {"softmax", "softmax+mse"} <= {composition["name"] for composition in data["compositions"]}
    assert {"c", "latex", "numpy"} <= set(data["targets"])
    assert all(loss["definition"] and loss["source"] for loss in data["losses"])
    closed_forms = {each["composition"]: each["text"] for each in data["closed_forms"]}
    assert closed_forms["sigmoid+binary-cross-entropy"] == "y[j] - t[j]"


def test_list_of_definitions_derives_nothing(run):
    status, out, _ = run("list", "--definitions", "--json")
    assert status == 0
    assert "closed_forms" not in json.loads(out)


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        (("softmax", "--quantity", "jacobian"), "y_i (δ_ij − y_j)"),
        (("softmax+cross-entropy",), "y_j − t_j"),
        (("softmax+cross-entropy", "--assume", "none"), "y_j Σ_i t_i − t_j"),
        (("softmax+cross-entropy", "--quantity", "hessian"), "y_i (δ_ij − y_j)"),
        (("softmax+cross-entropy", "--quantity", "hvp"), "y_j (v_j − Σ_i v_i y_i)"),
        (("softmax+mse",), "(2/n) y_j (y_j − t_j − Σ_i y_i (y_i − t_i))"),
    ],
)
def test_show_arrives_at_the_closed_form(run, arguments, end):
    status, out, err = run("show", *arguments)
    assert (status, err) == (0, "")
    assert end in out


@pytest.mark.parametrize("form", ["text", "latex", "markdown", "json"])
def test_what_takes_no_step_is_shown_too(run, form):
    code, out, err = run("show", "identity", "--quantity", "value", "--format", form)
    assert (code, err) == (0, "")
    assert form == "json" or "Checked: the closed form against the definition exactly, modulo" in out.replace("\n", " ")


def test_show_names_the_assumption_at_the_step_that_used_it(run):
    _, out, _ = run("show", "softmax+cross-entropy", "--format", "json")
    steps = json.loads(out)["steps"]
    using = [step for step in steps if step["assumptions"]]
    assert len(using) == 1
    assert "sum-t-1" in json.dumps(using[0]["assumptions"])
    _, out, _ = run("show", "softmax+cross-entropy", "--assume", "none", "--format", "json")
    assert not any(step["assumptions"] for step in json.loads(out)["steps"])


def test_show_as_json_is_what_the_interface_says(run):
    _, out, _ = run("show", "softmax+mse", "--quantity", "gradient", "--n", "3", "--format", "json")
    document = json.loads(out)
    fields = {"composition", "quantity", "n", "definition", "assumptions", "closed_form", "steps"}
    assert fields <= set(document)
    assert (document["composition"], document["quantity"], document["n"]) == ("softmax+mse", "gradient", 3)
    assert set(document["closed_form"]) == {"text", "latex"}
    for step in document["steps"]:
        assert {"rule", "reason", "before", "after", "assumptions", "check"} <= set(step)


def test_the_loss_is_the_value_of_a_composition_with_a_loss(run):
    _, as_loss, _ = run("show", "softmax+mse", "--quantity", "loss", "--format", "json")
    _, as_value, _ = run("show", "softmax+mse", "--quantity", "value", "--format", "json")
    assert as_loss == as_value


@pytest.mark.parametrize("form", ["text", "latex", "markdown", "json"])
def test_every_format_shows_a_loss_defined_on_the_spot(run, form):
    status, out, err = run("show", "softmax+-sum(t[i]*log(y[i]) for i in range(n))", "--format", form)
    assert (status, err) == (0, "")
    assert out.strip()


def test_a_composition_with_spaces_is_one_argument(run):
    assert run("show", " softmax + mse ")[0] == 0


@pytest.mark.parametrize("form", ["text", "latex", "markdown", "json"])
def test_every_format_shows_a_layer(run, form):
    status, out, err = run("show", "softmax+mse", "--layer", "--reduction", "sum", "--format", form)
    assert (status, err) == (0, "")
    assert "transpose" in out


def test_a_layer_is_built_only_where_it_is_asked_for(run, tmp_path):
    arguments = ("build", "softmax+mse", "--target", "numpy", "--out", str(tmp_path))
    assert run(*arguments)[0] == 0
    plain = {path.name: path.read_bytes() for path in (tmp_path / "any" / "numpy").iterdir()}
    assert set(plain) == {"softmax_mse.py"}
    assert run(*arguments, "--layer")[0] == 0
    both = {path.name: path.read_bytes() for path in (tmp_path / "any" / "numpy").iterdir()}
    assert set(both) == {"softmax_mse.py", "softmax_mse_layer.py"}
    assert both["softmax_mse.py"] == plain["softmax_mse.py"]
    status, out, _ = run(*arguments, "--check")
    assert status == 1
    assert "softmax_mse_layer.py" in out


# Mistakes: one sentence on standard error, status 2.

MISTAKES = [
    (("build", "--n", "0"), "N is '0'; it must be a whole number"),
    (("build", "--n", "-1"), "N is '-1'; it must be a whole number"),
    (("build", "--n=-1"), "N is '-1'; it must be a whole number"),
    (("build", "--n", "three"), "N is 'three'; it must be a whole number"),
    (("build", "--n", ""), "N is ''; it must be a whole number"),
    (("build", "--n", "1e3"), "it must be a whole number"),
    (("build", "--n", "99999999999999999999"), "from 1 to 2147483647"),
    (("build", "softmax+mes"), "there is no loss 'mes'; did you mean mse?"),
    (("build", "--target", "nunpy"), "there is no target 'nunpy'; did you mean numpy?"),
    (("build", "--out", __file__), "is a file; name a folder"),
    (("build", "--out", "/proc/derive"), "cannot write"),
    (
        ("show", "softmax", "--quantity", "gradient"),
        "softmax has no quantity 'gradient'; softmax has value, ",
    ),
    (
        ("show", "softmax+mse", "--assume", "none", "--assume", "sum-t-1"),
        "--assume none stands alone; it was given with sum-t-1",
    ),
    (("show", "softmax+mse", "--quantity", "gradent"), "did you mean gradient"),
    (("show", "softmax+mse", "--assume", "sum-t-2"), "there is no assumption 'sum-t-2'; did you mean sum-t-1?"),
    (("show", "softmax", "--layer"), "softmax has no loss; a layer is derived for an activation, +, and a loss"),
    (("show", "softmax+mse", "--layer", "--quantity", "hvp"), "leave --quantity out"),
    (("show", "softmax+mse", "--reduction", "sum"), "it needs --layer"),
    (("show", "softmx"), "there is no activation 'softmx'; did you mean softmax"),
    (("show", "-sum(y[i] for i in range(n))"), "there is no activation '-sum(y[i] for i in range(n))'"),
    (("show", "softmax+y[i]*y[k]"), "has the free indices i and k"),
    (("show", "softmax+exec('1')"), "exec is not a function here"),
    (("show", "softmax", "--format", "pdf"), "'pdf' is not one of"),
    (("show", "softmax", "--quantiy", "jacobian"), "Did you mean '--quantity'?"),
    (("show",), "Missing argument 'COMPOSITION'"),
    (("shwo", "softmax"), "Did you mean 'show'?"),
    (("verify", "/nowhere"), "/nowhere holds no build"),
    (("build", "--check", "--verify"), "--check writes nothing that --verify could test; leave one of them out"),
]


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES, ids=[" ".join(mistake[0]) for mistake in MISTAKES])
def test_a_mistake_is_one_sentence_and_status_2(run, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(*arguments)
    assert status == 2
    assert sentence in err
    assert err.startswith("derive: ")
    assert err.count("\n") == 1, "one line"
    assert out == ""
    assert list(tmp_path.iterdir()) == [], "nothing is written"


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "softmx", "--format", "json"),
        ("show", "softmx", "--format=json"),
        ("show", "--format", "json"),
        ("list", "--json", "--nothing"),
    ],
)
def test_with_json_a_mistake_is_a_document_too(run, arguments):
    status, out, err = run(*arguments)
    assert status == 2
    assert json.loads(out)["error"] == err.removeprefix("derive: ").strip()


@pytest.mark.parametrize("error", [ProofError, KernelError])
def test_a_failed_check_is_status_1_and_says_so(run, monkeypatch, error):
    def fail(*_, **__):
        raise error("the rule 'x' made a step that is false")

    monkeypatch.setattr("derive.api.derive_quantity", fail)
    status, _, err = run("show", "softmax")
    assert status == 1
    assert "the rule 'x'" in err


# The process around it.


def test_without_a_command_there_is_help():
    done = derive()
    assert done.returncode == 2
    assert "Commands:" in done.stderr


def test_help_does_not_wait_for_sympy():
    script = "import sys; from derive.cli import main; main(['--help']); sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, cwd=ROOT).returncode == 0


def test_a_closed_pipe_is_quiet():
    command = f"'{sys.executable}' -m derive list | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S602
    assert done.stderr == ""


def test_an_interrupt_is_quiet():
    script = (
        "import derive.api, derive.cli, os, signal\n"
        # A shell starts what runs in the background with interrupts ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "derive.api.derive_quantity = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)\n"
        "raise SystemExit(derive.cli.main(['show', 'softmax']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 128 + signal.SIGINT
    assert done.stderr.strip() == ""


def test_names_of_compositions_are_completed():
    items = CompositionType().shell_complete(None, None, "softmax+c")
    assert [item.value for item in items] == ["softmax+cross-entropy"]
    assert "plain,log-softmax\n" in completed("derive show log", 2)


def test_quantities_are_completed_for_the_composition_before_them():
    assert completed("derive show softmax+focal --quantity g", 4).splitlines() == [
        "plain,gradient",
        "plain,gauss-newton",
        "plain,gnvp",
        "plain,gradient:t",
        "plain,gradient:gamma",
    ]
    assert completed("derive check softmax v", 3).splitlines() == ["plain,value", "plain,vjp"]
    assert completed("derive check nothing v", 3).strip() == ""


def completed(words: str, place: int) -> str:
    """What bash is told of the word at a place."""
    request = {"_DERIVE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(place)}
    script = "from derive.cli import main; raise SystemExit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **request},
    )
    return done.stdout


def test_a_missing_compiler_is_named_before_anything_is_derived(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert main(["build", "softmax", "--out", str(tmp_path / "out"), "--verify"]) == 2
    assert "CC is 'no-such-compiler'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    wanted = ["build", "softmax", "--target", "numpy", "--out", str(tmp_path / "out"), "--verify"]
    assert main(wanted) == 0
