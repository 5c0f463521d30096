"""Σ_i Σ_k a_i b_k exp(z_i - z_k) is the product of Σ_i a_i exp(z_i) and Σ_k b_k exp(-z_k): no pair is looked at."""

import sympy
from sympy import Add, Expr, Mul, Symbol

from derive.calculus.contract import split_factors
from derive.calculus.rewrite import rewrite
from derive.kernel.origins import from_largest
from derive.notation import Contraction, free_indices, label


def factor_double_sums(expression: Expr) -> Expr:
    """`expression` with sums of exponentials of two classes as products of sums, and of entries, of one class each.

    Logarithms and divisors of each class stay as they are: there the differences of logits are what is of a fair size.
    """
    return rewrite(expression, _visit)


def _visit(node: Expr) -> Expr | None:
    match node:
        case sympy.log() | sympy.Pow() if free_indices(node) - {label}:
            return node
        case Contraction():
            return _factored(node)
    return None


def _factored(total: Contraction) -> Expr | None:
    """A sum as a product of what its index does not reach and a sum of one class; None where it is no such product."""
    body, index = total.open()
    factors = [
        part
        for factor in Mul.make_args(rewrite(body, _visit))
        for part in (one_class_each(factor) if _is_of_classes(factor, index) else (factor,))
    ]
    fixed, running = split_factors(Mul(*factors), index)
    if not any(isinstance(factor, sympy.exp) for factor in fixed) and Mul(*fixed, running) == body:
        return None
    return None if free_indices(running) - {index, label} else Mul(*fixed, Contraction(running, index))


def _is_of_classes(factor: Expr, index: Symbol) -> bool:
    """Whether a factor is an exponential of a class other than that of `index`."""
    return isinstance(factor, sympy.exp) and bool(free_indices(factor) - {index, label})


def one_class_each(exponential: Expr) -> tuple[Expr, ...]:
    """The factors of an exponential, one for each class: exp(z_i - z_k) as exp(d_i) and exp(-d_k), d = z - max z."""
    if len(free_indices(exponential)) == 1:
        return (exponential,)
    exponents: dict[frozenset[Symbol], list[Expr]] = {}
    for term in Add.make_args(sympy.expand(from_largest(exponential.args[0]))):
        exponents.setdefault(free_indices(term), []).append(term)
    return tuple(sympy.exp(Add(*terms)) for terms in exponents.values())
