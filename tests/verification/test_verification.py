"""Verification finds what is wrong: a changed file, a wrong formula, a lost digit, a missing compiler."""

import ctypes
import platform
from pathlib import Path

import numpy as np
import pytest

import derive
from derive import catalogue
from derive.cli import main
from derive.compiler import compile_for_this_machine, compile_sources
from derive.errors import MissingToolError, OutputError
from derive.native import Library
from derive.notation import g, t, v, z
from derive.pipeline import plan_kernels
from derive.verification import check_files, find_builds, verify
from derive.verification.callers import CCaller
from derive.verification.compilation import compilers
from derive.verification.rows import Rows, make_rows
from derive.verification.trial import ALLOWED, PRECISIONS, _truths, loaders, prove, read_compositions, try_functions
from derive.verification.truth import FEW_CLASSES, find_truth
from derive.write import MANIFEST, read_manifest, read_spec

FLOAT32 = np.dtype(np.float32)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A build folder with one loss for three classes."""
    out = tmp_path_factory.mktemp("out")
    return derive.build(n=3, out=out, compositions=["softmax+cross-entropy"], targets=["c", "numpy"]).folder


@pytest.fixture
def copy(made, tmp_path) -> Path:
    folder = tmp_path / "n3"
    for path in made.rglob("*.*"):
        (folder / path.relative_to(made)).parent.mkdir(parents=True, exist_ok=True)
        (folder / path.relative_to(made)).write_bytes(path.read_bytes())
    return folder


def row_of(rows: Rows, number: int) -> dict:
    return {z: rows.z[number], t: rows.t[number], g: rows.g[number], v: rows.v[number]}


def test_a_build_passes_in_every_part(made):
    findings = verify(made)
    assert [finding.part for finding in findings] == [
        *("files", "derivation", "numpy float32", "numpy float64", "c float32", "c float64")
    ]
    assert all(finding.passed and finding.count > 0 for finding in findings)


def test_every_build_in_a_folder_is_found(made):
    assert find_builds(made) == (made,)
    assert find_builds(made.parent) == (made,)
    with pytest.raises(OutputError, match="holds no build; make one with: derive build"):
        find_builds(made / "c")


def test_definitions_are_read_back_from_the_manifest(made):
    assert read_compositions(made, read_spec(made)) == [catalogue.read_composition("softmax+cross-entropy")]


def test_a_manifest_without_definitions_is_refused(copy):
    with pytest.raises(OutputError, match="holds no definitions that this version of derive reads"):
        read_compositions(copy, {"n": 3})


def test_a_manifest_that_was_changed_is_refused(copy):
    text = (copy / MANIFEST).read_text()
    (copy / MANIFEST).write_text(text.replace('"n": 3', '"n": 4'))
    with pytest.raises(OutputError, match="was changed: its spec has another hash"):
        verify(copy)


def test_a_changed_file_is_named(copy):
    (copy / "c" / "softmax_cross_entropy.h").write_text("changed")
    finding = check_files(copy, read_manifest(copy)["files"])
    assert not finding.passed
    assert finding.problem.startswith("c/softmax_cross_entropy.h is missing or was changed")


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("numpy/softmax_cross_entropy.py", "np.exp(", "1.0001 * np.exp("),
        ("numpy/softmax_cross_entropy.py", "import numpy", "import nothing, numpy"),
        ("c/softmax_cross_entropy.c", "return", "return 2; return"),
        ("c/softmax_cross_entropy.c", "int softmax", "oops softmax"),
        ("c/softmax_cross_entropy.c", "rows[row * stride + j] * weight", "rows[row * stride + j]"),
    ],
)
def test_a_wrong_function_fails_with_a_sentence(copy, file, right, wrong):
    text = (copy / file).read_text()
    assert right in text
    (copy / file).write_text(text.replace(right, wrong))
    (composition,) = read_compositions(copy, read_spec(copy))
    loading = loaders(copy, composition, {file})
    failures = [finding for finding in try_functions(copy, composition, 3, loading) if not finding.passed]
    assert len(failures) == 1
    assert failures[0].problem
    assert main(["verify", str(copy)]) == 1


def test_a_derivation_that_fails_its_check_is_a_failure(copy, monkeypatch):
    monkeypatch.setattr("derive.verification.trial.derive_quantities", _raise_proof_error)
    (composition,) = read_compositions(copy, read_spec(copy))
    assert prove(copy, composition, 3).problem == "a step is false"


def _raise_proof_error(*_):
    raise derive.errors.ProofError("a step is false")


def test_without_a_compiler_nothing_is_verified(made, monkeypatch, capsys):
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setattr("derive.verification.check_files", lambda *_: pytest.fail("verified"))
    with pytest.raises(MissingToolError, match="no-such-compiler"):
        verify(made)
    assert main(["verify", str(made)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", ["softmax", "log-softmax", "softmax+cross-entropy", "softmax+mse"])
def test_for_many_classes_the_truth_is_the_same_as_for_few(name, monkeypatch):
    composition = catalogue.read_composition(name)
    rows = make_rows(FEW_CLASSES, FLOAT32)
    for quantity in composition.quantities:
        by_definition = find_truth(composition, quantity, row_of(rows, 1))
        monkeypatch.setattr("derive.verification.truth.FEW_CLASSES", 0)
        by_closed_form = find_truth(composition, quantity, row_of(rows, 1))
        monkeypatch.undo()
        assert set(by_definition.places) <= set(by_closed_form.places)
        closed = dict(zip(by_closed_form.places, by_closed_form.values, strict=True))
        for place, value in zip(by_definition.places, by_definition.values, strict=True):
            assert abs(closed[place] - value) < 1e-40


@pytest.mark.parametrize("name", ["softmax+kl", "softmax+jensen-shannon"])
def test_nothing_is_asked_where_a_definition_has_no_value(name):
    rows, truths = make_rows(3, FLOAT32), _truths(catalogue.read_composition(name), "value", 3, labels=False)
    assert [truth is None for truth in truths] == [0 in t for t in rows.t.tolist()], "t log t has none at 0"


def test_errors_are_measured_in_units_of_u():
    truth = find_truth(catalogue.read_composition("softmax"), "value", row_of(make_rows(3, FLOAT32), 2))
    third = np.float32(1) / np.float32(3) * np.ones(3, FLOAT32)
    assert truth.error(third) < 1
    off = third * np.float32(1 + 100 * 2.0**-24)
    assert 95 < truth.error(off) < 105, "the size of a third is a third where its logit is the largest"
    assert truth.error(off) > ALLOWED
    assert np.isnan(truth.error(np.full(3, np.nan, FLOAT32)))


def test_rows_are_the_same_in_each_precision_and_move_the_maximum():
    single, double = make_rows(5, FLOAT32), make_rows(5, np.dtype(np.float64))
    assert np.array_equal(single.z, double.z)
    assert len(set(double.z.argmax(axis=1))) >= 3
    assert np.array_equal(double.one_hot.argmax(axis=1), double.labels)


def test_the_truth_knows_how_near_to_1_a_logistic_function_is():
    logits = np.full(5, 1e4)
    row = {z: logits, t: np.zeros(5), g: logits, v: logits}
    truth = find_truth(catalogue.read_composition("sigmoid+binary-cross-entropy"), "value", row)
    assert [float(value) for value in truth.values] == [5e4]


def test_what_is_compiled_for_this_machine_computes_the_same_bits_as_the_whole_file(made, tmp_path):
    source = made / "c" / "softmax_cross_entropy.c"
    path = compile_sources([source], tmp_path)
    whole, part = (
        CCaller(dict.fromkeys((32, 64), Library(path, ctypes.CDLL(str(path)))), source.stem),
        CCaller.load(source),
    )
    (composition,) = read_compositions(made, read_spec(made))
    for kernel in filter(whole.has, plan_kernels(composition, 3)):
        for dtype in PRECISIONS:
            expected, got = (each.call(kernel, make_rows(3, dtype)) for each in (whole, part))
            assert all(np.array_equal(expected[name], got[name], equal_nan=True) for name in expected), kernel.name


@pytest.mark.skipif(platform.machine() != "x86_64", reason="generated C has one set of kernels elsewhere")
def test_c_that_is_wrong_in_the_part_for_other_processors_is_refused(copy):
    source = copy / "c" / "softmax_cross_entropy.c"
    source.write_text(f"{source.read_text()}\n#if INSTRUCTION_SETS > 1\n#error other processors\n#endif\n")
    with pytest.raises(MissingToolError, match="other processors"):
        CCaller.load(source)


def test_c_of_one_type_has_the_functions_of_that_type_alone(made, tmp_path):
    source = made / "c" / "softmax_cross_entropy.c"
    names = [f"softmax_cross_entropy_n3_{name}" for name in ("loss", "hvp", "loss_and_gradient_labels")]
    for bits, other in ((32, 64), (64, 32)):
        folder = tmp_path / str(bits)
        folder.mkdir()
        library = ctypes.CDLL(str(compile_for_this_machine(source, folder, bits)))
        assert all(hasattr(library, f"{name}_f{bits}") for name in names)
        assert not any(hasattr(library, f"{name}_f{other}") for name in names)


def test_what_compilers_began_before_it_was_written_is_what_is_verified(made, copy):
    texts = {f"c/{path.name}": path.read_text() for path in (made / "c").glob("softmax*")}
    source = copy / "c" / "softmax_cross_entropy.c"
    with compilers() as working:
        working.start(texts)
        (begun,) = working.started.values()
        assert working.compile(source) is begun
        source.write_text(source.read_text().replace("return", "return 2; return"))
        changed = working.compile(source)
        assert changed is not begun
        begun.libraries()
    source.with_suffix(".h").unlink()
    with pytest.raises(MissingToolError, match="softmax_cross_entropy"):
        CCaller.load(source)


def test_a_loss_with_the_logarithm_of_a_number_has_sizes():
    row = row_of(make_rows(3, FLOAT32), 1)
    truth = find_truth(catalogue.read_composition("softmax+sum(log((exp(y - t) + exp(t - y))/2))"), "gradient", row)
    assert all(size > 0 for size in truth.sizes)


@pytest.mark.parametrize("text", ["softmax+(-log(y[k]))**gamma", "sigmoid+sum(t*(-log(1 - y))**gamma)"])
def test_a_power_of_minus_a_logarithm_has_a_truth(text):
    label = 0 if "k" in text else None
    truth = find_truth(catalogue.read_composition(text), "gradient", row_of(make_rows(3, FLOAT32), 1), label)
    assert all(value != 0 for value in truth.values)


def test_a_matrix_that_is_too_large_to_be_tried_is_no_failure(made, monkeypatch):
    monkeypatch.setattr("derive.verification.trial.LARGEST_MATRIX", 2)
    assert all(finding.passed for finding in verify(made))


def test_a_function_of_which_nothing_can_be_compared_fails(made, monkeypatch):
    monkeypatch.setattr("derive.verification.trial._truths", lambda *_: (None,) * len(make_rows(3, FLOAT32).z))
    failures = [finding for finding in verify(made) if not finding.passed]
    assert [finding.part for finding in failures] == ["numpy float32", "c float32"]
    assert failures[0].problem == "loss: no row that is tried has a finite value to be compared with"


def test_a_truth_that_is_very_small_is_no_rounding():
    composition = catalogue.read_composition("identity+sum(log(1 + exp(-t*z)))")
    rows = {z: np.array([700.0, 1.0, -2.0]), t: np.array([1.0, 1.0, 0.0])}
    (first, *_) = find_truth(composition, "gradient", rows).values
    assert first == pytest.approx(-np.exp(-700.0), rel=1e-12, abs=0)


def test_a_probability_below_the_smallest_normal_number_may_be_lost_whatever_it_is_multiplied_by():
    row = {z: np.array([-90.0, 0.0, 1.0]), t: np.zeros(3)}
    truth = find_truth(catalogue.read_composition("softmax+-log(y[k]+1e-12)"), "gradient", row, 0)
    exact = np.array([float(value) for value in truth.values], FLOAT32)
    assert 1e-28 < -exact[0] < 1e-26
    assert truth.error(np.zeros(3, FLOAT32)) < 1
    assert truth.error(exact + FLOAT32.type(1e-25)) > ALLOWED, "of 1e12 times the smallest normal number, no more"


def test_what_divides_by_a_probability_may_not_lose_it():
    row = {z: np.array([-80.0, 0.0, 1.0]), t: np.zeros(3)}
    truth = find_truth(catalogue.read_composition("softmax+sum(y/(t + y))"), "value", row)
    assert truth.error(np.array(3, FLOAT32)) < 1
    assert truth.error(np.array(2, FLOAT32)) > ALLOWED


@pytest.mark.parametrize("activation", ["softmax", "softmax-temperature"])
def test_nothing_is_asked_of_the_logarithm_of_what_one_class_leaves_of_1(activation):
    """1 - y is 0 there or what rounding leaves, and 0 times its logarithm is no truth, whatever the temperature."""
    composition = catalogue.read_composition(f"{activation}+binary-cross-entropy")
    assert _truths(composition, "value", 1, labels=False) == (None,) * len(make_rows(1, FLOAT32).z)


def test_nothing_is_asked_of_a_quotient_by_what_rounding_leaves_of_0():
    """Equal probabilities have no variance, and a correlation with them no value, where 1/17 has no last digit."""
    text = "1 - sum((y - mean(y))*(t - mean(t)))/sqrt(sum((y - mean(y))**2)*sum((t - mean(t))**2))"
    composition = catalogue.read_composition(f"softmax+{text}")
    logits = make_rows(17, FLOAT32).z
    equal = [row for row, numbers in enumerate(logits) if len(set(numbers.tolist())) == 1]
    truths = _truths(composition, "value", 17, labels=False)
    assert equal
    assert all(truths[row] is None for row in equal)
    assert any(truth is not None for truth in truths)
