"""1 + A B with two sums of exponentials or more: their product overflows, and its logarithm, log A + log B, does not.

With x = log A + log B, log(1 + A B) is log(1 + exp(x)) and A B/(1 + A B) is 1/(1 + exp(-x)). What stands above such a
divisor has the exponentials of each sum, exp(a_j) = A α_j: the sums cancel, and what is left is of the shares α_j.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sympy
from sympy import Add, Expr, Function, IndexedBase, Mul, Symbol

from derive.calculus.rewrite import replace, rewrite
from derive.catalogue.parameters import POSITIVE, Parameter
from derive.kernel.degrees import HIGHEST_POWER, apart
from derive.kernel.double_sums import one_class_each
from derive.notation import Contraction, free_indices, i, occurrences, rename, z


class LogOnePlusExp(Function):
    """LogOnePlusExp(x) is log(1 + exp(x)): SymPy would write exp(log A + log B) as A B."""

    nargs = (1,)


class Logistic(Function):
    """Logistic(x) is 1/(1 + exp(-x))."""

    nargs = (1,)


@dataclass(frozen=True)
class _Odds:
    """A whole k + c Π S of sums of exponentials, where Π S is positive: each may be negative with another.

    Attributes:
        whole: as it stands.
        number: k.
        factor: c, which is positive.
        exponents: the exponent of entry i of each sum.
    """

    whole: Expr
    number: Expr
    factor: Expr
    exponents: Mapping[Contraction, Expr]

    @property
    def logarithm(self) -> Expr:
        """The logarithm of c Π S/k."""
        return sympy.log(self.factor / self.number) + sympy.log(Mul(*self.exponents))


def take_odds(expression: Expr, parameters: Mapping[str, Parameter]) -> Expr:
    """`expression` with 1 + A B by the logarithm of A B, where A and B cancel everywhere else."""
    positive = {name for name, each in parameters.items() if POSITIVE.includes(each.range) and not each.per_class}
    for whole in sorted(set(occurrences(expression, Add)), key=str):
        odds = _odds_of(whole, positive)
        if odds is not None:
            expression = _in_odds(expression, odds)
    return expression


def _odds_of(whole: Expr, positive: Collection[str]) -> _Odds | None:
    numbers = [term for term in whole.args if term.is_number and term.is_positive]
    if len(whole.args) != 2 or len(numbers) != 1:
        return None
    product = whole - numbers[0]
    totals = [factor for factor in Mul.make_args(product) if isinstance(factor, Contraction)]
    exponents = {total: exponent for total in totals if (exponent := _exponent(total)) is not None}
    factor = product / Mul(*totals)
    is_positive = not free_indices(factor) and all(_is_positive(each, positive) for each in Mul.make_args(factor))
    if len(exponents) < 2 or len(exponents) != len(totals) or not is_positive:
        return None
    return _Odds(whole, numbers[0], factor, exponents)


def _is_positive(factor: Expr, positive: Collection[str]) -> bool:
    return isinstance(factor, sympy.exp) or bool(factor.is_positive) or str(factor.as_base_exp()[0]) in positive


def _exponent(total: Contraction) -> Expr | None:
    """The exponent of entry i of Σ w exp(a), which reads the logits; None where the sum is something else."""
    found = [factor for factor in Mul.make_args(total.body) if isinstance(factor, sympy.exp)]
    if len(found) != 1 or not found[0].has(z.label) or free_indices(total):
        return None
    exponent: Expr = rename(found[0].args[0], {total.index: i})
    return exponent


def _in_odds(expression: Expr, odds: _Odds) -> Expr:
    sums = {total: Symbol(f"sum_{place}", positive=True) for place, total in enumerate(odds.exponents)}
    shares = {total: IndexedBase(f"share_{place}") for place, total in enumerate(odds.exponents)}
    logistic = Symbol("logistic", positive=True)
    product = odds.factor * Mul(*sums.values())

    def visit(node: Expr) -> Expr | None:
        if node == odds.whole:
            return product / logistic
        if node in sums:
            return sums[node]
        match node:
            case sympy.log(args=(inner,)) if inner == odds.whole:
                return sympy.log(odds.number) + LogOnePlusExp(odds.logarithm)
            case sympy.exp() if free_indices(node):
                parts = [_share(each, odds.exponents, sums, shares) for each in one_class_each(node)]
                return None if None in parts else Mul(*parts)
        return None

    written = rewrite(expression, visit)
    for symbol in sums.values():
        degree, written = apart(written, symbol)
        if degree != 0 or written.has(symbol):
            return expression

    degree, rest = apart(written, logistic)

    def spell(node: Expr) -> Expr | None:
        if node == logistic:
            return Logistic(odds.logarithm)
        for total, share in shares.items():
            if node.func == sympy.Indexed and node.base == share:
                return sympy.exp(rename(odds.exponents[total], {i: node.indices[0]})) / sums[total]
        return None

    return replace(rewrite(logistic**degree * rest, spell), {symbol: total for total, symbol in sums.items()})


def _share(
    exponential: Expr,
    exponents: Mapping[Contraction, Expr],
    sums: Mapping[Contraction, Symbol],
    shares: Mapping[Contraction, IndexedBase],
) -> Expr | None:
    """An exponential of a class by its share of the sum that has it; None where none does."""
    indices = free_indices(exponential)
    if len(indices) != 1:
        return None if indices else exponential
    (index,) = indices
    for total, own in exponents.items():
        for power in range(1, HIGHEST_POWER + 1):
            left = sympy.expand(exponential.args[0] - power * rename(own, {i: index}))
            if not free_indices(left):
                share: Expr = sympy.exp(left) * (sums[total] * shares[total][index]) ** power
                return share
    return None
