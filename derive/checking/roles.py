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
    Dotted,
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
from derive.notation import label, t, vectors

RANKS = {"value": 1, "jacobian": 2, "vjp": 1, "jvp": 1, "gradient": 1, "hessian": 2, "hvp": 1}
"""How many free indices each quantity has; the value of a loss has none."""

VECTOR_ROLES = ("logits", "probabilities", "targets", "upstream", "direction", "log-probabilities")
ROLES = (*VECTOR_ROLES, "label", "label-probability", "classes", "parameter")
"""What `--let` may name."""

OF_INDICES = {"delta": 2, "kronecker": 2, "onehot": 1, "one_hot": 1}
"""The functions of class indices, and how many they take; the number of classes may follow."""

_LABEL_LETTERS = ("label", "k", "c", "y", "t", "target", "y_{i}")


@dataclass(frozen=True)
class Reading:
    """One way to take the letters of a formula.

    Attributes:
        roles: the role of each name that stands for a value.
        labels: the indices that name the class of the label.
        free: the indices that are free, row before column.
        first: how the first class is numbered where classes are numbered, 0 or 1.
        lifted: whether a vector without an index stands for its entry at the free one.
        vectors: the parameters of which there is one for each class.
        row: the index of the example in a batch; None for none.
        dot: whether a dot between two vectors is their inner product (`inner`) or works entry by entry (`entries`).
    """

    roles: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    first: int = 1
    dot: str = "inner"
    lifted: bool = False
    vectors: frozenset[str] = frozenset()
    row: str | None = None

    def describe(self) -> dict[str, str]:
        """How each symbol was taken, by its name."""
        indices = dict.fromkeys(self.free, "class index") | dict.fromkeys(self.labels, "label")
        if self.row is not None:
            indices[self.row] = "row of the batch"
        return {name: indices.get(name) or role for name, role in {**self.roles, **indices}.items()}

    def differing_from(self, other: "Reading") -> dict[str, str]:
        """What `--let` must say to have this reading and not the other: symbols by role."""
        return {role: name for name, role in self.roles.items() if other.roles.get(name) != role and role in ROLES}


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
    if isinstance(node, Operation) and node.symbol == "beside" and isinstance(node.left, Item):
        return isinstance(node.left.body, Name) and node.left.body.name in ("J", "D", "H")
    if isinstance(node, Operation):
        return any(isinstance(part, Derivative) for part in (node.left, node.right)) and node.symbol != "+"
    if not isinstance(node, Name):
        return False
    return node.name not in {"y", "t", "z", "g", "v"} | PROBABILITIES | TARGETS


def readings(
    composition: Composition, quantity: str, nodes: tuple[Node, ...], left: Node | None, let: Mapping[str, str], *,
    condition: Same | None = None, zero_based: bool = True, row: str | None = None,
) -> tuple[Reading, ...]:  # fmt: skip
    """The readings of a formula, the most usual first.

    Args:
        composition: what it is a formula of.
        quantity: which quantity.
        nodes: its links, without the left side.
        left: the left side, None where there is none.
        let: roles by symbol, as the user gave them.
        condition: where the formula is said to hold; None for everywhere.
        zero_based: whether classes that are written as numbers count from 0.
        row: the index of the example, which was left out of `nodes`; None for none.

    Raises:
        IllFormedError: an index is unbound, or there are too few.
    """
    values = _values(nodes)
    roles = assign(composition, quantity, nodes, values, let)
    given_labels = {symbol for symbol, role in let.items() if role == "label"}
    rank = rank_of(composition, quantity)
    bound = left_indices(left)
    uses = _uses((*nodes, *(() if condition is None else (condition,))), roles)
    places = _places(uses, bound, given_labels, rank, labelled=is_labelled(composition) or rank == 0)
    return tuple(
        Reading(
            variant,
            labels,
            free,
            0 if zero_based else 1,
            dot,
            uses.lifts(free),
            frozenset(name for name in uses.indexed if variant.get(name) == "parameter"),
            row,
        )
        for labels, free in places
        for variant in _variants(roles, composition, values, let)
        for dot in (("inner", "entries") if _has_dots(nodes) else ("inner",))
    )


def is_labelled(composition: Composition) -> bool:
    """Whether the loss speaks of a label."""
    definition = composition.loss_definition
    return definition is not None and label in definition.free_symbols


def _values(nodes: tuple[Node, ...]) -> list[str]:
    """The names that stand for values, in the order in which they come."""
    in_place: list[str] = []
    skipped: list[object] = []
    for node in walk(nodes):
        match node:
            case Item(indices=indices):
                skipped.extend(index for index in indices if isinstance(index, Name))
            case Same(left=left, right=right):
                skipped.extend((left, right))
            case Total(without=without):
                skipped.extend(without)
            case Call(function=function, arguments=arguments) if function in OF_INDICES:
                skipped.extend(arguments[: OF_INDICES[function]])
            case Call(function="einsum", arguments=(pattern, *_)):
                skipped.append(pattern)
            case Call(options=options):
                skipped.extend(option for _, option in options if isinstance(option, Name))
    outside = {id(node) for node in skipped}
    for node in walk(nodes):
        if isinstance(node, Name) and id(node) not in outside and node.name not in in_place:
            in_place.append(node.name)
    return in_place


def _variants(
    roles: dict[str, str], composition: Composition, values: list[str], let: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """The roles, and what else habit allows: N as the number of classes, and each vector that may be another."""
    yield roles
    known = {parameter.name for parameter in composition.parameters}
    mine = [name for name in values if name not in let]
    for name in mine:
        if name in ("N", "M", "m") and roles[name] == "parameter" and name not in known:
            yield {**roles, name: "classes"}
    other = {"logits": "probabilities", "probabilities": "logits"}
    for name in mine:
        if name in EITHER and roles[name] in other:
            yield {**roles, name: other[roles[name]]}
    if "targets" not in _vectors_of(composition) or "targets" in let.values():
        return
    outputs = [name for name in mine if roles[name] in ("probabilities", "logits")]
    if "targets" in roles.values():
        for name in mine:  # y is the target to one author and the output to the next
            if name in Y and roles[name] == "targets" and not any(roles[each] == "probabilities" for each in values):
                yield {**roles, name: "probabilities"}
    elif len(outputs) > 1:
        for name in outputs:
            if name in Y | EITHER | PROBABILITIES:
                yield {**roles, **{each: "probabilities" for each in outputs if each in EITHER}, name: "targets"}


def _vectors_of(composition: Composition) -> set[str]:
    """The roles that the loss reads besides the output: targets, where it has them."""
    definition = composition.loss_definition
    return {"targets"} if definition is not None and t in vectors(definition) else set()


@dataclass(frozen=True)
class _Uses:
    """The indices that no sum binds, in the order in which they come, and what they are used for.

    Attributes:
        indices: all of them.
        entries: those at which an entry of a vector is taken.
        targets: those at which an entry of the targets is taken.
        compared: those that are compared with another, or name a one-hot vector.
        indexed: the names at whose entries something is taken, at free and at summed indices.
    """

    indices: tuple[str, ...]
    entries: frozenset[str]
    targets: frozenset[str]
    compared: frozenset[str]
    indexed: frozenset[str]

    def lifts(self, free: tuple[str, ...]) -> bool:
        """Whether vectors without an index stand for their entry at the free one: in `p - (j == k)`."""
        return len(free) == 1 and len(self.indices) > 1 and free[0] not in self.entries


def _uses(nodes: tuple[Node, ...], roles: Mapping[str, str]) -> _Uses:
    found: dict[str, None] = {}
    entries: set[str] = set()
    targets: set[str] = set()
    compared: set[str] = set()
    indexed: set[str] = set()

    def visit(node: object, bound: frozenset[str]) -> None:
        if isinstance(node, tuple):
            for part in node:
                visit(part, bound)
            return
        match node:
            case Total(body=body, index=index, without=without):
                add(without, bound, set())
                visit(body, bound | ({index} if index else frozenset()))
            case Dotted(written=written, last=last):
                visit(written, bound | {last})
            case Item(body=body, indices=indices):
                visit(body, bound)
                add(indices, bound, entries)
                if isinstance(body, Name) and not any(isinstance(index, Axis) for index in indices):
                    indexed.add(body.name)
                if isinstance(body, Name) and roles.get(body.name) == "targets":
                    add(indices, bound, targets)
            case Same(left=left, right=right):
                add((left, right), bound, compared)
            case Call(function=function, arguments=arguments) if function in OF_INDICES:
                add(arguments[: OF_INDICES[function]], bound, compared)
            case _ if isinstance(node, Node):
                for part in vars(node).values():
                    visit(part, bound)

    def add(indices: "tuple[Node | Axis, ...]", bound: frozenset[str], use: set[str]) -> None:
        for index in indices:
            if isinstance(index, Name) and index.name not in bound:
                found[index.name] = None
                use.add(index.name)

    visit(nodes, frozenset())
    return _Uses(tuple(found), frozenset(entries), frozenset(targets), frozenset(compared), frozenset(indexed))


def _places(
    uses: _Uses, bound: tuple[str | int, ...] | None, labels: set[str], rank: int, *, labelled: bool
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The ways to tell the labels from the free indices: (labels, free indices), the most usual first.

    Raises:
        IllFormedError: an index is neither.
    """
    given = tuple(name for name in uses.indices if name in labels)
    rest = [name for name in uses.indices if name not in labels]
    if bound is not None:
        named = tuple(name for name in bound if isinstance(name, str))
        others = tuple(name for name in rest if name not in named)
        if len(others) > 1 or (others and given):
            raise _unbound(others[-1])
        return [((*given, *others), named)]
    found = [(given, order) for order in _orders(rest, rank)] if len(rest) == rank else []
    if rank == 1 and not uses.entries.issuperset(rest):
        found = []  # onehot(k) alone names a label; a free index that is only compared comes last
    may_be_label = [name for name in rest if (labelled or name in uses.compared) and name not in uses.targets]
    if not given and rest:
        candidates = [name for name in may_be_label if name != "j" or len(rest) == 1]
        likely = [name for name in _LABEL_LETTERS if name in candidates][:1] or sorted(candidates)
        for each in likely:
            others = tuple(sorted(name for name in rest if name != each))
            if len(others) in (0, rank):
                found.append(((each,), others))
    if given and not rest:
        found.append((given, ()))
    if len(rest) == rank == 1 and (given, tuple(rest)) not in found:
        found.append((given, tuple(rest)))
    if len(rest) == 1 and rank == 2 and not found:
        found.append((given, tuple(rest)))
    if rest and not found:
        raise _unbound(rest[-1])
    return found or [(given, ())]


def _orders(rest: list[str], rank: int) -> list[tuple[str, ...]]:
    """Which index is the row's: i before j, else either."""
    ordered = tuple(sorted(rest))
    return [ordered] if ordered == ("i", "j") or rank < 2 else list(permutations(ordered))


def _unbound(index: str) -> IllFormedError:
    return IllFormedError(f"the index {index} is unbound: no sum and no left side says what it runs over")


def _has_dots(nodes: tuple[Node, ...]) -> bool:
    return any(isinstance(node, Operation) and node.symbol == "dot" for node in walk(nodes))
