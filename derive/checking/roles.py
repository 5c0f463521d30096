r"""What the letters of a formula mean: roles as the user gives them, and habits for the rest.

`y` is the output to one author and the target to the next. Where habit leaves more than one reading, all of them are
returned, the most usual first, and the verdict says what each of them comes to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations

from derive.catalogue.model import Composition
from derive.checking.formula import (
    Axis,
    Call,
    Derivative,
    IllFormedError,
    Item,
    Name,
    Node,
    Number,
    Operation,
    Same,
    Total,
    walk,
)
from derive.checking.habits import EITHER, LOSSES, PROBABILITIES, TARGETS, Y, assign
from derive.errors import DeriveError

RANKS = {"value": 1, "jacobian": 2, "vjp": 1, "jvp": 1, "gradient": 1, "hessian": 2, "hvp": 1}
"""How many free indices each quantity has; the value of a loss has none."""

VECTOR_ROLES = ("logits", "probabilities", "targets", "upstream", "direction", "log-probabilities")
ROLES = (*VECTOR_ROLES, "label", "label-probability", "classes")
"""What `--let` may name."""

_LABEL_LETTERS = ("label", "k", "c", "y", "t", "target", "y_{i}")


@dataclass(frozen=True)
class Reading:
    """One way to take the letters of a formula.

    Attributes:
        roles: the role of each name that stands for a value.
        labels: the indices that name the class of the label.
        free: the indices that are free, row before column.
        first: how the first class is numbered where classes are numbered, 0 or 1.
        dot: whether a dot between two vectors is their inner product (`inner`) or works entry by entry (`entries`).
    """

    roles: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    first: int = 1
    dot: str = "inner"

    def describe(self) -> dict[str, str]:
        """How each symbol was taken, by its name."""
        indices = dict.fromkeys(self.free, "class index") | dict.fromkeys(self.labels, "label")
        return {name: indices.get(name) or role for name, role in {**self.roles, **indices}.items()}


def read_roles(given: Mapping[str, str]) -> dict[str, str]:
    """What `--let` says, checked: symbols by role.

    Raises:
        DeriveError: a role that does not exist, or one symbol with two roles.
    """
    taken: dict[str, str] = {}
    for role, symbol in given.items():
        if role not in ROLES:
            raise DeriveError(f"there is no role {role!r}; there is {', '.join(ROLES)}")
        if not symbol.strip():
            raise DeriveError(f"the role {role} is given no symbol; write {role}=SYMBOL")
        if symbol in taken:
            raise DeriveError(f"{symbol!r} is given the roles {taken[symbol]} and {role}; it can have one")
        taken[symbol] = role
    return dict(given)


def rank_of(composition: Composition, quantity: str) -> int:
    """How many axes a quantity has."""
    return 0 if quantity == "value" and composition.loss is not None else RANKS[quantity]


def left_indices(left: Node | None) -> tuple[str | int, ...] | None:
    """The indices that a left side binds, in the order row, column; None where it binds none."""
    match left:
        case Derivative(body=body, variables=variables):
            found = [each for part in (body, *variables) for each in _entry_indices(part, loss_too=False)]
        case Item():
            found = list(_entry_indices(left, loss_too=True))
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
    if isinstance(node, Derivative):
        return True
    if isinstance(node, Item):
        return isinstance(node.body, Name) and is_left_side(node.body)
    if isinstance(node, Operation):
        return any(isinstance(part, Derivative) for part in (node.left, node.right)) and node.symbol != "+"
    if not isinstance(node, Name):
        return False
    return node.name not in {"y", "t", "z", "g", "v"} | PROBABILITIES | TARGETS


def readings(
    composition: Composition, quantity: str, nodes: tuple[Node, ...], left: Node | None, let: Mapping[str, str], *,
    zero_based: bool,
) -> tuple[Reading, ...]:  # fmt: skip
    """The readings of a formula, the most usual first.

    Args:
        composition: what it is a formula of.
        quantity: which quantity.
        nodes: its links, without the left side.
        left: the left side, None where there is none.
        let: roles by symbol, as the user gave them.
        zero_based: whether classes that are written as numbers count from 0.

    Raises:
        IllFormedError: an index is unbound, or there are too few.
    """
    values, entries = _values(nodes)
    roles = assign(composition, quantity, nodes, values, let)
    given_labels = {symbol for symbol, role in let.items() if role == "label"}
    bare = any(roles.get(name) in VECTOR_ROLES for name in values if name not in entries)
    indices = _free_indices(nodes, roles)
    rank = rank_of(composition, quantity)
    bound = left_indices(left)
    first = 0 if zero_based else 1
    places = _places(indices, bound, given_labels, rank, bare=bare)
    found = [
        Reading(variant, labels, free, first, dot)
        for labels, free in places
        for variant in _variants(roles, composition, values, let)
        for dot in (("inner", "entries") if _has_dots(nodes) else ("inner",))
    ]
    return tuple(found)


def _values(nodes: tuple[Node, ...]) -> tuple[list[str], set[str]]:
    """The names that stand for values, in the order in which they come, and those of them that have an index."""
    in_place: list[str] = []
    entries: set[str] = set()
    skipped: list[object] = []
    for node in walk(nodes):
        match node:
            case Item(body=body, indices=indices):
                skipped.extend(index for index in indices if isinstance(index, Name))
                if isinstance(body, Name) and not any(isinstance(index, Axis) for index in indices):
                    entries.add(body.name)
            case Same(left=left, right=right):
                skipped.extend((left, right))
            case Total(without=without):
                skipped.extend(without)
            case Call(function="delta" | "onehot" | "one_hot" | "kronecker", arguments=arguments):
                skipped.extend(arguments)
            case Call(function="einsum", arguments=(pattern, *_)):
                skipped.append(pattern)
            case Call(options=options):
                skipped.extend(option for _, option in options if isinstance(option, Name))
    outside = {id(node) for node in skipped}
    for node in walk(nodes):
        if isinstance(node, Name) and id(node) not in outside and node.name not in in_place:
            in_place.append(node.name)
    return in_place, entries


def _variants(
    roles: dict[str, str], composition: Composition, values: list[str], let: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """The roles, and what else habit allows: N as the number of classes, y and a weak letter the other way round."""
    yield roles
    known = {parameter.name for parameter in composition.parameters}
    for name in values:
        if name in ("N", "M", "m") and name not in let and roles[name] == "parameter" and name not in known:
            yield {**roles, name: "classes"}
    for name in values:
        if name in EITHER and name not in let and roles[name] in ("logits", "probabilities"):
            other = "probabilities" if roles[name] == "logits" else "logits"
            yield {**roles, name: other}
    swapped = {name: roles[name] for name in values if name in Y and name not in let}
    for name, role in swapped.items():
        taken = {each for other, each in roles.items() if other != name} | set(let.values())
        if composition.loss is not None and "targets" not in taken:
            yield {**roles, name: "targets" if role == "probabilities" else "probabilities"}


def _free_indices(nodes: tuple[Node, ...], roles: Mapping[str, str]) -> list[str]:
    """The indices that no sum binds, in the order in which they come."""
    found: list[str] = []

    def visit(node: object, bound: frozenset[str]) -> None:
        if isinstance(node, tuple):
            for part in node:
                visit(part, bound)
            return
        match node:
            case Total(body=body, index=index, without=without):
                add(without, bound)
                visit(body, bound | ({index} if index else frozenset()))
            case Item(body=body, indices=indices):
                visit(body, bound)
                add(tuple(each for each in indices if not isinstance(each, Axis)), bound)
            case Same(left=left, right=right):
                add((left, right), bound)
            case Call(function="delta" | "onehot" | "one_hot" | "kronecker", arguments=arguments):
                add(arguments, bound)
            case _ if isinstance(node, Node):
                for part in vars(node).values():
                    visit(part, bound)

    def add(indices: tuple[Node, ...], bound: frozenset[str]) -> None:
        for index in indices:
            if isinstance(index, Name) and index.name not in bound and index.name not in found:
                found.append(index.name)

    visit(nodes, frozenset())
    del roles
    return found


def _places(
    indices: list[str], bound: tuple[str | int, ...] | None, labels: set[str], rank: int, *, bare: bool
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The ways to tell the labels from the free indices: (labels, free indices), the most usual first."""
    given = tuple(name for name in indices if name in labels)
    rest = [name for name in indices if name not in labels]
    if bound is not None:
        named = tuple(name for name in bound if isinstance(name, str))
        others = tuple(name for name in rest if name not in named)
        if len(others) > 1 or (others and given):
            raise IllFormedError(f"the index {others[-1]} is unbound: no sum and no left side says what it runs over")
        return [((*given, *others), named)]
    if bare or len(rest) < rank:
        if rest and not bare and len(rest) > 1:
            raise IllFormedError(f"the index {rest[0]} is unbound")
        if len(rest) > 1:
            raise IllFormedError(f"the index {rest[-1]} is unbound: no sum says what it runs over")
        if rest and not bare and rank == 2:
            return [(given, tuple(rest))]
        return [((*given, *rest), ())]
    if len(rest) == rank:
        ordered = tuple(sorted(rest))
        return [(given, ordered)] if ordered == ("i", "j") or rank < 2 else [(given, p) for p in permutations(ordered)]
    if len(rest) == rank + 1 and not given:
        likely = [name for name in _LABEL_LETTERS if name in rest and name != "j"]
        chosen = likely[:1] or [name for name in sorted(rest) if name != "j"]
        return [((label,), tuple(sorted(name for name in rest if name != label))) for label in chosen]
    raise IllFormedError(f"the index {max(rest)} is unbound: no sum and no left side says what it runs over")


def _has_dots(nodes: tuple[Node, ...]) -> bool:
    return any(isinstance(node, Operation) and node.symbol == "dot" for node in walk(nodes))
