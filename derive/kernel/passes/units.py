"""c + exp(a) = c (1 + exp(a - log c)): a sum of an exponential and 1 is what later passes know."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from derive.kernel.degrees import HIGHEST_POWER
from derive.kernel.expressions import ONE, add, arguments, call, indices, is_call, mul, neg, power, rebuild, rewrite
from derive.kernel.extremes import is_negative
from derive.kernel.ir import Call, Const, Expression, Kernel
from derive.kernel.products import factors_of, multiples, parts_of_probability
from derive.kernel.ranges import Ranges
from derive.kernel.statements import noted, rewrite_kernel

NOTE = "A parameter beside an exponential is taken out: c + exp(a) = c (1 + exp(a - log c))."


def take_units(kernel: Kernel) -> Kernel:
    """A parameter beside an exponential goes in front of their sum, and of it elsewhere where that sum divides it."""
    ranges = Ranges(kernel)

    def shifted(node: Expression) -> Expression | None:
        if (found := _unit_of(node, ranges)) is None:
            return None
        exponent, unit = found
        return mul(unit, add(ONE, call("exp", add(exponent, neg(call("log", unit))))))

    def rule(node: Expression) -> Expression | None:
        if (sum_of_both := shifted(node)) is not None:
            return sum_of_both
        units = dict(_divisors(node, ranges))
        if not units or not isinstance(node, Call):
            return None

        def inside(part: Expression) -> Expression | None:
            return part if parts_of_probability(part) else shifted(part) or _with_unit(part, units)

        return rebuild(node.operation, tuple(rewrite(each, inside) for each in node.arguments))

    rewritten = rewrite_kernel(kernel, rule)
    return kernel if rewritten == kernel else noted(rewritten, NOTE)


def _divisors(node: Expression, ranges: Ranges) -> Iterator[tuple[Expression, Expression]]:
    """The a and c of each c + exp(a) that a product is divided by."""
    if is_call(node, "mul") or is_call(node, "div"):
        for factor, exponent in factors_of(node):
            found = _unit_of(factor, ranges)
            if found is not None and is_negative(exponent) and indices(found[1]) <= indices(found[0]):
                yield found


def _unit_of(node: Expression, ranges: Ranges) -> tuple[Expression, Expression] | None:
    """The a and c of a sum c + exp(a), c made of positive parameters."""
    terms = arguments(node, "add")
    exponentials = [term for term in terms if is_call(term, "exp")]
    if len(terms) != 2 or len(exponentials) != 1:
        return None
    (unit,) = (term for term in terms if term not in exponentials)
    is_known = not isinstance(unit, Const) and ranges.knows(unit) and ranges.is_positive(unit)
    (exponential,) = exponentials
    return (exponential.arguments[0], unit) if is_known and isinstance(exponential, Call) else None


def _with_unit(node: Expression, units: Mapping[Expression, Expression]) -> Expression | None:
    match node:
        case Call("exp", (exponent,)):
            for base, unit in units.items():
                for times in range(1, HIGHEST_POWER + 1):
                    if exponent in multiples(base, times):
                        number = Const(Fraction(times))
                        shifted = mul(number, add(base, neg(call("log", unit))))
                        return mul(power(unit, number), call("exp", shifted))
    return None
