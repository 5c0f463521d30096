r"""Sums without an index below them, `\sum t_i \log y_i`: they run over the index that nothing else has."""

from dataclasses import fields, replace
from typing import Any

from derive.checking.formula import ZERO, FormulaError, Node, Total, rewrite, walk
from derive.checking.left_sides import is_left_side, left_indices
from derive.checking.places import find_uses


def bind_sums(links: tuple[Node, ...]) -> tuple[Node, ...]:
    """The links with an index for each sum of entries that is written without; a sum of a vector stays.

    Raises:
        FormulaError: a sum may run over several indices.
    """
    if not any(isinstance(node, Total) and node.index is None for node in walk(links)):
        return links
    named = {each for each in left_indices(links[0]) or () if isinstance(each, str)} if is_left_side(links[0]) else ()
    return tuple(_bind(link, {*named, *_used(link)}) for link in links)


def _bind(part: Any, outside: set[str]) -> Any:
    """`part` with its sums bound, `outside` being the indices that are used around it."""
    if isinstance(part, tuple):
        return tuple(_bind(each, outside) for each in part)
    if not isinstance(part, Node):
        return part
    if not (isinstance(part, Total) and part.index is None):
        return replace(part, **{field.name: _bind(getattr(part, field.name), outside) for field in fields(part)})
    body = _bind(part.body, outside | _used(part.body))
    free = find_uses((body,), {}).indices
    # A letter of its own where it has one: in y_j (g_j - Σ g_i y_i) that is i, and in e^{z_i}/Σ e^{z_i} none is.
    own = [name for name in free if name not in outside] or free
    if len(own) > 1:
        raise FormulaError(
            f"a sum may run over {' or '.join(sorted(own))}; write its index below it, \\sum_{min(own)}", piece=r"\sum"
        )
    return Total(body, own[0] if own else None, part.without, part.count)


def _used(node: Node) -> set[str]:
    """The indices that are used in a formula but for those inside its sums without an index."""
    bare: Node = rewrite(node, lambda part: ZERO if isinstance(part, Total) and part.index is None else None)
    return set(find_uses((bare,), {}).indices)
