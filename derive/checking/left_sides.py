"""What stands on the left of a formula: the derivative that it is of, the entry, and the name of the loss."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from derive.checking.formula import (
    SLOPE,
    Axis,
    Call,
    Derivative,
    Item,
    Name,
    Node,
    Number,
    Operation,
    Total,
    rewrite,
    walk,
)
from derive.checking.habits import CLASSES, LOGITS, LOSSES, PROBABILITIES, TARGETS, Y, plain

_DIFFERENTIAL = re.compile(r"d([^\W\d_]\w*)")
_QUOTIENT = re.compile(r"d([^\W\d_]|[^\W_]+_)d([^\W\d_]\w*)")
"""A derivative that is one name: dL_dz, dLdz."""


def left_indices(left: Node | None) -> tuple[str | int, ...] | None:
    """The indices that a left side binds, in the order row, column; None where it binds none."""
    match left:
        case Derivative(body=body, variables=variables):
            found = [each for part in (body, *variables) for each in _entry_indices(part, loss_too=False)]
        case Item():
            found = list(_entry_indices(left, loss_too=True))
        case Call(function=function) if function == SLOPE:
            found = [each for each in _entry_indices(left, loss_too=True) for _ in range(2)]
        case _:
            return None
    return tuple(found) or None


def _entry_indices(node: Node, *, loss_too: bool) -> Iterator[str | int]:
    for part in walk(node):
        if isinstance(part, Item) and (loss_too or not (isinstance(part.body, Name) and part.body.name in LOSSES)):
            for index in part.indices[-1:] if not loss_too else part.indices:
                if isinstance(index, Name):
                    yield index.name
                elif isinstance(index, Number):
                    yield int(index.value)


def is_left_side(node: Node) -> bool:
    """Whether the first link of a chain only says what the rest is: a derivative not taken, or a name such as dz."""
    if isinstance(node, Derivative) or (isinstance(node, Call) and node.function == SLOPE):
        return True
    if isinstance(node, Item):
        return isinstance(node.body, Name) and is_left_side(node.body)
    if isinstance(node, Operation) and node.symbol == "beside" and isinstance(node.left, Item):
        return isinstance(node.left.body, Name) and node.left.body.name in ("J", "D", "H")
    if isinstance(node, Operation):
        return any(isinstance(part, Derivative) for part in (node.left, node.right)) and node.symbol != "+"
    if not isinstance(node, Name):
        return False
    return plain(node.name) not in {"y", "t", "z", "g", "v"} | PROBABILITIES | TARGETS


def isolate(links: tuple[Node, ...], scalars: Collection[str]) -> tuple[Node, ...]:
    """The links of a chain with what its left side has beside a derivative taken to the right: −∂L/∂z = t − y.

    Args:
        links: the expressions between the equals signs.
        scalars: the names of numbers: of other letters beside ∇ one is what it is applied to.
    """
    first, *rest = links

    def moved(slope: Node, symbol: str, other: Node) -> tuple[Node, ...]:
        return isolate((slope, *(Operation(symbol, link, other) for link in rest)), scalars)

    def is_number(node: Node) -> bool:
        names = [part.name for part in walk(node) if isinstance(part, Name)]
        return all(name in scalars for name in names) and not _has_slope(node)

    match first:
        case _ if not rest:
            return links
        case Derivative(body=Operation(symbol="*", left=Number() as sign, right=Name() as loss)):
            return moved(replace(first, body=loss), "/", sign)
        case Operation(symbol="*" | "beside" | "dot", left=factor, right=slope) if _is_slope(slope) and is_number(
            factor
        ):
            return moved(slope, "/", factor)
        case Operation(symbol="/", left=slope, right=factor) if _is_slope(slope) and is_number(factor):
            return moved(slope, "*", factor)
        case Operation(symbol="+" | "-" as symbol, left=slope, right=other) if _is_slope(slope) and not _has_slope(
            other
        ):
            return moved(slope, "-" if symbol == "+" else "+", other)
    return links


def _is_slope(node: Node) -> bool:
    """Whether `node` is a derivative of something that has a name, with numbers or terms beside it: T ∂L/∂z_j."""
    match node:
        case Derivative(body=body):
            return isinstance(getattr(body, "body", body), Name)
        case Operation(left=left, right=right):
            return _is_slope(left) != _is_slope(right) and not (_has_slope(left) and _has_slope(right))
    return False


def _has_slope(node: Node) -> bool:
    return any(isinstance(part, Derivative) for part in walk(node))


def as_derivative(node: Node) -> Node:
    """The derivative that a left side in Python means, `dL/dz[j]`, `dL_dz`, `dy_dz[i, j]`; any other node as it is."""
    match node:
        case Item(body=body, indices=indices) if isinstance(found := as_derivative(body), Derivative):
            return _at(found, indices)
        case Operation(symbol="/", left=left, right=Item(body=right, indices=indices)):
            found = as_derivative(Operation("/", left, right))
            return _at(found, indices) if isinstance(found, Derivative) else node
        case Operation(symbol="/", left=Item(body=left, indices=indices), right=Name() as right):
            found = as_derivative(Operation("/", left, right))
            return replace(found, body=Item(found.body, indices)) if isinstance(found, Derivative) else node
        case Operation(symbol="/", left=Name(name=above), right=Name(name=below)):
            names = [_DIFFERENTIAL.fullmatch(each) for each in (above, below)]
            what, by = (None if each is None else Name(each[1]) for each in names)
            return node if what is None or by is None else Derivative(what, (by,))
        case Name(name=name) if (written := _QUOTIENT.fullmatch(name)) is not None:
            return Derivative(Name(written[1].removesuffix("_")), (Name(written[2]),))
    return node


def _at(slope: Derivative, indices: tuple[Node | Axis, ...]) -> Derivative:
    """The entry of a derivative: the last index is that of the variable, those before it are of what is derived."""
    body = Item(slope.body, indices[:-1]) if indices[:-1] else slope.body
    return Derivative(body, (Item(slope.variables[0], indices[-1:]),))


_DUE = {
    "value": (("loss", "output"), 0), "jacobian": (("output",), 1), "gradient": (("loss",), 1),
    "hessian": (("loss", "output"), 2),
}  # fmt: skip
"""What a quantity may be written as the derivative of, and how often by the logits; ∂y/∂z is a Hessian's where y - t is
the gradient."""


_KINDS = {"probabilities": "output", "log-probabilities": "output", "loss": "loss", "logits": "logits"}
"""What a role is, beside ∂."""


def fault_of_left(left: Node | None, quantity: str, roles: Mapping[str, str]) -> str:
    """What is wrong with a left side, as a sentence; empty where it may be what is asked for.

    Args:
        left: the left side; None for none.
        quantity: which quantity is asked for.
        roles: how the letters of the formula are taken; those of the left side alone by habit.
    """
    if not isinstance(left, Derivative) or quantity not in _DUE:
        return ""
    what, by = _kind(left.body, roles), [_kind(variable, roles) for variable in left.variables]
    due, times = _DUE[quantity]
    is_of_another = what not in ("", *due)
    is_by_another = any(kind not in ("", "logits") for kind in by)
    is_too_often = len(by) > times or (len(by) < times and what == "loss")
    if not (is_of_another or is_by_another or is_too_often):
        return ""
    order = "second " if len(by) > 1 else ""
    names = f"the {order}derivative of the {what or 'left letter'} by the {by[0] or 'logits'}"
    wanted = f"the {'second ' * (times > 1)}derivative of the {due[0]} by the logits"
    asked = f"of {wanted}" if times else f"of the {due[0]} itself"
    return f"the left side is {names}, and what stands on the right was judged as a formula {asked}"


def _kind(node: Node, roles: Mapping[str, str]) -> str:
    """What a letter beside ∂ is: `loss`, `output` or `logits`; empty where that is not sure."""
    match node:
        case Item(body=body):
            return _kind(body, roles)
        case Call(function="softmax" | "S" | "sigmoid" | r"\sigma"):
            return "output"
        case Name(name=name) if roles.get(name, "parameter") != "parameter":
            return _KINDS.get(roles[name], "")
        case Name(name=name) if name in LOSSES:
            return "loss"
        case Name(name=name) if plain(name) in Y | PROBABILITIES:
            return "output"
        case Name(name=name) if plain(name) in LOGITS:
            return "logits"
    return ""


_ALSO_NUMBERS = frozenset({"C", "J", "H"})
"""Names of the loss that are a number of classes or a matrix elsewhere."""


def name_losses(links: tuple[Node, ...], scalars: Collection[str]) -> tuple[Node, ...]:
    """The links with C under ∂ as the loss: C elsewhere may be the number of classes, and J the Jacobian."""

    def named(node: Node) -> Node | None:
        match node:
            case Derivative(body=Name(name=name)) if name in _ALSO_NUMBERS and name not in scalars:
                return replace(node, body=Name("loss"))
        return None

    first, *rest = links
    kept = (first,) if rest and is_left_side(first) else ()  # which name stands there is looked at later
    return (*kept, *(rewrite(link, named) for link in links[len(kept) :]))


def is_count(name: str, links: Sequence[Node]) -> bool:
    """Whether a letter stands as a number of classes: something is divided by it, or a sum ends with it."""
    for node in walk(tuple(links)):
        match node:
            case Operation(symbol="/", right=right) if name in CLASSES and Name(name) in walk(right):
                return True
            case Total(count=count) if count == name:
                return True
    return False


def loss_name(left: Node | None) -> str | None:
    """The name under ∂ on a left side, where losses have such a name; None where there is none."""
    for node in walk(left):
        if isinstance(node, Derivative):
            body = node.body.body if isinstance(node.body, Item) else node.body
            if isinstance(body, Name) and body.name in LOSSES:
                return body.name
    return None
