"""What CONTRIBUTING says about adding a loss is followed literally: one new file, and everything knows the loss."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECTION = (ROOT / "CONTRIBUTING.md").read_text().partition("## Adding a loss")[2].partition("\n## ")[0]


def test_adding_a_loss_touches_one_new_file(tmp_path: Path) -> None:
    for folder in ("derive", "templates"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    name = re.search(r"`(derive/catalogue/\w+\.py)`", SECTION)
    code = re.search(r"```python\n(.*?)```", SECTION, re.DOTALL)
    assert name is not None
    assert code is not None
    file = tmp_path / name[1]
    assert not file.exists(), "the example is a loss that the catalogue does not have"
    file.write_text(code[1])
    commands = re.findall(r"^derive .*$", SECTION, re.MULTILINE)
    assert {command.split()[1] for command in commands} == {"show", "build", "verify"}
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "derive", *command.split()[1:]],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
