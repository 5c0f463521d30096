"""What each function of NumPy's may be given: an argument that is not read would change what a formula says."""

from collections.abc import Mapping
from dataclasses import dataclass

from derive.checking.formula import ONE, Call, FormulaError, Name, Node, Number
from derive.checking.functions import OVER_AXES, UNCHANGED, rename_option

_FLOATS = {"float", "float16", "float32", "float64", "double", "half", "bfloat16", "object", "dtype"}
"""Types that hold any number."""
_PLACES = {"cpu", "cuda", "device"}
"""Where a tensor is kept."""


@dataclass(frozen=True)
class _Signature:
    """How many arguments a function takes at most, None where it counts them itself; and its keywords as NumPy's."""

    most: int | None
    keywords: frozenset[str] = frozenset()


_AXES = frozenset({"axis", "keepdims"})
_KEPT = frozenset({"device", "requires_grad", "copy", "order"})
"""Keywords that say where numbers are kept, and change none."""
_OF_ONE = (
    "exp", "log", "ln", "log2", "log10", "sqrt", "tanh", "cosh", "sinh", "abs", "fabs", "absolute", "sign", "sgn",
    "square", "log1p", "expm1", "negative", "reciprocal", "sigmoid", "expit", "relu", "diag", "diagflat", "diag_embed",
    "trace", "ravel",
)  # fmt: skip
_OF_TWO = (
    "outer", "ger", "dot", "matmul", "mm", "mv", "bmm", "inner", "vdot", "multiply", "mul", "subtract", "sub", "add",
    "divide", "true_divide", "div", "power", "pow", "maximum", "minimum",
)  # fmt: skip
_SIGNATURES: Mapping[str, _Signature] = {
    **dict.fromkeys(_OF_ONE, _Signature(1)),
    **dict.fromkeys(_OF_TWO, _Signature(None)),
    **dict.fromkeys(OVER_AXES, _Signature(2, _AXES)),
    **dict.fromkeys(("softmax", "S", "log_softmax"), _Signature(2, frozenset({"axis"}))),
    "average": _Signature(2, _AXES | {"weights"}),
    **dict.fromkeys(("full", "full_like"), _Signature(2, _KEPT)),
    "tensordot": _Signature(3, frozenset({"axis"})),
    "norm": _Signature(2, frozenset({"ord", *_AXES})),
    **dict.fromkeys(("ones_like", "zeros_like"), _Signature(1, _KEPT)),
    **dict.fromkeys(("eye", "identity"), _Signature(1, _KEPT)),
    **dict.fromkeys(("expand_dims", "unsqueeze", "squeeze"), _Signature(2, frozenset({"axis"}))),
    **dict.fromkeys(("clip", "clamp"), _Signature(3, frozenset({"min", "max"}))),
    "where": _Signature(3),
}
_AXES_SECOND = {*OVER_AXES, "softmax", "log_softmax"}
"""Functions whose second argument is an axis."""


def read_arguments(node: Call) -> Call:
    """The call of a function without what only says how numbers are kept.

    Raises:
        FormulaError: an argument or a keyword that is not read.
    """
    if node.function in UNCHANGED:
        return _as_it_was(node)
    if node.function in _AXES_SECOND:
        node = _counted_from_one(node)
    signature = _SIGNATURES.get(node.function)
    if signature is None:
        return node
    if signature.most is not None and len(node.arguments) > signature.most:
        raise FormulaError(
            f"{node.function} is read with {_counted(signature.most)}, and here has {len(node.arguments)}",
            piece=node.function,
        )
    for key, value in node.options:
        if key == "dtype" and isinstance(value, Name) and value.name in _FLOATS:
            continue
        if rename_option(key) not in signature.keywords:
            raise _unread(node, key)
    if node.function in _AXES_SECOND and len(node.arguments) == 2 and not _is_axis(node.arguments[1]):
        raise FormulaError(f"the second argument of {node.function} is an axis, -1, 0 or 1", piece=node.function)
    return node


def _counted_from_one(node: Call) -> Call:
    """The call with Julia's `dims`, whose first is 1 and which keeps the axis, as an axis."""
    options = dict(node.options)
    if not isinstance(dims := options.pop("dims", None), Number) or dims.value not in (1, 2):
        return node
    kept = (("keepdims", ONE),) if node.function in OVER_AXES else ()
    return Call(node.function, node.arguments, (*options.items(), ("axis", Number(dims.value - 1)), *kept))


def _as_it_was(node: Call) -> Call:
    """What only changes how numbers are kept, of its first argument; one that makes them whole is refused."""
    given = dict(node.options)
    for kept in (*node.arguments[1:], given.pop("dtype", None)):
        if isinstance(kept, Name) and kept.name not in _FLOATS | _PLACES:
            raise FormulaError(f"{node.function} to {kept.name} may round; leave it out", piece=kept.name)
    for key in given:
        if key not in _KEPT:
            raise _unread(node, key)
    return Call(node.function, node.arguments[:1])


def _unread(node: Call, keyword: str) -> FormulaError:
    return FormulaError(f"{keyword} of {node.function} is not read; write out what it does", piece=keyword)


def _is_axis(node: Node) -> bool:
    """Whether `node` can be an axis: a small number, or several."""
    match node:
        case Number(value):
            return value in (-2, -1, 0, 1)
        case Call("tuple", arguments):
            return all(_is_axis(each) for each in arguments)
        case Name():
            return True
    return not isinstance(node, Call)


def _counted(count: int) -> str:
    return "1 argument" if count == 1 else f"{count} arguments at most"
