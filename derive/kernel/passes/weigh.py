"""The logarithm of a weighted sum of powers of probabilities is a log-sum-exp: it outlives an underflow of every term.

Σ w_j exp(e_j) = exp(M) Σ w_j exp(e_j - M) with M = max(e_j + log|w_j|): one of the terms is then ±1.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from derive.kernel.expressions import (
    ONE,
    ZERO,
    add,
    arguments,
    call,
    div,
    is_call,
    is_number,
    mul,
    neg,
    rewrite,
    select,
    sub,
)
from derive.kernel.ir import Call, Const, Expression, Kernel, Reduce, Scalar
from derive.kernel.statements import find_sum, fresh_name, names, nodes, noted, plain, sums

NOTE = "A sum of weighted powers of probabilities is divided by its largest term, so that it cannot underflow."


@dataclass(frozen=True)
class _Weighted:
    """Σ weight · exp(exponent), and the name of the maximum that it is divided by."""

    total: Reduce
    weight: Expression
    exponent: Expression
    maximum: Scalar

    @property
    def known(self) -> Scalar:
        return Scalar(self.total.name)


def weigh(kernel: Kernel) -> Kernel:
    """Divide a sum by its largest term where its logarithm is taken, or something is divided by it."""
    for name in sums(kernel):
        if name not in sums(kernel):
            continue
        total = find_sum(kernel, name)
        weight, exponent = _take_apart(total.value)
        if exponent is not None and weight != ONE and _is_critical(kernel, Scalar(name)):
            maximum = Scalar(fresh_name(f"{name}_log_max", names(kernel)))
            kernel = _divide(kernel, _Weighted(total, weight, exponent, maximum))
    return kernel


def _take_apart(product: Expression) -> tuple[Expression, Expression | None]:
    """What remains of a product without its powers of probabilities, and the logarithm of these; None without any."""
    others: list[Expression] = []
    exponents: dict[Expression, Expression] = {}

    def raise_to(share: Expression, power: Expression) -> None:
        exponents[share] = add(exponents.get(share, ZERO), power)

    for factor in arguments(product, "mul"):
        match factor:
            case Call("div", (Call("exp", _), Scalar())):
                raise_to(factor, ONE)
            case Call("pow", (Call("div", (Call("exp", _), Scalar())) as share, Const() as power)):
                raise_to(share, power)
            case _:
                others.append(factor)
    logarithms = [mul(power, call("log", share)) for share, power in exponents.items()]
    return mul(*others), add(*logarithms) if logarithms else None


def _is_critical(kernel: Kernel, known: Scalar) -> bool:
    return any(
        node == call("log", known) or (isinstance(node, Call) and node.operation == "div" and _divides(node, known))
        for node in nodes(kernel)
    )


def _divides(quotient: Call, known: Scalar) -> bool:
    return any(
        factor == known or (isinstance(factor, Call) and factor.operation == "pow" and factor.arguments[0] == known)
        for factor in arguments(quotient.arguments[1], "mul")
    )


def _divide(kernel: Kernel, found: _Weighted) -> Kernel:
    known, maximum = found.known, found.maximum
    others = {
        line.name: f"{line.name}_over_max"
        for line in plain(kernel)
        if isinstance(line, Reduce) and line != found.total and _take_apart(line.value)[1] == found.exponent
    }
    used: set[str] = set()

    def rule(node: Expression) -> Expression | None:
        match node:
            case Call("log", (inner,)) if inner == known:
                return add(maximum, node)
            case Call("mul", factors):
                return distributed(factors)
            case Call("div", (above, below)) if _times_divided(below, known):
                return quotient(above, below)
            case Scalar() if node == known:
                return mul(call("exp", maximum), node)
        return None

    def quotient(above: Expression, below: Expression) -> Expression:
        """Above/Σ^c, with the maximum taken c times from the sums and the powers of probabilities in `above`."""
        rest, exponent = _take_apart(above)
        left, times = list(arguments(rest, "mul")), _times_divided(below, known)
        for place, factor in enumerate(left):
            if isinstance(factor, Scalar) and factor.name in others and times >= 1:
                used.add(factor.name)
                left[place], times = Scalar(others[factor.name]), times - 1
        weight = rewrite(mul(*left), rule)
        if times == 0 and exponent is None:
            return div(weight, below)
        lifted = mul(Const(times), maximum)
        lowered = neg(lifted) if exponent is None else sub(exponent, lifted) if times else exponent
        value = mul(weight, div(call("exp", lowered), below))
        # Beside a weight of 0 the exponential may be infinite: the maximum is that of the terms that are not 0.
        return value if is_number(weight) else select(call("equal", weight, ZERO), ZERO, value)

    def distributed(factors: tuple[Expression, ...]) -> Expression | None:
        """A product p · (a + b/Σ) becomes p · a + p · b/Σ, so that powers of probabilities in p meet the divisor."""
        for place, factor in enumerate(factors):
            outer = mul(*factors[:place], *factors[place + 1 :])
            match factor:
                case Call("div", (above, below)) if _times_divided(below, known):
                    return quotient(mul(outer, above), below)
            if is_call(factor, "add") and _take_apart(outer)[1] is not None and _mentions_quotient(factor, known):
                return add(*(rewrite(mul(outer, term), rule) for term in arguments(factor, "add")))
        return None

    body = plain(kernel)
    before = body.index(found.total)
    lifted = add(found.exponent, call("log", call("abs", found.weight)))
    rest = [replace(line, value=rewrite(line.value, rule)) for line in body[before + 1 :]]
    statements: list[Reduce] = [Reduce(maximum.name, "max", found.total.index, lifted)]
    for line in body:
        if isinstance(line, Reduce) and (line == found.total or line.name in used):
            weight, _ = _take_apart(line.value)
            value = mul(weight, call("exp", sub(found.exponent, maximum)))
            name = others.get(line.name, line.name)
            statements.append(replace(line, name=name, value=select(call("equal", weight, ZERO), ZERO, value)))
    return noted(_without_unread(replace(kernel, body=(*body[:before], *statements, *rest))), NOTE)


def _without_unread(kernel: Kernel) -> Kernel:
    """`kernel` without the sums that nothing reads any more."""
    read = {node.name for node in nodes(kernel) if isinstance(node, Scalar)}
    return replace(
        kernel, body=tuple(line for line in plain(kernel) if not isinstance(line, Reduce) or line.name in read)
    )


def _times_divided(below: Expression, known: Scalar) -> Fraction:
    """The power of the sum that `below` is; 0 where it is something else."""
    match below:
        case Call("pow", (base, Const(exponent))) if base == known:
            return exponent
    return Fraction(int(below == known))


def _mentions_quotient(expression: Expression, known: Scalar) -> bool:
    match expression:
        case Call("div", (_, below)) if _times_divided(below, known):
            return True
        case Call(_, children):
            return any(_mentions_quotient(child, known) for child in children)
    return False
