"""Differentiation by cases, each a named rule on a derivative not yet taken."""

from collections.abc import Collection, Sequence

import sympy
from sympy import Expr, Indexed, Integer, KroneckerDelta, Symbol

from derive.calculus.rewrite import Rule, Visit
from derive.catalogue.model import Assumption
from derive.notation import Contraction, Partial, free_indices, loss, occurrences, rename, y, z


def depends(expression: Expr, variable: Expr) -> bool:
    """Whether `expression` changes with `variable`; y follows the logits, and the loss follows everything."""
    if expression.has(loss):
        return True
    if not isinstance(variable, Indexed):
        return bool(expression.has(variable))
    moving = {variable.base, y} if variable.base == z else {variable.base}
    return any(node.base in moving for node in occurrences(expression, Indexed))


def linearity(whole: Collection[Expr] = ()) -> Rule:
    """∂(c f + Σ_k g_k) = c ∂f + Σ_k ∂g_k, for constant c; the sums in `whole` stay whole."""

    def visit(node: Expr) -> Expr | None:
        if not isinstance(node, Partial):
            return None
        result = push(node.body, node.variable)
        return None if result == node else result

    def push(body: Expr, variable: Expr) -> Expr:
        if not depends(body, variable):
            return Integer(0)
        if isinstance(body, sympy.Add):
            return sympy.Add(*(push(term, variable) for term in body.args))
        if isinstance(body, Contraction) and body not in whole:
            inner, index = body.open()
            return Contraction(push(inner, variable), index)
        if isinstance(body, sympy.Mul):
            fixed = [factor for factor in body.args if not depends(factor, variable)]
            moving = [factor for factor in body.args if depends(factor, variable)]
            if fixed:
                return sympy.Mul(*fixed, push(sympy.Mul(*moving), variable))
        return Partial(body, variable)

    return Rule("linearity", "the derivative of a sum is the sum of the derivatives; constants stay", visit)


def _coordinate(node: Expr) -> Expr | None:
    """∂z_i/∂z_j = δ_ij."""
    match node:
        case Partial(body=Indexed() as body, variable=Indexed() as variable) if body.base == variable.base:
            return KroneckerDelta(body.indices[0], variable.indices[0])
        case Partial(body=body, variable=variable) if body == variable:
            return Integer(1)
    return None


def _quotient(node: Expr) -> Expr | None:
    """∂(f/g) = (g ∂f − f ∂g)/g²."""
    if not (isinstance(node, Partial) and isinstance(node.body, sympy.Mul)):
        return None
    above, below = _above_and_below(node.body)
    if not (depends(above, node.variable) and depends(below, node.variable)):
        return None
    return (Partial(above, node.variable) * below - above * Partial(below, node.variable)) / below**2


def _above_and_below(product: sympy.Mul) -> tuple[Expr, Expr]:
    """Numerator and denominator as they stand: exp(−x) stays above the line, and (1 − y)^a is no fraction."""
    below = [factor for factor in product.args if _is_divisor(factor)]
    divisor: Expr = sympy.Mul(*(factor.base**-factor.exp for factor in below))
    return sympy.Mul(*(factor for factor in product.args if factor not in below)), divisor


def _is_divisor(factor: Expr) -> bool:
    return isinstance(factor, sympy.Pow) and bool(factor.exp.as_coeff_Mul()[0].is_negative)


def _product(node: Expr) -> Expr | None:
    """∂(f g) = f ∂g + g ∂f."""
    if not (isinstance(node, Partial) and isinstance(node.body, sympy.Mul)):
        return None
    factors = node.body.args
    return sympy.Add(
        *(
            sympy.Mul(*factors[:position], Partial(factor, node.variable), *factors[position + 1 :])
            for position, factor in enumerate(factors)
            if depends(factor, node.variable)
        )
    )


def _power(node: Expr) -> Expr | None:
    """∂f^c = c f^(c−1) ∂f for constant c, and ∂f^g = f^g (g ∂f/f + log f ∂g)."""
    match node:
        case Partial(body=sympy.Pow() as power, variable=variable):
            base, exponent = power.base, power.exp
            result = Integer(0)
            if depends(base, variable):
                result += exponent * base ** (exponent - 1) * Partial(base, variable)
            if depends(exponent, variable):
                result += power * sympy.log(base) * Partial(exponent, variable)
            return result
    return None


def _function(function: type[Expr], slope: sympy.Lambda) -> Visit:
    """The visit of ∂f(u) = f'(u) ∂u for one function f."""

    def visit(node: Expr) -> Expr | None:
        if isinstance(node, Partial) and isinstance(node.body, function):
            argument = node.body.args[0]
            return slope(argument) * Partial(argument, node.variable)
        return None

    return visit


def _logarithm_of_product(node: Expr) -> Expr | None:
    """∂log(f g^a) = ∂f/f + a ∂g/g."""
    if not (isinstance(node, Partial) and isinstance(node.body, sympy.log)):
        return None
    product, variable = node.body.args[0], node.variable
    powers = [factor.as_base_exp() for factor in sympy.Mul.make_args(product) if depends(factor, variable)]
    if not isinstance(product, (sympy.Mul, sympy.Pow)) or any(depends(exponent, variable) for _, exponent in powers):
        return None
    return sympy.Add(*(exponent * Partial(base, variable) / base for base, exponent in powers))


_x = sympy.Symbol("x", real=True)

LINEARITY = linearity()
COORDINATE = Rule("coordinate", "a coordinate changes with itself and with no other", _coordinate)
QUOTIENT = Rule("quotient rule", "numerator and denominator both depend on the variable", _quotient)
PRODUCT = Rule("product rule", "several factors depend on the variable", _product)
POWER = Rule("power rule", "the derivative of a power, by the chain rule", _power)
EXPONENTIAL = Rule(
    "derivative of exp",
    "the exponential is its own derivative, by the chain rule",
    _function(sympy.exp, sympy.Lambda(_x, sympy.exp(_x))),
)
LOGARITHM = Rule(
    "derivative of log",
    "the derivative of the logarithm is the reciprocal, by the chain rule",
    _function(sympy.log, sympy.Lambda(_x, 1 / _x)),
)
LOGARITHM_OF_PRODUCT = Rule(
    "logarithmic derivative",
    "the logarithm of a product changes by the relative change of each factor",
    _logarithm_of_product,
)
TANH = Rule(
    "derivative of tanh",
    "the derivative of tanh is 1 − tanh², by the chain rule",
    _function(sympy.tanh, sympy.Lambda(_x, 1 - sympy.tanh(_x) ** 2)),
)
ABSOLUTE = Rule(
    "derivative of |·|",
    "the slope of the absolute value is the sign, away from zero",
    _function(sympy.Abs, sympy.Lambda(_x, sympy.sign(_x))),
)
SIGN = Rule(
    "derivative of the sign",
    "the sign is constant, away from zero",
    _function(sympy.sign, sympy.Lambda(_x, Integer(0))),
)

RULES: Sequence[Rule] = (
    LINEARITY, QUOTIENT, PRODUCT, POWER, EXPONENTIAL, LOGARITHM_OF_PRODUCT, LOGARITHM, TANH, ABSOLUTE, SIGN, COORDINATE,
)  # fmt: skip
"""Every rule that needs no earlier result, in the order in which they are tried."""


def rules_around(whole: Collection[Expr]) -> Sequence[Rule]:
    """`RULES`, but the derivatives of the sums in `whole` are left to rules that know them."""
    return (linearity(whole), *RULES[1:])


def known(name: str, reason: str, left: Partial, right: Expr, assumptions: tuple[Assumption, ...] = ()) -> Rule:
    """A rule from a result: the derivative `left` is `right`, at whatever indices.

    `left` has the free index i in its body and j in its variable, or only one of the two.
    """
    body, variable = left.body, left.variable

    def visit(node: Expr) -> Expr | None:
        if not isinstance(node, Partial):
            return None
        for row in _named_alike(body, node.body):
            for column in _named_alike(variable, node.variable):
                return rename(right, {**row, **column})
        return None

    return Rule(name, reason, visit, assumptions)


def _named_alike(pattern: Expr, expression: Expr) -> Sequence[dict[Symbol, Symbol]]:
    """How the free index of `pattern`, if it has one, must be named for it to be `expression`."""
    indices = free_indices(pattern)
    if not indices:
        return [{}] if pattern == expression else []
    (index,) = indices
    names = sorted(free_indices(expression), key=str)
    return [{index: name} for name in names if rename(pattern, {index: name}) == expression]
