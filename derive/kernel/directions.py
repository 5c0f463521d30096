"""A norm N = √Σ w_i², and what is divided by it: the entries w_i/N of a direction, which are at most 1.

Where y is close to t, y - t is as small as N, and y_j Σ t_i y_i - t_j y_j is a difference of numbers that are not. With
t_i = y_i - N u_i every N that divides what is as small as itself cancels, and nothing is left to. So it does of the
roots of probabilities, √t_i = √y_i - N u_i, and of a vector by itself, z_i = N u_i.
"""

from dataclasses import dataclass

import sympy
from sympy import Add, Expr, Indexed, IndexedBase, KroneckerDelta, Mul, Pow, Symbol

from derive.calculus.contract import normalise
from derive.calculus.rewrite import Rule, replace, rewrite
from derive.kernel.degrees import apart
from derive.kernel.rests import Below
from derive.kernel.shares import SUM_OF_Y
from derive.notation import Contraction, free_indices, i, label, occurrences, rename, t, v, y, z

_HALF = sympy.Rational(1, 2)
_NORM = Symbol("norm", positive=True)
_DIRECTION = IndexedBase("direction")


@dataclass(frozen=True)
class Norm:
    """A sum of squares c Σ w_i².

    Attributes:
        factor: c, the same for all classes.
        entry: w_i.
    """

    factor: Expr
    entry: Expr

    @property
    def total(self) -> Contraction:
        """Σ w_i²."""
        return Contraction(self.entry**2, i)


def find_norm(expression: Expr, is_softmax: bool) -> Norm | None:
    """The norm whose root, or a power of it, is in `expression`; None where there is none, or there are several.

    Args:
        expression: a closed form.
        is_softmax: whether the entries of y sum to 1.
    """
    norms = _norms(expression, is_softmax)
    return next(iter(norms.values())) if len({norm.entry for norm in norms.values()}) == 1 else None


def in_directions(expression: Expr, norm: Norm, is_softmax: bool) -> Expr:
    """`expression` in entries of the direction of `norm`, so that the norm cancels where it can.

    What only cancels when it is multiplied out, is so where the norm is small, and as it stands elsewhere.
    """
    norms = _norms(expression, is_softmax)
    squares = {base: each.factor * _NORM**2 for base, each in norms.items()} | {norm.total: _NORM**2}

    def visit(node: Expr) -> Expr | None:
        if isinstance(node, Pow) and node.base in squares:
            factor, exponent = squares[node.base] / _NORM**2, node.exp
            return factor**exponent * _NORM ** (2 * exponent)
        return squares.get(node)

    facts = (SUM_OF_Y,) if is_softmax else ()
    known = _solved(rewrite(expression, visit), norm.entry)
    exponent, rest = apart(known, _NORM)
    cancelled = _cancelled(known, facts)
    higher, other = apart(cancelled, _NORM)
    form = _NORM**higher * other if higher != exponent else _NORM**exponent * rest
    written = _spelled(centred(form, reads_logits=expression.has(z.label)) if is_softmax else form, norm)
    # Where the norm is not small, √t as √y and the direction cancels instead.
    return written if higher == exponent else Below(norm.total, written, expression)


def _spelled(expression: Expr, norm: Norm) -> Expr:
    """What `expression` is without names for the norm and its direction."""

    def spell(node: Expr) -> Expr | None:
        if isinstance(node, Indexed) and node.base == _DIRECTION:
            return rename(norm.entry, {i: node.indices[0]}) / _NORM
        return None

    return replace(rewrite(expression, spell), {_NORM: sympy.sqrt(norm.total)})


def centred(expression: Expr, *, reads_logits: bool) -> Expr:
    """`expression` with a_j - Σ y a as (a_j - a_k) - Σ y (a - a_k) where k is the class of the largest y.

    Of a row sure of its class what is left is as small as 1 - y_k, term by term, and so is what a direction v leaves:
    second derivatives with respect to logits that are read through y alone are the same for v - v_k.
    """

    def visit(node: Expr) -> Expr | None:
        if not isinstance(node, Add):
            return None
        for term in node.args:
            number, inner = term.as_coeff_Mul()
            rest = node - term
            if not isinstance(inner, Contraction) or not (indices := free_indices(rest)):
                continue
            body, index = inner.open(indices | {label})
            for own in indices - {label}:
                value = -rest / number
                if sympy.expand(body - y[index] * rename(value, {own: index})) == 0:
                    above = rename(value, {own: index}) - rename(value, {own: label})
                    others = Contraction((1 - KroneckerDelta(index, label)) * y[index] * above, index)
                    gap = (1 - KroneckerDelta(own, label)) * (value - rename(value, {own: label}))
                    return number * (others - gap)
        return None

    if not reads_logits:
        expression = rewrite(expression, _shifted_direction)
    return rewrite(expression, visit)


def _shifted_direction(node: Expr) -> Expr | None:
    if isinstance(node, Indexed) and node.base == v:
        (index,) = node.indices
        return (1 - KroneckerDelta(index, label)) * (node - v[label])
    return None


def _norms(expression: Expr, is_softmax: bool) -> dict[Expr, Norm]:
    """The sums of squares of which `expression` has roots, and what they are."""
    return {
        power.base: norm
        for power in occurrences(expression, Pow)
        if power.exp.is_Rational and power.exp.q == 2 and (norm := _norm_of(power.base, is_softmax)) is not None
    }


def _norm_of(base: Expr, is_softmax: bool) -> Norm | None:
    """The sum of squares that `base` is; None where it is something else."""
    outer = [factor for factor in Mul.make_args(base) if not factor.has(Contraction)]
    whole = base / Mul(*outer)
    body = _integrand(whole, is_softmax)
    if body is None or any(free_indices(factor) for factor in outer):
        return None
    entry = _square_root(body)
    return None if entry is None else Norm(Mul(*outer) * entry[0], entry[1])


def _integrand(whole: Expr, is_softmax: bool) -> Expr | None:
    """f_i where `whole` is Σ f_i, a number among its terms being that times Σ y_i."""
    parts = []
    for term in Add.make_args(whole):
        number, inner = term.as_coeff_Mul()
        if isinstance(inner, Contraction) and inner.body.is_number is not True:
            parts.append(number * rename(inner.body, {inner.index: i}))
        elif inner == 1 and is_softmax:
            parts.append(number * y[i])
        else:
            return None
    body = Add(*parts)
    return body if free_indices(body) == {i} and not body.has(Contraction) else None


def _square_root(body: Expr) -> tuple[Expr, Expr] | None:
    """A positive number c and w where `body` is c w²; None where it is none."""
    powers = {entry: _HALF if body.has(sympy.sqrt(entry)) else sympy.S.One for entry in occurrences(body, Indexed)}
    names = {entry: Symbol(f"root_{entry.base}", positive=True) for entry in powers}
    known = body.xreplace({entry: name ** (1 / powers[entry]) for entry, name in names.items()})
    if not known.is_polynomial(*known.free_symbols):
        return None
    number, factors = sympy.factor_list(known)
    if not (number.is_Rational and number > 0) or any(exponent % 2 for _, exponent in factors):
        return None
    root = Mul(*(factor ** (exponent // 2) for factor, exponent in factors))
    return number, root.xreplace({name: entry ** powers[entry] for entry, name in names.items()})


def _cancelled(expression: Expr, facts: tuple[Rule, ...]) -> Expr:
    """`expression` with those of its sums multiplied out in which all that is not as small as the norm cancels."""

    def visit(node: Expr) -> Expr | None:
        if not isinstance(node, Add) or not node.has(_NORM):
            return None
        inner = node.func(*(rewrite(term, visit) for term in node.args))
        expanded = normalise(sympy.expand(inner), facts)
        return expanded if apart(expanded, _NORM)[0] != apart(inner, _NORM)[0] else inner

    return rewrite(expression, visit)


def _solved(expression: Expr, entry: Expr) -> Expr:
    """`expression` with one vector of `entry` expressed by the others and the direction."""
    for base in (t, z):
        terms = [term for term in Add.make_args(entry) if term.has(base.label)]
        if len(terms) != 1:
            continue
        (number, power), rest = terms[0].as_coeff_Mul(), entry - terms[0]
        inner, exponent = power.as_base_exp()
        if inner != base[i] or (base == z and entry != terms[0]):
            continue
        value = (_NORM * _DIRECTION[i] - rest) / number

        def visit(node: Expr, base: IndexedBase = base, exponent: Expr = exponent, value: Expr = value) -> Expr | None:
            inner, power = node.as_base_exp()
            if isinstance(inner, Indexed) and inner.base == base:
                times = power / exponent
                if times.is_Integer and times > 0:
                    found: Expr = rename(value, {i: inner.indices[0]}) ** times
                    return found
            return None

        return rewrite(expression, visit)
    return expression
