"""The logarithm of a weighted sum of powers of probabilities is a log-sum-exp: it outlives an underflow of every term.

Σ w_j exp(e_j) = exp(M) Σ w_j exp(e_j - M) with M = max(e_j + log|w_j|): one of the terms is then ±1. The sum may have
several products a class; M is the largest of them all. So may 1 + Σ: a sum over the classes and a few numbers. Its
logarithm is M + log1p of what its largest term leaves: it is as small as Σ where 1 is all but the whole.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from derive.kernel.expressions import (
    ONE,
    ZERO,
    Rewrite,
    add,
    arguments,
    at,
    call,
    contains,
    indices,
    is_call,
    left_of,
    mul,
    neg,
    rewrite,
    select,
    sub,
)
from derive.kernel.extremes import (
    find_large,
    has_factor,
    is_critical,
    is_divided,
    is_multiplied,
    is_negative,
    is_steep,
    is_unbounded,
    meets_large,
    mentions_quotient,
)
from derive.kernel.ir import LABEL, Call, Const, Expression, Kernel, Let, Reduce, Scalar
from derive.kernel.products import (
    Term,
    factors_of,
    find_terms,
    is_share,
    one_fraction,
    raised,
    raised_together,
    take_apart,
    take_terms_apart,
    where_zero,
)
from derive.kernel.ranges import Ranges
from derive.kernel.statements import (
    Plain,
    find_sum,
    fresh_name,
    mentions,
    names,
    nodes,
    noted,
    plain,
    rewrite_kernel,
    sums,
    without_unread,
)

NOTE = "A sum of weighted powers of probabilities is divided by its largest term, so that it cannot underflow."
NOTE_WHOLE = (
    "The logarithm of a number and a sum is log1p of what the largest of both leaves: that may be small beside it."
)


def weigh(kernel: Kernel) -> Kernel:
    """Divide a sum by its largest term where its logarithm is taken, or something is divided by it."""
    kernel, wholes = _name_wholes(kernel)
    for name in sums(kernel):
        if name not in sums(kernel):
            continue
        terms = take_terms_apart(find_sum(kernel, name).value)
        if terms is None:
            continue
        around = [
            line
            for line in plain(kernel)
            if isinstance(line, Let) and line.name in wholes and Scalar(name) in arguments(line.value, "add")
        ]
        known, total, large = Scalar(name), find_sum(kernel, name), find_large(kernel)
        steep = is_steep(kernel, total.value)
        may_underflow = steep or any(term.weight != ONE for term in terms)
        if around or (may_underflow and is_critical(kernel, known)) or meets_large(kernel, known, large):
            kernel = _divide(kernel, total, terms, around, steep, large)
    return kernel


def _name_wholes(kernel: Kernel) -> tuple[Kernel, Collection[str]]:
    """1 + Σ and the like, a sum and a few positive numbers of the row, get names where they are critical."""
    wholes: list[str] = []
    for whole in dict.fromkeys(_find_wholes(kernel)):
        name = fresh_name("whole_sum", names(kernel))
        wholes.append(name)
        body = plain(rewrite_kernel(kernel, _naming(whole, name)))
        read = [
            place for place, line in enumerate(body) if isinstance(line, Reduce) and contains(whole, Scalar(line.name))
        ]
        kernel = replace(kernel, body=(*body[: max(read) + 1], Let(name, whole), *body[max(read) + 1 :]))
    return kernel, wholes


def _naming(whole: Expression, name: str) -> Rewrite:
    """Name the terms of `whole` wherever they stand together, alone or among others."""
    parts = arguments(whole, "add")

    def rule(node: Expression) -> Expression | None:
        terms = arguments(node, "add")
        if len(terms) < len(parts) or any(part not in terms for part in parts):
            return None
        return add(Scalar(name), *(rewrite(term, rule) for term in left_of(terms, *parts)))

    return rule


def _find_wholes(kernel: Kernel) -> list[Expression]:
    totals = {Scalar(name) for name in sums(kernel) if take_terms_apart(find_sum(kernel, name).value) is not None}
    ranges = Ranges(kernel)

    def is_whole(value: Expression) -> bool:
        terms = arguments(value, "add")
        others = [term for term in terms if term not in totals]
        return (
            len(others) == len(terms) - 1 > 0
            and indices(value) <= {LABEL}
            and all(ranges.is_positive(take_apart(term).weight) for term in others)
        )

    return [
        factor
        for node in nodes(kernel)
        if isinstance(node, Call) and node.operation in ("log", "div")
        for factor, _ in factors_of(node.arguments[-1])
        if is_whole(factor)
    ]


def _divide(
    kernel: Kernel,
    total: Reduce,
    terms: tuple[Term, ...],
    around: Sequence[Let],
    steep: bool,
    large: Collection[Expression],
) -> Kernel:
    """`kernel` with a sum, and what it is a part of, divided by their largest terms."""
    body, taken = plain(kernel), names(kernel)
    maximum = Scalar(fresh_name(f"{total.name}_log_max", taken))
    known: dict[Expression, Expression] = {Scalar(total.name): maximum}
    known |= {Scalar(line.name): Scalar(fresh_name(f"{line.name}_log_max", taken)) for line in around}
    exponents = {term.exponent for term in terms}
    others = {
        line.name: Scalar(fresh_name(f"{line.name}_over_max", taken))
        for line in body
        if isinstance(line, Reduce)
        and line != total
        and _has_exponents(line, exponents)
        and not any(_reads(line.value, each) for each in known)
    }
    may_overflow = steep or any(map(is_unbounded, (total.value, *(line.value for line in around))))
    unbounded = [*known, *map(Scalar, others)] if may_overflow else []
    ranges = Ranges(kernel)
    positive = [Scalar(total.name)] if all(ranges.is_positive(term.weight) for term in terms) else []
    rests: dict[Expression, Expression] = {
        Scalar(line.name): Scalar(fresh_name(f"{line.name}_rest", taken)) for line in around
    }
    at_label = [at(each, total.index, LABEL) for term in terms if (each := _bare_exponent(term)) is not None]
    division = _Division(known, maximum, others, unbounded, large, positive, rests, at_label)
    before = body.index(total)
    rest: list[Plain] = []
    places: dict[str, int] = {}
    for line in body[before + 1 :]:
        places[line.name if isinstance(line, (Let, Reduce)) else line.array] = len(rest)
        if isinstance(line, Let) and line in around:
            rest += division.whole(line, taken)
        else:
            rest.append(replace(line, value=rewrite(line.value, division.rule)))
    sizes = reduce(lambda one, two: call("max", one, two), (term.size for term in terms))
    statements: list[Plain] = [Reduce(maximum.name, "max", total.index, sizes)]
    for line in reversed(body):
        if isinstance(line, Reduce) and (line == total or line.name in division.used):
            apart = take_terms_apart(line.value) or ()
            over = add(*(replace(each, weight=rewrite(each.weight, division.rule)).over(maximum) for each in apart))
            name = others[line.name].name if line.name in division.used else line.name
            divided = replace(line, name=name, value=over)
            if line.name in places:
                rest.insert(places[line.name], divided)  # it may read what is known only there
            else:
                statements.insert(1, divided)
    kernel = noted(without_unread(replace(kernel, body=(*body[:before], *statements, *rest))), NOTE)
    is_read = any(mentions(kernel, call("log1p", each)) for each in rests.values())
    return noted(kernel, NOTE_WHOLE) if is_read else kernel


def _bare_exponent(term: Term) -> Expression | None:
    """The a of a term exp(a); None of any other."""
    match term:
        case Term(weight, Call("log", (Call("exp", (exponent,)),))) if weight == ONE:
            return exponent
    return None


def _reads(value: Expression, known: Expression) -> bool:
    """Whether `value` has `known` outside of logarithms: a sum that is divided by it already is of a fair size."""
    if value == known:
        return True
    if not isinstance(value, Call) or value.operation == "log":
        return False
    return any(_reads(each, known) for each in value.arguments)


def _has_exponents(line: Reduce, exponents: Collection[Expression | None]) -> bool:
    """Whether a sum is one of the same powers of probabilities, with other weights."""
    terms = take_terms_apart(line.value)
    return terms is not None and line.operation == "sum" and all(term.exponent in exponents for term in terms)


@dataclass(frozen=True)
class _Division:
    """How sums are read once they are divided by their largest terms.

    Attributes:
        known: the sums, and the logarithms of their largest terms.
        maximum: that of the sum over the classes.
        others: what sums of the same powers of probabilities are called once they are divided by that term too.
        unbounded: the sums of steep powers, and of exponentials that are no probabilities.
        large: the sums that may overflow where their product with something small does not.
        positive: the sums of positive terms.
        rests: what the largest term, 1, leaves of a sum of one of the sums and a few numbers, once it is divided.
        at_label: the exponents of the sum at the label's class.
        numbers: what the exponents of the numbers beside the sum are called.
        used: the sums whose quotients by it were needed.
    """

    known: Mapping[Expression, Expression]
    maximum: Expression
    others: Mapping[str, Scalar]
    unbounded: Collection[Expression]
    large: Collection[Expression]
    positive: Collection[Expression]
    rests: Mapping[Expression, Expression]
    at_label: Collection[Expression]
    numbers: dict[Expression, Scalar] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def rule(self, node: Expression) -> Expression | None:
        """A logarithm of a sum, a quotient by one, or a sum by itself."""
        match node:
            case Call("log", (inner,)) if any(factor in self.known for factor, _ in factors_of(inner, sums=self.known)):
                return self.logarithm(inner)
            case Call("add", terms) if (compared := self.compared(terms)) is not None:
                return compared
            case Call("mul" | "div") if (distributed := self.distributed(node)) is not None:
                return rewrite(distributed, self.rule)
            case Call("mul" | "div" | "pow" | "sqrt") if is_divided(node, self.known) or is_multiplied(
                node, self.known, self.large
            ):
                return self.divided(node)
            case Scalar() if node in self.known:
                return mul(call("exp", self.known[node]), node)
        return None

    def distributed(self, product: Expression) -> Expression | None:
        """A product p · (a + b/Σ) as p · a + p · b/Σ, so that the powers of probabilities in p meet the divisor.

        So is p · (a + b Σ) where Σ may overflow, and so is (a + b)/Σ where a or b has an exponential or steep power, or
        a sum of them: it meets the divisor then.
        """
        factors = list(factors_of(product, sums=self.known))
        divides = is_divided(product, self.known)
        for place, (factor, exponent) in enumerate(factors):
            if not is_call(factor, "add") or exponent != ONE:
                continue
            outer = mul(*(raised(*each) for each in (*factors[:place], *factors[place + 1 :])))
            is_beside = mentions_quotient(factor, self.known) or has_factor(
                factor, {each for each in self.known if each in self.large}
            )
            meets = is_beside and take_apart(outer).exponent is not None
            if meets or (divides and any(is_unbounded(term, self.unbounded) for term in arguments(factor, "add"))):
                return add(*(mul(outer, term) for term in arguments(factor, "add")))
        return None

    def logarithm(self, product: Expression) -> Expression:
        """The logarithm of a product of sums and other factors."""
        lifted: Expression = ZERO
        apart: list[Expression] = []
        factors: list[Expression] = []
        parts = list(factors_of(product, sums=self.known))
        for factor, exponent in parts:
            if factor in self.known:
                lifted = add(lifted, mul(exponent, self.known[factor]))
            # A sum that may be negative has a logarithm only as its product with others has one.
            if factor in self.rests and (self.positive or (len(parts) == 1 and exponent == ONE)):
                apart.append(mul(exponent, call("log1p", self.rests[factor])))
                continue
            kept = factor if factor in self.known else rewrite(factor, self.rule)
            factors.append(raised(kept, exponent))
        rest = one_fraction(*factors)
        return add(lifted, *apart, ZERO if rest == ONE else call("log", rest))

    def compared(self, terms: Sequence[Expression]) -> Expression | None:
        """Among other terms, log(s) - a becomes (m - a) + log1p(r), exp(a) a term of s: m may be a, and r small."""
        for whole, rest in self.rests.items():
            for exponent in (*self.at_label, *self.numbers) if call("log", whole) in terms else ():
                taken = find_terms(neg(exponent), terms)
                if taken:
                    others = left_of(terms, call("log", whole), *taken)
                    gap = sub(self.known[whole], self.numbers.get(exponent, exponent))
                    return add(gap, call("log1p", rest), *(rewrite(other, self.rule) for other in others))
        return None

    def divided(self, product: Expression) -> Expression:
        """A product with the maxima taken from the sums, and the powers of probabilities, as one power."""
        logarithms: dict[Expression, Expression] = {}
        powers: dict[Expression, Expression] = {}
        beside: list[tuple[Expression, Expression]] = []
        weights: list[Expression] = []

        def raise_to(logarithm: Expression, exponent: Expression) -> None:
            logarithms[logarithm] = add(exponent, logarithms.get(logarithm, ZERO))

        for factor, exponent in factors_of(product, sums=self.known):
            if is_share(factor):
                raise_to(call("log", rewrite(factor, self.rule)), exponent)
            elif factor in self.known:
                raise_to(self.known[factor], exponent)
                powers[factor] = add(exponent, powers.get(factor, ZERO))
            elif isinstance(factor, Scalar) and factor.name in self.others and exponent == ONE:
                self.used.add(factor.name)
                raise_to(self.maximum, ONE)
                weights.append(self.others[factor.name])
            elif isinstance(factor, Scalar) or is_call(factor, "add"):
                beside.append((rewrite(factor, self.rule), rewrite(exponent, self.rule)))
            else:
                weights.append(raised(rewrite(factor, self.rule), rewrite(exponent, self.rule)))
        exponent = add(*(mul(times, logarithm) for logarithm, times in logarithms.items()))
        lowered = ONE if exponent == ZERO else call("exp", exponent)
        positive = [(factor, times) for factor, times in powers.items() if factor in self.positive]
        signed = raised_together((*beside, *(power for power in powers.items() if power not in positive)))
        weight = one_fraction(*weights, *(raised(*power) for power in signed if power in beside))
        left = (*(power for power in signed if power not in beside), *positive)
        value = mul(weight, one_fraction(lowered, *(raised(*power) for power in left)))
        # Beside a weight of 0 the exponential may be infinite: the maximum is that of the terms that are not 0.
        above = mul(*weights, *(raised(*power) for power in signed if power in beside and not is_negative(power[1])))
        return value if lowered == ONE else where_zero(above, ZERO, value)

    def whole(self, line: Let, taken: Collection[str]) -> list[Let]:
        """The statements of a sum of one of the sums and a few numbers: its largest term, and the sum over that.

        What the largest leaves is the sum of the others; where it is the sum over the classes, that sum is 1 and more.
        """
        known = Scalar(line.name)
        largest, rest = self.known[known], self.rests[known]
        parts = arguments(line.value, "add")
        (total,) = (part for part in parts if part in self.known)
        if not isinstance(largest, Scalar) or not isinstance(rest, Scalar):
            return [line]
        terms = [take_apart(part) for part in parts if part != total]
        sizes: list[Expression] = []
        named: list[Let] = []
        for term in terms:
            if isinstance(term.size, Const):
                sizes.append(term.size)
                continue
            # Computed once: a compiler may round the same product and sum in two ways, and the sizes are compared.
            name = fresh_name(f"{line.name}_number_log", {*taken, *(each.name for each in named)})
            sizes.append(Scalar(name))
            named.append(Let(name, term.size))
            if (exponent := _bare_exponent(term)) is not None:
                self.numbers[exponent] = Scalar(name)
        size = reduce(lambda one, two: call("max", one, two), sizes, self.known[total])
        overs = [term.over(largest) for term in terms]
        left = add(total, neg(ONE), *overs)
        for place, each in enumerate(sizes):
            others = (Term(total, self.known[total]).over(largest), *overs[:place], *overs[place + 1 :])
            left = select(call("equal", each, largest), add(*others), left)
        return [*named, Let(largest.name, size), Let(rest.name, left), Let(line.name, add(rest, ONE))]
