"""Formulas with a second index, that of the example: `y_{ij}`, of which i is a row of the batch."""

from derive.checking.formula import Item, Name, Node, Total, rewrite, walk


def drop_batch(nodes: tuple[Node, ...], single: frozenset[str]) -> tuple[tuple[Node, ...], str | None]:
    """The links without the index of the example, and that index; unchanged and None where there is none.

    Args:
        nodes: the links of a chain, its left side among them.
        single: the letters that have more than one class index: matrices.
    """
    items = [
        node for node in walk(nodes)
        if isinstance(node, Item) and isinstance(node.body, Name) and node.body.name not in single
    ]  # fmt: skip
    pairs = [node for node in items if len(node.indices) == 2 and all(isinstance(each, Name) for each in node.indices)]
    first = {node.indices[0] for node in pairs}
    summed = {node.index for node in walk(nodes) if isinstance(node, Total)}
    if len(first) != 1:
        return nodes, None
    (row,) = first
    if (
        not isinstance(row, Name)
        or row.name in summed
        or any(row in node.indices for node in items if node not in pairs)
    ):
        return nodes, None

    def drop(node: Node) -> Node | None:
        return Item(node.body, node.indices[1:]) if isinstance(node, Item) and node in pairs else None

    return tuple(rewrite(node, drop) for node in nodes), row.name
