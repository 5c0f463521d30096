"""The C compiler of this machine: which it is, its options for generated C, running it. Quick to import."""

import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from derive.errors import MissingToolError

FLAGS = ("-std=c11", "-O3", "-ffp-contract=fast", "-fno-trapping-math", "-fno-math-errno")
"""What the generated files are best compiled with; none of them changes what NaN and infinities mean."""

AVX2 = ("avx2", "fma")
AVX512 = (*AVX2, "avx512f", "avx512dq", "avx512vl")
"""The instruction sets that generated C has kernels for besides what the flags allow, as the compiler names them."""

PRECISIONS = (32, 64)
"""The types that generated C has functions for, by their bits; it can be compiled for one alone."""

COMPILERS = ("cc", "gcc", "clang")
"""Where $CC names none, the first of these that is installed is taken."""


def find_compiler() -> tuple[str, ...]:
    """The command that runs the C compiler: $CC with its options, or the first of cc, gcc and clang.

    Raises:
        MissingToolError: $CC names a program that is not installed, or there is no compiler.
    """
    if named := shlex.split(os.environ.get("CC", "")):
        if shutil.which(named[0]) is None:
            raise MissingToolError(f"the environment variable CC is {named[0]!r}, which is not an installed program")
        return tuple(named)
    for name in COMPILERS:
        if shutil.which(name) is not None:
            return (name,)
    raise MissingToolError(
        f"no C compiler found: install one ({', '.join(COMPILERS)}), or set the environment variable CC to its command"
    )


def compile_sources(
    sources: Sequence[Path], folder: Path, compiler: Sequence[str] | None = None, flags: Sequence[str] = FLAGS
) -> Path:
    """Compile `sources` into one shared library in `folder`: its path.

    Args:
        sources: C files; their headers lie beside them.
        folder: where the library is written; it exists.
        compiler: the command of the compiler, or None for `find_compiler`.
        flags: the options for compiling.

    Raises:
        MissingToolError: there is no compiler, or the one there is does not compile the sources.
    """
    suffix = ".dylib" if sys.platform == "darwin" else ".so"
    path = folder / f"{'_'.join(source.stem for source in sources)}{suffix}"
    options = [*flags, "-shared", "-fPIC", "-o", str(path), *map(str, sources), "-lm"]
    _run(tuple(compiler or find_compiler()), options, sources)
    return path


def compile_for_this_machine(source: Path, folder: Path, precision: int) -> Path:
    """Compile of generated C the functions for one of `PRECISIONS`, as far as they run on this processor.

    Raises:
        MissingToolError: there is no compiler, or the one there is does not take the file.
    """
    return compile_sources([source], folder, flags=(*FLAGS, *options_of_this_machine(), f"-DPRECISIONS={precision}"))


def read_for_every_machine(source: Path) -> None:
    """Have the compiler read generated C with what `compile_for_this_machine` leaves out for other processors.

    Raises:
        MissingToolError: there is no compiler, or the one there is does not take the file.
    """
    if options_of_this_machine():
        _run(find_compiler(), [*FLAGS, "-fsyntax-only", str(source)], [source])


def _run(command: Sequence[str], options: Sequence[str], sources: Sequence[Path]) -> None:
    try:
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)  # noqa: S603 - $CC
    except OSError as error:
        raise MissingToolError(f"the C compiler {command[0]!r} cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        complaint = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
        for source in sources:
            complaint = complaint.replace(f"{source.parent}{os.sep}", "")  # the folder may be gone
        names = ", ".join(source.name for source in sources)
        raise MissingToolError(f"{command[0]!r} does not compile {names}, which needs a C11 compiler: {complaint}")


@cache
def options_of_this_machine() -> tuple[str, ...]:
    """Options that make of generated C only the kernels that this processor would choose of a file compiled without.

    They are compiled for the same instructions from the same lines; those for other processors, which take up to two
    thirds of the time, could not be run here. Empty where it is not known what the processor can do.
    """
    flags = processor_flags().split()
    if platform.machine() not in ("x86_64", "AMD64") or not flags:
        return ()
    able = set(flags)
    one = "-DINSTRUCTION_SETS=1"
    if {"avx512dq", "avx512vl"} <= able:
        return (one, *(f"-m{name}" for name in AVX512), "-mprefer-vector-width=512")
    return (one, *(f"-m{name}" for name in AVX2)) if able.issuperset(AVX2) else (one,)


@cache
def processor_flags() -> str:
    """What the processor can do, as far as Linux says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
