"""One division a row: what every class is divided by becomes a factor, its reciprocal."""

from dataclasses import replace

from derive.kernel.expressions import ONE, div, indices, mul, rewrite, walk
from derive.kernel.ir import LABEL, Call, Expression, Kernel, Let, Scalar, Statement
from derive.kernel.statements import fresh_name, names, plain


def divide_once(kernel: Kernel) -> Kernel:
    """x_j / s becomes x_j · (1/s), and 1/s is computed once."""
    inverses: dict[str, str] = {}
    body: list[Statement] = []

    def rule(node: Expression) -> Expression | None:
        match node:
            case Call("div", (above, Scalar(name))) if name in inverses and indices(above) - {LABEL}:
                return mul(rewrite(above, rule), Scalar(inverses[name]))
        return None

    for statement in plain(kernel):
        if not isinstance(statement, Let):
            for name in _divisors(statement.value):
                if name not in inverses:
                    inverses[name] = fresh_name(f"{name}_inverse", names(kernel))
                    body.append(Let(inverses[name], div(ONE, Scalar(name))))
            body.append(replace(statement, value=rewrite(statement.value, rule)))
        else:
            body.append(statement)
    return replace(kernel, body=tuple(body))


def _divisors(value: Expression) -> list[str]:
    """The scalars that something is divided by which differs from class to class, in order, once each."""
    found: dict[str, None] = {}
    for node in walk(value):
        match node:
            case Call("div", (above, Scalar(name))) if indices(above) - {LABEL}:
                found[name] = None
    return list(found)
