"""Formulas with a second index, that of the example: `y_{ij}`, of which i is a row of the batch.

They are judged on one row. A sum over rows is then that row's, and 1/N in front of it a factor.
"""

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
    if len(first) != 1:
        return nodes, None
    (row,) = first
    if not isinstance(row, Name) or any(row in node.indices for node in items if node not in pairs):
        return nodes, None

    def drop(node: Node) -> Node | None:
        if isinstance(node, Total) and node.index == row.name and not node.without:
            return drop_all(node.body)  # a batch of one row: the sum over its rows is that row's
        return Item(node.body, node.indices[1:]) if isinstance(node, Item) and node in pairs else None

    def drop_all(node: Node) -> Node:
        found: Node = rewrite(node, drop)
        return found

    return tuple(rewrite(node, drop) for node in nodes), row.name
