"""A network around the loss: `softmax(W x + b)`, whose argument is the logits, and a^L, which is the last layer's a."""

from collections.abc import Collection
from dataclasses import replace

from derive.checking.formula import Call, Name, Node, Operation, Transpose, rewrite
from derive.checking.habits import is_vector
from derive.checking.left_sides import loss_name

_APPLIED = ("softmax", "log_softmax", "logsumexp", r"\sigma", "S")
_WEIGHTS, _INPUTS, _SHIFT = ("W", "w"), ("x", "X", "h", "H"), Name("b")
_LAST = Name("L")
_PRODUCTS = ("beside", "@", "dot")


def read_layers(links: tuple[Node, ...], known: Collection[str]) -> tuple[Node, ...]:
    """The links with z for W x + b in an activation, and without the number L of the layer above a letter.

    Args:
        links: the links of a chain, its left side among them.
        known: the names that have a meaning of their own, and none of these.
    """
    has_layers = _LAST.name not in known and loss_name(links[0]) != _LAST.name
    is_free = not {*_WEIGHTS, *_INPUTS, _SHIFT.name} & set(known)

    def read(node: Node) -> Node | None:
        match node:
            case Call(function=function, arguments=(first, *rest)) if is_free and function in _APPLIED:
                return replace(node, arguments=(Name("z"), *rest)) if _is_affine(first) else None
            case Operation(symbol="**", left=Name(name=name) as letter, right=right) if has_layers and right == _LAST:
                return letter if is_vector(name) or name in ("z", "δ") else None
        return None

    return tuple(rewrite(link, read) for link in links)


def _is_affine(node: Node) -> bool:
    """Whether a node is W x or x W, either of them perhaps transposed, with b added or without."""
    match node:
        case Operation(symbol="+", left=left, right=right) if _SHIFT in (left, right):
            return _is_affine(left if right == _SHIFT else right)
        case Operation(symbol=symbol, left=left, right=right) if symbol in _PRODUCTS:
            factors = [each.body if isinstance(each, Transpose) else each for each in (left, right)]
            names = {each.name for each in factors if isinstance(each, Name)}
            return len(names) == 2 and bool(names & set(_WEIGHTS)) and bool(names & set(_INPUTS))
    return False
