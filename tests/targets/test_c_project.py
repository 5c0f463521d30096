"""The CMake project of generated C: others build it, install it and find it, with its target and version."""

import shutil
import subprocess
from pathlib import Path

import pytest

import derive
from derive.targets.c_project import cmake_project
from tests.targets.programs import product, softmax

GENERATED = Path(__file__).parents[2] / "generated"

PROGRAM = """
#include <softmax.h>
#include <stdio.h>

int main(void)
{
    const double z[3] = {1.0, 2.0, 3.0};
    double y[3];
    const int status = CALL;
    printf("%d %.6f", status, y[2]);
    return 0;
}
"""
CALLS = {
    "derive_kernels": "softmax_value_f64(1, 3, z, 3, y, 3)",
    "derive_kernels_n3": "softmax_n3_value_f64(1, z, 3, y, 3)",
}
FOLDERS = {"derive_kernels": GENERATED / "any" / "c", "derive_kernels_n3": GENERATED / "n3" / "c"}

needs_cmake = pytest.mark.skipif(shutil.which("cmake") is None, reason="CMake is not installed")


def run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def make_program(folder: Path, library: str, find: str, *options: str) -> str:
    """What a program prints that links to `library`, which the CMake code `find` brings in."""
    folder.mkdir()
    (folder / "main.c").write_text(PROGRAM.replace("CALL", CALLS[library]))
    (folder / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.15)\nproject(program C)\n{find}\nadd_executable(program main.c)\n"
        f"target_link_libraries(program PRIVATE {library}::{library})\n"
    )
    run("cmake", "-S", folder, "-B", folder / "build", *options)
    run("cmake", "--build", folder / "build")
    return run(folder / "build" / "program")


@needs_cmake
@pytest.mark.parametrize("shared", ["OFF", "ON"])
@pytest.mark.parametrize("library", FOLDERS)
def test_an_installed_library_is_found_by_its_name_and_version(tmp_path: Path, library: str, shared: str) -> None:
    build, prefix = tmp_path / "build", tmp_path / "prefix"
    options = (f"-DCMAKE_INSTALL_PREFIX={prefix}", f"-DBUILD_SHARED_LIBS={shared}", "-DCMAKE_C_FLAGS=-Wall -Werror")
    run("cmake", "-S", FOLDERS[library], "-B", build, *options)
    run("cmake", "--build", build)
    run("cmake", "--install", build)
    find = f"find_package({library} {derive.__version__} REQUIRED)"
    assert make_program(tmp_path / "user", library, find, f"-DCMAKE_PREFIX_PATH={prefix}") == "0 0.665241"
    project = tmp_path / "user" / "CMakeLists.txt"
    project.write_text(project.read_text().replace(derive.__version__, "99"))
    command = ["cmake", "-S", tmp_path / "user", "-B", tmp_path / "newer", f"-DCMAKE_PREFIX_PATH={prefix}"]
    refused = subprocess.run(command, check=False, capture_output=True, text=True)
    assert refused.returncode != 0
    assert f"version: {derive.__version__}" in refused.stderr


@needs_cmake
@pytest.mark.parametrize("library", FOLDERS)
def test_a_project_may_hold_the_folder(tmp_path: Path, library: str) -> None:
    find = f'add_subdirectory("{FOLDERS[library]}" kernels)'
    assert make_program(tmp_path / "user", library, find) == "0 0.665241"


def test_a_project_names_every_file_and_no_processor() -> None:
    text = cmake_project([product(softmax())], ("-std=c11", "-O3", "-march=native", "-ffp-contract=fast"))
    assert "add_library(derive_kernels\n    softmax.c\n)" in text
    assert f"project(derive_kernels VERSION {derive.__version__} LANGUAGES C)" in text
    assert ":-O3;-ffp-contract=fast>" in text
    assert "native" not in text
    assert "project(derive_kernels_n3 VERSION" in cmake_project([product(softmax(3))], ())
