"""A build is the same bytes wherever and whenever it is made, and generated/ holds exactly them."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import derive
from derive.catalogue.model import Composition, Loss
from derive.catalogue.softmax import activation as softmax
from derive.cli import main
from derive.errors import DeriveError, OutputError
from derive.pipeline import build
from derive.request import read_targets
from derive.verification import verify

ROOT = Path(__file__).parents[1]
GENERATED = ROOT / "generated"
LARGEST_FILE = 150_000


def texts_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def committed(folder: Path) -> dict[str, bytes]:
    """The files of a build folder that its manifest lists, and the manifest."""
    names = [*json.loads((folder / "manifest.json").read_text())["files"], "manifest.json"]
    return {name: (folder / name).read_bytes() for name in names}


@pytest.mark.parametrize("seed", ["0", "1"])
@pytest.mark.parametrize(("name", "arguments"), [("any", []), ("n3", ["--n", "3"])])
def test_generated_is_what_the_tool_writes_under_any_hash_seed(tmp_path, name, arguments, seed):
    command = [sys.executable, "-m", "derive", "build", "--out", str(tmp_path / f"out {seed}"), *arguments]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env=environment)
    made, ours = texts_in(tmp_path / f"out {seed}" / name), committed(GENERATED / name)
    drifted = sorted(path for path in {*made, *ours} if made.get(path) != ours.get(path))
    assert drifted == [], f"generated/{name} is not what the tool writes; run: derive build {' '.join(arguments)}"


@pytest.mark.parametrize("name", ["any", "n3"])
def test_no_generated_file_is_large(name):
    sizes = {path: len(text) for path, text in committed(GENERATED / name).items()}
    assert max(sizes.values()) <= LARGEST_FILE, max(sizes, key=sizes.get)


@pytest.mark.parametrize("name", ["any", "n3"])
def test_every_generated_file_says_what_it_is(name):
    for path, text in committed(GENERATED / name).items():
        if path != "manifest.json":
            assert b"do not edit" in text, path
            assert b"SPDX-License-Identifier: 0BSD" in text, path
            assert b"derive build" in text, path


def test_a_thousand_classes_are_no_more_text(tmp_path):
    made = derive.build(n=1000, out=tmp_path)
    assert made.folder == tmp_path / "n1000"
    assert max(map(len, texts_in(made.folder).values())) <= LARGEST_FILE


def test_a_second_build_writes_nothing(tmp_path):
    first = derive.build(out=tmp_path, compositions=["softmax"])
    second = derive.build(out=tmp_path, compositions=["softmax"])
    assert len(first.changes) == first.unchanged + len(first.changes)
    assert (second.changes, second.unchanged) == ((), len(first.changes))


def test_one_composition_and_one_target(tmp_path):
    derive.build(n=2, out=tmp_path, compositions=["softmax+mse"], targets=["c"])
    assert set(texts_in(tmp_path / "n2")) == {
        "c/CMakeLists.txt",
        "c/softmax_mse.c",
        "c/softmax_mse.h",
        "manifest.json",
    }


def test_the_manifest_says_what_was_built(tmp_path):
    derive.build(n=2, out=tmp_path, compositions=["softmax+mse"], targets=["numpy"])
    spec = json.loads((tmp_path / "n2" / "manifest.json").read_text())["spec"]
    assert spec["n"] == 2
    assert spec["targets"] == ["numpy"]
    assert [each["loss"]["definition"] for each in spec["compositions"]] == [
        "sum((y[i] - t[i])**2 for i in range(n))/n"
    ]


def test_a_loss_invented_on_the_spot_is_derived_built_and_verified(tmp_path):
    cubic = Loss(name="cubic", definition="sum(t[i]*y[i]**3 for i in range(n))", source="a test")
    made = build([Composition(softmax, cubic)], None, read_targets([]), tmp_path)
    assert {path.partition("/")[0] for path in made.files["softmax+cubic"]} == {"c", "latex", "numpy"}
    findings = verify(tmp_path)
    assert {finding.part for finding in findings} >= {"derivation", "c float32", "c float64", "numpy float32"}
    assert [finding.problem for finding in findings if not finding.passed] == []


def test_two_compositions_with_one_file_name_are_refused(tmp_path):
    pair = [Composition(softmax, Loss(name, "sum(t[i]*y[i] for i in range(n))", "a test")) for name in ("a-b", "a_b")]
    with pytest.raises(DeriveError, match="would be written to the same files"):
        build(pair, None, read_targets([]), tmp_path)


def test_a_place_that_is_not_ours_is_refused_before_anything_is_derived(tmp_path, monkeypatch):
    monkeypatch.setattr("derive.pipeline.derive_quantities", lambda *_: pytest.fail("derived"))
    (tmp_path / "any").mkdir()
    (tmp_path / "any" / "thesis.tex").write_text("mine")
    with pytest.raises(OutputError, match="is not a build folder"):
        derive.build(out=tmp_path)


# The command.


def test_a_build_ends_with_a_table(tmp_path, capsys):
    assert main(["build", "--n", "3", "--out", str(tmp_path), "softmax+cross-entropy"]) == 0
    out = capsys.readouterr().out
    for word in ("softmax+cross-entropy", "y_j − t_j", "Σ_i t_i = 1", "steps", "checks passed", "files"):
        assert word in out


def test_compositions_are_arguments_or_options(tmp_path):
    words = ["softmax", "log-softmax"]
    for place, given in (("one", words), ("two", ["--composition", words[0], "--composition", words[1]])):
        assert main(["build", *given, "--target", "numpy", "--out", str(tmp_path / place)]) == 0
    assert texts_in(tmp_path / "one") == texts_in(tmp_path / "two")


def test_check_shows_the_drift_and_the_command_that_mends_it(tmp_path, capsys):
    arguments = ["--n", "2", "--out", str(tmp_path), "softmax", "--target", "c"]
    assert main(["build", *arguments]) == 0
    assert main(["build", *arguments, "--check"]) == 0
    header = tmp_path / "n2" / "c" / "softmax.h"
    header.write_text(header.read_text().replace("do not edit", "edit me"))
    before = texts_in(tmp_path)
    capsys.readouterr()
    assert main(["build", *arguments, "--check"]) == 1
    out = capsys.readouterr().out
    assert "edit me" in out
    assert f"derive build --n 2 --out {tmp_path} softmax --target c" in out.replace("\n", "")
    assert texts_in(tmp_path) == before, "a check writes nothing"


@pytest.mark.parametrize(
    ("composition", "is_normalised"),
    [
        ("softmax+log-likelihood-ratio", True),
        ("identity+log(sum(exp(z))) - z[k]", True),
        ("sigmoid+brier", False),
        ("identity+mse", False),
        ("identity+sqrt(sum(z**2))", False),
    ],
)
def test_a_header_says_what_logits_that_are_not_finite_give(composition, is_normalised, tmp_path):
    made = derive.build(out=tmp_path, compositions=[composition], targets=["c"])
    (header,) = (made.folder / "c").glob("*.h")
    says = "gives NaN\n * for that row only" if is_normalised else "give what the formula gives"
    assert says in header.read_text()


def test_check_without_a_build_names_every_file(tmp_path, capsys):
    assert main(["build", "--out", str(tmp_path), "softmax", "--target", "c", "--check"]) == 1
    assert "c/softmax.h" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        ["softmax+a*sum(t*y**2)", "--where", "0 < a < 1", "--name", "squares"],
        ["softmax+brier", "--n", "2"],
    ],
    ids=["defined on the spot", "of the catalogue"],
)
def test_the_command_in_a_head_makes_the_file_again(options, tmp_path):
    assert main(["build", *options, "--target", "numpy", "--out", str(tmp_path / "first")]) == 0
    (made,) = (tmp_path / "first").glob("*/numpy/*.py")
    command = next(line for line in made.read_text().splitlines() if line.startswith("    derive build"))
    assert main([*shlex.split(command)[1:], "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / made.relative_to(tmp_path / "first")).read_text() == made.read_text()


def test_a_build_says_what_parameters_are(tmp_path, capsys):
    definition = "softmax+sum(w[i]*t[i]*y[i]**q for i in range(n))"
    assert main(["build", definition, "--name", "own", "--out", str(tmp_path)]) == 0
    assert "softmax+own takes q, one number, 0 < q; w[i], one number for each class, 0 < w" in capsys.readouterr().out
