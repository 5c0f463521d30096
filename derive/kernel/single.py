"""A class that is set apart: what cancels against 1 minus its probability cancels before anything is computed.

With Y the probability of the label's class, x = 1 - Y is as small as rounding where the row is sure of it, and what is
divided by a power of x is often small too: (Y - 1) v + x w is x (w - v). Sums over the classes are written as that
class's term and a sum over the others, entries as a case for that class and one for the others, and numerators that are
polynomials in Y are divided by x.
"""

from collections.abc import Mapping, Sequence
from itertools import product

import sympy
from sympy import Add, Dummy, Expr, Indexed, KroneckerDelta, Mul, Pow, Symbol

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
        isinstance(node.args[0], Add)
        and any(
            total.has(sympy.exp) and label in free_indices(total) and total.body.has(KroneckerDelta(total.index, label))
            for total in Add.make_args(node.args[0])
            if isinstance(total, Contraction)
        )
        for node in occurrences(closed_form, (sympy.log, Pow))
    )


def single_out(closed_form: Expr, indices: Sequence[Symbol]) -> Expr:
    """`closed_form` with a case for the label's class and one for the others, and 1 - y of that class cancelled.

    Args:
        closed_form: an entry.
        indices: its free indices, the label aside.
    """
    cases = []
    for at_label in product((True, False), repeat=len(indices)):
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
        return None

    rational = rewrite(expression, visit)
    groups: dict[Expr, list[Expr]] = {}
    for term in Add.make_args(sympy.expand(rational)):
        exponent = sympy.powsimp(term).as_powers_dict().get(_X, sympy.S.Zero)
        number, _ = exponent.as_coeff_Add()
        broken = exponent - sympy.floor(number)
        groups.setdefault(broken, []).append(sympy.powsimp(term / _X**broken))
    meant = {dummy: node for node, dummy in opaque.items()}
    found = Add(*(_X**broken * _divided(terms, meant) for broken, terms in groups.items()))
    return found.xreplace({_X: 1 - _SURE, _Y: _SURE})


def _divided(terms: Sequence[Expr], meant: Mapping[Dummy, Expr]) -> Expr:
    """The sum of `terms`, Laurent polynomials in x and polynomials in Y, without the powers of x that cancel.

    Args:
        terms: expanded products.
        meant: what the names in them stand for.
    """
    degree = max(0, *(int(-term.as_powers_dict().get(_X, 0)) for term in terms))
    numerator = sympy.expand(Add(*(sympy.expand(term * _X**degree) for term in terms)).xreplace({_X: 1 - _Y}))
    coefficients = sympy.Poly(numerator, _Y).all_coeffs()[::-1] if numerator.has(_Y) else [numerator]
    least = next((place for place, each in enumerate(coefficients) if each != 0), 0)
    coefficients = coefficients[least:]
    parts = []
    while degree and any(coefficients):
        remainder, coefficients = _synthetic(coefficients)
        parts.append(_readable(remainder.xreplace(meant)) / _X**degree)
        degree -= 1
    power = 0
    while any(coefficients):
        remainder, quotient = _synthetic(coefficients)
        if remainder != 0:
            break
        coefficients, power = quotient, power + 1
    rest = Add(*(each * _Y**place for place, each in enumerate(coefficients)))
    return _Y**least * (Add(*parts) + _X**power * _readable(rest.xreplace(meant)))


def _synthetic(coefficients: Sequence[Expr]) -> tuple[Expr, list[Expr]]:
    """P(1), and Q with P(Y) = P(1) + (1 - Y) Q(Y); coefficients from the lowest up."""
    quotient: list[Expr] = []
    carried: Expr = sympy.S.Zero
    for each in reversed(coefficients):
        carried = sympy.expand(carried + each)
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
    return sympy.factor_terms(together)


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
    return Add(*rest) + (Contraction(sympy.factor_terms(Add(*bodies)), i) if bodies else 0)
