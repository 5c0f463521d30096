"""0 · log 0 = 0: a factor of 0 decides a product whatever the logarithm, or 1 over an exponential, beside it."""

from collections.abc import Collection
from dataclasses import dataclass, field

from derive.kernel.expressions import (
    ZERO,
    arguments,
    arrays,
    call,
    div,
    indices,
    is_call,
    is_number,
    mul,
    rewrite,
    scalars,
    select,
    walk,
)
from derive.kernel.ir import Call, Element, Expression, Kernel, PairSum, Reduce, Scalar
from derive.kernel.products import factors_of, is_logistic, is_share, without_choice
from derive.kernel.ranges import Ranges
from derive.kernel.statements import Plain, noted, plain, rewrite_kernel

NOTE = "A factor of 0 makes a product 0, whatever the logarithm of a probability of 0 beside it."

_LOGITS = "z"
"""The input that may hold -inf, for a class of probability 0."""


def guard_zeros(kernel: Kernel) -> Kernel:
    """A product w · x, where x can be infinite, becomes 0 where w is 0, w · x elsewhere."""
    ranges = Ranges(kernel)
    vanishing = _vanishing_sums(kernel)
    infinities = _Infinities(ranges, vanishing)
    for line in plain(kernel):
        infinities.read(line)

    def is_nonzero(factor: Expression) -> bool:
        return is_number(factor) or ranges.is_nonzero(factor)

    def rule(node: Expression) -> Expression | None:
        match node:
            case Call("div", (above, below)) if _may_vanish(below, vanishing):
                weights = [factor for factor in arguments(above, "mul") if not is_nonzero(factor)]
                quotient = div(rewrite(above, rule), rewrite(below, rule))
                return select(call("equal", mul(*weights), ZERO), ZERO, quotient) if weights else quotient
        if not is_call(node, "mul"):
            return None
        factors = tuple(rewrite(factor, rule) for factor in arguments(node, "mul"))
        infinite = [factor for factor in factors if infinities.has(factor) or infinities.overflows(factor)]
        if not indices(node):
            infinite += [factor for factor in factors if factor in infinities.sums]
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


def _may_vanish(divisor: Expression, vanishing: Collection[Expression]) -> bool:
    """Whether `divisor` is a product that may underflow to 0: it has an exponential, or a sum of what may."""
    return any(is_call(factor, "exp") for factor in arguments(divisor, "mul")) or any(
        all(
            any(part in vanishing or is_share(part) for part, _ in factors_of(term))
            for term in arguments(factor, "add")
        )
        for factor, _ in factors_of(divisor)
    )


def _vanishing_sums(kernel: Kernel) -> list[Expression]:
    """The sums that may underflow to 0: of powers of targets, and of outputs of a logistic function."""
    return [
        Scalar(line.name)
        for line in plain(kernel)
        if isinstance(line, Reduce) and line.operation == "sum" and all(map(_vanishes, arguments(line.value, "add")))
    ]


def _vanishes(term: Expression) -> bool:
    return any(isinstance(factor, Element) or is_logistic(factor) for factor, _ in factors_of(term))


@dataclass
class _Infinities:
    """What a logit of -inf, or what it underflows by, makes infinite.

    Attributes:
        arrays: the logits, and the sums for each class with such a term.
        sums: the sums with such a term, whatever its weight.
        maxima: the names of the largest of what differs from class to class.
    """

    ranges: Ranges
    vanishing: Collection[Expression]
    arrays: set[str] = field(default_factory=lambda: {_LOGITS})
    sums: set[Scalar] = field(default_factory=set)
    maxima: set[str] = field(default_factory=set)

    def read(self, line: Plain) -> None:
        """Add what `line` computes where it may be infinite."""
        match line:
            case Reduce(name, "sum", _, value) if self.has(value):
                self.sums.add(Scalar(name))
            case Reduce(name, "max"):
                self.maxima.add(name)
            case PairSum(array, _, value) if self.has(value):
                self.arrays.add(array)

    def has(self, expression: Expression) -> bool:
        """Whether `expression` may be infinite."""
        match expression:
            case Element(array, _):
                return array in self.arrays
            case Call("log", _):
                return True
            case Call("div", (_, below)) if _may_vanish(below, self.vanishing):
                return True
            case Call("pow", (base, exponent)):
                return not self.ranges.is_positive(exponent) or self.has(base)
            case Call("exp" | "expm1" | "exp_difference" | "log1p" | "tanh" | "equal" | "less", _):
                return False
            case Call("select", (_, if_true, if_false)):
                return any(map(self.has, (if_true, if_false)))
            case Call(_, children):
                return any(map(self.has, children))
        return False

    def overflows(self, factor: Expression) -> bool:
        """Whether a factor, or a term of it, is an exponential of logits themselves, or of a negative multiple."""
        match factor:
            case Call("exp", (exponent,)):
                multiplied = arguments(without_choice(exponent), "mul")
                if any(self.ranges.knows(each) and self.ranges.may_be_negative(each) for each in multiplied):
                    return True
                return _LOGITS in arrays(exponent) and not self.is_below_maximum(exponent) and _is_linear(exponent)
            case Call("add" | "mul" | "neg" | "select", parts):
                return any(map(self.overflows, parts))
        return False

    def is_below_maximum(self, exponent: Expression) -> bool:
        """Whether a maximum is taken from a part of `exponent`."""
        for node in walk(exponent):
            match node:
                case Call("sub", (_, taken)) | Call("neg", (taken,)) if scalars(taken) & self.maxima:
                    return True
        return False


def _is_linear(exponent: Expression) -> bool:
    return all(
        node.operation in ("add", "sub", "neg", "mul", "div", "select", "equal")
        for node in walk(exponent)
        if isinstance(node, Call)
    )
