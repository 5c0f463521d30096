"""Files: what a build folder holds, how it is written without ever being half written, and how it drifts.

A build folder has a `manifest.json`, which lists our files with their hashes. Files that it does not list are not ours:
they are never overwritten and never deleted.
"""

import difflib
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from derive.errors import OutputError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Change:
    """One file whose text on disk is not the text that is made now; None where there is no file."""

    path: str
    on_disk: str | None
    made: str | None

    def diff(self) -> str:
        """The change as a unified diff, from the disk to what is made now."""
        before = [] if self.on_disk is None else self.on_disk.splitlines(keepends=True)
        after = [] if self.made is None else self.made.splitlines(keepends=True)
        old = "/dev/null" if self.on_disk is None else f"{self.path} (on disk)"
        new = "/dev/null" if self.made is None else f"{self.path} (made now)"
        lines = difflib.unified_diff(before, after, old, new)
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def with_manifest(files: Mapping[str, str], spec: Mapping[str, Any], generator: str) -> dict[str, str]:
    """`files` and their manifest: what they were made from and by, and the SHA-256 of each.

    The text depends on nothing else: no date, host, path, or version of a dependency.
    """
    manifest = {
        "files": {path: _digest(text) for path, text in files.items()},
        "generator": generator,
        "spec": spec,
        "spec_sha256": _digest(json.dumps(spec, sort_keys=True)),
    }
    return {**files, MANIFEST: json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n"}


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a build folder.

    Raises:
        OutputError: there is none, or it is not one of ours.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OutputError(f"{folder} is not a build folder: it has no {MANIFEST}") from None
    except OSError as error:
        raise OutputError(f"cannot read {path}: {_reason(error)}") from None
    except ValueError:
        raise OutputError(f"{path} is not JSON; it was not written by derive") from None
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict) or not all(_is_inside(name) for name in files):
        raise OutputError(f"{path} does not list the files of a build; it was not written by derive")
    return dict(manifest)


def read_spec(folder: Path) -> dict[str, Any]:
    """What a build folder was made from, as its manifest says.

    Raises:
        OutputError: there is no manifest, or somebody changed what it says.
    """
    manifest = read_manifest(folder)
    spec = manifest.get("spec")
    if not isinstance(spec, dict) or manifest.get("spec_sha256") != _digest(json.dumps(spec, sort_keys=True)):
        raise OutputError(f"{folder / MANIFEST} was changed: its spec has another hash than it says; build it again")
    return dict(spec)


def compare(folder: Path, files: Mapping[str, str]) -> tuple[Change, ...]:
    """How the build folder `folder` differs from `files`, in the order of the paths. Writes nothing.

    Files that the folder's manifest lists and that are no longer made count; foreign files do not.
    """
    paths = {*files, *_listed(folder)}
    pairs = ((path, _read(folder / path), files.get(path)) for path in sorted(paths))
    return tuple(Change(path, on_disk, made) for path, on_disk, made in pairs if on_disk != made)


def damaged(folder: Path) -> tuple[str, ...]:
    """The files that are missing, or not what the manifest says they are."""
    expected: dict[str, str] = read_manifest(folder)["files"]
    texts = {path: _read(folder / path) for path in expected}
    return tuple(path for path, text in texts.items() if text is None or _digest(text) != expected[path])


def write(folder: Path, files: Mapping[str, str]) -> tuple[Change, ...]:
    """Make the build folder `folder` hold exactly `files`, and return what changed.

    Everything is written to a temporary folder beside it first. A new build folder then appears in one step; in one
    that exists, each file is replaced in one step, the manifest last, and files of the earlier build that are no
    longer made are deleted. Files that are equal are not touched.

    Raises:
        OutputError: `folder` cannot be written, is a file, or holds files that are not ours where ours would go.
    """
    check_place(folder)
    _refuse_foreign(folder, files)
    changes = compare(folder, files)
    try:
        with _staging(folder) as stage:
            for change in changes:
                if change.made is not None:
                    _save(stage / change.path, change.made)
            if (folder / MANIFEST).exists():
                for change in sorted(changes, key=lambda change: change.path == MANIFEST):
                    _move(stage, folder, change)
            else:
                stage.replace(folder)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {_reason(error)}") from None
    return changes


def check_place(folder: Path) -> None:
    """See that `folder` can be a build folder: it is one, it is empty, or there is none yet.

    Raises:
        OutputError: it is a file or lies in one, or it is a folder of somebody else's.
    """
    for parent in (folder, *folder.parents):
        if parent.exists() and not parent.is_dir():
            raise OutputError(f"cannot write into {folder}: {parent} is a file; name a folder")
    if folder.is_dir() and not (folder / MANIFEST).exists() and any(folder.iterdir()):
        raise OutputError(f"{folder} holds files and no {MANIFEST}: it is not a build folder; name another or empty it")


def _refuse_foreign(folder: Path, files: Mapping[str, str]) -> None:
    """Raise where a foreign file lies where one of ours would go."""
    ours = {MANIFEST, *_listed(folder)}
    for path in sorted(set(files) - ours):
        if (folder / path).exists() and _read(folder / path) != files[path]:
            raise OutputError(f"{folder / path} is in the way: it is not a file of ours; move it and build again")


def _listed(folder: Path) -> dict[str, str]:
    """The files of the build that `folder` holds; none where there is no folder yet."""
    return dict(read_manifest(folder)["files"]) if (folder / MANIFEST).exists() else {}


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder to fill, in a temporary one beside `folder` and so on the same file system; gone afterwards."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        stage = Path(temporary, folder.name)
        stage.mkdir()
        yield stage


def _save(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def _move(stage: Path, folder: Path, change: Change) -> None:
    destination = folder / change.path
    if change.made is not None:
        destination.parent.mkdir(parents=True, exist_ok=True)
        (stage / change.path).replace(destination)
        return
    destination.unlink(missing_ok=True)
    for parent in destination.relative_to(folder).parents:
        if parent.parts and not any((folder / parent).iterdir()):
            (folder / parent).rmdir()


def _read(path: Path) -> str | None:
    """The text of a file, None where there is none. Bytes that are no UTF-8 are kept apart from every text of ours."""
    try:
        return path.read_bytes().decode("utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(f"cannot read {path}: {_reason(error)}") from None


def _is_inside(path: object) -> bool:
    """Whether `path`, as a manifest lists it, stays inside its folder; nothing else is ever deleted."""
    return isinstance(path, str) and not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", errors="surrogateescape")).hexdigest()


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
