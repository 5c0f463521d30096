"""Verify a build on this machine: its files, its proofs, and every function against its definition.

This module imports nothing that takes time: compilers work while SymPy is loaded.
"""

from collections.abc import Collection
from contextlib import nullcontext
from pathlib import Path

from derive.compiler import find_compiler
from derive.errors import OutputError
from derive.progress import Track, silently
from derive.verification.compilation import Compilers, compilers
from derive.verification.finding import Finding
from derive.write import MANIFEST, damaged, read_manifest, read_spec


def verify(folder: Path, track: Track = silently, at_work: Compilers | None = None) -> tuple[Finding, ...]:
    """Verify one build folder, or every build folder in `folder`, with compilers that may be at work on it already.

    Raises:
        OutputError: there is no build.
        MissingToolError: a build has C, and this machine has no compiler; nothing is verified then.
    """
    builds = {build: (read_spec(build), read_manifest(build)["files"]) for build in find_builds(folder)}
    sources = [build / path for build, (_, files) in builds.items() for path in files if path.endswith(".c")]
    if sources:
        find_compiler()
    with compilers() if at_work is None else nullcontext(at_work) as working:
        compiling = {source: working.compile(source) for source in sources}
        from derive.verification.trial import try_build

        findings: list[Finding] = []
        for build, (spec, files) in builds.items():
            findings.append(check_files(build, files))
            findings += try_build(build, spec, files, compiling, track)
    return tuple(findings)


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
