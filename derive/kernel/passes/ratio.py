"""p_i · (a + b/p_j) = p_i a + b exp(z_i - z_j): b/p_j alone overflows where their ratio is a number still."""

from derive.kernel.expressions import ONE, ZERO, add, arguments, call, div, mul, neg, rewrite, select, sub
from derive.kernel.ir import Call, Expression, Kernel
from derive.kernel.products import parts_of_probability, where_zero
from derive.kernel.statements import noted, rewrite_kernel

NOTE = "The ratio of two probabilities is the exponential of the difference of their logits."


def take_ratios(kernel: Kernel) -> Kernel:
    """A probability in a product meets another that the product is divided by, or a term of it."""
    rewritten = rewrite_kernel(kernel, _rule)
    return kernel if rewritten == kernel else noted(rewritten, NOTE)


def _rule(node: Expression) -> Expression | None:
    factors = arguments(node, "mul")
    for place, share in enumerate(factors):
        if parts_of_probability(share) is None:
            continue
        rest = (*factors[:place], *factors[place + 1 :])
        for other, value in enumerate(rest):
            met = _times(value, share)
            if met is not None:
                return rewrite(mul(*rest[:other], met, *rest[other + 1 :]), _rule)
    return None


def _times(value: Expression, share: Expression) -> Expression | None:
    """Value · share where `value`, or a term of it, is divided by another probability; otherwise None."""
    match value:
        case Call("neg", (inner,)):
            product = _times(inner, share)
            return None if product is None else neg(product)
        case Call("select", (condition, one, two)):
            products = [_times(each, share) for each in (one, two)]
            if products == [None, None]:
                return None
            return select(condition, *(met or mul(share, each) for met, each in zip(products, (one, two), strict=True)))
        case Call("add", terms):
            products = [_times(term, share) for term in terms]
            if not any(products):
                return None
            return add(*(met or mul(share, term) for met, term in zip(products, terms, strict=True)))
        case Call("mul", factors):
            for place, factor in enumerate(factors):
                product = _times(factor, share)
                if product is not None:
                    return mul(*factors[:place], product, *factors[place + 1 :])
            return None
        case Call("div", (above, below)) if parts_of_probability(value) is None:
            divisors = arguments(below, "mul")
            for place, divisor in enumerate(divisors):
                ratio = _ratio(share, divisor)
                if ratio is not None:
                    return where_zero(
                        above, ZERO, mul(div(above, mul(*divisors[:place], *divisors[place + 1 :])), ratio)
                    )
    return None


def _ratio(share: Expression, divisor: Expression) -> Expression | None:
    """A probability over another of the same sum, or over a power of it, as an exponential; None of anything else."""
    base, exponent = divisor.arguments if isinstance(divisor, Call) and divisor.operation == "pow" else (divisor, ONE)
    one, two = parts_of_probability(share), parts_of_probability(base)
    if one is None or two is None or one[1] != two[1]:
        return None
    if exponent == ONE:
        return call("exp", sub(one[0], two[0]))
    return call("exp", add(call("log", share), neg(mul(exponent, call("log", base)))))
