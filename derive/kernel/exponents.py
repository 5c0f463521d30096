"""One exponent has one spelling, so that an exponential is known again where it divides, and log(1/x) is -log x."""

import sympy
from sympy import Expr, Integer, Pow

from derive.calculus.rewrite import rewrite
from derive.kernel.degrees import HIGHEST_POWER
from derive.notation import occurrences


def spell_alike(expression: Expr) -> Expr:
    """`expression` with exponents that are the same, or multiples of another, written as the shortest of them is."""
    bases: dict[Expr, Expr] = {}
    for exponent in sorted(
        {node.args[0] for node in occurrences(expression, sympy.exp)}, key=lambda each: len(str(each))
    ):
        bases.setdefault(sympy.expand(exponent), exponent)

    def visit(node: Expr) -> Expr | None:
        match node:
            case sympy.log(args=(Pow(base=base, exp=Integer(p=-1)),)):
                return -sympy.log(rewrite(base, visit))
            case sympy.exp(args=(exponent,)):
                expanded = sympy.expand(exponent)
                for times in range(HIGHEST_POWER, 0, -1):
                    if (base := bases.get(sympy.expand(expanded / times))) is not None:
                        return sympy.exp(times * rewrite(base, visit))
        return None

    return rewrite(expression, visit)
