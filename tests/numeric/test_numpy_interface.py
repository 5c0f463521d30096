"""How the NumPy functions are called: axes, layouts, `out`, dtypes, broadcasting, and what they refuse."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.numeric.backends import FOLDERS, INPUTS, MATRICES, arguments_of, load_module
from tests.numeric.calls import DTYPES, LABELLED, LARGEST_MATRIX, WAYS, some_rows
from tests.numeric.cases import Array, Batch, batches
from tests.numeric.comparison import Miss, compare, report
from tests.numeric.truth import exact

Function = Callable[..., Any]

SIX = 6
"""Rows in the layout tests, which fold them into shapes."""


@pytest.fixture(params=FOLDERS)
def folder(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def function(folder: str, module: str, quantity: str) -> Function:
    """A function that fails if a warning escapes, though its caller has NumPy report every floating point error."""
    found: Function = getattr(load_module(folder, module), quantity)

    def watched(*inputs: Any, **options: Any) -> Any:
        with np.errstate(all="warn"), warnings.catch_warnings():
            warnings.simplefilter("error")
            return found(*inputs, **options)

    return watched


def parts_of(quantity: str, got: Any) -> list[tuple[str, Array]]:
    """The outputs with the quantities that they are."""
    if quantity != "loss_and_gradient":
        return [(quantity, got)]
    assert isinstance(got, tuple)
    assert len(got) == 2
    return [("loss", got[0]), ("gradient", got[1])]


def judge(label: str, module: str, quantity: str, batch: Batch, got: Any, undo: Callable[[Array, str], Array]) -> None:
    """Compare results of another layout with the truth; `undo` brings an output back to rows."""
    found: list[Miss] = []
    for part, array in parts_of(quantity, got):
        found += compare(("numpy", label, str(batch.z.dtype)), batch, module, part, undo(array, part))
    report(("numpy", label, module, quantity), found)


def spread(array: Array, shape: tuple[int, ...]) -> Array:
    """Rows folded into a batch shape."""
    return array.reshape(shape + array.shape[1:])


def gather(array: Array, part: str) -> Array:
    """The batch axes unfolded into rows again."""
    kept = {"loss": 0, "jacobian": 2, "hessian": 2}.get(part, 1)
    return np.asarray(array).reshape((-1, *np.shape(array)[np.ndim(array) - kept :]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("module", "quantity", "family"), WAYS)
def test_batch_shapes(folder: str, module: str, quantity: str, family: str, dtype: type[Any]) -> None:
    for shape in ((), (1,), (7,), (2, 3), (1, 2, 1, 2)):
        batch = some_rows(family, dtype, int(np.prod(shape)))
        inputs = [spread(array, shape) for array in arguments_of(quantity, batch.z, batch.t, batch.g, batch.v)]
        got = function(folder, module, quantity)(*inputs)
        for part, array in parts_of(quantity, got):
            expected = shape + exact(batch, module, part).high.shape[1:]
            assert np.shape(array) == expected, f"batch shape {shape}: {part} has shape {np.shape(array)}"
        judge(f"batch shape {shape}", module, quantity, batch, got, gather)


def unaligned(array: Array) -> Array:
    """A copy that begins at an odd address."""
    memory = np.empty(array.nbytes + 1, np.uint8)[1:]
    made = memory.view(array.dtype).reshape(array.shape)
    made[...] = array
    return made


def every_other(array: Array) -> Array:
    """Every other element, along every axis, of an array twice as long."""
    made = np.zeros([2 * length for length in array.shape], array.dtype)
    view = made[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "column-major": np.asfortranarray,
    "every other element": every_other,
    "reversed in memory": lambda a: np.flip(np.flip(a).copy()),
    "read-only": lambda a: np.frombuffer(np.ascontiguousarray(a).tobytes(), a.dtype).reshape(a.shape),
    "a view of a larger array": lambda a: np.pad(a, 1)[tuple(slice(1, -1) for _ in a.shape)],
    "unaligned": unaligned,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("module", "quantity", "family"), WAYS)
def test_memory_layouts(folder: str, module: str, quantity: str, family: str, dtype: type[Any], layout: str) -> None:
    batch = some_rows(family, dtype, SIX)
    inputs = [LAYOUTS[layout](array) for array in arguments_of(quantity, batch.z, batch.t, batch.g, batch.v)]
    before = [array.copy() for array in inputs]
    got = function(folder, module, quantity)(*inputs)
    judge(layout, module, quantity, batch, got, gather)
    for array, copy in zip(inputs, before, strict=True):
        assert np.array_equal(array, copy), "an input was written"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("module", "quantity", "family"), [way for way in WAYS if way[1] not in MATRICES])
def test_other_axes(folder: str, module: str, quantity: str, family: str, dtype: type[Any]) -> None:
    batch = some_rows(family, dtype, SIX)
    for axis in (0, 1, 2, -1, -2, -3):
        moved = [
            np.moveaxis(folded, -1, axis) if array.ndim == 2 else folded
            for array in arguments_of(quantity, batch.z, batch.t, batch.g, batch.v)
            for folded in [spread(array, (2, 3))]
        ]
        got = function(folder, module, quantity)(*moved, axis=axis)

        def undo(array: Array, part: str, axis: int = axis) -> Array:
            return gather(array if part == "loss" else np.moveaxis(array, axis, -1), part)

        judge(f"axis {axis}", module, quantity, batch, got, undo)


def outputs_for(module: str, quantity: str, batch: Batch) -> list[Array]:
    names = ["loss", "gradient"] if quantity == "loss_and_gradient" else [quantity]
    return [np.full(exact(batch, module, name).high.shape, np.nan, batch.z.dtype) for name in names]


@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout not in ("read-only", "big-endian")])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("module", "quantity", "family"), WAYS)
def test_out_is_filled_and_returned(
    folder: str, module: str, quantity: str, family: str, dtype: type[Any], layout: str
) -> None:
    batch = some_rows(family, dtype, SIX)
    made = [LAYOUTS[layout](array) for array in outputs_for(module, quantity, batch)]
    out = made[0] if len(made) == 1 else tuple(made)
    inputs = arguments_of(quantity, batch.z, batch.t, batch.g, batch.v)
    got = function(folder, module, quantity)(*inputs, out=out)
    for (_, returned), given in zip(parts_of(quantity, got), made, strict=True):
        assert returned is given
    judge(f"out, {layout}", module, quantity, batch, got, gather)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("module", "quantity", "family"), [way for way in WAYS if way[1] not in MATRICES])
def test_out_may_be_an_input(folder: str, module: str, quantity: str, family: str, dtype: type[Any]) -> None:
    """Any one of the vectors that go in: the result is as if it were another array."""
    batch = some_rows(family, dtype, SIX)
    call = function(folder, module, quantity)
    for position in range(len(INPUTS[quantity])):
        inputs = [array.copy() for array in arguments_of(quantity, batch.z, batch.t, batch.g, batch.v)]
        made = outputs_for(module, quantity, batch)
        if (inputs[position].shape, inputs[position].dtype) != (made[-1].shape, made[-1].dtype):
            continue
        made[-1] = inputs[position]
        got = call(*inputs, out=made[0] if len(made) == 1 else tuple(made))
        judge(f"out is input {position}", module, quantity, batch, got, gather)


@pytest.mark.parametrize(("module", "quantity", "family"), WAYS)
def test_half_precision_is_single_precision_rounded(folder: str, module: str, quantity: str, family: str) -> None:
    single = some_rows(family, np.float32, SIX)
    inputs = arguments_of(quantity, single.z, single.t, single.g, single.v)
    with np.errstate(over="ignore"):
        halves = [array.astype(np.float16) if array.dtype == np.float32 else array for array in inputs]
    singles = [array.astype(np.float32) if array.dtype == np.float16 else array for array in halves]
    call = function(folder, module, quantity)
    for (part, got), (_, wide) in zip(
        parts_of(quantity, call(*halves)), parts_of(quantity, call(*singles)), strict=True
    ):
        assert got.dtype == np.float16, part
        with np.errstate(over="ignore"):
            assert np.array_equal(got, wide.astype(np.float16), equal_nan=True), part


@pytest.mark.parametrize("kind", [list, np.int8, np.int32, np.uint16, np.int64])
@pytest.mark.parametrize(("module", "quantity", "family"), WAYS)
def test_integers_and_lists_become_float64(folder: str, module: str, quantity: str, family: str, kind: Any) -> None:
    z, t = [[2, 0, 1], [1, 5, 1]], [[1, 0, 0], [0, 1, 1]]
    chosen = [2, 1] if family == "labels" else t
    plain = [np.array(given, dtype=np.float64) for given in (z, t, z, t)]
    floats = arguments_of(quantity, plain[0], np.array(chosen) if family == "labels" else plain[1], *plain[2:])
    given = arguments_of(quantity, *(np.array(each) for each in (z, chosen, z, t)))
    given = tuple(array.tolist() if kind is list else array.astype(kind) for array in given)
    call = function(folder, module, quantity)
    for (part, got), (_, expected) in zip(
        parts_of(quantity, call(*given)), parts_of(quantity, call(*floats)), strict=True
    ):
        assert got.dtype == np.float64, part
        assert np.array_equal(got, expected), part


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("quantity", ["loss", "gradient", "loss_and_gradient", "hessian", "hvp"])
@pytest.mark.parametrize("module", ["softmax_cross_entropy", "softmax_mse"])
def test_targets_broadcast_and_take_the_dtype_of_the_logits(
    folder: str, module: str, quantity: str, dtype: type[Any]
) -> None:
    z = np.linspace(-1.0, 2.0, 18).reshape(2, 3, 3).astype(dtype)
    other = np.float32 if dtype == np.float64 else np.float64
    call = function(folder, module, quantity)
    for shape in ((1, 1, 3), (2, 1, 3), (1, 3, 3)):
        t = (np.arange(np.prod(shape)).reshape(shape) / 4).astype(other)
        full = np.ascontiguousarray(np.broadcast_to(t, z.shape)).astype(dtype)
        inputs, whole = arguments_of(quantity, z, t, z, z), arguments_of(quantity, z, full, z, z)
        for (part, got), (_, expected) in zip(
            parts_of(quantity, call(*inputs)), parts_of(quantity, call(*whole)), strict=True
        ):
            assert got.dtype == dtype, part
            assert np.array_equal(got, expected), f"{part} for targets of shape {shape}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("module", "quantity", "family"), WAYS)
def test_no_warning_on_any_case(folder: str, module: str, quantity: str, family: str, dtype: type[Any]) -> None:
    call = function(folder, module, quantity)
    for batch in batches(family, dtype):
        if FOLDERS[folder] in (None, batch.n) and (batch.n <= LARGEST_MATRIX or quantity not in MATRICES):
            inputs = arguments_of(quantity, batch.z, batch.t, batch.g, batch.v)
            call(*inputs)
    z = np.array([[np.nan, 0, 1], [np.inf, 0, 1], [-np.inf] * 3, [0, 1, 2]], dtype)
    call(*arguments_of(quantity, z, np.arange(4) % 3 if family == "labels" else np.abs(z), z, z))


def complain(call: Function, *inputs: Any, **options: Any) -> str:
    """What the function says when it refuses."""
    try:
        call(*inputs, **options)
    except ValueError as refusal:
        return str(refusal)
    shapes = [f"{np.asarray(each).dtype} {np.shape(each)}" for each in inputs]
    return f"no ValueError, but a result, for {'; '.join(shapes)} with {options}"


def names(argument: str, message: str) -> bool:
    """Whether a message speaks of an argument, as `z`, z or z[...]."""
    return argument in message.replace("`", " ").replace("[", " ").replace("=", " ").replace(",", " ").split()


@pytest.mark.parametrize(("module", "quantity", "family"), WAYS)
def test_refuses_bad_inputs_by_name(folder: str, module: str, quantity: str, family: str) -> None:
    z = np.zeros((2, 3))
    t = np.zeros(2, np.int64) if family == "labels" else z
    good = dict(zip(INPUTS[quantity], arguments_of(quantity, z, t, z, z), strict=True))
    bad: list[tuple[str, Any]] = [
        ("z", np.float64(1.0)),
        ("z", np.zeros((2, 0))),
        ("z", z.astype(complex)),
        ("z", z.astype(np.longdouble)),
        ("z", np.array([["a", "b", "c"]] * 2)),
        ("z", np.array([[None, 1.0, 2.0]] * 2)),
    ]
    if FOLDERS[folder] is not None:
        bad.append(("z", np.zeros((2, 4))))
    for vector in {"g", "v"} & set(good):
        bad += [(vector, np.zeros((2, 4))), (vector, np.zeros((5, 3))), (vector, z.astype(complex))]
    if family == "labels":
        bad += [("t", np.zeros(3, np.int64)), ("t", np.zeros((2, 3, 3), np.int64))]
    if family == "dense":
        bad += [("t", np.zeros((2, 4))), ("t", np.zeros((5, 3))), ("t", np.zeros(2)), ("t", z.astype(complex))]
    if family == "dense" and module not in LABELLED:
        bad.append(("t", np.zeros(2, np.int64)))
    for argument, value in bad:
        message = complain(function(folder, module, quantity), *{**good, argument: value}.values())
        assert names(argument, message), f"{argument} = {value!r}: {message}"


@pytest.mark.parametrize(("module", "quantity", "family"), WAYS)
def test_refuses_bad_out_and_axis_by_name(folder: str, module: str, quantity: str, family: str) -> None:
    batch = some_rows(family, np.float64, SIX)
    call = function(folder, module, quantity)
    inputs = arguments_of(quantity, batch.z, batch.t, batch.g, batch.v)
    good = outputs_for(module, quantity, batch)
    locked = [array.copy() for array in good]
    for array in locked:
        array.flags.writeable = False
    wrong: list[list[Any]] = [
        [array[:-1] for array in good],
        [np.zeros(array.shape, np.int64) for array in good],
        [array.tolist() for array in good],
        locked,
    ]
    for made in wrong:
        message = complain(call, *inputs, out=made[0] if len(made) == 1 else tuple(made))
        assert names("out", message), message
    if len(good) == 2:
        assert names("out", complain(call, *inputs, out=good[0]))
        assert names("out", complain(call, *inputs, out=(good[1][..., 0], good[1]))), "one array within the other"
    if quantity not in MATRICES:
        for axis in (2, -3):
            assert names("axis", complain(call, *inputs, axis=axis))


@pytest.mark.parametrize("quantity", ["loss", "gradient", "loss_and_gradient", "hessian", "hvp"])
@pytest.mark.parametrize("label", [-1, 3, 12, np.iinfo(np.int64).max, np.iinfo(np.int64).min])
def test_labels_out_of_range_are_an_index_error(folder: str, quantity: str, label: int) -> None:
    """Also unsigned ones, and not by wrapping round from the end."""
    z = np.zeros((4, 5, 3), np.float32)
    labels = np.zeros((4, 5), np.int64)
    labels[2, 3] = label
    for chosen in [labels] + ([labels.astype(np.uint64)] if label > 0 else []):
        with pytest.raises(IndexError) as caught:
            function(folder, "softmax_cross_entropy", quantity)(*arguments_of(quantity, z, chosen, z, z))
        message = str(caught.value)
        assert [piece for piece in (str(label), "2, 3", "0 to 2") if piece not in message] == [], message


def test_labels_of_every_integer_type(folder: str) -> None:
    z = np.linspace(-1.0, 1.0, 12).reshape(4, 3)
    labels = np.array([0, 2, 1, 2])
    call = function(folder, "softmax_cross_entropy", "loss_and_gradient")
    expected = call(z, labels)
    for code in np.typecodes["AllInteger"]:
        for got, sound in zip(call(z, labels.astype(code)), expected, strict=True):
            assert np.array_equal(got, sound), code


def test_an_integer_array_with_the_axes_of_the_logits_is_dense(folder: str) -> None:
    z, t = np.linspace(-1.0, 1.0, 9).reshape(3, 3), np.eye(3, dtype=np.int64)
    call = function(folder, "softmax_cross_entropy", "loss")
    assert np.array_equal(call(z, t), call(z, t.astype(np.float64)))
