"""A class that is set apart: what cancels against 1 minus its probability cancels before anything is computed.

With Y the probability of the label's class, x = 1 - Y is as small as rounding where the row is sure of it, and what is
divided by a power of x is often small too: (Y - 1) v + x w is x (w - v). Sums over the classes are written as that
class's term and a sum over the others, entries as a case for that class and one for the others, and numerators that are
polynomials in Y are divided by x.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache, reduce
from itertools import product as cartesian
from typing import Any

import sympy
from sympy import Add, Dummy, Expr, Indexed, KroneckerDelta, Mul, Pow, Symbol
from sympy.polys.rings import PolyRing

from derive.calculus.rewrite import rewrite
from derive.notation import Contraction, free_indices, i, label, occurrences, rename, y

_SURE = y[label]


def is_of_rest(node: Expr) -> bool:
    """Whether `node` is the logarithm, or a power with a negative exponent, of 1 - y of some class."""
    match node:
        case sympy.log(args=(argument,)):
            return any(_rest(factor.as_base_exp()[0]) is not None for factor in Mul.make_args(argument))
        case Pow(base=base, exp=exponent):
            return _rest(base) is not None and exponent.could_extract_minus_sign()
    return False


def _rest(base: Expr) -> Indexed | None:
    """Y of a class where `base` is 1 - y of it, or y - 1."""
    if isinstance(base, Add) and len(base.args) == 2:
        for one, entry in (base.args, base.args[::-1]):
            for sign in (1, -1):
                if one == sign and isinstance(-sign * entry, Indexed) and (-sign * entry).base == y:
                    found: Indexed = -sign * entry
                    return found
    return None


def divides_by_rest(closed_form: Expr, of_label: bool) -> bool:
    """Whether a logarithm or a divisor in `closed_form` is 1 - y, of the label's class or of another's."""
    return any(
        is_of_rest(node) and (label in free_indices(node)) == of_label
        for node in occurrences(closed_form, (sympy.log, Pow))
    )


def leaves_label_out(closed_form: Expr) -> bool:
    """Whether `closed_form` divides by a sum of exponentials over all classes but the label's, or has its logarithm."""
    return any(
        total.has(sympy.exp) and total.body.has(KroneckerDelta(total.index, label))
        for node in occurrences(closed_form, (sympy.log, Pow))
        for total in Add.make_args(node.args[0])
        if isinstance(total, Contraction)
    )


@lru_cache(maxsize=64)  # a loss and its gradient have kernels of their own and one together
def single_out(closed_form: Expr, indices: tuple[Symbol, ...]) -> Expr:
    """`closed_form` with a case for the label's class and one for the others, and 1 - y of that class cancelled.

    Args:
        closed_form: an entry.
        indices: its free indices, the label aside.
    """
    cases = []
    for at_label in cartesian((True, False), repeat=len(indices)):
        case, factors = closed_form, []
        for index, same in zip(indices, at_label, strict=True):
            delta = KroneckerDelta(index, label)
            case = rename(case, {index: label}) if same else case.xreplace({delta: sympy.S.Zero})
            factors.append(delta if same else 1 - delta)
        cases.append(Mul(*factors, _cancelled(_with_sums_split(case)), evaluate=False))
    return Add(*cases, evaluate=False)


def _with_sums_split(expression: Expr) -> Expr:
    """Every sum of something of y as the label's term and the sum over the others."""

    def visit(node: Expr) -> Expr | None:
        if not isinstance(node, Contraction) or not (node.has(y.label) or node.has(sympy.exp)):
            return None
        body, index = node.open()
        delta = KroneckerDelta(index, label)
        if body.has(delta):
            return node
        body = rewrite(body, visit)
        own = rename(body, {index: label})
        terms = Add.make_args(sympy.expand_mul(body))
        return own + Add(*(_over_others(term, index) for term in terms))

    return rewrite(expression, visit)


def _over_others(term: Expr, index: Symbol) -> Expr:
    """The sum of a product over all classes but the label's, what does not run with the index before it."""
    fixed = [factor for factor in Mul.make_args(term) if index not in free_indices(factor)]
    return Mul(*fixed, Contraction((1 - KroneckerDelta(index, label)) * term / Mul(*fixed), index))


_Y = Dummy("Y")
_X = Dummy("x", positive=True)


def _cancelled(expression: Expr) -> Expr:
    """`expression` with every power of x = 1 - Y that divides a polynomial in Y divided out as far as it goes."""
    opaque: dict[Expr, Dummy] = {}

    def visit(node: Expr) -> Expr | None:
        if node == _SURE:
            return _Y
        if isinstance(node, (Contraction, sympy.Function)) or (
            isinstance(node, Pow) and not (node.exp.is_Integer and node.exp.is_positive) and _rest(node.base) != _SURE
        ):
            return opaque.setdefault(node, Dummy("f", positive=True))  # what is expanded is not divided by
        if isinstance(node, (Pow, Add)) and _rest(node.as_base_exp()[0]) == _SURE:
            base, exponent = node.as_base_exp()
            return _X**exponent if base == 1 - _SURE else (-1) ** exponent * _X**exponent
        if isinstance(node, (Indexed, KroneckerDelta)) or (node.is_number and not node.is_Rational):
            return opaque.setdefault(node, Dummy("f", positive=True))
        return None

    rational = rewrite(expression, visit)
    known = sorted(rational.free_symbols - {_X, _Y}, key=lambda each: (each.name, getattr(each, "dummy_index", 0)))
    ring = PolyRing([_Y, *known], sympy.QQ)
    meant = {dummy: node for node, dummy in opaque.items()}
    found = Add(*(_X**broken * _divided(parts, meant) for broken, parts in _laurent(rational, ring).items()))
    return found.xreplace({_X: 1 - _SURE, _Y: _SURE})


Laurent = dict[Expr, dict[int, Any]]
"""A sum of polynomials times powers of x: by what is no whole number in the exponent, then by what is."""


def _laurent(node: Expr, ring: PolyRing) -> Laurent:
    """A polynomial in powers of x and other names, multiplied out: SymPy's `expand` takes ten times as long."""
    if isinstance(node, Add):
        total: Laurent = {}
        for term in node.args:
            _add_to(total, _laurent(term, ring))
        return total
    if isinstance(node, Mul):
        product: Laurent = {sympy.S.Zero: {0: ring.one}}
        for factor in node.args:
            product = _times(product, _laurent(factor, ring))
        return product
    base, exponent = node.as_base_exp()
    if base == _X:
        number, broken = sympy.expand(exponent).as_coeff_Add()
        whole = int(sympy.floor(number))
        return {broken + number - whole: {whole: ring.one}}
    if isinstance(node, Pow):
        power = _laurent(base, ring)
        return reduce(_times, [power] * (int(exponent) - 1), power)
    return {sympy.S.Zero: {0: ring.from_expr(node)}}


def _add_to(total: Laurent, other: Laurent) -> None:
    for broken, parts in other.items():
        own = total.setdefault(broken, {})
        for whole, polynomial in parts.items():
            own[whole] = own[whole] + polynomial if whole in own else polynomial


def _times(one: Laurent, two: Laurent) -> Laurent:
    product: Laurent = {}
    for (broken, parts), (other_broken, others) in cartesian(one.items(), two.items()):
        for (whole, polynomial), (other_whole, other) in cartesian(parts.items(), others.items()):
            _add_to(product, {broken + other_broken: {whole + other_whole: polynomial * other}})
    return product


def _divided(parts: Mapping[int, Any], meant: Mapping[Dummy, Expr]) -> Expr:
    """The sum of powers of x times polynomials, without the powers of x that cancel.

    Args:
        parts: the polynomials, in Y first, by the powers of x before them.
        meant: what the names in them stand for.
    """
    degree = max(0, *(-whole for whole in parts))
    ring = next(iter(parts.values())).ring
    numerator = sum((part * (1 - ring.gens[0]) ** (degree + whole) for whole, part in parts.items()), ring.zero)
    coefficients = _coefficients(numerator)
    least = next((place for place, each in enumerate(coefficients) if each), 0)
    coefficients = coefficients[least:]

    def spelled(polynomial: Any) -> Expr:
        return _readable(polynomial.as_expr().xreplace(meant))

    found = []
    while degree and any(coefficients):
        remainder, coefficients = _synthetic(coefficients)
        found.append(spelled(remainder) / _X**degree)
        degree -= 1
    power = 0
    while any(coefficients):
        remainder, quotient = _synthetic(coefficients)
        if remainder:
            break
        coefficients, power = quotient, power + 1
    rest = sum((each * ring.gens[0] ** place for place, each in enumerate(coefficients)), ring.zero)
    return _Y**least * (Add(*found) + _X**power * spelled(rest))


def _coefficients(polynomial: Any) -> list[Any]:
    """The polynomials that the powers of Y, the first name, are multiplied by, from the lowest up."""
    ring = polynomial.ring
    found: list[Any] = [ring.zero.copy() for _ in range(max(0, polynomial.degree()) + 1 if polynomial else 1)]
    for (power, *others), number in polynomial.terms():
        found[power][(0, *others)] = number
    return found


def _synthetic(coefficients: Sequence[Any]) -> tuple[Any, list[Any]]:
    """P(1), and Q with P(Y) = P(1) + (1 - Y) Q(Y); coefficients from the lowest up."""
    quotient: list[Any] = []
    carried = coefficients[0].ring.zero
    for each in reversed(coefficients):
        carried = carried + each
        quotient.append(-carried)
    quotient.pop()
    return carried, quotient[::-1]


def _readable(expression: Expr) -> Expr:
    """A sum of products with what several have in common before it, and sums over the others with one factor as one."""
    gathered: dict[Expr, list[Expr]] = {}
    several: list[Expr] = []
    for term in Add.make_args(expression):
        sums = [factor for factor in Mul.make_args(term) if isinstance(factor, Contraction)]
        if len(sums) > 1:
            several.append(term)
        else:
            inner = sums[0] if sums else sympy.S.One
            number, factor = (term / inner).as_coeff_Mul()
            gathered.setdefault(factor, []).append(number * inner)
    together = Add(*(factor * _one_sum(terms) for factor, terms in gathered.items()))
    if several:
        found = [factor for term in several for factor in Mul.make_args(term) if isinstance(factor, Contraction)]
        shared = max(found, key=lambda factor: (found.count(factor), -sympy.count_ops(factor), str(factor)))
        own = [term for term in several if shared in term.args]
        others = Add(*(term for term in several if term not in own))
        together += shared * _readable(Add(*(term / shared for term in own))) + (_readable(others) if others else 0)
    return _factored(together)


def _factored(expression: Expr) -> Expr:
    """`expression` with the factors that all its terms share before them: SymPy's `factor_terms` looks into each."""
    terms = Add.make_args(expression)
    if len(terms) < 2:
        return expression
    powers = [term.as_powers_dict() for term in terms]
    shared = [
        base ** min(each[base] for each in powers)
        for base in powers[0]
        if not base.is_number and all(base in each and each[base].is_Rational for each in powers)
    ]
    common = Mul(*shared)
    return common * Add(*(term / common for term in terms)) if shared else expression


def _one_sum(terms: Sequence[Expr]) -> Expr:
    """Numbers times sums as one sum."""
    if len(terms) == 1:
        return terms[0]
    bodies: list[Expr] = []
    rest: list[Expr] = []
    for term in terms:
        number, inner = term.as_coeff_Mul()
        if isinstance(inner, Contraction):
            bodies.append(number * rename(inner.body, {inner.index: i}))
        else:
            rest.append(term)
    return Add(*rest) + (Contraction(_factored(Add(*bodies)), i) if bodies else 0)
