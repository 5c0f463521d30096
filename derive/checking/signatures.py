"""What each function of NumPy's may be given: an argument that is not read would change what a formula says."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from derive.checking.formula import Call, FormulaError, Name, Node, Number

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
_KEPT = frozenset({"dtype", "device", "requires_grad", "copy"})
_OF_ONE = (
    "exp", "log", "ln", "sqrt", "tanh", "cosh", "sinh", "abs", "fabs", "absolute", "sign", "sgn", "square", "log1p",
    "expm1", "negative", "reciprocal", "sigmoid", "expit", "relu", "diag", "diagflat", "diag_embed", "trace", "ravel",
)  # fmt: skip
_OF_TWO = (
    "outer", "ger", "dot", "matmul", "mm", "mv", "bmm", "inner", "vdot", "multiply", "mul", "subtract", "sub", "add",
    "divide", "true_divide", "div", "power", "pow", "maximum", "minimum",
)  # fmt: skip
_SIGNATURES: Mapping[str, _Signature] = {
    **dict.fromkeys(_OF_ONE, _Signature(1)),
    **dict.fromkeys(_OF_TWO, _Signature(None)),
    **dict.fromkeys(("sum", "mean", "reduce_sum", "reduce_mean"), _Signature(2, _AXES)),
    **dict.fromkeys(("max", "amax", "reduce_max", "logsumexp", "lse", "LSE", "reduce_logsumexp"), _Signature(2, _AXES)),
    **dict.fromkeys(("softmax", "S", "log_softmax"), _Signature(2, frozenset({"axis"}))),
    "norm": _Signature(2, frozenset({"ord", *_AXES})),
    **dict.fromkeys(("ones_like", "zeros_like"), _Signature(1, _KEPT)),
    **dict.fromkeys(("eye", "identity"), _Signature(1, _KEPT)),
    **dict.fromkeys(("expand_dims", "unsqueeze", "squeeze"), _Signature(2, frozenset({"axis"}))),
    **dict.fromkeys(("clip", "clamp"), _Signature(3, frozenset({"min", "max"}))),
    "where": _Signature(3),
}
_AXES_SECOND = {"sum", "mean", "max", "amax", "logsumexp", "softmax", "log_softmax"}
"""Functions whose second argument is an axis."""


def refuse_unread(node: Call, unchanged: Collection[str], names: Mapping[str, str]) -> Call:
    """`node` without what only says how numbers are kept.

    Args:
        node: the call of a function.
        unchanged: the functions that only do that.
        names: NumPy's names of other libraries' keywords.

    Raises:
        FormulaError: an argument or a keyword that is not read.
    """
    if node.function in unchanged:
        for kept in (*node.arguments[1:], *(value for key, value in node.options if key != "requires_grad")):
            if isinstance(kept, Name) and kept.name not in _FLOATS | _PLACES:
                raise FormulaError(f"{node.function} to {kept.name} may round; leave it out", piece=kept.name)
        return Call(node.function, node.arguments[:1])
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
        if names.get(key, key) not in signature.keywords or key == "dtype":
            raise FormulaError(f"{key} of {node.function} is not read; write out what it does", piece=key)
    if node.function in _AXES_SECOND and len(node.arguments) == 2 and not _is_axis(node.arguments[1]):
        raise FormulaError(f"the second argument of {node.function} is an axis, -1, 0 or 1", piece=node.function)
    return node


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
