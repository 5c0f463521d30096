"""What is left of a whole, as a sum of its own: 1 - Σ t y = Σ (1 - t) y, since Σ y = 1.

Where one class has all but the whole probability, 1 - Σ t y is the rounding of 1 and the sum on the right keeps its
digits. It is written so where its digits matter: where its logarithm is taken, or it divides, or a broken power is
taken of it, and it is 0 where one class has all of the probability. So is Σ exp(z) - exp(z_k): Σ (1 - δ_ik) exp(z_i).
Where it is close to 1 instead, the sum on the right has lost what its logarithm is as small as: there it is 1 - Σ t y.
"""

from collections.abc import Mapping
from itertools import product

import mpmath
import sympy
from sympy import Add, Expr, Function, Indexed, IndexedBase, KroneckerDelta, Mul, Pow, Symbol
from sympy.codegen.cfunctions import log1p

from derive.calculus.contract import normalise
from derive.calculus.rewrite import rewrite
from derive.catalogue.parameters import Parameter, choose_parameters
from derive.errors import UnsupportedError
from derive.kernel.shares import WHOLE, divides, in_shares_of_rest, in_shares_of_whole
from derive.notation import Contraction, free_indices, i, label, occurrences, rename, t, vectors, y, z
from derive.proof.evaluate import Point, evaluate
from derive.proof.field import BadPointError, Reals

_CLASSES = 3


def sums_to_1(y_definition: Expr | None) -> bool:
    """Whether the entries of y are exponentials over their sum."""
    return y_definition is not None and total_of(y_definition) is not None


def total_of(y_definition: Expr) -> Contraction | None:
    """S where y_i = exp(a_i)/S and S = Σ exp(a_k); None where y is something else."""
    for total in occurrences(y_definition, Contraction):
        above = y_definition * total
        if isinstance(above, sympy.exp) and Contraction(above, i) == total:
            found: Contraction = total
            return found
    return None


class Below(Function):
    """Below(w, a, b) is a where w < 1/2, and b elsewhere."""

    nargs = (3,)


def choose_rests(closed_form: Expr, y_definition: Expr | None, parameters: Mapping[str, Parameter]) -> Expr:
    """`closed_form` as `write_rests` has it where little is left of 1, and as it stands where much is.

    Where the whole is what the targets have of the probability, it is in shares: of x where little is left, of R
    elsewhere, and of R alone where only that divides.
    """
    rests = write_rests(closed_form, y_definition, parameters)
    taken = {whole for node in occurrences(closed_form, (Pow, sympy.log)) if (whole := _taken(node)) is not None}
    if rests == closed_form or len(taken) != 1:
        return in_shares_of_whole(rests) if sums_to_1(y_definition) and divides(rests) else rests
    (whole,) = taken

    def visit(node: Expr) -> Expr | None:
        return log1p(-whole) if node == sympy.log(1 - whole) else None

    if whole == WHOLE and sums_to_1(y_definition):
        return Below(whole, in_shares_of_whole(rewrite(closed_form, visit)), in_shares_of_rest(closed_form))
    return Below(whole, rewrite(closed_form, visit), rests)


def _taken(node: Expr) -> Expr | None:
    """W where `node` is critical and has 1 - W, W = Σ w y."""
    if _is_critical(node):
        for factor in Mul.make_args(node.args[0]):
            whole = 1 - factor
            if isinstance(factor, Add) and isinstance(whole, Contraction) and whole.has(y.label):
                return whole
    return None


def write_rests(closed_form: Expr, y_definition: Expr | None, parameters: Mapping[str, Parameter]) -> Expr:
    """`closed_form` with what is left of 1, and of a sum of exponentials, as sums of their own where they matter."""
    if not any(_is_critical(node) for node in occurrences(closed_form, (Pow, sympy.log))):
        return closed_form
    if y_definition is None or (total := total_of(y_definition)) is None:
        return rewrite(closed_form, _without_label)

    def visit(node: Expr) -> Expr | None:
        if not _is_critical(node):
            return None
        base, *exponent = node.args
        base = rewrite(base, visit)
        rest = _as_one_sum(base, parameters)
        changed = _without_total(base if rest is None else rest, y_definition, total)
        return node.func(changed, *exponent)

    return _without_total(rewrite(closed_form, visit), y_definition, total)


def _is_critical(node: Expr) -> bool:
    """Whether `node` is a logarithm, or a power that is infinite at 0 or whose derivative is."""
    if isinstance(node, sympy.log):
        return isinstance(node.args[0], (Add, Mul))
    return isinstance(node, Pow) and isinstance(node.base, Add) and not (node.exp.is_Integer and node.exp.is_positive)


def _as_one_sum(whole: Expr, parameters: Mapping[str, Parameter]) -> Expr | None:
    """`whole` over its divisor as one sum over the classes; None where it is none, or cancels nowhere."""
    exponentials = _of_exponentials(whole)
    if exponentials is not None:
        return exponentials
    if not whole.has(y) or not any(isinstance(node, Add) for node in occurrences(whole, Add)):
        return None
    above, below = sympy.fraction(sympy.together(whole))
    weights = _weights(normalise(above))
    if weights is None or not _vanishes(above, parameters):
        return None
    names = [Symbol(name, real=True) for name, each in parameters.items() if not each.per_class]
    collected = sympy.collect(sympy.expand(weights), names)
    return Contraction(collected * y[i], i) / below


def _weights(expanded: Expr) -> Expr | None:
    """w_i where `expanded` is Σ w_i y_i, a term without y being one with Σ y = 1; None where there is but one term."""
    weights: list[Expr] = []
    constants = 0
    for term in Add.make_args(expanded):
        if not term.has(y.label):
            weights.append(term)
            constants += 1
            continue
        sums = [factor for factor in Mul.make_args(term) if factor.has(y.label)]
        if len(sums) != 1:
            return None
        match sums[0]:
            case Contraction() as inner:
                body, index = inner.open()
                weight = body / y[index]
                if weight.has(y.label):
                    return None
                weights.append(term / inner * rename(weight, {index: i}))
            case _:
                return None
    return Add(*weights) if 0 < constants < len(weights) else None


def _vanishes(whole: Expr, parameters: Mapping[str, Parameter]) -> bool:
    """Whether `whole` is 0 where one class has all of the probability, and one all of the target."""
    chosen = choose_parameters(tuple(parameters.values()), _CLASSES)
    values: dict[IndexedBase | Symbol, object] = {z: [mpmath.mpf(0)] * _CLASSES}
    for name, parameter in parameters.items():
        number = chosen[parameter.name]
        if parameter.per_class:
            values[IndexedBase(name)] = [mpmath.mpf(float(each)) for each in number]
        else:
            values[Symbol(name, real=True)] = mpmath.mpf(float(number))
    corners = [[mpmath.mpf(int(place == number)) for place in range(_CLASSES)] for number in range(_CLASSES)]
    for likely, target in product(corners, corners[:2]):
        point = Point(Reals(), _CLASSES, {**values, y: likely, t: target}, {}, {label: 0})
        try:
            if abs(evaluate(whole, point)) < mpmath.mpf(10) ** -10:
                return True
        except (BadPointError, UnsupportedError, ZeroDivisionError, ValueError):
            continue
    return False


def _without_label(node: Expr) -> Expr | None:
    """A critical node with Σ f_i - f_k as one sum."""
    if not _is_critical(node):
        return None
    base, *exponent = (rewrite(each, _without_label) for each in node.args)
    return node.func(_of_exponentials(base) or base, *exponent)


def _of_exponentials(whole: Expr) -> Expr | None:
    """Σ f_i - f_k, or f_k - Σ f_i, as Σ (1 - δ_ik) f_i among other terms."""
    terms = list(Add.make_args(whole))
    for term in terms:
        sign = -1 if term.could_extract_minus_sign() else 1
        total = sign * term
        if not isinstance(total, Contraction) or label in free_indices(total):
            continue
        entry = -sign * rename(total.body, {total.index: label})
        if entry in terms:
            terms.remove(term)
            terms.remove(entry)
            body, index = total.open()
            return Add(*terms, sign * Contraction((1 - KroneckerDelta(index, label)) * body, index))
    return None


def _without_total(expression: Expr, y_definition: Expr, total: Contraction) -> Expr:
    """S y_i as exp(a_i), in a sum too: S alone may overflow."""
    if total not in set(occurrences(expression, Contraction)):
        return expression

    def visit(node: Expr) -> Expr | None:
        if not isinstance(node, Mul) or total not in node.args:
            return None
        for factor in node.args:
            rest = node / total / factor
            if isinstance(factor, Indexed) and factor.base == y:
                return rewrite(rest * rename(y_definition * total, {i: factor.indices[0]}), visit)
            if isinstance(factor, Contraction):
                body, index = factor.open()
                weight = body / y[index]
                if not weight.has(y.label) and vectors(body) >= {y}:
                    return rewrite(rest * Contraction(weight * rename(y_definition * total, {i: index}), index), visit)
        return None

    return rewrite(expression, visit)
