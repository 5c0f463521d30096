"""Logarithms and the like that are the same for all classes of a row are computed once a row, not once a class."""

from dataclasses import replace

from derive.kernel.expressions import indices, rewrite, scalars, walk
from derive.kernel.ir import LABEL, Call, Expression, Kernel, Let, Scalar
from derive.kernel.statements import Plain, fresh_name, names, plain, rewrite_statement

_COSTLY = ("exp", "exp_difference", "expm1", "log", "log1p", "sqrt", "tanh", "pow")


def hoist(kernel: Kernel) -> Kernel:
    """f(s) and f(z_label), wherever a map or a sum computes them, get names of their own before they are first used."""
    in_loops = {
        node
        for statement in plain(kernel)
        if not isinstance(statement, Let)
        for node in walk(statement.value)
        if isinstance(node, Call) and node.operation in _COSTLY and indices(node) <= {LABEL}
    }
    known: dict[Call, str] = {}
    body: list[Plain] = []

    def rule(node: Expression) -> Expression | None:
        return Scalar(known[node]) if isinstance(node, Call) and node in known else None

    for statement in plain(kernel):
        for node in reversed(list(walk(statement.value))):  # what is inside first
            if isinstance(node, Call) and node in in_loops and node not in known:
                name = fresh_name(_wanted_name(node), {*names(kernel), *known.values()})
                body.append(Let(name, rewrite(node, rule)))
                known[node] = name
        body.append(rewrite_statement(statement, rule))
    return replace(kernel, body=tuple(body))


def _wanted_name(node: Call) -> str:
    """log_s for log(s), log_label for a logarithm of something of the label's class."""
    read = ["label"] if indices(node) else sorted(scalars(node)) or ["constant"]
    return "_".join((node.operation, *read))
