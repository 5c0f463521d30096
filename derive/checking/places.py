"""The free indices of a formula: which of them is the row's, the column's, the label's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from derive.checking.formula import Axis, Call, Dotted, IllFormedError, Item, Listed, Name, Node, Same, Total, walk
from derive.checking.habits import LABEL_WORDS

ONE_HOT = ("onehot", "one_hot", "to_categorical", "to_onehot", "to_one_hot")
DELTAS = ("delta", "kronecker", "kron", "kronecker_delta", "KroneckerDelta")
OF_INDICES = {**dict.fromkeys(DELTAS, 2), **dict.fromkeys(ONE_HOT, 1)}
"""The functions of class indices, and how many they take; the number of classes may follow."""

_LABEL_LETTERS = (*LABEL_WORDS, "y_{i}", "k", "c", "y", "t")
SURELY_LABELS = (*LABEL_WORDS, "y", "t", "c", "y_{i}")


@dataclass(frozen=True)
class Uses:
    """The indices that no sum binds, in the order in which they come, and what they are used for.

    Attributes:
        indices: all of them.
        entries: those at which an entry of a vector is taken.
        targets: those at which an entry of the targets is taken.
        compared: those that are compared with another, or name a one-hot vector.
        indexed: the names at whose entries something is taken, at free and at summed indices.
        summed: the indices that sums bind elsewhere.
    """

    indices: tuple[str, ...]
    entries: frozenset[str]
    targets: frozenset[str]
    compared: frozenset[str]
    indexed: frozenset[str]
    summed: frozenset[str]

    def lifts(self, free: tuple[str, ...]) -> bool:
        """Whether vectors without an index stand for their entry at the free one: in `p - (j == k)`."""
        return len(free) == 1 and len(self.indices) > 1 and free[0] not in self.entries


def find_uses(nodes: tuple[Node, ...], roles: Mapping[str, str]) -> Uses:
    """The free indices of the links, and what each is used for."""
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
            case Listed(body=body, index=index) | Dotted(written=body, last=index):
                visit(body, bound | {index})
            case Item(body=body, indices=indices):
                visit(body, bound)
                add(indices, bound, compared if _is_one_hot(node) else entries)
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
    summed = frozenset(node.index for node in walk(nodes) if isinstance(node, Total) and node.index)
    return Uses(tuple(found), *map(frozenset, (entries, targets, compared, indexed, summed)))


def _is_one_hot(node: Item) -> bool:
    """Whether an item is a row of the identity."""
    body, rows = node.body, len(node.indices)
    return isinstance(body, Call) and body.function in ("eye", "identity") and rows == 1


def find_places(
    uses: Uses,
    bound: tuple[str | int, ...] | None,
    labels: set[str],
    rank: int,
    *,
    labelled: bool,
    has_loss: bool,
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The ways to tell the labels from the free indices: (labels, free indices), the most usual first.

    Without a loss there is no label but one that the user names.

    Raises:
        IllFormedError: an index is neither.
    """
    given = tuple(name for name in uses.indices if name in labels)
    rest = [name for name in uses.indices if name not in labels]
    if bound is not None:
        named = tuple(name for name in bound if isinstance(name, str))
        others = tuple(name for name in rest if name not in named)
        if len(others) > 1 or (others and (given or not has_loss)):
            raise _unbound(others[-1:], uses)
        plain = ((*given, *others), named)
        ours = [name for name in named if name in _LABEL_LETTERS] if labelled and not (labels or others) else []
        # ∂L/∂z_y where y is the label: that entry alone; k is as often any class.
        own = [((name,), named) for name in ours[:1]]
        return [*own, plain] if ours and ours[0] in SURELY_LABELS else [plain, *own]
    found = [(given, order) for order in _orders(rest, rank)] if len(rest) == rank else []
    if rank == 1 and not uses.entries.issuperset(rest):
        found = []  # onehot(k) alone names a label; a free index that is only compared comes last
    may_be_label = [
        name for name in rest
        if (labelled or name in uses.compared or name in _LABEL_LETTERS) and name not in uses.targets
    ]  # fmt: skip
    if not given and rest and has_loss:
        candidates = [name for name in may_be_label if name != "j" or len(rest) == 1]
        # Of two indices of which one has entries, p_k - (k == y), the other is the label.
        candidates = [name for name in candidates if name not in uses.entries] or candidates
        likely = [name for name in _LABEL_LETTERS if name in candidates][:1] or sorted(candidates)
        for each in likely:
            others = tuple(sorted(name for name in rest if name != each))
            if len(others) in (0, rank):
                found.append(((each,), others))
    if given and not rest:
        found.append((given, ()))
    if len(rest) == rank == 1 and (given, tuple(rest)) not in found:
        found.append((given, tuple(rest)))
    if len(rest) == 1 and rank == 2:  # an index too few, which is ill-formed unless it is the label
        found.append((given, tuple(rest)))
    if rest and not found:
        raise _unbound(rest, uses)
    return found or [(given, ())]


def _orders(rest: list[str], rank: int) -> list[tuple[str, ...]]:
    """Which index is the row's: i before j, else either."""
    ordered = tuple(sorted(rest))
    return [ordered] if ordered == ("i", "j") or rank < 2 else list(permutations(ordered))


def _unbound(indices: Sequence[str], uses: Uses) -> IllFormedError:
    """The error for an index too many: the last that is no usual row or column."""
    index = next((name for name in reversed(indices) if name not in ("i", "j")), indices[-1])
    if index in uses.summed:
        return IllFormedError(
            f"the index {index} is unbound where it stands behind the sum over {index}, which takes the product that"
            " follows it: write brackets around all that is summed"
        )
    return IllFormedError(f"the index {index} is unbound: no sum and no left side says what it runs over")
