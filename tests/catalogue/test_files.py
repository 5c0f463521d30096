"""Definition files say what a loss is, and are never run."""

from pathlib import Path

import pytest

import derive
from derive.catalogue import read_composition
from derive.catalogue.files import read_file
from derive.cli import main
from derive.errors import DefinitionError, DeriveError
from derive.language.show import text

LOSS = '''"""A loss of mine."""
from derive.catalogue.model import Loss

loss = Loss(
    name="cubed",
    definition="a*sum(t*y**3)",
    where="0 < a < 1",
    assumes=("sum-t-1",),
    source="me, "
    "today",
)
'''


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a definition file, and give its name."""
    monkeypatch.chdir(tmp_path)

    def write(content: str | bytes, name: str = "mine.py") -> str:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return write


def test_a_file_stands_where_the_name_of_a_loss_can(file) -> None:
    found = derive.derive(f"softmax+{file(LOSS)}")
    assert found.composition.name == "softmax+cubed"
    assert found.composition.stem == "softmax_cubed"
    assert found.composition.loss.source == "me, today"
    assert [parameter.range.describe("a") for parameter in found.composition.parameters] == ["0 < a < 1"]
    assert text(found.closed_form("gradient")) == "3*a*y[j]*(t[j]*y[j]**2 - sum(t[i]*y[i]**3 for i in range(n)))"


def test_a_file_may_define_the_activation_and_the_loss(file) -> None:
    activation = (
        'Activation(name="half", output="y[i]", y="exp(z[i]/2)/sum(exp(z[k]/2) for k in range(n))", source="")\n'
    )
    name = file(activation + LOSS)
    assert read_composition(name).name == "half+cubed"
    assert read_composition(f"{name}+mse").name == "half+mse"
    assert read_composition(f"softmax+{name}").name == "softmax+cubed"


def test_nothing_of_a_file_is_run(file) -> None:
    name = file("import os\nos.mkdir('made')\n" + LOSS)
    with pytest.raises(DefinitionError, match=r"mine.py, line 2 is no part of a definition file"):
        read_file(name)
    assert not Path("made").exists()
    assert read_file(file("import nothing_that_exists\n" + LOSS)).loss is not None, "imports are not followed"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "defines nothing"),
        ("loss = Loss()", "Loss has no name; it needs one"),
        ("loss = Loss('cubed')", "takes keyword arguments: name, definition"),
        (LOSS + LOSS, "a second Loss"),
        (LOSS.replace('"cubed"', "'cu' + 'bed'"), "\"'cu' + 'bed'\" is not a string, written out"),
        (LOSS.replace('"cubed"', "f'cubed'"), "is not a string"),
        (LOSS.replace('"cubed"', "open('/etc/passwd').read()"), "is not a string"),
        (LOSS.replace('("sum-t-1",)', '"sum-t-1"'), "is not a tuple of strings"),
        (LOSS.replace("sum-t-1", "sum-t-2"), "did you mean sum-t-1?"),
        (LOSS.replace("where", "were"), "there is no argument of Loss 'were'; did you mean where?"),
        (LOSS.replace("0 < a", "0 < b"), "declares"),
        (LOSS.replace('"cubed"', '"../cubed"'), "cannot be a name"),
        (LOSS.replace('"cubed"', '"mse"'), "the catalogue has another mse"),
        (LOSS.replace("y**3", "q(y)"), "q is not a function"),
        (LOSS.replace("sum(t*y**3)", "y[i]*t[k]"), "has the free indices i and k"),
        ("loss = Loss(", "line 1 is no Python"),
        ("\x00", "is no"),
        (b"\xff\xfe", "is no Python file in UTF-8"),
        ("#" * 200_000, "has more than 100000 bytes"),
        ("(" * 10_000, "mine.py"),
        ("x = " + "-" * 50_000 + "1", "mine.py"),
    ],
)
def test_what_is_no_definition_file_is_refused_in_one_sentence(file, capsys, content, sentence) -> None:
    status = main(["show", f"softmax+{file(content)}"])
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert sentence in err


@pytest.mark.parametrize("name", ["nowhere.py", "folder.py", "no\x00where.py", "a" * 5000 + ".py"])
@pytest.mark.usefixtures("file")
def test_a_file_that_is_none_is_refused(name) -> None:
    Path("folder.py").mkdir()
    with pytest.raises(DefinitionError, match=r".+"):
        read_composition(f"softmax+{name}")


def test_a_definition_on_the_spot_takes_a_name_and_ranges() -> None:
    found = derive.derive("softmax+a*sum(t*y**2)", where="0 < a < 1", name="squared").composition
    assert (found.name, found.stem) == ("softmax+squared", "softmax_squared")
    assert found.parameters[0].range.describe("a") == "0 < a < 1"


def test_no_range_and_no_name_may_be_said(tmp_path) -> None:
    plain = derive.derive("softmax+a*sum(t*y**2)").composition
    assert derive.derive("softmax+a*sum(t*y**2)", where=None, name=None).composition == plain
    named = ["softmax+a*sum(t*y**2)"]
    built = derive.build(out=tmp_path, compositions=named, targets=["latex"], where=None, name=None, dry=True)
    assert list(built.files) == [plain.name]


@pytest.mark.parametrize(
    ("name", "where", "loss_name", "sentence"),
    [
        ("softmax+mse", "a > 0", "", "'mse' has its own"),
        ("softmax", "", "mine", "'softmax' has its own"),
        ("softmax+sum(t*y)", "a > 0", "", "declares a, which is no parameter"),
        ("softmax+sum(t*y)", "", "mse", "the catalogue has another mse"),
        ("softmax+sum(t*y)", "", "a/b", "'a/b' cannot be a name"),
        ("softmax+sum(t*y)", "", "ünï", "cannot be a name"),
    ],
)
def test_a_name_or_range_that_cannot_be_is_refused(name, where, loss_name, sentence) -> None:
    with pytest.raises(DefinitionError) as refusal:
        derive.derive(name, where=where, name=loss_name)
    assert sentence in str(refusal.value)


def test_a_build_under_a_name_verifies_from_its_own_files(tmp_path, capsys) -> None:
    arguments = ["softmax+sum(t*y**2)", "--name", "squared", "--target", "numpy"]
    assert main(["build", *arguments, "--out", str(tmp_path)]) == 0
    assert (tmp_path / "any/numpy/softmax_squared.py").is_file()
    assert main(["verify", str(tmp_path)]) == 0
    capsys.readouterr()


def test_a_name_is_for_one_composition() -> None:
    with pytest.raises(DeriveError, match="is for one composition, and 2 are named"):
        derive.build(compositions=["softmax", "softmax+sum(t*y)"], name="mine", dry=True)
