"""The C target, on loop programs written by hand: what is written, that it compiles clean, and what it returns."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from derive.catalogue.parameters import Parameter
from derive.errors import UnsupportedError
from derive.kernel.arguments import name_arguments
from derive.kernel.ir import Array, Element, Kernel, Map
from derive.native import Library, compile_library
from derive.targets.c import FLAGS, target
from tests.targets.programs import Z, call, cross_entropy, distances, extent, product, softmax, squares_and_twice, total

COMPILERS = [compiler for compiler in ("gcc", "clang") if shutil.which(compiler)]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
FIXED = (None, 1, 3, 21, 41)
"""Numbers of classes: any, and some in each arrangement of a row, that of 21 by the type."""

OK, NULL_POINTER, BAD_SIZE, BAD_LABEL = range(4)


def programs(n: int | None) -> tuple[Kernel, ...]:
    return softmax(n), cross_entropy(n), total(n=n), total(call("abs", Z), n, "norm"), extent(n)


def write(folder: Path, *kernels: Kernel) -> Path:
    """The source file of a product made of `kernels`."""
    folder.mkdir(exist_ok=True)
    for name, text in target.files(product(*kernels)).items():
        (folder / name).write_text(text)
    return folder / "softmax.c"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("any")
    return compile_library([write(folder, softmax(), cross_entropy())], folder)


@pytest.mark.parametrize("n", FIXED)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_compiles_without_a_warning(tmp_path: Path, compiler: str, n: int | None) -> None:
    source = write(tmp_path, *programs(n))
    for options in (["-std=c11", "-O0"], ["-std=c11", "-O3", "-march=native"], ["-std=c++17", "-O0", "-x", "c++"]):
        subprocess.run([compiler, *options, *WARNINGS, "-c", source, "-o", tmp_path / "out.o"], check=True)


@pytest.mark.parametrize("n", [None, 3])
def test_defines_no_function_that_it_does_not_call(tmp_path: Path, n: int | None) -> None:
    for number, program in enumerate(programs(n)):
        source = write(tmp_path / str(number), program)
        subprocess.run([COMPILERS[-1], *WARNINGS, "-c", source, "-o", tmp_path / "out.o"], check=True)


def test_no_parameter_is_called_as_a_macro_is(tmp_path: Path) -> None:
    macros = set(re.findall(r"# *define (\w+)", write(tmp_path, softmax(), cross_entropy()).read_text()))
    assert {"LANES", "ALIGNED"} <= macros
    given = [Parameter(name, per_class=False) for name in sorted(macros)]
    assert [name for name, each in name_arguments(given).items() if each.name in macros] == []


@pytest.mark.parametrize("standard", ["c11", "gnu11", "gnu17"])
@pytest.mark.parametrize("compiler", COMPILERS)
def test_no_parameter_is_called_as_a_macro_of_the_headers_is(tmp_path: Path, compiler: str, standard: str) -> None:
    source = write(tmp_path, softmax(), cross_entropy())
    command = [compiler, f"-std={standard}", "-dM", "-E", str(source)]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    macros = {name for name in re.findall(r"#define (\w+)", listed) if not name.startswith("_")}
    assert {"INT8_MAX", "NULL"} <= macros
    given = [Parameter(name, per_class=False) for name in sorted(macros)]
    assert [name for name, each in name_arguments(given).items() if each.name in macros] == []


def test_the_header_is_valid_on_its_own_in_c_and_in_cpp(tmp_path: Path) -> None:
    header = write(tmp_path, softmax()).with_suffix(".h")
    for options in (["-std=c11", "-x", "c"], ["-std=c++11", "-x", "c++"]):
        subprocess.run(["cc", *options, *WARNINGS, "-fsyntax-only", header], check=True)


def test_a_fixed_number_of_classes_is_in_the_name_and_not_a_parameter(tmp_path: Path) -> None:
    header = write(tmp_path, cross_entropy(3)).with_suffix(".h").read_text()
    declaration = re.search(r"int (\w+_f32)\(([^)]*)\)", header)
    assert declaration is not None
    assert declaration[1] == "softmax_n3_loss_and_gradient_labels_f32"
    assert declaration[2].split() == [
        "size_t",
        "batch,",
        "const",
        "float",
        "*z,",
        "size_t",
        "z_stride,",
        "const",
        "int64_t",
        "*labels,",
        "float",
        "*loss,",
        "float",
        "*grad,",
        "size_t",
        "grad_stride",
    ]


def test_the_notes_of_the_passes_stand_above_the_function(tmp_path: Path) -> None:
    source = write(tmp_path, softmax()).read_text()
    assert f"/* {softmax().notes[0]} */\nNOINLINE void ISA(softmax_value_side_by_side)" in source


ACROSS = """\
    REAL z_max[LANES];
    SIDE_BY_SIDE
    for (size_t lane = 0; lane < LANES; lane++) {
        z_max[lane] = -(REAL)INFINITY;
    }
    for (size_t j = 0; j < n; j++) {
        SIDE_BY_SIDE
        for (size_t lane = 0; lane < LANES; lane++) {
            z_max[lane] = OF(maximum)(z_max[lane], z[j][lane]);
        }
    }

    ISA(sum) exp_sum_lanes;
    ISA(start)(&exp_sum_lanes);
    for (BITS j = 0, end = STEPS; j < n; end += STEPS) {
        for (; j < n && j < end; j++) {
            SIDE_BY_SIDE
            for (size_t lane = 0; lane < LANES; lane++) {
                const REAL z_j = z[j][lane];
                REAL y_j = OF(exp_nonpositive)(z_j - z_max[lane]);
                exp_sum_lanes.piece[lane] += y_j;
                y[j][lane] = y_j;
            }
        }
        if (j < n) {
            ISA(add_piece)(&exp_sum_lanes);
        }
    }
    REAL exp_sum[LANES];
    ISA(lane_sums)(&exp_sum_lanes, exp_sum);

    REAL exp_sum_inverse[LANES];
    SIDE_BY_SIDE
    for (size_t lane = 0; lane < LANES; lane++) {
        exp_sum_inverse[lane] = 1.0f / exp_sum[lane];
    }

    for (BITS j = 0; j < n; j++) {
        SIDE_BY_SIDE
        for (size_t lane = 0; lane < LANES; lane++) {
            const REAL y_j = y[j][lane];
            y[j][lane] = y_j * exp_sum_inverse[lane];
        }
    }
"""
ALONG = """\
        REAL sum_rows[BLOCK] = {0.0f};
        ONE_BY_ONE
        for (size_t row = 0; row < count; row++) {
            const REAL *z_row = z + (first + row) * z_stride;
            ISA(sum) sum_lanes;
            ISA(start)(&sum_lanes);
            for (size_t j = 0, end = LANES; j < n; end = end_of_piece(j, n, LANES)) {
                for (; j < end; j += LANES) {
                    FETCH(z_row + j);
                    SIDE_BY_SIDE
                    for (BITS lane = 0; lane < LANES; lane++) {
                        const REAL z_j = z_row[j + lane];
                        sum_lanes.piece[lane] += LIBM(fabs)(z_j);
                    }
                }
                if (end == LANES) {
                    j = head;
                    SIDE_BY_SIDE
                    for (BITS lane = 0; lane < LANES; lane++) {
                        sum_lanes.piece[lane] = lane < head ? sum_lanes.piece[lane] : 0.0f;
                    }
                } else if (j < n) {
                    ISA(add_piece)(&sum_lanes);
                }
            }
            sum_rows[row] = ISA(sum_of)(&sum_lanes);
        }
"""


@pytest.mark.parametrize(("program", "body"), [(softmax(3), ACROSS), (total(call("abs", Z), None, "norm"), ALONG)])
def test_the_body_of_a_function_reads_as_a_person_would_write_it(tmp_path: Path, program: Kernel, body: str) -> None:
    assert body in write(tmp_path, program).read_text()


def test_what_is_overwritten_before_it_is_read_is_not_stored(tmp_path: Path) -> None:
    source = write(tmp_path, distances()).read_text()
    assert re.findall(r"distance(?:_row)?\[[^=;]*\] = (.*);", source) == ["z_j - square_sum[lane]", "z_j - square_sum"]
    kept = write(tmp_path, squares_and_twice()).read_text()
    assert kept.count("grad_row[j + lane] = grad_j;") == 1


def test_a_matrix_is_left_to_other_targets() -> None:
    jacobian = Kernel("jacobian", (Array("z", 1),), (Array("out", 2),), (Map("out", ("i", "j"), Z),))
    assert "jacobian" not in target.files(product(softmax(), jacobian))["softmax.h"]


def test_work_arrays_lie_on_the_stack_and_bound_the_classes() -> None:
    body = (Map("scratch", ("j",), Z), Map("y", ("j",), Element("scratch", "j")))
    kernel = Kernel("value", (Array("z", 1),), (Array("y", 1),), body, work=("scratch",))
    source = target.files(product(kernel))["softmax.c"]
    assert "n > BLOCK_ENTRIES" in source
    assert "REAL scratch[BLOCK_ENTRIES];" in source
    with pytest.raises(UnsupportedError, match="keeps scratch on the stack, with room for 2048 classes, and n is 2049"):
        target.files(product(replace(kernel, n=2049)))


def test_every_line_of_a_comment_begins_as_one(tmp_path: Path) -> None:
    source = write(tmp_path, softmax(), cross_entropy())
    for text in (source.read_text(), source.with_suffix(".h").read_text()):
        for comment in re.findall(r"/\*.*?\*/", text, flags=re.DOTALL):
            assert all(line.lstrip().startswith("*") for line in comment.splitlines()[1:]), comment


def test_no_line_is_longer_than_120_characters() -> None:
    for text in target.files(product(*programs(None))).values():
        assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("position", [2, 4])
def test_a_null_pointer_is_refused(library: Library, position: int) -> None:
    row = np.zeros((1, 3), np.float32)
    arguments = [1, 3, row.ctypes.data, 3, row.ctypes.data, 3]
    arguments[position] = 0
    assert library.call("softmax_value_f32", *arguments) == NULL_POINTER


@pytest.mark.parametrize(
    ("batch", "n", "z_stride", "y_stride"),
    [
        (1, 0, 0, 0),
        (0, 0, 3, 3),
        (2, 3, 2, 3),
        (2, 3, 3, 2),
        (1, 3, 3, 0),
        (1, 2**63, 2**63, 2**63),
        (1, 2**61, 2**61, 2**61),
        (2, 3, 2**60, 2**61),
        (2**63, 1, 1, 1),
        (2**40, 3, 2**40, 3),
    ],
)
def test_sizes_that_cannot_be_are_refused_and_nothing_is_written(
    library: Library, batch: int, n: int, z_stride: int, y_stride: int
) -> None:
    z, y = np.zeros((2, 3), np.float32), np.full((2, 3), 7, np.float32)
    status = library.call("softmax_value_f32", batch, n, z.ctypes.data, z_stride, y.ctypes.data, y_stride)
    assert status == BAD_SIZE
    assert np.all(y == 7)


def test_no_rows_are_no_work(library: Library) -> None:
    z = np.zeros((1, 3), np.float32)
    y = np.full((1, 3), 7, np.float32)
    assert library.call("softmax_value_f32", 0, 3, z.ctypes.data, 3, y.ctypes.data, 3) == OK
    assert np.all(y == 7)


@pytest.mark.parametrize("label", [-1, 3, -(2**63), 2**63 - 1])
@pytest.mark.parametrize("row", [0, 1, 2])
def test_a_label_that_is_no_class_stops_at_its_row(library: Library, label: int, row: int) -> None:
    z, grad = np.zeros((3, 3)), np.full((3, 3), 7.0)
    loss, labels = np.full(3, 7.0), np.zeros(3, np.int64)
    labels[row] = label
    assert library.call("softmax_loss_and_gradient_labels_f64", 3, 3, z, labels, loss, grad) == BAD_LABEL
    assert np.allclose(loss[:row], np.log(3))
    assert np.allclose(grad[:row], [[-2 / 3, 1 / 3, 1 / 3]])


def test_entries_between_rows_are_not_touched(library: Library) -> None:
    y = np.full((4, 9), 7, np.float32)
    z = np.arange(32, dtype=np.float32).reshape(4, 8)
    assert library.call("softmax_value_f32", 4, 5, z[:, :5], y[:, :5]) == OK
    assert np.all(y[:, 5:] == 7)
    assert np.allclose(y[:, :5].sum(axis=1), 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 20, 21, 31, 32, 33, 40, 41, 64, 65, 79, 80, 81, 127, 128, 129, 1000])
def test_the_maximum_may_be_at_any_position(library: Library, dtype: type, n: int) -> None:
    z = np.full((n, n), -1000, dtype)
    np.fill_diagonal(z, 1000)
    y = np.empty_like(z)
    suffix = {np.float32: "f32", np.float64: "f64"}[dtype]
    assert library.call(f"softmax_value_{suffix}", n, n, z, y) == OK
    assert np.array_equal(y, np.eye(n))


@pytest.mark.parametrize("n", [1, 3, 40, 300])
@pytest.mark.parametrize("bad", [np.nan, np.inf, None])
def test_a_row_without_a_result_is_nan_and_its_neighbours_are_not(library: Library, n: int, bad: float | None) -> None:
    z, y = np.zeros((3, n), np.float32), np.empty((3, n), np.float32)
    for position in {0, n // 2, n - 1}:
        z[1] = 0 if bad is not None else -np.inf
        z[1, position] = bad if bad is not None else -np.inf
        assert library.call("softmax_value_f32", 3, n, z, y) == OK
        assert np.all(np.isnan(y[1]))
        assert np.all(np.isfinite(y[[0, 2]]))


@pytest.mark.parametrize("n", [3, 128, 200])
def test_the_bits_of_a_row_depend_neither_on_threads_nor_on_how_the_batch_is_split(
    tmp_path: Path, library: Library, n: int
) -> None:
    threaded = compile_library([write(tmp_path, cross_entropy())], tmp_path, flags=(*FLAGS, "-fopenmp"))
    batch = 120_001 // n
    z = np.random.default_rng(n).normal(size=(batch, n)).astype(np.float32)
    labels = np.arange(batch, dtype=np.int64) % n
    found = set()
    for each, parts in ((library, 1), (library, 7), (threaded, 1), (threaded, 3)):
        loss, grad = np.empty(batch, np.float32), np.empty_like(z)
        for part in np.array_split(np.arange(batch), parts):
            rows = slice(part[0], part[-1] + 1)
            arguments = (z[rows], labels[rows], loss[rows], grad[rows])
            status = each.call("softmax_loss_and_gradient_labels_f32", len(part), n, *arguments)
            assert status == OK
        found.add(loss.tobytes() + grad.tobytes())
    assert len(found) == 1


MAIN = """
#include "softmax.h"
#include <stdlib.h>

/* Arrays of exactly the size that the contract asks for, so that one entry too far is seen. */
static int try_rows(size_t batch, size_t n, size_t stride)
{
    const size_t extent = (batch - 1) * stride + n, last = batch - 1;
    float *z = (float *)malloc(extent * sizeof *z);
    float *out = (float *)malloc(extent * sizeof *out);
    double *wide = (double *)malloc(extent * sizeof *wide);
    double *wide_out = (double *)malloc(extent * sizeof *wide_out);
    float *loss = (float *)malloc(batch * sizeof *loss);
    int64_t *labels = (int64_t *)malloc(batch * sizeof *labels);
    int status = 0;
    for (size_t j = 0; j < extent; j++) {
        wide[j] = z[j] = j % 5 == 4 ? -1e30f : (float)(j % 17);
        wide_out[j] = out[j] = -1.0f;
    }
    for (size_t row = 0; row < batch; row++) {
        labels[row] = (int64_t)(row % n);
    }
    z[0] = (float)(0.0 * 1e300 * 1e300); /* NaN */
    if (softmax_value_f32(batch, n, z, stride, out, stride) != 0) status = 1;
    if (softmax_value_f64(batch, n, wide, stride, wide_out, stride) != 0) status = 2;
    for (size_t j = 0; j < extent; j++) { /* what lies between rows is nobody's */
        const int is_between = j % stride >= n;
        if (is_between != (out[j] == -1.0f) || is_between != (wide_out[j] == -1.0)) status = 3;
    }
    if (softmax_loss_and_gradient_labels_f32(batch, n, z, stride, labels, loss, out, stride) != 0) status = 4;
    labels[last] = (int64_t)n;
    if (softmax_loss_and_gradient_labels_f32(batch, n, z, stride, labels, loss, out, stride) != 3) status = 5;
    labels[last] = INT64_MIN;
    if (softmax_loss_and_gradient_labels_f32(batch, n, z, stride, labels, loss, out, stride) != 3) status = 6;
    free(z), free(out), free(wide), free(wide_out), free(loss), free(labels);
    return status;
}

int main(void)
{
    const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 32, 33, 127, 128, 129, 256, 1000, 4097};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        for (size_t batch = 1; batch < (sizes[k] < 16 ? 100 : 4); batch++) {
            for (size_t extra = 0; extra < 3; extra += 2) {
                const int status = try_rows(batch, sizes[k], sizes[k] + extra);
                if (status != 0) return status;
            }
        }
    }
    return 0;
}
"""


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("level", ["-O0", "-O3"])
def test_runs_clean_under_the_sanitizers(tmp_path: Path, compiler: str, level: str) -> None:
    source = write(tmp_path, softmax(), cross_entropy())
    (tmp_path / "main.c").write_text(MAIN)
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", level]
    program = tmp_path / "main"
    (tmp_path / "empty.c").write_text("int main(void) { return 0; }\n")
    trial = [compiler, *sanitizers, tmp_path / "empty.c", "-o", program]
    if subprocess.run(trial, capture_output=True, check=False).returncode != 0:
        pytest.skip(f"{compiler} is installed without the libraries of its sanitizers")
    subprocess.run([compiler, *sanitizers, tmp_path / "main.c", source, "-lm", "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
