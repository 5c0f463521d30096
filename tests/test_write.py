"""Files appear whole or not at all, ours are kept exact, and nobody else's are touched."""

import json
import os
from pathlib import Path

import pytest

from derive import write as writing
from derive.errors import OutputError
from derive.write import MANIFEST, compare, damaged, read_manifest, with_manifest, write


def made(**texts: str) -> dict[str, str]:
    files = {f"c/{name}.h": text for name, text in texts.items()}
    return with_manifest(files, {"n": 3}, "derive test")


def texts_in(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_build_folder_holds_exactly_what_was_made(tmp_path):
    files = made(a="one\n", b="zwei ∂\n")
    write(tmp_path / "new" / "n3", files)
    assert texts_in(tmp_path / "new" / "n3") == files
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["n3"], "no temporary folder is left"


def test_a_second_write_touches_nothing(tmp_path):
    folder = tmp_path / "n3"
    write(folder, made(a="one\n"))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert write(folder, made(a="one\n")) == ()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_files_no_longer_made_are_deleted_and_foreign_ones_stay(tmp_path):
    folder = tmp_path / "n3"
    write(folder, {**with_manifest({"c/a.h": "", "old/b.h": ""}, {}, "derive test")})
    (folder / "c" / "mine.txt").write_text("keep me")
    write(folder, made(a="new\n"))
    assert not (folder / "old").exists(), "a folder that is left empty goes too"
    assert (folder / "c" / "mine.txt").read_text() == "keep me"


def test_nothing_changes_when_a_file_cannot_be_staged(tmp_path, monkeypatch):
    folder = tmp_path / "n3"
    write(folder, made(a="one\n", b="two\n"))
    before = texts_in(folder)
    saved = writing._save

    def fails_at_b(path: Path, text: str) -> None:
        if path.name == "b.h":
            raise OSError(28, "No space left on device", str(path))
        saved(path, text)

    monkeypatch.setattr(writing, "_save", fails_at_b)
    with pytest.raises(OutputError, match="no space left on device"):
        write(folder, made(a="uno\n", b="due\n"))
    assert texts_in(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["n3"]


def test_an_interrupted_move_is_mended_by_the_next_build(tmp_path, monkeypatch):
    folder = tmp_path / "n3"
    write(folder, made(a="one\n"))
    moves = []

    def stops_after_two(*arguments):
        if len(moves) == 2:
            raise KeyboardInterrupt
        moves.append(move(*arguments))

    move = writing._move
    files = made(a="uno\n", b="due\n", d="tre\n")
    monkeypatch.setattr(writing, "_move", stops_after_two)
    with pytest.raises(KeyboardInterrupt):
        write(folder, files)
    monkeypatch.undo()
    write(folder, files)
    assert texts_in(folder) == files


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "taken").write_text("mine")
    for folder in (tmp_path / "taken", tmp_path / "taken" / "n3"):
        with pytest.raises(OutputError, match="taken is a file; name a folder"):
            write(folder, made(a=""))
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="permission denied"):
        write(tmp_path / "n3", made(a=""))


def test_a_folder_with_foreign_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(OutputError, match="is not a build folder"):
        write(tmp_path, made(a=""))
    assert texts_in(tmp_path) == {"thesis.tex": "mine"}


def test_a_foreign_file_where_ours_would_go_is_refused(tmp_path):
    folder = tmp_path / "n3"
    write(folder, made(a="one\n"))
    (folder / "c" / "b.h").write_text("mine")
    with pytest.raises(OutputError, match=r"b\.h is in the way"):
        write(folder, made(a="one\n", b="two\n"))
    assert (folder / "c" / "b.h").read_text() == "mine"


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"files": {"../escape": ""}}', '{"files": {"/etc/passwd": ""}}', '{"files": 3}']
)
def test_a_manifest_that_is_not_ours_is_refused(tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(OutputError, match="was not written by derive"):
        write(tmp_path, made(a=""))


def test_the_manifest_is_sorted_and_tells_no_secrets(tmp_path):
    files = made(b="two\n", a="one\n")
    manifest = json.loads(files[MANIFEST])
    assert files[MANIFEST] == json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    assert set(manifest) == {"files", "generator", "spec", "spec_sha256"}
    assert str(tmp_path) not in files[MANIFEST]
    assert made(a="one\n", b="two\n") == made(b="two\n", a="one\n")


def test_drift_is_a_readable_diff_and_writes_nothing(tmp_path):
    folder = tmp_path / "n3"
    write(folder, made(a="one\ntwo\n"))
    (folder / "c" / "a.h").write_text("one\n2\n")
    before = texts_in(folder)
    (change,) = compare(folder, made(a="one\ntwo\n"))
    assert change.diff() == "--- c/a.h (on disk)\n+++ c/a.h (made now)\n@@ -1,2 +1,2 @@\n one\n-2\n+two\n"
    assert texts_in(folder) == before


def test_drift_counts_missing_and_superfluous_files(tmp_path):
    folder = tmp_path / "n3"
    write(folder, made(a="", b=""))
    (folder / "c" / "a.h").unlink()
    changes = {change.path: (change.on_disk, change.made) for change in compare(folder, made(a=""))}
    assert changes["c/a.h"] == (None, "")
    assert changes["c/b.h"] == ("", None)


def test_damage_is_found_by_the_hashes(tmp_path):
    write(tmp_path / "n3", made(a="one\n", b="two\n"))
    assert damaged(tmp_path / "n3") == ()
    (tmp_path / "n3" / "c" / "a.h").write_bytes(b"\xff")
    (tmp_path / "n3" / "c" / "b.h").unlink()
    assert damaged(tmp_path / "n3") == ("c/a.h", "c/b.h")


def test_a_folder_without_a_manifest_is_named(tmp_path):
    with pytest.raises(OutputError, match=r"it has no manifest\.json"):
        read_manifest(tmp_path)
