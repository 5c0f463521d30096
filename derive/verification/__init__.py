"""Verify a build on this machine: its files, its proofs, and every function against its definition.

This module imports nothing that takes time: compilers work while SymPy is loaded.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from derive.compiler import compile_for_this_machine, find_compiler
from derive.errors import OutputError
from derive.progress import Track, silently
from derive.verification.finding import Finding
from derive.write import MANIFEST, damaged, read_manifest, read_spec


def verify(folder: Path, track: Track = silently) -> tuple[Finding, ...]:
    """Verify one build folder, or every build folder in `folder`.

    Raises:
        OutputError: there is no build.
        MissingToolError: a build has C, and this machine has no compiler; nothing is verified then.
    """
    builds = {build: (read_spec(build), read_manifest(build)["files"]) for build in find_builds(folder)}
    with compiling([build / path for build, (_, files) in builds.items() for path in files]) as libraries:
        from derive.verification.trial import try_build

        findings: list[Finding] = []
        for build, (spec, files) in builds.items():
            findings.append(check_files(build, files))
            findings += try_build(build, spec, files, libraries, track)
    return tuple(findings)


@contextmanager
def compiling(files: Collection[Path]) -> Iterator[Mapping[Path, "Future[Path]"]]:
    """The shared libraries that are being made of the C files among `files`, which last as long as this is entered.

    Raises:
        MissingToolError: there are some, and no compiler.
    """
    sources = [file for file in files if file.suffix == ".c"]
    if sources:
        find_compiler()
    with TemporaryDirectory() as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:

        def start(number: int, source: Path) -> "Future[Path]":
            place = Path(scratch) / str(number)
            place.mkdir()
            return pool.submit(compile_for_this_machine, source, place)

        yield {source: start(number, source) for number, source in enumerate(sources)}


def find_builds(folder: Path) -> tuple[Path, ...]:
    """`folder` itself where it has a manifest, otherwise the folders in it that have one."""
    if (folder / MANIFEST).is_file():
        return (folder,)
    builds = tuple(sorted(manifest.parent for manifest in folder.glob(f"*/{MANIFEST}")))
    if not builds:
        raise OutputError(f"{folder} holds no build; make one with: derive build")
    return builds


def check_files(build: Path, files: Collection[str]) -> Finding:
    """Whether the files of a build are what its manifest says."""
    wrong = damaged(build)
    problem = f"{wrong[0]} is missing or was changed; write it again with: derive build" if wrong else ""
    return Finding(build, "", "files", not wrong, len(files), problem=problem)
