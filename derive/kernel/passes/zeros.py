"""0 · log 0 = 0: a factor of 0 decides a product whatever the logarithm, or 1 over an exponential, beside it."""

from derive.kernel.expressions import ZERO, arguments, call, div, indices, is_call, is_number, mul, rewrite, select
from derive.kernel.ir import Call, Element, Expression, Kernel, Reduce, Scalar
from derive.kernel.ranges import Ranges
from derive.kernel.statements import noted, plain, rewrite_kernel

NOTE = "A factor of 0 makes a product 0, whatever the logarithm of a probability of 0 beside it."

_LOGITS = "z"
"""The input that may hold -inf, for a class of probability 0."""


def guard_zeros(kernel: Kernel) -> Kernel:
    """A product w · x, where x can be infinite, becomes 0 where w is 0, w · x elsewhere."""
    ranges = Ranges(kernel)
    infinite_sums = _infinite_sums(kernel, ranges)

    def is_nonzero(factor: Expression) -> bool:
        return is_number(factor) or ranges.is_nonzero(factor)

    def rule(node: Expression) -> Expression | None:
        match node:
            case Call("div", (above, below)) if _has_exponential_factor(below):
                weights = [factor for factor in arguments(above, "mul") if not is_nonzero(factor)]
                quotient = div(rewrite(above, rule), rewrite(below, rule))
                return select(call("equal", mul(*weights), ZERO), ZERO, quotient) if weights else quotient
        if not is_call(node, "mul"):
            return None
        factors = tuple(rewrite(factor, rule) for factor in arguments(node, "mul"))
        infinite = [factor for factor in factors if _may_be_infinite(factor, ranges)]
        if not indices(node):
            infinite += [factor for factor in factors if factor in infinite_sums]
        weights = [factor for factor in factors if factor not in infinite and not is_nonzero(factor)]
        product = mul(*factors)
        if len(infinite) > 1:
            # Of two, one can be 0 where the other is infinite: the logarithm of 1, beside a negative power of 0.
            for factor in infinite:
                if not is_call(factor, "pow"):
                    product = select(call("equal", factor, ZERO), ZERO, product)
        if not weights or not infinite:
            return product
        return select(call("equal", mul(*weights), ZERO), ZERO, product)

    rewritten = rewrite_kernel(kernel, rule)
    return kernel if rewritten == kernel else noted(rewritten, NOTE)


def _has_exponential_factor(divisor: Expression) -> bool:
    """Whether `divisor` is a product with an exponential, which may underflow to 0."""
    return any(is_call(factor, "exp") for factor in arguments(divisor, "mul"))


def _infinite_sums(kernel: Kernel, ranges: Ranges) -> list[Expression]:
    """The sums with a term that a logit of -inf makes infinite, whatever its weight."""
    return [
        Scalar(line.name)
        for line in plain(kernel)
        if isinstance(line, Reduce) and line.operation == "sum" and _may_be_infinite(line.value, ranges)
    ]


def _may_be_infinite(expression: Expression, ranges: Ranges) -> bool:
    """Whether a logit of -inf makes `expression` infinite."""
    match expression:
        case Element(array, _):
            return array == _LOGITS
        case Call("log", _):
            return True
        case Call("div", (_, below)) if _has_exponential_factor(below):
            return True
        case Call("pow", (base, exponent)):
            return not ranges.is_positive(exponent) or _may_be_infinite(base, ranges)
        case Call("exp" | "expm1" | "exp_difference" | "log1p" | "tanh" | "equal" | "less", _):
            return False
        case Call("select", (_, if_true, if_false)):
            return _may_be_infinite(if_true, ranges) or _may_be_infinite(if_false, ranges)
        case Call(_, children):
            return any(_may_be_infinite(child, ranges) for child in children)
    return False
