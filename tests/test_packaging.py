"""What is installed: a wheel that carries its templates and works without the checkout, from a lock without hosts."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import derive

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_the_templates_and_the_licence(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    templates = {path.relative_to(ROOT).as_posix() for path in (ROOT / "templates").rglob("*.j2")}
    assert {f"derive/{name}" for name in templates} <= set(names)
    assert {"derive/py.typed", "derive/catalogue/mse.py"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests", "generated", "templates")) for name in names)


def test_the_installed_tool_writes_the_same_files(wheel, tmp_path):
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    script = f"import sys; sys.path.insert(0, {str(site)!r}); from derive.cli import main; sys.exit(main())"
    command = [sys.executable, "-P", "-c", script, "build", "--n", "3"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made, ours = tmp_path / "generated" / "n3" / "manifest.json", ROOT / "generated" / "n3" / "manifest.json"
    assert json.loads(made.read_text())["files"] == json.loads(ours.read_text())["files"]


def test_the_console_script_is_the_command_line(wheel):
    entry_points = zipfile.ZipFile(wheel).read(f"derive_softmax-{derive.__version__}.dist-info/entry_points.txt")
    assert b"derive = derive.cli:main" in entry_points


def test_the_lock_pins_everything_by_hash_and_names_no_host():
    text = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^([a-z0-9-]+)==\S+ \\\n    --hash=sha256:", text, flags=re.MULTILINE)
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = [
        *wanted["dependencies"],
        *(each for extra in ("test", "lint") for each in wanted["optional-dependencies"][extra]),
    ]
    assert {re.match("[a-z0-9-]+", each).group() for each in required} <= set(pins)
    assert "://" not in text
    assert len(pins) == text.count("==")


def test_public_names_are_loaded_when_they_are_used():
    script = "import sys, derive; assert 'sympy' not in sys.modules; derive.derive; assert 'sympy' in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
    assert set(derive.__all__) <= set(dir(derive))
    with pytest.raises(derive.DeriveError):
        derive.derive("softmax+nothing-of-the-kind(")
    with pytest.raises(AttributeError, match="has no attribute 'integrate'"):
        _ = derive.integrate
