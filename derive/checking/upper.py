r"""What is written above a vector: an index, `y^i`, as tensors have it, or the prime of a transpose, `p p'`."""

from collections.abc import Iterator

from derive.checking.formula import Call, Derivative, Item, Name, Node, Operation, Same, Total, Transpose, rewrite, walk
from derive.checking.left_sides import left_indices

_ACTIVATED = ("softmax", r"\sigma", "S")


def lower_indices(links: tuple[Node, ...], scalars: frozenset[str]) -> tuple[Node, ...]:
    r"""The links with the indices that stand above a vector below it: y^i(\delta^i_j - y^j).

    What is above is an index where the formula has the letter as one: on the left side, in a sum or a delta, or above
    a vector that has such an index elsewhere. Anything else, and anything above what is no vector, is a power.

    Args:
        links: the links of a chain, its left side among them.
        scalars: the names of numbers: what stands above them is a power.
    """

    def raised(part: object) -> Iterator[tuple[Node, str]]:
        for node in walk(part):
            if isinstance(node, Operation) and node.symbol == "**" and isinstance(node.right, Name):
                vector = node.left
                is_vector = isinstance(vector, Name) and vector.name not in scalars
                if is_vector or (isinstance(vector, Call) and vector.function in _ACTIVATED):
                    yield vector, node.right.name

    pairs = set(raised(links))
    indices = set(_indices(links))
    if len(links) > 1 and isinstance(links[0], (Derivative, Item)):
        indices |= {index for _, index in raised(links[0])}
    vectors = {vector for vector, index in pairs if index in indices}
    indices |= {index for vector, index in pairs if vector in vectors}

    def lower(node: Node) -> Node | None:
        match node:
            case Item(body=Operation(symbol="**", left=left, right=Name(name=index) as above), indices=below):
                return Item(left, (above, *below)) if (left, index) in pairs and index in indices else None
            case Operation(symbol="**", left=left, right=Name(name=index) as above):
                return Item(left, (above,)) if (left, index) in pairs and index in indices else None
        return None

    return tuple(rewrite(link, lower) for link in links) if vectors else links


def transpose_primes(links: tuple[Node, ...], *, everywhere: bool) -> tuple[Node, ...]:
    """The links with p' as the transpose of p, where it stands behind p: diag(p) - p p'.

    Args:
        links: the links of a chain.
        everywhere: whether it is that in any place, since there are no targets that y' may be.
    """
    names = {node.name for node in walk(links) if isinstance(node, Name)}

    def transposed(node: Node) -> Node | None:
        match node:
            case Item() | Same():  # k' is an index there
                return node
            case Name(name=name) if everywhere and name.endswith("'") and name[:-1] in names:
                return Transpose(Name(name[:-1]))
            case Operation(symbol="beside", left=left, right=Name(name=name)) if _last_factor(left) == Name(name[:-1]):
                return Operation("beside", left, Transpose(Name(name[:-1]))) if name[-1] in "'*" else None
            case Operation(symbol="beside", left=left, right=Operation(symbol="**", left=again, right=Name(name="t"))):
                return Operation("beside", left, Transpose(again)) if _last_factor(left) == again else None
        return None

    return tuple(rewrite(link, transposed) for link in links)


def _last_factor(node: Node) -> Node:
    return _last_factor(node.right) if isinstance(node, Operation) and node.symbol in ("beside", "*") else node


def _indices(links: tuple[Node, ...]) -> Iterator[str]:
    """The letters that can only be class indices."""
    for node in walk(links):
        if isinstance(node, Total) and node.index is not None:
            yield node.index
        elif isinstance(node, Same):
            yield from (side.name for side in (node.left, node.right) if isinstance(side, Name))
    if len(links) > 1:
        yield from (index for index in left_indices(links[0]) or () if isinstance(index, str))
