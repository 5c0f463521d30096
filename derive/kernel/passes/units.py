"""c + exp(a) = c (1 + exp(a - log c)): a sum of an exponential and 1 is what later passes know."""

from collections.abc import Mapping
from fractions import Fraction

from derive.kernel.degrees import HIGHEST_POWER
from derive.kernel.expressions import ONE, add, arguments, call, is_call, mul, neg, power
from derive.kernel.ir import Call, Const, Expression, Kernel
from derive.kernel.products import multiples
from derive.kernel.ranges import Ranges
from derive.kernel.statements import nodes, noted, rewrite_kernel

NOTE = "A parameter beside an exponential is taken out: c + exp(a) = c (1 + exp(a - log c))."


def take_units(kernel: Kernel) -> Kernel:
    """A parameter beside an exponential goes in front of their sum, and of the exponential elsewhere."""
    ranges = Ranges(kernel)
    units: dict[Expression, Expression] = {}
    for node in nodes(kernel):
        if (found := _unit_of(node, ranges)) is not None:
            units.setdefault(*found)
    if not units:
        return kernel

    def rule(node: Expression) -> Expression | None:
        if (found := _unit_of(node, ranges)) is not None and units[found[0]] == found[1]:
            exponent, unit = found
            return mul(unit, add(ONE, call("exp", add(exponent, neg(call("log", unit))))))
        return _with_unit(node, units)

    return noted(rewrite_kernel(kernel, rule), NOTE)


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
