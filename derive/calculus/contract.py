"""Sums over the classes: the named rules that take them apart, evaluate them and put facts in."""

from collections.abc import Mapping

import sympy
from sympy import Expr, KroneckerDelta, Symbol

from derive import notation
from derive.calculus.rewrite import Rule, expand, replace, rewrite
from derive.catalogue.model import Assumption
from derive.notation import Contraction, free_indices, occurrences, rename


def _pull_out(node: Expr) -> Expr | None:
    """Σ_k c f_k = c Σ_k f_k."""
    if not isinstance(node, Contraction):
        return None
    body, index = node.open()
    fixed, running = split_factors(body, index)
    return sympy.Mul(*fixed, Contraction(running, index)) if fixed and running != 1 else None


def split_factors(body: Expr, index: Symbol) -> tuple[list[Expr], Expr]:
    """The factors of `body` that do not run with `index`, and the product of the rest."""
    factors = sympy.Mul.make_args(body)
    fixed = [factor for factor in factors if index not in free_indices(factor)]
    return fixed, sympy.Mul(*(factor for factor in factors if index in free_indices(factor)))


def _distribute(node: Expr) -> Expr | None:
    """Σ_k f_k (a_k + b) = Σ_k f_k a_k + b Σ_k f_k, where some term holds a δ of the index, or b another index."""
    if not isinstance(node, Contraction):
        return None
    body, index = node.open()
    if isinstance(body, sympy.Mul) and not _is_mixed(body, index):
        return None
    expanded = _expand_mixed(body, index)
    if not isinstance(expanded, sympy.Add):
        return None
    if not any(_is_mixed(term, index) or index not in free_indices(term) for term in (body, *expanded.args)):
        return None
    return sympy.Add(*(_contract_term(term, index) for term in expanded.args))


def _expand_mixed(body: Expr, index: Symbol) -> Expr:
    """`body` multiplied out as far as its deltas of `index` and other indices in it need; the rest stays whole."""
    kept: dict[Expr, Expr] = {}

    def hide(node: Expr) -> Expr | None:
        if not _is_mixed(node, index):
            return kept.setdefault(node, sympy.Dummy(f"c{len(kept)}")) if node.args else node
        return None if isinstance(node, (sympy.Add, sympy.Mul, sympy.Pow)) else node

    terms = (rewrite(term, hide) for term in sympy.Add.make_args(body))
    expanded = expand(sympy.Add(*terms))
    return replace(expanded, {symbol: node for node, symbol in kept.items()})


def _contract_term(term: Expr, index: Symbol) -> Expr:
    fixed, running = split_factors(term, index)
    return sympy.Mul(*fixed, Contraction(running, index))


def _is_mixed(expression: Expr, index: Symbol) -> bool:
    """Whether `expression` runs with `index`, and some part of it must come apart for its sum to be one number a row.

    That is a δ of the index, or a sum of terms in which beside it another index stands, or a finished sum: a kernel
    would have to wait for that one before it could begin with this.
    """
    free = free_indices(expression)
    if index not in free:
        return False
    if _has_delta(expression, index):
        return True
    if isinstance(expression, sympy.Mul):
        return any(_is_mixed(factor, index) for factor in expression.args)
    is_whole = isinstance(expression, sympy.Pow) and expression.exp.is_Integer and expression.exp > 0
    base = expression.base if is_whole else expression
    return isinstance(base, sympy.Add) and (
        not free <= {index, notation.label}
        or any(isinstance(factor, Contraction) for term in base.args for factor in sympy.Mul.make_args(term))
        or any(_is_mixed(term, index) for term in base.args)
    )


def _has_delta(expression: Expr, index: Symbol) -> bool:
    return any(index in delta.args for delta in occurrences(expression, KroneckerDelta))


def _delta(node: Expr) -> Expr | None:
    """Σ_k δ_kj f_k = f_j."""
    if not isinstance(node, Contraction):
        return None
    body, index = node.open()
    for factor in sympy.Mul.make_args(body):
        if isinstance(factor, KroneckerDelta) and index in factor.args:
            (other,) = (argument for argument in factor.args if argument != index)
            return rename(body / factor, {index: other})
    return None


def _count(node: Expr) -> Expr | None:
    """Σ_k c = n c."""
    if isinstance(node, Contraction) and node.index not in free_indices(node.body):
        return notation.n * node.body
    return None


def _repeated_delta(node: Expr) -> Expr | None:
    """δ_ij f_j = δ_ij f_i: where two indices are equal, write the first."""
    if not isinstance(node, sympy.Mul):
        return None
    for factor in node.args:
        if isinstance(factor, KroneckerDelta):
            first, second = sorted(factor.args, key=lambda index: (index != notation.label, str(index)))
            rest = sympy.Mul(*(other for other in node.args if other != factor))
            if second in free_indices(rest):
                return factor * rename(rest, {second: first})
    return None


def _powers(node: Expr) -> Expr | None:
    """x^a x^b = x^(a+b), x y/√(x y) = √(x y), and 1/(c x + c y) = 1/(c (x + y)): what SymPy leaves."""
    if isinstance(node, sympy.Pow) and isinstance(node.base, sympy.Add) and node.exp.is_Integer:
        content, primitive = node.base.primitive()
        return content**node.exp * primitive**node.exp if content != 1 else None
    if not isinstance(node, sympy.Mul):
        return None
    exponents: dict[Expr, list[Expr]] = {}
    for factor in node.args:
        # exp z_i exp z_j stays as it is: that is how y_i y_j is recognised.
        base, exponent = (factor, sympy.S.One) if isinstance(factor, sympy.exp) else factor.as_base_exp()
        exponents.setdefault(base, []).append(exponent)
    powers = {base: sympy.Add(*each) for base, each in exponents.items()}
    absorbed = _absorb(powers)
    if absorbed is None and all(len(each) == 1 for each in exponents.values()):
        return None
    return sympy.Mul(*(base**exponent for base, exponent in (absorbed or powers).items()))


def _absorb(powers: Mapping[Expr, Expr]) -> dict[Expr, Expr] | None:
    """The powers of a product with x y (x y)^(c−1) as (x y)^c, which SymPy leaves where x and y may be negative."""
    for product, exponent in powers.items():
        if not isinstance(product, sympy.Mul) or not exponent.as_coeff_Add()[0].is_negative:
            continue
        parts = dict(factor.as_base_exp() for factor in product.args)
        left = {base: powers[base] - part for base, part in parts.items() if base in powers}
        if len(left) == len(parts) and all(each.is_nonnegative for each in left.values()):
            whole = {**powers, **left, product: exponent + 1}
            return _absorb(whole) or whole
    return None


def fact(name: str, reason: str, left: Contraction, right: Expr, assumptions: tuple[Assumption, ...] = ()) -> Rule:
    """The rule that puts in a sum that is known, and Σ (f + c y) = Σ f + c Σ y with it."""

    def visit(node: Expr) -> Expr | None:
        if node == left:
            return right
        if not (isinstance(node, Contraction) and isinstance(node.body, sympy.Add)):
            return None
        body, index = node.open()
        entry = rename(left.body, {left.index: index})
        multiples = [term / entry for term in body.args if (term / entry).is_number]
        if not multiples:
            return None
        rest = sympy.Add(*(term for term in body.args if not (term / entry).is_number))
        return sympy.Add(*multiples) * right + (Contraction(rest, index) if rest != 0 else 0)

    return Rule(name, reason, visit, assumptions)


def assumed(assumption: Assumption) -> Rule:
    """The rule that puts in a sum that is assumed."""
    return fact(f"{assumption.id} assumed", assumption.statement, assumption.left, assumption.right, (assumption,))


PULL_OUT = Rule("pull out of the sum", "a factor that does not run with the index leaves the sum", _pull_out)
DISTRIBUTE = Rule("linearity of the sum", "the sum of several terms is the sum of each", _distribute)
DELTA = Rule("Kronecker delta", "the delta leaves only the term at which its indices agree", _delta)
COUNT = Rule("count the classes", "a term that does not run with the index is added n times", _count)
SAME_INDEX = Rule(
    "equal indices", "the delta is zero unless its indices agree, so either may be written", _repeated_delta
)

POWERS = Rule("laws of powers", "powers of one base multiply by adding their exponents", _powers)

RULES = (COUNT, DELTA, DISTRIBUTE, PULL_OUT, SAME_INDEX, POWERS)
"""Every rule of sums, in the order in which they are tried."""


def normalise(expression: Expr, facts: tuple[Rule, ...] = ()) -> Expr:
    """The expanded form: a sum of products, sums over the classes taken apart and evaluated as far as they go."""

    def flatten(node: Expr) -> Expr | None:
        if isinstance(node, Contraction):
            body, index = node.open()
            terms = sympy.Add.make_args(expand(rewrite(body, flatten)))
            return sympy.Add(*(_evaluate(_contract_term(term, index)) for term in terms))
        return None

    previous = None
    while expression != previous:
        previous = expression
        expression = expand(rewrite(expression, flatten))
        for rule in (*facts, SAME_INDEX, POWERS):
            expression = expand(rewrite(expression, rule.visit))
    return expression


def _evaluate(expression: Expr) -> Expr:
    """A contracted term with its delta or its constant body evaluated."""

    def visit(node: Expr) -> Expr | None:
        replaced = _delta(node)
        return replaced if replaced is not None else _count(node)

    return rewrite(expression, visit)
