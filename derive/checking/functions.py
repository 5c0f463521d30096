"""NumPy's functions on arrays of expressions: the closed list of those that a formula may use."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from sympy import Expr, Integer

from derive.checking.elementary import abs_of, exp_of, log_of, one_where_positive, power_of, tanh_of
from derive.checking.formula import FormulaError, IllFormedError
from derive.checking.guards import SMALL, changes_nothing

Array = NDArray[Any]
"""An array of expressions, dtype object; of no axes for a number."""
Options = Mapping[str, Any]

MOST_WORK = 40_000
MOST_CLASSES = 64
"""The longest array that a formula may make."""


def as_array(value: Any) -> Array:
    """`value` as an array of objects: an expression becomes one without axes."""
    if isinstance(value, np.ndarray):
        return value
    found = np.empty((), dtype=object)
    found[()] = value
    return found


def filled_array(entry: Callable[[int], Expr], n: int) -> Array:
    """A vector of `entry` at each class."""
    found = np.empty(n, dtype=object)
    found[:] = [entry(number) for number in range(n)]
    return found


def matrix_array(entry: Callable[[int, int], Expr], n: int) -> Array:
    """A matrix of `entry` at each row and column."""
    found = np.empty((n, n), dtype=object)
    for i in range(n):
        for j in range(n):
            found[i, j] = entry(i, j)
    return found


def identity_array(n: int) -> Array:
    """The identity."""
    return matrix_array(lambda i, j: Integer(int(i == j)), n)


def shape_of(array: Array) -> str:
    """The shape of an array, for a person."""
    return f"({', '.join(str(length) for length in array.shape)})"


_NUMPY_NAMES = {
    "dim": "axis", "keepdim": "keepdims", "a_min": "min", "a_max": "max", "axes": "axis", "dims": "axis",
    "reduction_indices": "axis",
    "keep_dims": "keepdims",
}  # fmt: skip
"""NumPy's keywords by those of other libraries."""


def rename_option(name: str) -> str:
    """A keyword of another library by NumPy's name."""
    return _NUMPY_NAMES.get(name, name)


def _logarithm(value: Expr, base: int) -> Expr:
    result: Expr = log_of(value) / log_of(Integer(base))
    return result


def each_entry(function: Callable[[Expr], Expr]) -> Callable[[Sequence[Array], Options], Array]:
    """`function` of one number, applied entry by entry."""
    applied = np.frompyfunc(function, 1, 1)
    return lambda arguments, _: as_array(applied(_only(arguments)))


def divide(left: Array, right: Array) -> Array:
    """left/right, entry by entry; raises IllFormedError where a divisor is 0."""
    if any(entry == 0 for entry in right.flat):
        raise IllFormedError("the formula divides by zero")
    return as_array(left / right)


def power(left: Array, right: Array) -> Array:
    """left**right, entry by entry.

    Raises:
        FormulaError: a power too large to work with.
        IllFormedError: a power that is not defined.
    """
    return as_array(np.frompyfunc(power_of, 2, 1)(left, right))


def einsum(pattern: str, arrays: Sequence[Array]) -> Array:
    """NumPy's einsum of arrays.

    Raises:
        FormulaError: it runs over too many indices.
        IllFormedError: the arrays do not fit the pattern.
    """
    written = pattern.replace(" ", "").replace("...", "")
    try:
        subscripts = written.partition("->")[0].split(",")
        lengths = {letter: size for each, array in zip(subscripts, arrays, strict=True)
                   for letter, size in zip(each, array.shape, strict=True)}  # fmt: skip
        if len(arrays) * math.prod(lengths.values()) > MOST_WORK:
            raise FormulaError("an einsum of the formula runs over too many indices", piece="einsum")
        # Two at a time: SymPy takes the square of the number of terms that a sum has.
        return as_array(np.einsum(written, *arrays, optimize=True))
    except ValueError:
        raise IllFormedError(f"the operands of einsum do not fit {pattern!r}") from None


def _only(arguments: Sequence[Array]) -> Array:
    (argument,) = arguments[:1]
    return argument


def _axes(options: Options, arguments: Sequence[Array]) -> tuple[Any, bool]:
    axis = options.get("axis")
    if axis is None and len(arguments) > 1:
        found = tuple(int(each) for each in arguments[1].flat)
        axis = found[0] if len(found) == 1 else found
    if isinstance(axis, tuple) and len(axis) == 1:
        (axis,) = axis
    keepdims = bool(options.get("keepdims", 0))
    if axis == 1 and arguments[0].ndim == 1:
        if not keepdims:
            raise IllFormedError("axis 1 is that of a batch's rows, and this is one row")
        axis = 0  # written for a batch of rows, judged on one of them
    return axis, keepdims


def _sum(arguments: Sequence[Array], options: Options) -> Array:
    axis, keepdims = _axes(options, arguments)
    body = arguments[0]
    return body if body.ndim == 0 else as_array(np.sum(body, axis=axis, keepdims=keepdims))


def _mean(arguments: Sequence[Array], options: Options) -> Array:
    total = _sum(arguments, options)
    return as_array(total / Integer(arguments[0].size // max(total.size, 1)))


def _product(arguments: Sequence[Array], options: Options) -> Array:
    axis, keepdims = _axes(options, arguments)
    return as_array(np.prod(arguments[0], axis=axis, keepdims=keepdims))


def _max(arguments: Sequence[Array], options: Options) -> Array:
    """The largest entry: an unknown number, since a stable form must hold whatever it is."""
    axis, keepdims = _axes(options, arguments)
    body = arguments[0]
    name = "max(" + ", ".join(sorted(str(entry) for entry in body.flat)) + ")"
    largest = sympy.Symbol(name, real=True)
    shape = np.sum(np.zeros(body.shape), axis=axis, keepdims=keepdims).shape
    found = np.empty(shape, dtype=object)
    found.fill(largest)
    return found


def _exponentials(body: Array) -> Array:
    return as_array(np.frompyfunc(exp_of, 1, 1)(body))


def _softmax(arguments: Sequence[Array], options: Options) -> Array:
    axis = _axes({"axis": -1, "keepdims": 1, **options}, arguments[:1])[0]
    above = _exponentials(arguments[0])
    return as_array(above / np.sum(above, axis=axis, keepdims=True))


def _log_softmax(arguments: Sequence[Array], options: Options) -> Array:
    body = arguments[0]
    axis = _axes({"axis": -1, "keepdims": 1, **options}, arguments[:1])[0]
    below = np.sum(_exponentials(body), axis=axis, keepdims=True)
    return as_array(body - np.frompyfunc(log_of, 1, 1)(below))


def _logsumexp(arguments: Sequence[Array], options: Options) -> Array:
    axis, keepdims = _axes(options, arguments)
    return as_array(np.frompyfunc(log_of, 1, 1)(np.sum(_exponentials(arguments[0]), axis=axis, keepdims=keepdims)))


def _sigmoid(arguments: Sequence[Array], _: Options) -> Array:
    return as_array(Integer(1) / (Integer(1) + _exponentials(as_array(-arguments[0]))))


def _norm(arguments: Sequence[Array], options: Options) -> Array:
    """The norm of order 2, or as the second argument says 1."""
    body, *given = arguments
    order: Any = given[0][()] if given else options.get("ord", 2)
    if order == 1:
        return as_array(np.sum(np.frompyfunc(abs_of, 1, 1)(body)))
    if order != 2:
        raise FormulaError("the norms of order 1 and 2 are read", piece="norm")
    return as_array(sympy.sqrt(np.sum(body * body)))


def _two(function: Callable[[Array, Array], Any]) -> Callable[[Sequence[Array], Options], Array]:
    def apply(arguments: Sequence[Array], _: Options) -> Array:
        left, right = arguments
        return as_array(function(left, right))

    return apply


def _one(function: Callable[[Array], Any]) -> Callable[[Sequence[Array], Options], Array]:
    return lambda arguments, _: as_array(function(_only(arguments)))


def _reshape(arguments: Sequence[Array], options: Options) -> Array:
    del options
    body, *lengths = arguments
    return body.reshape(tuple(int(each) for length in lengths for each in length.flat))


def _filled_with(value: int) -> Callable[[Sequence[Array], Options], Array]:
    """An array of one number, of the lengths that are given; a tuple of them is one argument."""

    def fill(arguments: Sequence[Array], _: Options) -> Array:
        lengths = [int(each) for argument in arguments for each in argument.flat]
        if any(not 0 <= length <= MOST_CLASSES for length in lengths) or len(lengths) > 3:
            raise IllFormedError("an array of ones or zeros is of other lengths than the classes")
        found = np.empty(tuple(lengths), dtype=object)
        found.fill(Integer(value))
        return found

    return fill


def _full(arguments: Sequence[Array], options: Options) -> Array:
    """An array of one value, of the lengths that are given."""
    lengths, value = arguments
    return as_array(_filled_with(1)([lengths], options) * value)


def _average(arguments: Sequence[Array], options: Options) -> Array:
    """NumPy's average, with weights of the array's shape."""
    weights = options.get("weights")
    if weights is None:
        return _mean(arguments, options)
    if weights.shape != arguments[0].shape:
        raise FormulaError("weights of average are read where they have the array's shape", piece="weights")
    total = _sum([as_array(arguments[0] * weights), *arguments[1:]], options)
    return divide(total, _sum([weights, *arguments[1:]], options))


def _tile(arguments: Sequence[Array], _: Options) -> Array:
    body, times = arguments
    counts = tuple(int(each) for each in times.flat)
    if any(not 0 <= count <= MOST_CLASSES for count in counts) or body.size * math.prod(counts) > MOST_WORK:
        raise IllFormedError("tile makes more entries than there are pairs of classes")
    return np.tile(body, counts)


def _expand(arguments: Sequence[Array], options: Options) -> Array:
    axis = options["axis"] if "axis" in options else int(arguments[1][()])
    return np.expand_dims(arguments[0], axis)


def _diag(body: Array) -> Array:
    if body.ndim == 0:
        raise IllFormedError("diag takes a vector or a matrix, and here gets a number")
    if body.ndim == 2:
        return np.diagonal(body).copy() if 1 not in body.shape else _diag(body.ravel())
    found = np.empty((body.size, body.size), dtype=object)
    found.fill(Integer(0))
    found[np.arange(body.size), np.arange(body.size)] = body
    return found


def _dot(left: Array, right: Array) -> Any:
    return left * right if 0 in (left.ndim, right.ndim) else np.matmul(left, right)


def _tensordot(arguments: Sequence[Array], options: Options) -> Array:
    """NumPy's tensordot over the last axes of one array and the first ones of another, as many as are counted."""
    left, right, *given = arguments
    axes = as_array(given[0] if given else options.get("axis", 2))
    if axes.ndim > 0 or axes[()] not in (0, 1, 2):
        raise FormulaError("tensordot is read with the number of axes, 0, 1 or 2", piece="tensordot")
    if left.size * right.size > MOST_WORK:
        raise FormulaError("a tensordot of the formula runs over too many indices", piece="tensordot")
    try:
        return as_array(np.tensordot(left, right, int(axes[()])))
    except (ValueError, IndexError):
        raise IllFormedError(f"tensordot over {axes[()]} axes of {shape_of(left)} and {shape_of(right)}") from None


def _constant(value: int) -> Callable[[Array], Array]:
    def fill(body: Array) -> Array:
        found = np.empty(body.shape, dtype=object)
        found.fill(Integer(value))
        return found

    return fill


def _maximum(arguments: Sequence[Array], options: Options) -> Array:
    """The greater of two, entry by entry; of an array and a tiny number, which guards a logarithm, the array."""
    del options
    left, right = arguments
    body, bound = (right, left) if left.ndim == 0 else (left, right)
    least: Any = bound[()] if bound.ndim == 0 else None
    if least is not None and least.is_number and 0 < least <= SMALL and changes_nothing(list(body.flat), least, None):
        return body
    return as_array((left + right + np.frompyfunc(abs_of, 1, 1)(left - right)) / 2)


def _clip(arguments: Sequence[Array], options: Options) -> Array:
    """What is clipped, where that only keeps it from the ends of where it is anyway."""
    body, *given = arguments
    bounds: list[Any] = [each[()] for each in given]
    bounds += [options.get(name) for name in ("min", "max")[len(given) :]]
    low, high = bounds
    if not changes_nothing(list(body.flat), low, high):
        raise FormulaError(
            f"clip is read where it keeps probabilities from 0 and 1, clip(y, e, 1 - e) with e at most {SMALL}: "
            "these bounds change what is given; leave it out, or judge a function with --file, which is run on numbers",
            piece="clip",
        )
    return body


OVER_AXES = (
    "sum", "reduce_sum", "mean", "average", "reduce_mean", "prod", "reduce_prod", "max", "amax", "reduce_max",
    "logsumexp", "lse", "LSE", "reduce_logsumexp",
)  # fmt: skip
"""What makes one number of many, along all axes or those that are its second argument."""

UNCHANGED = ("array", "asarray", "copy", "detach", "clone", "astype", "cast", "to", "float", "double", "contiguous",
    "numpy", "cpu", "tensor", "as_tensor", "stop_gradient")  # fmt: skip
"""What changes how numbers are kept, and none of them."""

APPLIED: dict[str, Callable[[Sequence[Array], Options], Array]] = {
    **dict.fromkeys(("exp",), each_entry(exp_of)),
    **dict.fromkeys(("log", "ln"), each_entry(log_of)),
    **{f"log{base}": each_entry(partial(_logarithm, base=base)) for base in (2, 10)},
    "sqrt": each_entry(sympy.sqrt),
    "tanh": each_entry(tanh_of),
    "cosh": each_entry(lambda value: (exp_of(value) + exp_of(-value)) / 2),
    "sinh": each_entry(lambda value: (exp_of(value) - exp_of(-value)) / 2),
    **dict.fromkeys(("abs", "fabs", "absolute"), each_entry(abs_of)),
    **dict.fromkeys(("sign", "sgn"), each_entry(sympy.sign)),
    "greater": _two(lambda left, right: each_entry(one_where_positive)([as_array(left - right)], {})),
    "equal": _two(lambda left, right: 1 - np.frompyfunc(sympy.sign, 1, 1)(left - right) ** 2),
    "not_equal": _two(lambda left, right: np.frompyfunc(sympy.sign, 1, 1)(left - right) ** 2),
    "not_less": _two(lambda left, right: 1 - each_entry(one_where_positive)([as_array(right - left)], {})),
    "square": each_entry(lambda value: value**2),
    "log1p": each_entry(lambda value: log_of(1 + value)),
    "expm1": each_entry(lambda value: exp_of(value) - 1),
    "negative": _one(lambda body: -body),
    "reciprocal": _one(lambda body: divide(as_array(Integer(1)), body)),
    **dict.fromkeys(("sum", "reduce_sum"), _sum),
    **dict.fromkeys(("mean", "reduce_mean"), _mean),
    "average": _average,
    **dict.fromkeys(("prod", "reduce_prod"), _product),
    **dict.fromkeys(("max", "amax", "reduce_max"), _max),
    **dict.fromkeys(("logsumexp", "lse", "LSE", "reduce_logsumexp"), _logsumexp),
    **dict.fromkeys(("softmax", "S"), _softmax),
    "log_softmax": _log_softmax,
    **dict.fromkeys(("sigmoid", "expit"), _sigmoid),
    "norm": _norm,
    **dict.fromkeys(("diag", "diagflat"), _one(_diag)),
    "diag_embed": _one(lambda body: _diag(body) if body.ndim < 2 else np.stack([_diag(row) for row in body])),
    **dict.fromkeys(("outer", "ger"), _two(lambda left, right: np.multiply.outer(left.ravel(), right.ravel()))),
    **dict.fromkeys(("dot", "matmul", "mm", "mv", "bmm"), _two(_dot)),
    "tensordot": _tensordot,
    **dict.fromkeys(("inner", "vdot"), _two(lambda left, right: np.sum(left * right))),
    **dict.fromkeys(("multiply", "mul"), _two(lambda left, right: left * right)),
    **dict.fromkeys(("subtract", "sub"), _two(lambda left, right: left - right)),
    "add": _two(lambda left, right: left + right),
    **dict.fromkeys(("divide", "true_divide", "div"), _two(divide)),
    **dict.fromkeys(("power", "pow"), _two(power)),
    "ones_like": _one(_constant(1)),
    "zeros_like": _one(_constant(0)),
    "ones": _filled_with(1),
    "zeros": _filled_with(0),
    "full": _full,
    "full_like": _two(lambda body, value: np.ones(body.shape, dtype=object) * value),
    "tile": _tile,
    "tuple": lambda arguments, _: np.array([argument[()] for argument in arguments], dtype=object),
    "trace": _one(np.trace),
    "transpose": _one(lambda body: body.T),
    "reshape": _reshape,
    "view": _reshape,
    **dict.fromkeys(("expand_dims", "unsqueeze"), _expand),
    **dict.fromkeys(("ravel", "flatten"), _one(lambda body: body.ravel())),
    "squeeze": _one(lambda body: body.squeeze()),
    **dict.fromkeys(UNCHANGED, _one(lambda body: body)),
    "guarded": _one(lambda body: body),
    **dict.fromkeys(("clip", "clamp"), _clip),
    "maximum": _maximum,
    "minimum": _two(lambda left, right: left + right - _maximum([left, right], {})),
    "relu": _one(lambda body: _maximum([body, as_array(Integer(0))], {})),
}
