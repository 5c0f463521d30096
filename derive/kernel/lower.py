"""From a closed form to a kernel: the mathematics as it stands, before any pass makes it stable or fast.

Every sum becomes a named reduction, inner ones first and equal ones once. A sum that is another for each class, as in a
loss over pairs of classes, becomes a vector of sums. y is written out in terms of the logits, so that the passes see
the exponentials.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType

import sympy
from sympy import Add, Expr, Indexed, IndexedBase, KroneckerDelta, Mul, Pow, Symbol
from sympy.codegen.cfunctions import log1p

from derive.catalogue.parameters import Parameter
from derive.errors import TriplesError, UnsupportedError
from derive.kernel import expressions
from derive.kernel.expressions import ONE, ZERO, add, arrays, call, div, mul, neg, power, scalars, select, sub
from derive.kernel.ir import (
    CLASS_COUNT,
    LABEL,
    Array,
    Const,
    Element,
    Expression,
    Kernel,
    Let,
    Map,
    PairSum,
    Reduce,
    Same,
    Scalar,
    Statement,
)
from derive.kernel.names import name_sum
from derive.kernel.odds import Logistic, LogOnePlusExp
from derive.kernel.origins import NOTE as NOTE_ORIGIN
from derive.kernel.origins import FromLargest
from derive.kernel.rests import Below
from derive.kernel.statements import fresh_name
from derive.language.show import text
from derive.notation import Contraction, free_indices, i, j, label, n, rename, y

_FUNCTIONS = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.Abs: "abs",
    sympy.sign: "sign",
    sympy.tanh: "tanh",
    log1p: "log1p",
}

_HALF = Const(Fraction(1, 2))

INDICES: Mapping[int, tuple[Symbol, ...]] = {0: (), 1: (j,), 2: (i, j)}
"""The free indices of a closed form by rank: j for a vector, i (row) and j (column) for a matrix."""


@dataclass(frozen=True)
class Output:
    """What one output array holds: its name, its rank, and the closed form of an entry."""

    name: str
    rank: int
    closed_form: Expr


def lower(
    name: str,
    outputs: Sequence[Output],
    inputs: Sequence[str],
    y_definition: Expr | None = None,
    labels: bool = False,
    size: int | None = None,
    parameters: Mapping[str, Parameter] = MappingProxyType({}),
) -> Kernel:
    """The kernel `name`, which computes `outputs` from the vectors `inputs`.

    Args:
        name: the function's name.
        outputs: what it computes, in the order of the signature.
        inputs: the vectors that it takes, in the order of the signature.
        y_definition: entry i of y in terms of z; None where no closed form has a y.
        labels: whether the kernel takes class labels; `label` in a closed form is the row's.
        size: the fixed number of classes, or None.
        parameters: what is neither a vector of the row nor an index, by its name in the closed forms, as the kernel
            is to call it.

    Raises:
        UnsupportedError: a closed form has a sum or a function that no kernel can compute.
    """
    taken = {*inputs, *(output.name for output in outputs), CLASS_COUNT, *(each.name for each in parameters.values())}
    lowering = _Lowering(name, y_definition, parameters, taken)
    for output in outputs:
        indices = INDICES[output.rank]
        value = lowering.lower(output.closed_form, frozenset(indices))
        bound = tuple(index.name for index in indices)
        lowering.body.append(Map(output.name, bound, value) if bound else Let(output.name, value))
    return Kernel(
        name=name,
        inputs=tuple(Array(vector, 1) for vector in inputs),
        outputs=tuple(Array(output.name, output.rank) for output in outputs),
        body=tuple(lowering.body),
        labels=labels,
        parameters=tuple(parameters.values()),
        work=tuple(lowering.pair_sums.values()),
        n=size,
        notes=(NOTE_ORIGIN,) if lowering.maxima else (),
    )


@dataclass
class _Lowering:
    """The statements so far, and the sums and maxima that they name."""

    kernel: str
    y_definition: Expr | None
    parameters: Mapping[str, Parameter]
    taken: set[str]
    body: list[Statement] = field(default_factory=list)
    sums: dict[Contraction, str] = field(default_factory=dict)
    pair_sums: dict[Expr, str] = field(default_factory=dict)
    maxima: dict[IndexedBase, Scalar] = field(default_factory=dict)

    @property
    def constants(self) -> frozenset[str]:
        """What the scalar parameters are called."""
        return frozenset(each.name for each in self.parameters.values())

    def lower(self, expression: Expr, bound: frozenset[Symbol]) -> Expression:
        """`expression`, in which the indices `bound` are those of the surrounding map or reduction."""
        match expression:
            case sympy.Rational():
                return Const(Fraction(expression.p, expression.q))
            case sympy.Float():
                return Const(Fraction(str(expression)))
            case Symbol() if expression == n:
                return Scalar(CLASS_COUNT)
            case Symbol() if not expression.is_integer and expression.name in self.parameters:
                return Scalar(self.parameters[expression.name].name)
            case Indexed() | FromLargest():
                return self.lower_element(expression, bound)
            case KroneckerDelta():
                left, right = (self.index(index, bound) for index in expression.args)
                return select(Same(left, right), ONE, ZERO)
            case Contraction():
                return self.lower_sum(expression, bound)
            case Add():
                return add(*(self.lower(term, bound) for term in expression.as_ordered_terms()))
            case Mul():
                return self.lower_product(expression, bound)
            case Pow(args=(base, exponent)):
                return self.lower_power(base, exponent, bound)
            case Below() | LogOnePlusExp() | Logistic():
                return self.lower_written(expression, bound)
            case sympy.Max(args=(first, *rest)):
                value = self.lower(first, bound)
                for other in rest:
                    value = call("max", value, self.lower(other, bound))
                return value
        if expression.func in _FUNCTIONS:
            return call(_FUNCTIONS[expression.func], self.lower(expression.args[0], bound))
        if expression == sympy.E:
            return call("exp", ONE)
        raise UnsupportedError(f"kernel {self.kernel}: {expression} is nothing that a kernel can compute")

    def lower_written(self, expression: Expr, bound: frozenset[Symbol]) -> Expression:
        """What no closed form has, and is written for kernels alone."""
        first, *rest = (self.lower(each, bound) for each in expression.args)
        match expression:
            case Below():
                return select(call("less", first, _HALF), *rest)
            case LogOnePlusExp():
                return call("log", add(call("exp", first), ONE))
        return div(ONE, add(call("exp", neg(first)), ONE))

    def lower_element(self, element: Indexed | FromLargest, bound: frozenset[Symbol]) -> Expression:
        if isinstance(element, FromLargest):
            (entry,) = element.args
            return sub(self.lower_element(entry, bound), self.largest_of(entry.base))
        (index,) = element.indices
        if element.base != y:
            name = str(element.base)
            array = self.parameters[name].name if name in self.parameters else name
            return Element(array, self.index(index, bound))
        if self.y_definition is None:
            raise UnsupportedError(f"kernel {self.kernel}: {element} is read, and this activation has no y")
        return self.lower(rename(self.y_definition, {i: index}), bound)

    def index(self, index: Expr, bound: frozenset[Symbol]) -> str:
        if index == label:
            return LABEL
        if isinstance(index, Symbol) and index in bound:
            return str(index.name)
        raise UnsupportedError(f"kernel {self.kernel}: the index {index} is not one of a vector's or a matrix's")

    def lower_product(self, product: Expr, bound: frozenset[Symbol]) -> Expression:
        """Constants and powers of n first, as one coefficient, then the factors over the divisors."""
        coefficient_above: Expression = ONE
        coefficient_below: Expression = ONE
        above: list[Expression] = []
        below: list[Expression] = []
        for factor in product.as_ordered_factors():
            base, exponent = factor.as_base_exp()
            inverted = exponent.could_extract_minus_sign() and not isinstance(factor, sympy.exp)
            lowered = self.lower(base**-exponent if inverted else factor, bound)
            is_number = expressions.is_number(lowered)
            if is_number and inverted:
                coefficient_below = mul(coefficient_below, lowered)
            elif is_number:
                coefficient_above = mul(coefficient_above, lowered)
            elif inverted:
                below.append(lowered)
            else:
                above.append(lowered)
        coefficient = div(coefficient_above, coefficient_below)
        # Dividing by a parameter comes last: the passes know a factor only among the factors of its product.
        constant = [divisor for divisor in below if not arrays(divisor) and scalars(divisor) <= self.constants]
        below = [divisor for divisor in below if divisor not in constant]
        return div(self.divide(coefficient, above, below), mul(*constant))

    def divide(self, coefficient: Expression, above: list[Expression], below: list[Expression]) -> Expression:
        """The coefficient times the factors `above` over those `below`."""
        if not below:
            return mul(coefficient, *above)
        # An exponential and its sum stay one quotient, exp(z)/exp_sum: the passes know a probability by that form.
        *others, last = sorted(above, key=lambda value: expressions.is_call(value, "exp")) or [ONE]
        return mul(coefficient, *others, div(last, mul(*below)))

    def lower_power(self, base: Expr, exponent: Expr, bound: frozenset[Symbol]) -> Expression:
        if exponent.could_extract_minus_sign():
            return div(ONE, self.lower(base**-exponent, bound))
        if exponent == sympy.Rational(1, 2):
            return call("sqrt", self.lower(base, bound))
        return power(self.lower(base, bound), self.lower(exponent, bound))

    def lower_sum(self, contraction: Contraction, bound: frozenset[Symbol]) -> Expression:
        """A named reduction before this statement; factors that depend on an outer index stay outside of it."""
        if not free_indices(contraction) & bound:
            if contraction not in self.sums:
                self.sums[contraction] = self.reduce(contraction)
            return Scalar(self.sums[contraction])
        body, inner = contraction.open()
        apart: list[Expression] = []
        pairs: dict[frozenset[Symbol], list[Expr]] = {}
        for term in _terms(body):
            outside, within = _without_index(term, inner, bound)
            if (swapped := _swapped(within, inner, bound)) is not None:
                apart.append(mul(self.lower(outside, bound), self.lower(swapped, bound)))
            elif outer := free_indices(within) & bound:
                pairs.setdefault(frozenset(outer), []).append(term)
            else:
                apart.append(mul(self.lower(outside, bound), self.lower(Contraction(within, inner), bound)))
        # Where all terms are of the same classes, what is summed stays as it is: multiplied out, it might cancel.
        parts = [Add(*terms) for terms in pairs.values()] if apart or len(pairs) > 1 else [body]
        return add(*apart, *(self.lower_pairs(part, inner, bound) for part in parts if pairs))

    def lower_pairs(self, body: Expr, inner: Symbol, bound: frozenset[Symbol]) -> Expression:
        """The entry, of an outer index's class, of a vector of sums over `inner` that is named before this statement.

        Raises:
            TriplesError: what is summed depends on two outer indices.
        """
        outside, within = _without_index(body, inner, bound)
        outer, *others = sorted(free_indices(within) & bound, key=str)
        if others:
            raise TriplesError(
                f"the {self.kernel} has a sum for each pair of classes, {text(Contraction(body, inner))}, that is no "
                "factor times a sum for each class; kernels go over pairs of classes, and not over triples"
            )
        one, two = (Symbol(name, integer=True) for name in _PAIR)
        renamed = rename(within, {outer: one, inner: two})
        if renamed not in self.pair_sums:
            value = self.lower(renamed, frozenset({one, two}))
            name = fresh_name(name_sum(within, inner, otherwise="pair_sum"), self.taken)
            self.taken.add(name)
            self.pair_sums[renamed] = name
            self.body.append(PairSum(name, _PAIR, value))
        return mul(self.lower(outside, bound), Element(self.pair_sums[renamed], outer.name))

    def largest_of(self, vector: IndexedBase) -> Scalar:
        """The largest entry of an input, a named reduction before this statement."""
        if vector not in self.maxima:
            name = fresh_name(f"{vector}_max", self.taken)
            self.taken.add(name)
            self.body.append(Reduce(name, "max", _LOOP_INDEX, Element(str(vector), _LOOP_INDEX)))
            self.maxima[vector] = Scalar(name)
        return self.maxima[vector]

    def reduce(self, contraction: Contraction) -> str:
        body, index = contraction.open()
        running = Symbol(_LOOP_INDEX, integer=True)
        value = self.lower(rename(body, {index: running}), frozenset({running}))
        name = fresh_name(name_sum(body, index), self.taken)
        self.taken.add(name)
        self.body.append(Reduce(name, "sum", _LOOP_INDEX, value))
        return name


def _terms(expression: Expr) -> list[Expr]:
    """The terms of `expression`, multiplied out; its divisors stay as they are."""
    multiplied = (sympy.expand_mul(term, deep=False) for term in Add.make_args(expression))
    return list(Add(*multiplied).as_ordered_terms())


def _swapped(product: Expr, inner: Symbol, bound: frozenset[Symbol]) -> Expr | None:
    """Σ_k a_k Σ_i b_ijk with k the `inner` index and j an outer one, as Σ_i Σ_k a_k b_ijk; None for another product.

    Where b is a factor of i and j times one of i and k, the sum over k is one for each class then.
    """
    factors = Mul.make_args(product)
    for place, factor in enumerate(factors):
        if (
            isinstance(factor, Contraction)
            and inner in free_indices(factor)
            and _is_of_triples(factor, {inner, *bound})
        ):
            body, index = factor.open(avoid=free_indices(product))
            within = Contraction(Mul(*factors[:place], *factors[place + 1 :], body), inner)
            if not _is_of_triples(within, {index, *bound}):
                return Contraction(within, index)
    return None


def _is_of_triples(contraction: Contraction, bound: AbstractSet[Symbol]) -> bool:
    """Whether a term of a sum depends on its index together with two of the `bound` ones."""
    body, index = contraction.open()
    return any(len(free_indices(_without_index(term, index, bound)[1]) & bound) > 1 for term in _terms(body))


def _without_index(product: Expr, index: Symbol, bound: AbstractSet[Symbol]) -> tuple[Expr, Expr]:
    """The factors of a product without `index`, and those with it, of one more class of those `bound` if that can be.

    exp(2 z_i - z_j - z_k) is exp(z_i - z_j) times exp(z_i - z_k).
    """
    factors = product.as_ordered_factors()
    outside = [factor for factor in factors if index not in free_indices(factor)]
    within = [factor for factor in factors if index in free_indices(factor)]
    if len(others := free_indices(Mul(*within)) & bound) > 1:
        for shared in sorted(others, key=str):
            apart = [_apart(factor, index, shared) for factor in within]
            if free_indices(Mul(*(own for _, own in apart))) & bound == {shared}:
                return Mul(*outside, *(moved for moved, _ in apart)), Mul(*(own for _, own in apart))
    return Mul(*outside), Mul(*within)


def _apart(factor: Expr, index: Symbol, shared: Symbol) -> tuple[Expr, Expr]:
    """What an exponential has besides the difference between the classes at `index` and at `shared`, and that."""
    if not isinstance(factor, sympy.exp):
        return sympy.S.One, factor
    exponent = sympy.expand(factor.args[0])
    own = Add(*(term for term in Add.make_args(exponent) if index in free_indices(term)))
    there = rename(own, {index: shared})
    return sympy.exp(exponent - own + there), sympy.exp(own - there)


_LOOP_INDEX = "j"
"""The index of every reduction to a number; none is nested in another."""

_PAIR = ("j", "k")
"""The indices of sums over pairs: the class that a sum is for, and those that are summed over."""
