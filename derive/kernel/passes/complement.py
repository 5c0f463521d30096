"""1 - y from the logarithm of y, wherever a power, a logarithm or a quotient of it keeps its digits."""

from dataclasses import dataclass, field, replace
from fractions import Fraction

from derive.kernel.expressions import (
    ONE,
    ZERO,
    add,
    at,
    call,
    div,
    indices,
    left_of,
    mul,
    neg,
    power,
    rewrite,
    select,
)
from derive.kernel.ir import LABEL, Call, Const, Expression, Kernel, Reduce, Same, Scalar
from derive.kernel.products import factors_of, one_fraction, raised
from derive.kernel.statements import Plain, fresh_name, names, noted, plain, rewrite_statement

NOTE = "Where digits of 1 - y matter, it is -expm1(log y): it does not cancel where y is close to 1."
NOTE_LOGISTIC = "1 - 1/(1 + exp(a)) is 1/(1 + exp(-a)), which does not cancel."
NOTE_TANH = "1 - tanh(a)**2 is 4 e/(1 + e)**2 with e = exp(-2 |a|), which does not cancel."
NOTE_LABEL = "Where digits of 1 - y matter for the label's class, it is the sum of y over the other classes."

_HALF, _TWO, _FOUR = (Const(Fraction(*number)) for number in ((1, 2), (2,), (4,)))
_INDEX = "j"


def complement(kernel: Kernel) -> Kernel:
    """1 - exp(a)/s becomes -expm1(log(exp(a)/s)) in a logarithm, a power or a divisor.

    For the label's class, in a logarithm or a divisor, it becomes the sum of the other classes' shares; elsewhere that
    is left to `separate`.
    """
    complements = _Complements(names(kernel), kernel.largest_is_label)
    body: list[Plain] = []
    for line in plain(kernel):
        rewritten = rewrite_statement(line, complements.rule)
        body += [*complements.new, rewritten]
        complements.new.clear()
    kernel = replace(kernel, body=tuple(body))
    for note in (NOTE, NOTE_LOGISTIC, NOTE_TANH, NOTE_LABEL):
        kernel = noted(kernel, note) if note in complements.found else kernel
    return kernel


@dataclass
class _Complements:
    """The rewrites, and the sums over the other classes that they need.

    Attributes:
        taken: the names of the kernel.
        others_are_small: whether no class but the label's has more than half of the whole.
        sums: what the sum without the label's share is called, by that share.
        new: the sums that are not in the kernel yet.
        found: the notes of what was rewritten.
    """

    taken: frozenset[str]
    others_are_small: bool = False
    sums: dict[Expression, Scalar] = field(default_factory=dict)
    new: list[Reduce] = field(default_factory=list)
    found: set[str] = field(default_factory=set)

    def rule(self, node: Expression) -> Expression | None:
        """1 - y where its digits matter."""
        match node:
            case Call("add", terms) if (other := _logistic(terms)) is not None:
                self.found.add(NOTE_LOGISTIC)
                return rewrite(other, self.rule)
            case Call("add", terms) if (slope := _slope_of_tanh(terms)) is not None:
                self.found.add(NOTE_TANH)
                return rewrite(slope, self.rule)
            case Call("log", (inner,)) if (logarithm := self.logarithm(inner)) is not None:
                return logarithm
            case Call("log", (inner,)):
                return call("log", rewrite(rewrite(inner, self.keep_digits), self.rule))
            case Call("pow", (base, exponent)):
                return call("pow", rewrite(rewrite(base, self.keep_digits), self.rule), rewrite(exponent, self.rule))
            case Call("div", (above, below)):
                lower = rewrite(below, self.sum_up_others)
                return div(rewrite(above, self.rule), rewrite(rewrite(lower, self.keep_digits), self.rule))
        return None

    def logarithm(self, product: Expression) -> Expression | None:
        """The logarithm of a product one of whose factors is 1 - y of a class that is set apart, or of another."""
        logarithms: list[Expression] = []
        others: list[Expression] = []
        for factor, exponent in factors_of(product):
            share = _rest_of(factor)
            if share is not None and indices(share) == {LABEL}:
                # Close to 1, what is left of 1 has lost the digits of y, which the logarithm is then as small as.
                is_small = call("less", share, _HALF)
                each = select(is_small, call("log1p", neg(share)), call("log", self.others(share)))
                logarithms.append(mul(exponent, each))
            elif share is not None and self.others_are_small:
                logarithms.append(mul(exponent, call("log1p", neg(share))))
            else:
                others.append(raised(factor, exponent))
        if not logarithms:
            return None
        rest = one_fraction(*others)
        return add(*([] if rest == ONE else [call("log", rewrite(rest, self.rule))]), *logarithms)

    def keep_digits(self, node: Expression) -> Expression | None:
        """1 - y of a class as -expm1(log y)."""
        share = _rest_of(node)
        if share is None or LABEL in indices(share) or self.others_are_small:
            return None
        self.found.add(NOTE)
        return neg(call("expm1", call("log", share)))

    def sum_up_others(self, node: Expression) -> Expression | None:
        """1 - y of the label's class as the sum of the others' y."""
        share = _label_share(node)
        return None if share is None else self.others(share)

    def others(self, share: Expression) -> Scalar:
        """The sum of all shares but the label's."""
        if share not in self.sums:
            self.found.add(NOTE_LABEL)
            self.sums[share] = Scalar(
                fresh_name("others_share", {*self.taken, *(each.name for each in self.sums.values())})
            )
            each = select(Same(_INDEX, LABEL), ZERO, at(share, LABEL, _INDEX))
            self.new.append(Reduce(self.sums[share].name, "sum", _INDEX, each))
        return self.sums[share]


def _rest_of(node: Expression) -> Expression | None:
    """The share y where `node` is 1 - y."""
    match node:
        case Call("add", (Call("neg", (share,)), one)) | Call("add", (one, Call("neg", (share,)))) if one == ONE:
            match share:
                case Call("div", (Call("exp", _), Scalar())):
                    return share
    return None


def _label_share(node: Expression) -> Expression | None:
    """The label's share y where `node` is 1 - y of it."""
    share = _rest_of(node)
    return share if share is not None and indices(share) == {LABEL} else None


def _logistic(terms: tuple[Expression, ...]) -> Expression | None:
    """1 - 1/(1 + exp(a)) among `terms`, put as 1/(1 + exp(-a)); and 1/(1 + exp(a)) - 1 likewise."""
    for term in terms:
        for one, share in ((ONE, neg(term)), (neg(ONE), term)):
            match share:
                case Call("div", (above, Call("add", (first, second)))) if (
                    above == ONE and one in terms and ONE in (first, second)
                ):
                    other = second if first == ONE else first
                    if isinstance(other, Call) and other.operation == "exp":
                        logistic = div(ONE, add(call("exp", neg(other.arguments[0])), ONE))
                        return add(mul(one, logistic), *left_of(terms, one, term))
    return None


def _slope_of_tanh(terms: tuple[Expression, ...]) -> Expression | None:
    """1 - tanh(a)² among `terms`, or tanh(a)² - 1, by exponentials of -2 |a|."""
    for term in terms:
        for one, square in ((ONE, neg(term)), (neg(ONE), term)):
            match square:
                case Call("pow", (Call("tanh", (argument,)), exponent)) if exponent == _TWO and one in terms:
                    small = call("exp", neg(mul(_TWO, call("abs", argument))))
                    slope = div(mul(_FOUR, small), power(add(small, ONE), _TWO))
                    return add(mul(one, slope), *left_of(terms, one, term))
    return None
