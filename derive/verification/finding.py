"""What a verification found."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """The outcome of one part of the verification.

    Attributes:
        folder: the build folder.
        composition: what it is about; empty for the files of the folder.
        part: `files`, `derivation`, or a language and precision: `c float32`.
        passed: whether all of it is as it should be.
        count: how many files, checks or numbers were looked at.
        worst: the largest error, in units of u times the size of the entry; None where nothing was measured.
        problem: what was wrong, one sentence; empty where it passed.
    """

    folder: Path
    composition: str
    part: str
    passed: bool
    count: int
    worst: float | None = None
    problem: str = ""
