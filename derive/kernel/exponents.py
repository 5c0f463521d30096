"""One exponent has one spelling, so that an exponential is known again where it divides.

Logarithms have no exponentials among their factors: log(exp(a)/x) is a - log x, and the two may all but cancel.
"""

import sympy
from sympy import Add, Expr, Integer, Mul, Pow

from derive.calculus.rewrite import rewrite
from derive.kernel.degrees import HIGHEST_POWER
from derive.notation import occurrences


def spell_alike(expression: Expr) -> Expr:
    """`expression` with exponents that are the same, or multiples of another, written as the shortest of them is.

    The logarithm of 1/x is that of x with a minus, and that of a product with exponentials a sum with their exponents.
    """
    bases: dict[Expr, Expr] = {}
    for exponent in sorted(
        {node.args[0] for node in occurrences(expression, sympy.exp)}, key=lambda each: (len(str(each)), str(each))
    ):
        bases.setdefault(sympy.expand(exponent), exponent)

    def visit(node: Expr) -> Expr | None:
        match node:
            case sympy.log(args=(Pow(base=base, exp=Integer(p=-1)),)):
                return -rewrite(sympy.log(base), visit)
            case sympy.log(args=(Mul(args=factors),)) if any(isinstance(each, sympy.exp) for each in factors):
                exponents = [each.args[0] for each in factors if isinstance(each, sympy.exp)]
                rest = Mul(*(each for each in factors if not isinstance(each, sympy.exp)))
                return Add(*exponents, rewrite(sympy.log(rest), visit))
            case sympy.exp(args=(exponent,)):
                expanded = sympy.expand(exponent)
                for times in range(HIGHEST_POWER, 0, -1):
                    if (base := bases.get(sympy.expand(expanded / times))) is not None:
                        return sympy.exp(times * rewrite(base, visit))
        return None

    return rewrite(expression, visit)
