"""The named rules of the layer: definitions put in, derivatives taken, deltas contracted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from derive.layer.nodes import (
    ONE,
    ROWS,
    ZERO,
    Array,
    Delta,
    Entry,
    Index,
    Node,
    Plus,
    Product,
    RowForm,
    Slope,
    Sum,
    T,
    Z,
    all_indices,
    children,
    fresh,
    plus,
    product,
    rename,
    with_children,
)

Definitions = Mapping[Array, tuple[tuple[Index, ...], Node]]
"""What an array stands for: its entry at those indices."""


@dataclass(frozen=True)
class Rule:
    """A named rewrite of index expressions.

    Attributes:
        name: as it stands beside the step.
        reason: one sentence that says why it holds.
        visit: what it makes of a node, given all indices of the expression around; None where it does not apply.
    """

    name: str
    reason: str
    visit: Callable[[Node, frozenset[Index]], Node | None]


def apply(rule: Rule, expression: Node) -> Node:
    """`expression` with the rule applied to every outermost node that it fits."""
    used = frozenset(all_indices(expression))

    def rewrite(node: Node) -> Node:
        replaced = rule.visit(node, used)
        if replaced is not None:
            return replaced
        return with_children(node, tuple(rewrite(child) for child in children(node)))

    return rewrite(expression)


def put_in(array: Array, definitions: Definitions, reason: str) -> Rule:
    """∂A_.../∂v becomes the derivative of what A stands for."""
    indices, body = definitions[array]

    def visit(node: Node, used: frozenset[Index]) -> Node | None:
        match node:
            case Slope(Entry(found, at), variable) if found == array:
                return Slope(_instantiated(body, dict(zip(indices, at, strict=True)), used), variable)
        return None

    return Rule("definition", reason, visit)


def _instantiated(body: Node, names: Mapping[Index, Index], used: frozenset[Index]) -> Node:
    """`body` at other indices; a bound index whose name is used around it gets another."""
    bound = {index for index in all_indices(body) if index not in names}
    renamed: dict[Index, Index] = {}
    for index in sorted(bound, key=lambda each: each.name):
        taken = used.union(names.values(), renamed.values())
        renamed[index] = fresh(index.axis, taken) if index in taken else index
    return rename(body, {**names, **renamed})


def linearity(definitions: Definitions) -> Rule:
    """∂(Σ_k c f_k + g) = Σ_k c ∂f_k + ∂g, where c does not depend on the variable."""

    def push(body: Node, variable: Entry) -> Node:
        if not depends(body, variable.array, definitions):
            return ZERO
        match body:
            case Plus(terms):
                return plus(*(push(term, variable) for term in terms))
            case Sum(index, inner):
                return Sum(index, push(inner, variable))
            case Product(factors):
                moving = [each for each in factors if depends(each, variable.array, definitions)]
                if len(moving) == 1:
                    return product(*(push(each, variable) if each in moving else each for each in factors))
        return Slope(body, variable)

    def visit(node: Node, _: frozenset[Index]) -> Node | None:
        if not isinstance(node, Slope):
            return None
        pushed = push(node.body, node.variable)
        return None if pushed == node else pushed

    return Rule("linearity", "a derivative goes into a sum and past constants; what does not move gives 0", visit)


def depends(node: Node, variable: Array, definitions: Definitions) -> bool:
    """Whether `node` changes with the array `variable`, by itself or through what it stands for."""
    arrays = (node.array,) if isinstance(node, Entry) else (Z, T) if isinstance(node, RowForm) else ()
    for array in arrays:
        if array == variable or (array in definitions and depends(definitions[array][1], variable, definitions)):
            return True
    return any(depends(child, variable, definitions) for child in children(node))


def _coordinate(node: Node, _: frozenset[Index]) -> Node | None:
    """∂A_ij/∂A_kl = δ_ik δ_jl."""
    match node:
        case Slope(Entry(array, at), Entry(same, to)) if array == same:
            return product(*(Delta(left, right) for left, right in zip(at, to, strict=True)))
    return None


def _delta(node: Node, _: frozenset[Index]) -> Node | None:
    """Σ_k δ_kj f_k = f_j."""
    if not isinstance(node, Sum):
        return None
    found = _factor_with(node.body, node.index)
    if found is None:
        return None
    other = found.right if found.left == node.index else found.left
    return rename(_without(node.body, found), {node.index: other})


def _factor_with(body: Node, index: Index) -> Delta | None:
    """A delta of `index` that multiplies all of `body`, within sums over other indices too."""
    match body:
        case Delta(left, right) if index in (left, right):
            return body
        case Product(parts):
            return next((found for part in parts if (found := _factor_with(part, index)) is not None), None)
        case Sum(_, inner):
            return _factor_with(inner, index)
    return None


def _without(body: Node, delta: Delta) -> Node:
    """`body` with the factor `delta` taken out, once."""
    if body == delta:
        return ONE
    parts = list(children(body))
    for position, part in enumerate(parts):
        if _factor_with(part, delta.left) == delta or _factor_with(part, delta.right) == delta:
            parts[position] = _without(part, delta)
            break
    return with_children(body, tuple(parts))


def rows_apart(definitions: Definitions) -> Rule:
    """∂f_s/∂A_rj = δ_sr ∂f_r/∂A_rj, where f_s reads row s and no other."""

    def visit(node: Node, _: frozenset[Index]) -> Node | None:
        match node:
            case Slope(Entry(array, (row,)), Entry(_, (other, *_)) as variable) if (
                row != other and row.axis == other.axis == ROWS and isinstance(definitions[array][1], RowForm)
            ):
                return product(Delta(row, other), Slope(Entry(array, (other,)), variable))
        return None

    return Rule("rows apart", "the loss of a row reads its own row of Z and no other", visit)


def known(name: str, reason: str, left: Slope, right: Node) -> Rule:
    """The rule that puts in a derivative that was found before, at the indices of `left`."""
    return Rule(name, reason, lambda node, _: right if node == left else None)


COORDINATE = Rule("coordinate", "an entry changes with itself and with no other", _coordinate)
DELTA = Rule("Kronecker delta", "the delta leaves only the term at which its indices agree", _delta)
