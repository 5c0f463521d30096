"""The parameters of a formula under their names in the definition: as `--let` says, by habit, or the only one left."""

from collections.abc import Mapping, Sequence

from derive.catalogue.model import Composition
from derive.checking.formula import Call, Item, Name, Node, rewrite, walk
from derive.checking.habits import BATCH, EITHER, assign
from derive.checking.roles import values_of

_PARAMETERS = (
    {"epsilon", "varepsilon", "eps", "ε"}, {"gamma", "γ"}, {"alpha", "α"}, {"beta", "β"}, {"lambda", "lam", "λ"},
    {"T", "tau", "τ", "temperature", "temp"}, {"w", "weight", "weights", "class_weights", "omega"}, {"mu", "μ"},
)  # fmt: skip
"""Spellings of one parameter; a LaTeX command is spelled as its word."""


def spell_parameters(
    composition: Composition, quantity: str, nodes: tuple[Node, ...], formulas: Sequence[Node], let: Mapping[str, str]
) -> dict[str, str]:
    r"""The parameters of the definition by how they are spelled here: `\gamma` is `gamma`, `eps` may be `alpha`.

    Args:
        composition: whose parameters they are.
        quantity: which quantity the formula is of.
        nodes: the formula with its left side.
        formulas: the formula without it.
        let: roles by symbol, in which the name of a parameter is a role.
    """
    names = {parameter.name for parameter in composition.parameters}
    spelled = {symbol: role for symbol, role in let.items() if role in names}
    present = {node.name for node in walk(nodes) if isinstance(node, Name)} - set(let)
    for parameter in composition.parameters:
        if parameter.name in present or parameter.name in spelled.values():
            continue
        same = next((each for each in _PARAMETERS if parameter.name in each), {parameter.name})
        others = [name for name in present if name.removeprefix("\\") in same]
        spelled |= dict.fromkeys(others[:1], parameter.name)
    left = [name for name in names if name not in present and name not in spelled.values()]
    if len(left) == 1:
        values = values_of(tuple(formulas))
        roles = assign(composition, quantity, tuple(formulas), values, {**let, **dict.fromkeys(spelled, "parameter")})
        ours = [name for name in values if name not in {*let, *spelled, *names, *BATCH}]
        free = [name for name in ours if roles[name] == "parameter"]
        if not free and "probabilities" in roles.values():  # a letter that nothing makes a logit
            within = {node.name for node in walk(_calls(formulas)) if isinstance(node, Name)}
            free = [name for name in ours if name in EITHER and roles[name] == "logits" and name not in within]
        if len(free) == 1:
            spelled[free[0]] = left[0]
    return {symbol: name for symbol, name in spelled.items() if symbol != name}


def _calls(formulas: Sequence[Node]) -> tuple[Node, ...]:
    """What stands in the functions and at the indices of the formulas."""
    return tuple(node for node in walk(tuple(formulas)) if isinstance(node, (Call, Item)))


def respell(nodes: tuple[Node, ...], spelled: Mapping[str, str]) -> tuple[Node, ...]:
    """The formulas with the parameters under their names in the definition."""

    def other(node: Node) -> Node | None:
        return Name(spelled[node.name]) if isinstance(node, Name) and node.name in spelled else None

    return tuple(rewrite(node, other) for node in nodes) if spelled else nodes
