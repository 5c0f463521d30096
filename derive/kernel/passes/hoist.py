"""Logarithms and the like of a row's scalars are computed once a row, not once a class."""

from dataclasses import replace

from derive.kernel.expressions import indices, rewrite, scalars, walk
from derive.kernel.ir import Call, Expression, Kernel, Let, Scalar
from derive.kernel.statements import Plain, fresh_name, names, plain, rewrite_statement

_COSTLY = ("exp", "expm1", "log", "log1p", "sqrt", "tanh", "pow")


def hoist(kernel: Kernel) -> Kernel:
    """f(s), wherever a map or a sum computes it, gets a name of its own before that."""
    known: dict[Call, str] = {}
    body: list[Plain] = []

    def rule(node: Expression) -> Expression | None:
        return Scalar(known[node]) if isinstance(node, Call) and node in known else None

    for statement in plain(kernel):
        for node in () if isinstance(statement, Let) else walk(statement.value):
            if isinstance(node, Call) and node.operation in _COSTLY and not indices(node) and node not in known:
                wanted = "_".join((node.operation, *(sorted(scalars(node)) or ["constant"])))
                name = fresh_name(wanted, {*names(kernel), *known.values()})
                body.append(Let(name, rewrite(node, rule)))
                known[node] = name
        body.append(rewrite_statement(statement, rule))
    return replace(kernel, body=tuple(body))
