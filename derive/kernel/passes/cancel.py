"""x · (a/x + b) = a + x · b: a probability that underflows to 0 must not divide itself."""

from derive.kernel.expressions import ONE, add, arguments, div, is_call, is_number, mul, neg, power, rewrite
from derive.kernel.ir import Call, Const, Expression, Kernel
from derive.kernel.statements import noted, rewrite_kernel

NOTE = "A factor cancels against the same divisor, so that 0/0 cannot arise where it underflows."


def cancel(kernel: Kernel) -> Kernel:
    """A factor of a product cancels against the same divisor in another factor, or in a term of it; x/√x becomes √x."""
    rewritten = rewrite_kernel(kernel, _rule)
    return kernel if rewritten == kernel else noted(rewritten, NOTE)


def _rule(node: Expression) -> Expression | None:
    match node:
        case Call("div", (above, Call("sqrt", (radicand,)) as root)):
            rest = list(arguments(above, "mul"))
            inside = arguments(radicand, "mul")
            if all(rest.count(factor) >= inside.count(factor) for factor in inside):
                for factor in inside:
                    rest.remove(factor)
                return mul(*(rewrite(factor, _rule) for factor in rest), root)
        case Call("div", (above, below)) if (reduced := _reduced(above, below)) is not None:
            return rewrite(reduced, _rule)
    factors = _with_shared_out(list(arguments(node, "mul"))) if is_call(node, "mul") else []
    for factor in (factor for factor in factors if not is_number(factor)):
        rest = list(factors)
        rest.remove(factor)
        one, left = _one_of(factor)
        for place, other in enumerate(rest):
            divided = _times(other, one)
            if divided is not None:
                return rewrite(mul(*rest[:place], divided, *rest[place + 1 :], left), _rule)
    return None


def _one_of(factor: Expression) -> tuple[Expression, Expression]:
    """X and x to the n - 1 where `factor` is x to a whole number n above 1; itself and 1 where it is something else."""
    match factor:
        case Call("pow", (base, Const(exponent))) if exponent.denominator == 1 and exponent > 1:
            return base, power(base, Const(exponent - 1))
    return factor, ONE


def _reduced(above: Expression, below: Expression) -> Expression | None:
    """The quotient without a factor that both have; None where they share none."""
    rest = list(arguments(below, "mul"))
    for factor in (factor for factor in rest if not is_number(factor)):
        if factor in _bare_factors(above):
            rest.remove(factor)
            return div(_without(above, factor), mul(*rest))
    return None


def _with_shared_out(factors: list[Expression]) -> list[Expression]:
    """`factors` with what all terms of a sum share in front of it, where that divides something in another factor."""
    for place, factor in enumerate(factors):
        others = [*factors[:place], *factors[place + 1 :]]
        terms = arguments(factor, "add")
        for shared in _bare_factors(terms[0]) if len(terms) > 1 else ():
            is_shared = not is_number(shared) and all(shared in _bare_factors(term) for term in terms)
            if is_shared and any(_times(other, shared) is not None for other in others):
                return _with_shared_out([*others, shared, add(*(_without(term, shared) for term in terms))])
    return factors


def _bare_factors(term: Expression) -> tuple[Expression, ...]:
    match term:
        case Call("neg", (inner,)):
            return arguments(inner, "mul")
    return arguments(term, "mul")


def _without(term: Expression, factor: Expression) -> Expression:
    """A term of a sum without one of its factors."""
    rest = list(_bare_factors(term))
    rest.remove(factor)
    return neg(mul(*rest)) if is_call(term, "neg") else mul(*rest)


def _opposite(factor: Expression) -> Expression:
    """1 - y for y - 1."""
    return add(*(neg(term) for term in arguments(factor, "add")))


def _times(value: Expression, factor: Expression) -> Expression | None:
    """Value · factor where the factor cancels against a divisor of it, or of a term of it; otherwise None."""
    match value:
        case Call("neg", (inner,)):
            product = _times(inner, factor)
            return None if product is None else neg(product)
        case Call("div", (above, Call("sqrt", (radicand,)) as root)) if factor in arguments(radicand, "mul"):
            return _rule(div(mul(above, factor), root))
        case Call("div", (above, below)) if below == factor:
            return above
        case Call("div", (above, below)) if below == _opposite(factor):
            return neg(above)
        case Call("div", (above, Call("pow", (base, Const(exponent))))) if base == factor and exponent <= 1:
            return mul(above, power(factor, Const(1 - exponent)))
        case Call("div", (above, Call("pow", (base, exponent)))) if base == factor and not isinstance(exponent, Const):
            return mul(above, power(factor, add(ONE, neg(exponent))))
        case Call("div", (above, Call("mul", divisors))) if factor in divisors:
            left = list(divisors)
            left.remove(factor)
            return div(above, mul(*left))
        case Call("mul", factors):
            for place, inner in enumerate(factors):
                product = _times(inner, factor)
                if product is not None:
                    return mul(*factors[:place], product, *factors[place + 1 :])
            return None
        case Call("add", terms):
            products = [_times(term, factor) for term in terms]
            if all(product is None for product in products):
                return None
            kept = [term for term, product in zip(terms, products, strict=True) if product is None]
            return add(mul(factor, add(*kept)), *(product for product in products if product is not None))
    return None
