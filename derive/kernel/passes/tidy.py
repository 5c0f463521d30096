"""Arithmetic as a person writes it."""

from derive.kernel.expressions import ONE, add, call, div, indices, mul, neg, rewrite
from derive.kernel.ir import Call, Const, Expression, Kernel
from derive.kernel.statements import rewrite_kernel


def tidy(kernel: Kernel) -> Kernel:
    """-a + b becomes b - a, -a - b becomes -(a + b), and (1/n) s becomes s/n."""
    return rewrite_kernel(kernel, _rule)


def _rule(node: Expression) -> Expression | None:
    match node:
        case Call("add", terms):
            terms = tuple(rewrite(term, _rule) for term in terms)
            taken = [neg(term) for term in terms if _is_negative(term)]
            given = [term for term in terms if not _is_negative(term)]
            if not given:
                return neg(add(*taken))
            difference = add(*given)
            for term in taken:
                difference = call("sub", difference, term)
            return difference
        case Call("mul", (Call("div", (numerator, denominator)), *factors)) if numerator == ONE:
            if not any(indices(factor) for factor in factors):
                return div(mul(*(rewrite(factor, _rule) for factor in factors)), denominator)
    return None


def _is_negative(term: Expression) -> bool:
    match term:
        case Const(value):
            return value < 0
        case Call("neg", _):
            return True
    return False
