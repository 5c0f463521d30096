"""Building, walking and rewriting the expressions of a kernel.

The constructors fold constants and flatten sums and products, and write a difference as a sum with a negated term.
`sub` is never taken apart again: it is for a difference whose association matters, such as a logit minus the row's
maximum.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction

from derive.kernel.ir import CLASS_COUNT, Call, Const, Element, Expression, Same, Scalar

ZERO = Const(Fraction(0))
ONE = Const(Fraction(1))


def call(operation: str, *arguments: Expression) -> Call:
    """`operation` of `arguments`, as it stands."""
    return Call(operation, arguments)


def is_call(expression: Expression, operation: str) -> bool:
    """Whether `expression` applies `operation`."""
    return isinstance(expression, Call) and expression.operation == operation


def arguments(expression: Expression, operation: str) -> tuple[Expression, ...]:
    """The arguments of an n-ary `operation`, or `expression` alone where it is something else."""
    if isinstance(expression, Call) and expression.operation == operation:
        return expression.arguments
    return (expression,)


def neg(value: Expression) -> Expression:
    """-value."""
    match value:
        case Const(number):
            return Const(-number)
        case Call("neg", (inner,)):
            return inner
        case Call("sub", (left, right)):
            return sub(right, left)
    return call("neg", value)


def sub(left: Expression, right: Expression) -> Expression:
    """The difference left - right, rounded as one operation whatever surrounds it."""
    return call("sub", left, right)


def add(*terms: Expression) -> Expression:
    """The sum of `terms`."""
    number = Fraction(0)
    rest: list[Expression] = []
    for term in (inner for outer in terms for inner in arguments(outer, "add")):
        if isinstance(term, Const):
            number += term.value
        else:
            rest.append(term)
    if number or not rest:
        rest.append(Const(number))
    return rest[0] if len(rest) == 1 else call("add", *rest)


def mul(*factors: Expression) -> Expression:
    """The product of `factors`, its sign outside."""
    number = Fraction(1)
    rest: list[Expression] = []
    pending = list(reversed(factors))
    while pending:
        match pending.pop():
            case Const(value):
                number *= value
            case Call("neg", (inner,)):
                number = -number
                pending.append(inner)
            case Call("mul", inner_factors):
                pending.extend(reversed(inner_factors))
            case factor:
                rest.append(factor)
    if not number:
        return ZERO
    if abs(number) != 1 or not rest:
        rest.insert(0, Const(abs(number)))
    product = rest[0] if len(rest) == 1 else call("mul", *rest)
    return neg(product) if number < 0 else product


def div(numerator: Expression, denominator: Expression) -> Expression:
    """The quotient numerator/denominator, its sign outside."""
    match numerator, denominator:
        case (_, Const(Fraction(numerator=1, denominator=1))) | (Const(Fraction(numerator=0)), _):
            return numerator
        case Const(above), Const(below) if below:
            return Const(above / below)
        case Const(above), _ if above < 0:
            return neg(call("div", Const(-above), denominator))
        case Call("neg", (inner,)), _:
            return neg(div(inner, denominator))
    return call("div", numerator, denominator)


def power(base: Expression, exponent: Expression) -> Expression:
    """Base ** exponent."""
    if exponent == ONE:
        return base
    if exponent == ZERO or base == ONE:
        return ONE
    match base, exponent:
        case Const(number), Const(Fraction(denominator=1) as whole) if number or whole > 0:
            return Const(number**whole.numerator)
        case Call("neg", (inner,)), Const(Fraction(denominator=1) as whole) if whole % 2 == 0:
            return power(inner, exponent)
    return call("pow", base, exponent)


def select(condition: Expression, if_true: Expression, if_false: Expression) -> Expression:
    """`if_true` where `condition` holds, else `if_false`; no choice where the two are the same."""
    return if_true if if_true == if_false else call("select", condition, if_true, if_false)


_FOLDING: Mapping[str, Callable[..., Expression]] = {
    "add": add,
    "mul": mul,
    "neg": neg,
    "div": div,
    "pow": power,
    "select": select,
}


def rebuild(operation: str, children: tuple[Expression, ...]) -> Expression:
    """`operation` of `children` through its constructor, so that what a rewrite made constant is folded."""
    return _FOLDING[operation](*children) if operation in _FOLDING else call(operation, *children)


Rewrite = Callable[[Expression], Expression | None]


def rewrite(expression: Expression, rule: Rewrite) -> Expression:
    """`expression` with `rule` applied from the outside in; what `rule` returns (None: no match) is final."""
    found = rule(expression)
    if found is not None:
        return found
    if isinstance(expression, Call):
        return rebuild(expression.operation, tuple(rewrite(child, rule) for child in expression.arguments))
    return expression


def walk(expression: Expression) -> Iterator[Expression]:
    """Every node of `expression`, outermost first."""
    yield expression
    if isinstance(expression, Call):
        for child in expression.arguments:
            yield from walk(child)


def left_of(operands: Iterable[Expression], *taken: Expression) -> tuple[Expression, ...]:
    """The operands of a sum or a product that are left when some are taken out, each once: one may be there twice."""
    left = list(operands)
    for each in taken:
        left.remove(each)
    return tuple(left)


def contains(expression: Expression, part: Expression) -> bool:
    """Whether `part` occurs in `expression`."""
    return any(node == part for node in walk(expression))


def indices(expression: Expression) -> frozenset[str]:
    """The indices that `expression` depends on, `LABEL` included."""
    found: set[str] = set()
    for node in walk(expression):
        if isinstance(node, Element):
            found.add(node.index)
        elif isinstance(node, Same):
            found |= {node.left, node.right}
    return frozenset(found)


def arrays(expression: Expression) -> frozenset[str]:
    """The arrays that `expression` reads."""
    return frozenset(node.array for node in walk(expression) if isinstance(node, Element))


def scalars(expression: Expression) -> frozenset[str]:
    """The scalars that `expression` reads, the class count aside."""
    names = frozenset(node.name for node in walk(expression) if isinstance(node, Scalar))
    return names - {CLASS_COUNT}


def is_number(expression: Expression) -> bool:
    """Whether `expression` is the same for all rows: made of constants and the class count alone."""
    return not indices(expression) and not scalars(expression)


def renaming(arrays: Mapping[str, str]) -> Rewrite:
    """The rule that reads other arrays in the place of some."""

    def rule(node: Expression) -> Expression | None:
        return Element(arrays[node.array], node.index) if isinstance(node, Element) and node.array in arrays else None

    return rule


def at(expression: Expression, old: str, new: str) -> Expression:
    """`expression` with the index `old` replaced by `new`."""

    def swap(node: Expression) -> Expression | None:
        match node:
            case Element(array, index) if index == old:
                return Element(array, new)
            case Same(left, right) if old in (left, right):
                return Same(new if left == old else left, new if right == old else right)
        return None

    return rewrite(expression, swap)
