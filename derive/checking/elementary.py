"""Functions of one number, of expressions that can be worked with: towers of exponents and the like are refused."""

from collections.abc import Iterable
from functools import lru_cache

import sympy
from sympy import Expr, Integer

from derive.checking.formula import FormulaError, IllFormedError
from derive.language.read import LARGEST_EXPONENT, LARGEST_NUMBER

HIGHEST_TOWER = 3
MOST_NESTED_SIGNS = 4
MOST_EXPANDED = 400
"""The most terms that an exponent may have when it is multiplied out."""

LARGEST = 100_000
"""Nodes that the entries of a formula have at most, written out: SymPy walks them all, in a tenth of a second."""


def refuse_large(entries: Iterable[Expr]) -> None:
    """Raise FormulaError for entries that are enormous written out, as those of 30 matrices multiplied are."""
    if sum(map(_size, entries)) > LARGEST:
        raise FormulaError(f"the formula is too large: written out at each class it has more than {LARGEST} parts")


@lru_cache(maxsize=2**16)
def _size(expression: Expr) -> int:
    """How many nodes an expression has, written out: few objects may stand for 10^14 of them."""
    return 1 + sum(map(_size, expression.args))


def power_of(base: Expr, exponent: Expr) -> Expr:
    """base**exponent.

    Raises:
        FormulaError: a power too large to work with.
        IllFormedError: a power that is not defined.
    """
    if exponent.is_number and not (exponent.is_rational and abs(exponent) <= LARGEST_EXPONENT):
        written = str(exponent)
        raise FormulaError(f"the exponent {written[:30]} is not between ±{LARGEST_EXPONENT}", piece=written)
    _refuse_tower(exponent)
    _refuse_tower(base)
    _refuse_long(exponent)
    if base == 0 and not exponent.is_positive:
        raise IllFormedError("the formula divides by zero")
    if base.is_number and abs(base) > LARGEST_NUMBER:
        raise FormulaError(f"a number goes beyond {LARGEST_NUMBER:.0e}")
    if isinstance(base, sympy.Pow) and base.exp.is_number and abs(base.exp) > LARGEST_EXPONENT:
        raise FormulaError(f"an exponent goes beyond ±{LARGEST_EXPONENT}")
    result: Expr = base**exponent
    return result


def _refuse_tower(exponent: Expr) -> None:
    """Raise FormulaError for an exponent that is a tower of exponents itself."""
    if _height(exponent) >= HIGHEST_TOWER:
        raise FormulaError(f"more than {HIGHEST_TOWER} exponents stand above one another")


def _height(value: Expr) -> int:
    """How many exponentials and powers with a letter in the exponent stand above one another."""
    inside = max((_height(part) for part in value.args), default=0)
    is_floor = isinstance(value, (sympy.exp, sympy.tanh)) or (isinstance(value, sympy.Pow) and not value.exp.is_number)
    return inside + is_floor


def exp_of(value: Expr) -> Expr:
    """The exponential; raises FormulaError for one too large to work with."""
    _refuse_tower(value)
    _refuse_long(value)
    result: Expr = sympy.exp(value)
    return result


def abs_of(value: Expr) -> Expr:
    """The absolute value; raises FormulaError for one of too many others: SymPy's work doubles with each."""
    if _nested_signs(value) >= MOST_NESTED_SIGNS:
        raise FormulaError(f"more than {MOST_NESTED_SIGNS} maxima or absolute values stand in one another")
    result: Expr = sympy.Abs(value)
    return result


@lru_cache(maxsize=2**12)
def _nested_signs(value: Expr) -> int:
    """How many absolute values and signs stand in one another."""
    inside = max(map(_nested_signs, value.args), default=0)
    return inside + isinstance(value, (sympy.Abs, sympy.sign))


def tanh_of(value: Expr) -> Expr:
    """The hyperbolic tangent; raises FormulaError for one too large to work with."""
    _refuse_tower(value)
    result: Expr = sympy.tanh(value)
    return result


def _refuse_long(exponent: Expr) -> None:
    """Raise FormulaError for an exponent that would have too many terms multiplied out."""
    if _terms(exponent) > MOST_EXPANDED:
        raise FormulaError("an exponent of the formula is too large to multiply out")


def _terms(value: Expr) -> int:
    """At most how many terms `value` has, multiplied out; stops counting at some thousands."""
    if isinstance(value, sympy.Add):
        return min(sum(_terms(term) for term in value.args), 10**4)
    if isinstance(value, sympy.Mul):
        product = 1
        for factor in value.args:
            product = min(product * _terms(factor), 10**4)
        return product
    if isinstance(value, sympy.Pow) and value.exp.is_Integer:
        return int(min(_terms(value.base) ** min(abs(int(value.exp)), 64), 10**4))
    return 1


def log_of(value: Expr) -> Expr:
    """The logarithm; raises IllFormedError for that of a number that is not positive."""
    if value.is_number and not value.is_positive:
        raise IllFormedError(f"the logarithm of {value} is not a real number")
    shift = _common_shift(value)
    if shift != 0:
        return shift + log_of(sympy.Add(*(sympy.exp(term.args[0] - shift) for term in value.args)))
    result: Expr = sympy.log(value)
    return result


def _common_shift(value: Expr) -> Expr:
    """What every exponent of a sum of exponentials has of a maximum; 0 where that differs, or there is none.

    log Σ exp(z_i − m) is log Σ exp(z_i) − m, which the logarithm of a sum does not show by itself.
    """
    if not isinstance(value, sympy.Add) or not all(isinstance(term, sympy.exp) for term in value.args):
        return Integer(0)
    exponents = [term.args[0] for term in value.args]
    for symbol in exponents[0].free_symbols:
        if isinstance(symbol, sympy.Symbol) and symbol.name.startswith("max("):
            shares = {sympy.expand(exponent).coeff(symbol) for exponent in exponents}
            return shares.pop() * symbol if len(shares) == 1 else Integer(0)
    return Integer(0)


def one_where_positive(value: Expr) -> Expr:
    """1 where a number is positive, else 0."""
    return (sympy.sign(value) ** 2 + sympy.sign(value)) / 2
