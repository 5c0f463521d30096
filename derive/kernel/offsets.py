"""What the exponents of a sum have in common goes in front of it: Σ exp(a_i - c) = exp(-c) Σ exp(a_i).

A contrastive loss is written so, log Σ exp((z_i - z_k)/T), and the sum overflows where z_k is far below the others. It
is the logarithm of a sum that a kernel shifts by its largest term, less c; in a quotient of exponentials c cancels.
"""

import sympy
from sympy import Add, Dummy, Expr, Indexed, Symbol

from derive.calculus.rewrite import rewrite
from derive.kernel.degrees import HIGHEST_POWER, apart
from derive.notation import Contraction, free_indices, occurrences


def take_offsets_out(expression: Expr) -> Expr:
    """`expression` without the offsets of its sums of exponentials, where every one of them cancels."""
    for total in sorted(set(occurrences(expression, Contraction)), key=str):
        if isinstance(total.body, sympy.exp):
            expression = _without_offset(expression, total)
    return expression


def _without_offset(expression: Expr, total: Contraction) -> Expr:
    body, index = total.open()
    terms = Add.make_args(sympy.expand(body.args[0]))
    offset = Add(*(term for term in terms if index not in free_indices(term)))
    shared = {*occurrences(offset, Indexed), *occurrences(offset, Symbol)}
    rest = Contraction(sympy.exp(Add(*terms) - offset), index)
    names = shared - {*occurrences(rest, Indexed), *occurrences(rest, Symbol)}
    if offset == 0 or not names:
        return expression
    factor = Dummy(positive=True)

    def visit(node: Expr) -> Expr | None:
        match node:
            case sympy.log(args=(inner,)) if inner == total:
                return offset + sympy.log(rest)
            case Contraction() if node == total:
                return factor * rest
            case sympy.exp(args=(exponent,)):
                for power in range(1, HIGHEST_POWER + 1):
                    left = sympy.expand(exponent - power * offset)
                    if not names & {*occurrences(left, Indexed), *occurrences(left, Symbol)}:
                        return factor**power * sympy.exp(left)
        return None

    degree, written = apart(rewrite(expression, visit), factor)
    return expression if degree != 0 or written.has(factor) else written
