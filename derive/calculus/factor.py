"""Factor formulas the way people do: shared factors in front, sums joined, differences turned the usual way round."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from itertools import combinations, product

import sympy
from sympy import Expr, Indexed, Integer, KroneckerDelta

from derive.calculus.contract import POWERS
from derive.calculus.polynomial import in_lowest_terms
from derive.calculus.readability import cost, is_reversed
from derive.calculus.rewrite import apply, can_multiply_out, expand, replace, rewrite
from derive.notation import Contraction, free_indices, fresh_index, label, occurrences, rename

MOST_TERMS_OF_FRACTION = 150
"""Terms that a numerator may have for a fraction to be cancelled and factored; at twice as many that takes seconds."""


@cache
def collect(expression: Expr, deltas_first: bool = False) -> Expr:
    """`expression` with common factors put in front, the most common first, inside sums over the classes too."""

    def inside(node: Expr) -> Expr | None:
        if isinstance(node, Contraction):
            body, index = node.open()
            return _oriented(Contraction(collect(rewrite(body, inside), deltas_first), index))
        return None

    prepared = rewrite(expression, inside)
    if isinstance(prepared, sympy.Mul):
        sums = [factor for factor in prepared.args if isinstance(factor, sympy.Add)]
        others = tuple(factor for factor in prepared.args if factor not in sums)
        if not sums:
            return _oriented(prepared)
        # Numbers must go in with the terms: SymPy multiplies a sum by a lone number at once, and would undo them.
        inner = [part for factor in sums[1:] for part in sympy.Mul.make_args(collect(factor, deltas_first))]
        terms = [(*others, *inner, *sympy.Mul.make_args(term)) for term in sums[0].args]
        return _oriented(_collect_terms(terms, deltas_first))
    if not isinstance(prepared, sympy.Add):
        return prepared
    return _collect_terms([sympy.Mul.make_args(term) for term in prepared.args], deltas_first)


def _collect_terms(terms: list[tuple[Expr, ...]], deltas_first: bool) -> Expr:
    """A sum of products, factored: what all share in front, then the most common factor of the rest."""
    total = sympy.Add(*(sympy.Mul(*term) for term in terms))
    if not isinstance(total, sympy.Add):
        return total
    number, shared = _shared(terms)
    if shared or number != 1:
        quotient = sympy.Add(*(_without(term, number, shared) for term in terms))
        rest = _collect_terms([sympy.Mul.make_args(term) for term in sympy.Add.make_args(quotient)], deltas_first)
        factors = (each.whole for each in shared.values())
        return _oriented(sympy.Mul(number, *factors, *sympy.Mul.make_args(_joined(rest))))
    counts: Counter[Expr] = Counter()
    for term in terms:
        counts.update(_powers(term).keys())
    common = [factor for factor, count in counts.items() if count > 1]
    if not common or len(terms) < 3:
        return _joined(sympy.Add(*(sympy.Mul(*term) for term in terms)))

    def rank(factor: Expr) -> tuple[bool, int, float, str]:
        return deltas_first and isinstance(factor, KroneckerDelta), counts[factor], cost(factor), str(factor)

    chosen = max(common, key=rank)
    with_it = [term for term in terms if chosen in _powers(term)]
    without = [term for term in terms if chosen not in _powers(term)]
    first = _collect_terms(with_it, deltas_first)
    second = _collect_terms(without, deltas_first) if without else Integer(0)
    return _joined(first + second)


@dataclass(frozen=True)
class _Power:
    """A factor of a product: a base and its exponent."""

    base: Expr
    exponent: Expr

    @property
    def whole(self) -> Expr:
        power: Expr = self.base**self.exponent
        return power

    @property
    def kind(self) -> Expr:
        """What powers share that can be taken out of each other: x of x², 1/x of 1/x², √x of x√x, x^a of x^(a−1)."""
        number, symbols = self.exponent.as_coeff_Add()
        if symbols != 0:
            return self.base**symbols
        return self.base ** (sympy.sign(number) / number.q)


def _powers(term: tuple[Expr, ...]) -> dict[Expr, _Power]:
    """The factors of a product but its number, by their kind."""
    powers: dict[Expr, _Power] = {}
    for factor in term:
        if factor.is_Rational:
            continue
        base, exponent = (factor.base, factor.exp) if isinstance(factor, sympy.Pow) else (factor, sympy.S.One)
        power = _Power(base, exponent)
        while power.kind in powers:  # of another kind together: x^(2a) for x^a twice, x for √x twice
            power = _Power(base, power.exponent + powers.pop(power.kind).exponent)
        if power.exponent != 0:
            powers[power.kind] = power
    return powers


def _without(term: tuple[Expr, ...], number: Expr, shared: Mapping[Expr, _Power]) -> Expr:
    """The product `term` with a number and powers of its factors taken out.

    Dividing would not do: SymPy leaves x^(a−1)·x^(1−a) as it is, and multiplies a sum by a lone number.
    """
    left = (
        power.base ** (power.exponent - shared[kind].exponent) if kind in shared else power.whole
        for kind, power in _powers(term).items()
    )
    return sympy.Mul(_coefficient(term) / number, *left)


def _coefficient(term: tuple[Expr, ...]) -> Expr:
    """The number that a product has; that of the product itself is gone where SymPy multiplied a sum by it."""
    return sympy.Mul(*(factor for factor in term if factor.is_Rational))


def _shared(terms: list[tuple[Expr, ...]]) -> tuple[Expr, Mapping[Expr, _Power]]:
    """What number the coefficients of all terms share, and what powers, by their kind.

    Not as one product: SymPy multiplies a number into a sum at once, 3 (t + y) = 3 t + 3 y, and it has no factors then.
    """
    powers = [_powers(term) for term in terms]
    common = [kind for kind in powers[0] if all(kind in other for other in powers)]
    numbers = [_coefficient(term) for term in terms]
    number = sympy.Rational(
        sympy.gcd_list([abs(number.p) for number in numbers]), sympy.lcm_list([number.q for number in numbers])
    )
    return number, {kind: _least([other[kind] for other in powers]) for kind in common}


def _least(powers: list[_Power]) -> _Power:
    """The power of one kind that every other has as a factor: x of x², 1/x of 1/x², x^(a−2) of x^a."""

    def size(power: _Power) -> Expr:
        number, symbols = power.exponent.as_coeff_Add()
        return number if symbols != 0 else abs(number)

    return min(powers, key=size)


@cache
def _joined(expression: Expr) -> Expr:
    """Σ f + c Σ g with a number c as one sum Σ (f + c g), where that is easier to read."""
    if not isinstance(expression, sympy.Add):
        return expression
    groups: dict[Expr, list[tuple[Expr, Contraction]]] = {}
    rest: list[Expr] = []
    for term in expression.args:
        sums = [factor for factor in sympy.Mul.make_args(term) if isinstance(factor, Contraction)]
        if len(sums) != 1:
            rest.append(term)
            continue
        number, others = (term / sums[0]).as_coeff_Mul()
        groups.setdefault(others, []).append((number, sums[0]))
    for others, members in groups.items():
        index = fresh_index(frozenset().union(*(free_indices(node) for _, node in members)))
        sign = -1 if all(number < 0 for number, _ in members) else 1
        bodies = [sign * number * _body_at(node, index) for number, node in members]
        whole = sign * others * _oriented(Contraction(collect(sympy.Add(*bodies)), index))
        apart = sympy.Add(*(number * others * node for number, node in members))
        rest.append(whole if cost(whole) < cost(apart) else apart)
    return sympy.Add(*rest)


def _body_at(node: Contraction, index: sympy.Symbol) -> Expr:
    """The body of a sum with its index called `index`."""
    body: Expr = rename(node.body, {node.index: index})
    return body


def take_in(expression: Expr) -> Expr:
    """`expression` with c Σ f − d Σ g as one sum Σ (c f − d g), c and d one number a row, where that is easier to read.

    So a mean is subtracted from each entry, Σ y (v − Σ v y), rather than two sums from each other, which also cancel
    when they are computed.
    """

    def visit(node: Expr) -> Expr | None:
        if not isinstance(node, sympy.Add):
            return None
        best = min(
            (_one_sum(*pair) for pair in combinations(_sums_of_row(node), 2) if pair[0][0] != pair[1][0]),
            key=_extra_cost,
            default=None,
        )
        if best is None or _extra_cost(best) >= 0:
            return None
        return sympy.Add(best.whole, *(term for term in node.args if term not in best.terms))

    return rewrite(expression, visit)


@dataclass(frozen=True)
class _OneSum:
    """Two terms, and the one sum that they make together."""

    terms: tuple[Expr, Expr]
    whole: Expr


def _extra_cost(pair: _OneSum) -> float:
    """What the one sum costs more than the two terms."""
    return cost(pair.whole) - cost(sympy.Add(*pair.terms))


def _sums_of_row(expression: sympy.Add) -> list[tuple[Expr, Contraction]]:
    """Each term of `expression` that is one number a row, with each of the sums that it is a multiple of."""
    return [
        (term, factor)
        for term in expression.args
        if free_indices(term) <= {label}
        for factor in sympy.Mul.make_args(term)
        if isinstance(factor, Contraction)
    ]


def _one_sum(first: tuple[Expr, Contraction], second: tuple[Expr, Contraction]) -> _OneSum:
    index = fresh_index(free_indices(first[0]) | free_indices(second[0]))
    multiples = [(term / total, total) for term, total in (first, second)]
    # An entry less a mean, v − Σ v y, and not the other way round: what is no multiple of a sum comes positive.
    is_turned = any(multiple.could_extract_minus_sign() and not multiple.has(Contraction) for multiple, _ in multiples)
    sign = -1 if is_turned else 1
    bodies = [sign * multiple * _body_at(total, index) for multiple, total in multiples]
    return _OneSum((first[0], second[0]), sign * _oriented(Contraction(collect(sympy.Add(*bodies)), index)))


def turn_round(expression: Expr) -> Expr:
    """`expression` with x_a (δ_ab − x_b) as x_b (δ_ab − x_a), and this x_b multiplied into the sum beside it.

    Both are x_a δ_ab − x_a x_b. For a label b the sum is often a function of x_b, and its 1/x_b cancels.
    """

    def visit(node: Expr) -> Expr | None:
        if not isinstance(node, sympy.Mul):
            return None
        for entry, difference in product(node.args, node.args):
            if (turned := _other_way_round(entry, difference)) is None:
                continue
            others = [factor for factor in node.args if factor not in (entry, difference)]
            for total in others:
                if isinstance(total, sympy.Add):
                    beside = [factor for factor in others if factor is not total]
                    inner = sympy.Add(*(turned[0] * term for term in total.args))
                    candidate = _oriented(sympy.Mul(*beside, turned[1], collect(inner)))
                    if cost(candidate) < cost(node):
                        return candidate
        return None

    return rewrite(expression, visit)


def _other_way_round(entry: Expr, difference: Expr) -> tuple[Expr, Expr] | None:
    """x_b and δ_ab − x_a, for x_a and δ_ab − x_b."""
    deltas = [term for term in difference.args if isinstance(term, KroneckerDelta)]
    if not (isinstance(entry, Indexed) and isinstance(difference, sympy.Add) and len(deltas) == 1):
        return None
    other = deltas[0] - difference
    if not (isinstance(other, Indexed) and other.base == entry.base):
        return None
    if {entry.indices[0], other.indices[0]} != set(deltas[0].args):
        return None
    return other, deltas[0] - entry


def multiply_out_inside(expression: Expr) -> Expr:
    """`expression` with its polynomials multiplied out where that is easier: (1 − t) y − t (1 − y) is y − t.

    Quotients stay as they are: (1 − y)/y is small where 1/y − 1 cancels.
    """

    def visit(node: Expr) -> Expr | None:
        divides = any(map(_divides, occurrences(node, sympy.Pow)))
        if divides or not isinstance(node, sympy.Add) or node.has(Contraction) or not can_multiply_out(node):
            return None
        inside = sympy.Add(*(rewrite(term, visit) for term in node.args))
        return min(inside, expand(node), key=cost)

    return rewrite(expression, visit)


def multiply_in(expression: Expr) -> Expr:
    """`expression` with x (a + b/x) as a x + b, where that is easier to read; x may be several factors.

    With a sum over the classes that divides too it stays as it is: what terms inside and outside share would be lost.
    """
    if any(any(map(_divides, occurrences(total, sympy.Pow))) for total in occurrences(expression, Contraction)):
        return expression

    def visit(node: Expr) -> Expr | None:
        if not isinstance(node, sympy.Mul):
            return None
        best = min(_multiplied_in(node), key=cost, default=node)
        return best if cost(best) < cost(node) else None

    return rewrite(expression, visit)


def _multiplied_in(node: sympy.Mul) -> Iterator[Expr]:
    """What a product becomes with some of its factors in a sum in which they divide."""
    for total in node.args:
        divisors = {power.base for power in occurrences(total, sympy.Pow)} if isinstance(total, sympy.Add) else set()
        turned = {factor: -factor for factor in node.args if -factor in divisors and factor not in divisors}
        dividing = [factor for factor in node.args if factor in divisors or factor in turned]
        for some in (some for count in range(len(dividing)) for some in combinations(dividing, count + 1)):
            others = (factor for factor in node.args if factor not in (total, *some))
            sign = (-1) ** sum(factor in turned for factor in some)
            product = reduce(_times, (turned.get(factor, factor) for factor in some), total)
            candidate = apply(POWERS, _oriented(sympy.Mul(sign, *others, product)))
            if not any(map(_divides_entries, occurrences(candidate, sympy.Mul))):
                yield candidate


def _divides(power: sympy.Pow) -> bool:
    """Whether a power is no whole one, which multiplying out takes apart: a divisor, a root, an exponent unknown."""
    return not (power.exp.is_Integer and power.exp.is_positive)


def _divides_entries(product: sympy.Mul) -> bool:
    """Whether entries of one vector at two classes are divided, y_j/y_label: 1 beside a δ, and perhaps 0/0."""
    powers = [factor.as_base_exp() for factor in product.args]
    above, below = (
        {base.base for base, exponent in powers if isinstance(base, Indexed) and (exponent.is_negative is sign)}
        for sign in (False, True)
    )
    return bool(above & below)


def _times(product: Expr, factor: Expr) -> Expr:
    """The factor times a product: in front, or in each term of a sum in which it divides."""
    factors = sympy.Mul.make_args(product)
    for total in factors:
        if isinstance(total, sympy.Add) and any(factor == power.base for power in occurrences(total, sympy.Pow)):
            inner = sympy.Add(*(_times(term, factor) for term in total.args))
            return sympy.Mul(*(other for other in factors if other is not total), inner)
    return sympy.Mul(factor, *factors)


def cancel(expression: Expr) -> Expr:
    """`expression` as one factored fraction in lowest terms, where it has a sum below a fraction line.

    Left as it is where the numerator of that fraction may have too many terms: factoring it would take minutes.
    """
    divisors = {
        node.base: max(1, -node.exp) if node.exp.is_Integer else 1
        for node in occurrences(expression, sympy.Pow)
        if node.exp.is_negative and isinstance(node.base, sympy.Add)
    }
    if not divisors:
        return expression
    common = sympy.Mul(expression, *(base**power for base, power in divisors.items()), evaluate=False)
    if not can_multiply_out(common, MOST_TERMS_OF_FRACTION):
        return expression
    hidden: dict[Expr, Expr] = {}

    def hide(node: Expr) -> Expr | None:
        if isinstance(node, (sympy.Add, sympy.Mul, sympy.Integer, sympy.Rational)):
            return None
        if isinstance(node, sympy.Pow) and node.exp.is_Integer:
            return None
        return hidden.setdefault(node, sympy.Dummy(f"a{len(hidden)}"))

    fraction = in_lowest_terms(rewrite(expression, hide))
    return _oriented(replace(fraction, {symbol: node for node, symbol in hidden.items()}))


def _turnable(factor: Expr) -> bool:
    """Whether a factor is a difference, so that turning it round takes a minus away."""
    return isinstance(factor, sympy.Add) and any(term.could_extract_minus_sign() for term in factor.args)


@cache
def _oriented(expression: Expr) -> Expr:
    """A product or a sum over the classes, reversed differences turned round and a minus taken into a difference."""
    if isinstance(expression, Contraction):
        body, index = expression.open()
        turned = _oriented(body)
        sign, rest = (
            (-1, -turned) if turned.could_extract_minus_sign() and isinstance(turned, sympy.Mul) else (1, turned)
        )
        return sign * Contraction(rest, index)
    if isinstance(expression, sympy.Mul):
        factors = [_oriented(factor) for factor in expression.args]
        turned = [-factor if _turnable(factor) and is_reversed(factor) else factor for factor in factors]
        changes = sum(new is not old for new, old in zip(turned, factors, strict=True))
        negative = (factors[0].is_number and factors[0].is_negative) != (changes % 2 == 1)
        if negative:
            for position, factor in enumerate(turned):
                if _turnable(factor) and not is_reversed(-factor):
                    turned[position] = -factor
                    changes += 1
                    break
        return sympy.Mul((-1) ** changes, *turned)
    return expression
