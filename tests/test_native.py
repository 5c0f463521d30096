"""Compiling C with the system's compiler, and calling it with arrays."""

from pathlib import Path

import numpy as np
import pytest

from derive.compiler import find_compiler
from derive.errors import MissingToolError
from derive.native import compile_library

SOURCE = """
#include <stddef.h>
int scale(size_t batch, size_t n, const double *x, size_t x_stride, double factor, double *out, size_t out_stride)
{
    for (size_t row = 0; row < batch; row++)
        for (size_t j = 0; j < n; j++)
            out[row * out_stride + j] = factor * x[row * x_stride + j];
    return (int)x_stride;
}
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "scale.c"
    path.write_text(SOURCE)
    return path


def test_rows_are_passed_with_their_stride(source: Path, tmp_path: Path) -> None:
    library = compile_library([source], tmp_path)
    x = np.arange(12.0).reshape(2, 6)[:, 1:4]
    out = np.zeros((2, 3))
    assert library.call("scale", 2, 3, x, 2.5, out) == 6
    assert np.array_equal(out, 2.5 * x)


def test_the_stride_of_a_single_row_is_its_length(source: Path, tmp_path: Path) -> None:
    library = compile_library([source], tmp_path)
    x = np.lib.stride_tricks.as_strided(np.arange(3.0), (1, 3), (8, 8))
    assert library.call("scale", 1, 3, x, 1.0, np.zeros((1, 3))) == 3


@pytest.mark.parametrize("x", [np.zeros((2, 6))[:, ::2], np.zeros((2, 3))[:, ::-1], np.zeros((2, 2, 3))])
def test_an_array_without_rows_of_adjacent_entries_is_refused(source: Path, tmp_path: Path, x: np.ndarray) -> None:
    library = compile_library([source], tmp_path)
    with pytest.raises(ValueError, match="rows of adjacent entries needed"):
        library.call("scale", 2, 3, x, 1.0, np.zeros((2, 3)))


def test_cc_comes_first_and_keeps_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "cc -pipe")
    assert find_compiler() == ("cc", "-pipe")


def test_a_cc_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -O2")
    with pytest.raises(MissingToolError, match="CC is 'no-such-compiler', which is not an installed program"):
        find_compiler()


def test_no_compiler_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="no C compiler found: install one"):
        find_compiler()


def test_a_compiler_that_refuses_the_source_is_quoted(tmp_path: Path) -> None:
    broken = tmp_path / "broken.c"
    broken.write_text("int broken(void) { return missing; }\n")
    with pytest.raises(MissingToolError, match=r"does not compile broken\.c.*missing") as refusal:
        compile_library([broken], tmp_path)
    assert str(tmp_path) not in str(refusal.value)
