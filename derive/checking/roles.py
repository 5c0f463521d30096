r"""What the letters of a formula mean: roles as the user gives them, and habits for the rest.

`y` is the output to one author and the target to the next. Where habit leaves more than one reading, all of them are
returned, the most usual first, and the verdict says what each of them comes to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from sympy import Indexed

from derive.catalogue.model import Composition
from derive.checking.formula import Call, Derivative, IllFormedError, Item, Name, Node, Operation, Same, Total, walk
from derive.checking.habits import EITHER, PROBABILITIES, PRODUCTS, Y, assign, is_guess, plain
from derive.checking.left_sides import left_indices
from derive.checking.places import OF_INDICES, Uses, find_places, find_uses
from derive.checking.world import variable_of
from derive.errors import DeriveError
from derive.notation import label, t, vectors

_MATRICES = ("jacobian", "hessian", "gauss-newton")

VECTOR_ROLES = ("logits", "probabilities", "targets", "upstream", "direction", "log-probabilities")
ROLES = (*VECTOR_ROLES, "label", "label-probability", "classes", "parameter")
"""What `--let` may name."""


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
        dot: whether a dot between two vectors is their inner product (`inner`), works entry by entry (`entries`), or
            works so outside and is the inner product inside another (`nested`).
        spelled: the parameters of the definition by how the formula spells them, where that differs.
        batched: whether its vectors are rows of a batch, as code is written: `(y*g).sum(axis=1)[:, None]`.
    """

    roles: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    first: int = 1
    dot: str = "inner"
    lifted: bool = False
    vectors: frozenset[str] = frozenset()
    row: str | None = None
    spelled: Mapping[str, str] = field(default_factory=dict)
    batched: bool = False

    def describe(self) -> dict[str, str]:
        """How each symbol was taken, by its name."""
        written = {name: symbol for symbol, name in self.spelled.items()}
        found = {written.get(name, name): role for name, role in self._described().items()}
        return {
            name: f"parameter {self.spelled[name]}" if name in self.spelled else role for name, role in found.items()
        }

    def _described(self) -> dict[str, str]:
        indices = dict.fromkeys(self.free, "class index") | dict.fromkeys(self.labels, "label")
        if self.row is not None:
            indices[self.row] = "row of the batch"
        return {name: indices.get(name) or role for name, role in {**self.roles, **indices}.items()}

    def differing_from(self, other: "Reading") -> dict[str, str]:
        """What `--let` must say to have this reading and not the other: symbols by role."""
        letters = {role: name for name, role in self.roles.items() if other.roles.get(name) != role and role in ROLES}
        labels = [name for name in self.labels if name in other.free and name not in other.labels]
        return {**letters, **({"label": labels[0]} if labels else {})}


def read_roles(given: Mapping[str, str], composition: Composition) -> dict[str, str]:
    """What `--let` says, checked: symbols by role.

    Raises:
        DeriveError: a role that does not exist, or one symbol with two roles.
    """
    taken: dict[str, str] = {}
    roles = (*ROLES, *(parameter.name for parameter in composition.parameters))
    for role, symbol in given.items():
        if role not in roles:
            raise DeriveError(f"there is no role {role!r}; there is {', '.join(roles)}")
        if not symbol.strip():
            raise DeriveError(f"the role {role} is given no symbol; write {role}=SYMBOL")
        if symbol in taken:
            raise DeriveError(f"{symbol!r} is given the roles {taken[symbol]} and {role}; it can have one")
        taken[symbol] = role
    return dict(given)


def rank_of(composition: Composition, quantity: str) -> int:
    """How many axes a quantity has: the value of a loss has none, nor has its derivative by a number."""
    variable = variable_of(composition, quantity)
    if variable is not None or (quantity == "value" and composition.loss is not None):
        return int(isinstance(variable, Indexed))
    return 2 if quantity in _MATRICES else 1


def readings(
    composition: Composition, quantity: str, nodes: tuple[Node, ...], left: Node | None, let: Mapping[str, str], *,
    condition: Same | None = None, zero_based: bool = True, row: str | None = None,
    spelled: Mapping[str, str] | None = None,
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
        spelled: the parameters of the definition by how the formula spells them.

    Raises:
        IllFormedError: an index is unbound, or there are too few.
    """
    values = values_of(nodes)
    # The letter up to which a sum runs is the number of classes, also where it stands elsewhere.
    counts = {node.count for node in walk(nodes) if isinstance(node, Total)} & set(values)
    let = {**dict.fromkeys(counts - {each.name for each in composition.parameters}, "classes"), **let}
    roles = assign(composition, quantity, nodes, values, let)
    given_labels = {symbol for symbol, role in let.items() if role == "label"}
    rank = rank_of(composition, quantity)
    bound = left_indices(left)
    conditions = () if condition is None else (condition,)
    uses = find_uses((*nodes, *conditions), roles)

    roles = _with_output(roles, [name for name in values if name in uses.indexed and name not in let])

    def places_of(found: Uses) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        labelled, has_loss = is_labelled(composition) or rank == 0, composition.loss is not None
        return find_places(found, bound, given_labels, rank, labelled=labelled, has_loss=has_loss)

    derived = _derived(nodes, roles)
    multiplied = {
        factor.name
        for node in walk(nodes)
        if isinstance(node, Operation) and node.symbol == "@"
        for factor in (node.left, node.right)
        if isinstance(factor, Name) and factor.name.islower()  # a capital may be a matrix
    }
    try:
        places = places_of(uses)
    except IllFormedError:  # an index that nothing binds in an earlier link is that link's fault
        uses = find_uses((*nodes[-1:], *conditions), roles)
        places = places_of(uses)
    return tuple(
        Reading(
            variant,
            labels,
            free,
            0 if zero_based else 1,
            dot,
            uses.lifts(free),
            frozenset(name for name in uses.indexed | multiplied if variant.get(name) == "parameter"),
            row,
            spelled or {},
        )
        for labels, free in places
        for variant in chain(
            _variants(roles, composition, values, let), _with_product(roles, PRODUCTS.get(quantity, ""), values, let)
        )
        for dot in _dots(nodes)
        if not any(variant[name] == "logits" for name in derived)
    )


def _with_output(roles: dict[str, str], indexed: list[str]) -> dict[str, str]:
    """The roles; where none is of an output, the only letter with an index that nobody knows is it."""
    unknown = [name for name in indexed if roles[name] == "parameter"]
    is_missing = not {"probabilities", "logits", "output", "log-probabilities"} & set(roles.values())
    return {**roles, unknown[0]: "probabilities"} if is_missing and len(unknown) == 1 else roles


def _derived(nodes: tuple[Node, ...], roles: Mapping[str, str]) -> set[str]:
    """The outputs of which a derivative by the logits is taken, ∂a_i/∂z_i, and that are therefore no logits."""

    def role(node: Node) -> str:
        return roles.get(_letter(node), "")

    return {
        _letter(node.body)
        for node in walk(nodes)
        if isinstance(node, Derivative) and role(node.body) == "probabilities"
        if all(role(variable) == "logits" for variable in node.variables)
    }


def _letter(node: Node) -> str:
    """The letter of an entry or a vector; empty for anything else."""
    return getattr(getattr(node, "body", node), "name", "")


def is_labelled(composition: Composition) -> bool:
    """Whether the loss speaks of a label."""
    definition = composition.loss_definition
    return definition is not None and label in definition.free_symbols


def values_of(nodes: tuple[Node, ...]) -> list[str]:
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
    """The roles, and what else habit allows: N as the number of classes, and each vector that may be another.

    Two letters are not both the probabilities where one of them may be the targets that the loss compares them with.
    """
    others = [other for other in _other_variants(roles, composition, values, let) if other != roles]
    outputs = [name for name in values if roles[name] == "probabilities"]
    if not (len(outputs) > 1 and any("targets" in other.values() for other in others)) or "targets" in roles.values():
        yield roles
    yield from others


def _other_variants(
    roles: dict[str, str], composition: Composition, values: list[str], let: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    known = {parameter.name for parameter in composition.parameters}
    mine = [name for name in values if name not in let]
    for name in mine:
        if name in ("N", "M", "m") and roles[name] == "parameter" and name not in known:
            yield {**roles, name: "classes"}
    other = {"logits": "probabilities", "probabilities": "logits"}
    for name in mine:
        if plain(name) in EITHER and roles[name] in other:
            yield {**roles, name: other[roles[name]]}
    if "targets" not in _vectors_of(composition) or "targets" in let.values():
        return
    outputs = [name for name in mine if roles[name] in ("probabilities", "logits")]
    if "targets" in roles.values():
        for name in mine:  # y is the target to one author and the output to the next
            if name in Y and roles[name] == "targets" and not any(roles[each] == "probabilities" for each in values):
                yield {**roles, name: "probabilities"}
            primed = f"{name}'"
            if roles[name] == "probabilities" and roles.get(primed) == "targets" and primed in mine:
                yield {**roles, name: "targets", primed: "probabilities"}  # y' is to some what y comes to
    elif len(outputs) > 1:
        guesses = [name for name in outputs if is_guess(name)]
        for name in [name for name in outputs if name not in guesses] or outputs:
            if plain(name) in Y | EITHER | PROBABILITIES:
                yield {**roles, **{each: "probabilities" for each in outputs if plain(each) in EITHER}, name: "targets"}


def _with_product(
    roles: dict[str, str], product: str, values: list[str], let: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """The roles with one of several letters for outputs as the vector of a product, where none is: s*(h - s@h)."""
    outputs = [name for name in values if roles[name] in ("probabilities", "logits")]
    if not product or product in roles.values() or len(outputs) < 2:
        return
    for name in outputs:
        if plain(name) in EITHER - {"x", "X"} and name not in let:
            rest = {each: "probabilities" for each in outputs if plain(each) in EITHER and each not in let}
            yield {**roles, **rest, name: product}


def _vectors_of(composition: Composition) -> set[str]:
    """The roles that the loss reads besides the output: targets, where it has them."""
    definition = composition.loss_definition
    return {"targets"} if definition is not None and t in vectors(definition) else set()


def _dots(nodes: tuple[Node, ...]) -> tuple[str, ...]:
    """What the dots of a formula may mean."""
    many = sum(isinstance(node, Operation) and node.symbol == "dot" for node in walk(nodes))
    return ("inner", "entries", "nested")[: min(many + 1, 3)]
