"""C compilers at work: on each generated file one for every type, and one that reads what this processor would not run.

This module imports nothing that takes time: compilers work while SymPy is loaded.
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from derive.compiler import PRECISIONS, compile_for_this_machine, read_for_every_machine


@dataclass(frozen=True)
class Compilation:
    """A C file that compilers are at work on.

    Attributes:
        parts: the shared library with the functions of each type, by its bits.
        whole: done when a compiler has read the file as it is for other machines.
    """

    parts: "Mapping[int, Future[Path]]"
    whole: "Future[None]"

    def libraries(self) -> Mapping[int, Path]:
        """The shared libraries, by the bits of the type whose functions they have, once they are there.

        Raises:
            MissingToolError: there is no compiler, or the one there is does not take the file.
        """
        self.whole.result()
        return {bits: part.result() for bits, part in self.parts.items()}


@dataclass(frozen=True)
class Compilers:
    """As many compilers at a time as there are processors.

    Attributes:
        pool, scratch: who waits for them, and where they write.
        started: the compilations of texts, by what the source and its header say.
    """

    pool: ThreadPoolExecutor
    scratch: Path
    started: dict[tuple[str, str], Compilation] = field(default_factory=dict)

    def start(self, files: Mapping[str, str]) -> None:
        """Compile the C sources among `files`, texts by path, before they are written to where they belong."""
        for path in (Path(each) for each in files if each.endswith(".c")):
            texts = files[str(path)], files[str(path.with_suffix(".h"))]
            if texts not in self.started:
                folder = self._folder()
                for name, text in zip((path.name, path.with_suffix(".h").name), texts, strict=True):
                    (folder / name).write_text(text, encoding="utf-8")
                self.started[texts] = self._compile(folder / path.name)

    def compile(self, source: Path) -> Compilation:
        """The compilation of `source` and the header beside it; it begins here unless `start` had the same texts."""
        try:
            texts = source.read_text(encoding="utf-8"), source.with_suffix(".h").read_text(encoding="utf-8")
        except (OSError, UnicodeError):
            return self._compile(source)  # the compiler says what is wrong
        return self.started.get(texts) or self._compile(source)

    def _compile(self, source: Path) -> Compilation:
        # To read takes a tenth of the time: one compiler has the first type, another reads and then has the second.
        first, *others = PRECISIONS
        parts = {first: self.pool.submit(compile_for_this_machine, source, self._folder(), first)}
        whole = self.pool.submit(read_for_every_machine, source)
        for bits in others:
            parts[bits] = self.pool.submit(compile_for_this_machine, source, self._folder(), bits)
        return Compilation(parts, whole)

    def _folder(self) -> Path:
        """A new folder."""
        folder = self.scratch / str(len(list(self.scratch.iterdir())))
        folder.mkdir()
        return folder


@contextmanager
def compilers() -> Iterator[Compilers]:
    """Compilers; what they made lasts as long as this is entered."""
    with TemporaryDirectory() as scratch, ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            yield Compilers(pool, Path(scratch))
        finally:
            pool.shutdown(cancel_futures=True)
