"""The generated C as a compiler, a linker and the sanitizers see it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.numeric.backends import FOLDERS, GENERATED
from tests.numeric.c_library import compile_library, documented_flags
from tests.numeric.calls import C_WAYS, LOSSES

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
FLAG_SETS = {
    "documented": (),
    "plain": ("-std=c11", "-O2"),
    "newest": ("-std=gnu2x", "-O3", "-fopenmp-simd"),
}
SANITIZERS = ("-std=c11", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
ROOT = Path(__file__).resolve().parents[2]


def sources(folder: str, suffix: str) -> list[Path]:
    found = sorted((GENERATED / folder / "c").glob(f"*.{suffix}"))
    assert found, f"no .{suffix} files in {GENERATED / folder / 'c'}"
    return found


def run(command: Sequence[object], cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """What a program prints; fails with all it said if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd, env=env)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


def require(program: str) -> str:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    return program


def names(folder: str) -> set[str]:
    """The functions that the contract asks for."""
    n = FOLDERS[folder]
    return {
        f"{module}{'' if n is None else f'_n{n}'}_{quantity}{'_labels' * (family == 'labels')}{weighted}_{dtype}"
        for module, quantity, family in C_WAYS
        for weighted in (("", "_weighted") if module in LOSSES else ("",))
        for dtype in ("f32", "f64")
    }


@pytest.mark.parametrize("flags", FLAG_SETS)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_compiles_without_a_warning(folder: str, compiler: str, flags: str, tmp_path: Path) -> None:
    command = [require(compiler), *(FLAG_SETS[flags] or documented_flags(folder)), *WARNINGS, "-c"]
    for source in sources(folder, "c"):
        run([*command, source, "-o", tmp_path / "object.o"])


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_each_header_stands_alone_and_twice(folder: str, compiler: str, tmp_path: Path) -> None:
    for header in sources(folder, "h"):
        text = f'#include "{header}"\n#include "{header}"\nint main(void) {{ return 0; }}\n'
        (tmp_path / "main.c").write_text(text)
        run([require(compiler), "-std=c11", *WARNINGS, tmp_path / "main.c", "-o", tmp_path / "main"])


@pytest.mark.parametrize(("c", "cxx"), [("gcc", "g++"), ("clang", "clang++")])
def test_all_headers_together_from_cxx(c: str, cxx: str, tmp_path: Path) -> None:
    """Every header of every folder in one C++ program, which links with the C objects and calls every function."""
    includes = "".join(f'#include "{header}"\n' for folder in FOLDERS for header in sources(folder, "h"))
    table = ", ".join(f"reinterpret_cast<void (*)()>({name})" for folder in FOLDERS for name in sorted(names(folder)))
    text = f"{includes}\nint main() {{\n    void (*all[])() = {{{table}}};\n    return all[0] == nullptr;\n}}\n"
    (tmp_path / "main.cpp").write_text(text)
    objects = []
    for folder in FOLDERS:
        for source in sources(folder, "c"):
            objects.append(tmp_path / f"{folder}_{source.stem}.o")
            run([require(c), "-std=c11", "-O0", "-c", source, "-o", objects[-1]])
    command = [require(cxx), "-std=c++11", *WARNINGS, "-Wno-cast-function-type", tmp_path / "main.cpp"]
    run([*command, *objects, "-lm", "-o", tmp_path / "main"])
    run([tmp_path / "main"])


@pytest.mark.parametrize("folder", FOLDERS)
def test_exports_the_contract_and_keeps_no_state(folder: str, tmp_path: Path) -> None:
    """No symbol but the functions of the contract, no writable data, nothing from outside but libm."""
    require("nm")
    library = compile_library(folder, require("gcc"), ("-std=c11", "-O2"), tmp_path)
    exported = set(re.findall(r" [TDBRVW] (\w+)", run(["nm", "-D", "--defined-only", library])))
    assert exported == names(folder)
    for source in sources(folder, "c"):
        run(["gcc", "-std=c11", "-O2", "-fno-common", "-c", source, "-o", tmp_path / "object.o"])
        symbols = run(["nm", tmp_path / "object.o"])
        assert re.findall(r" [BbDdCS] \w+", symbols) == [], f"{source.name} keeps state"
        allowed = r"(sqrt|tanh|pow|fabs|copysign|fma)f?|mem(cpy|set|move)|_GLOBAL_OFFSET_TABLE_|__cpu_model"
        outside = re.findall(r" U (\w+)", symbols)
        assert [name for name in outside if not re.fullmatch(allowed, name)] == [], source.name


@pytest.mark.parametrize("folder", FOLDERS)
def test_clean_under_the_sanitizers(folder: str, tmp_path: Path) -> None:
    """AddressSanitizer and UndefinedBehaviorSanitizer on the whole table of cases, in a process of their own."""
    library = compile_library(folder, require("gcc"), SANITIZERS, tmp_path)
    runtime = run(["gcc", "-print-file-name=libasan.so"]).strip()
    if not Path(runtime).is_absolute():
        pytest.skip("libasan is not installed")
    environment = os.environ | {
        "LD_PRELOAD": str(Path(runtime).resolve()),
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",
    }
    command = [sys.executable, "-m", "tests.numeric.sanitized", folder, library]
    assert int(run(command, cwd=ROOT, env=environment)) >= 80


THREADS = """
#include "softmax_cross_entropy.h"
#include <pthread.h>
#include <stdlib.h>

enum { ROWS = 40, MOST = 1100, THREADS = 3 };
static float z[ROWS * MOST];
static int64_t labels[ROWS];

/* Every thread reads the same logits and labels, in exactly the memory that they need, and writes arrays of its own. */
static void *call(void *status)
{
    const size_t sizes[] = {1, 3, 31, 128, 129, 511, 512, 513, MOST};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const size_t n = sizes[k];
        float *loss = malloc(ROWS * sizeof *loss), *grad = malloc(ROWS * n * sizeof *grad);
        *(int *)status |= softmax_cross_entropy_loss_and_gradient_labels_f32(ROWS, n, z, n, labels, loss, grad, n);
        *(int *)status |= softmax_cross_entropy_loss_and_gradient_f32(ROWS, n, z, n, z, n, loss, grad, n);
        free(loss), free(grad);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int status[THREADS] = {0};
    for (size_t j = 0; j < ROWS * MOST; j++) {
        z[j] = (float)(j % 17);
    }
    for (size_t k = 0; k < THREADS; k++) {
        if (pthread_create(&threads[k], NULL, call, &status[k]) != 0) return 1;
    }
    for (size_t k = 0; k < THREADS; k++) {
        if (pthread_join(threads[k], NULL) != 0 || status[k] != 0) return 2;
    }
    return 0;
}
"""


def threads_program(folder: Path, *flags: str) -> Path:
    """A program in which threads call the same kernels at once, compiled by gcc."""
    (folder / "main.c").write_text(THREADS)
    source = GENERATED / "any" / "c" / "softmax_cross_entropy.c"
    command = [require("gcc"), "-std=c11", "-g", *flags, f"-I{source.parent}", folder / "main.c", source]
    run([*command, "-pthread", "-lm", "-o", folder / "main"])
    return folder / "main"


def test_threads_share_nothing(tmp_path: Path) -> None:
    """ThreadSanitizer; without address randomisation, which old ones of it cannot have."""
    program = threads_program(tmp_path, "-O1", "-fsanitize=thread")
    run([*((require("setarch"), "-R") if shutil.which("setarch") else ()), program])


def test_clean_under_valgrind(tmp_path: Path) -> None:
    """The plain path: it knows no AVX-512. A jump or an address that depends on memory never written is an error."""
    program = threads_program(tmp_path, "-O2", "-DINSTRUCTION_SETS=1")
    run([require("valgrind"), "-q", "--error-exitcode=9", program])


@pytest.mark.parametrize("folder", FOLDERS)
def test_compiles_for_another_machine(folder: str, tmp_path: Path) -> None:
    compiler = require("aarch64-linux-gnu-gcc")
    for source in sources(folder, "c"):
        run([compiler, *documented_flags(folder), *WARNINGS, "-c", source, "-o", tmp_path / "object.o"])
