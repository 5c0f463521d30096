"""Evaluate an index expression at a point: a number of classes, values for the vectors, definitions for the rest.

Derivatives are taken here by dual numbers, from the definition: this module shares no rule with the engine it checks.
"""

import dataclasses
import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import count
from typing import Any

import sympy
from sympy import Expr, Indexed, IndexedBase, KroneckerDelta, Symbol, factorint

from derive import notation
from derive.errors import UnsupportedError
from derive.notation import Contraction, Partial, free_indices, occurrences
from derive.proof.arithmetic import add_up, apply, invert, multiply, power, raise_to, take_root
from derive.proof.dual import Dual, Number, derivative, split
from derive.proof.exponents import entries, spell_out, take_out
from derive.proof.field import Field, Reals
from derive.proof.signs import is_positive

Definitions = Mapping[IndexedBase | Symbol, tuple[Symbol | None, Expr]]
"""What a name stands for: its entry at an index for a vector, an expression without one for a scalar."""

_FUNCTIONS = {sympy.Abs: "abs", sympy.sign: "sign"}


@dataclass(frozen=True)
class Point:
    """Where an expression is evaluated.

    Attributes:
        field: the numbers.
        n: the number of classes.
        values: numbers for each class of a vector, or one for a scalar. A name without a value or a definition is an
            unknown of the field.
        definitions: what the other names stand for. A derivative with respect to the logits goes through them.
        indices: the class that each free index has, counted from 0.
        level: how many derivatives are being taken around this point.
        name: what the innermost of them perturbs, and `outer` the point before it did.
        memory: what was evaluated here before, by expression and classes; `shifted` the points after a perturbation.
    """

    field: Field
    n: int
    values: Mapping[IndexedBase | Symbol, Any] = dataclasses.field(default_factory=dict)
    definitions: Definitions = dataclasses.field(default_factory=dict)
    indices: Mapping[Symbol, int] = dataclasses.field(default_factory=dict)
    level: int = 0
    name: IndexedBase | Symbol | None = None
    outer: "Point | None" = None
    memory: dict[Any, Number] = dataclasses.field(default_factory=dict, compare=False)
    shifted: dict[Any, "Point"] = dataclasses.field(default_factory=dict, compare=False)

    def at(self, indices: Mapping[Symbol, int]) -> "Point":
        """This point with further indices fixed: a copy, which takes a quarter of the time of a new one."""
        point = object.__new__(Point)
        point.__dict__.update(self.__dict__, indices={**self.indices, **indices})
        return point

    def entry(self, base: IndexedBase, number: int) -> Number:
        """The value of a vector at a class."""
        if base in self.values:
            return self.values[base][number]
        key = (base, number, self.indices.get(notation.label))
        if key not in self.memory:
            if base in self.definitions:
                index, definition = self.definitions[base]
                self.memory[key] = evaluate(definition, self.at({index: number}))
            else:
                self.memory[key] = self.field.unknown(str(base.label), number)
        return self.memory[key]

    def scalar(self, symbol: Symbol) -> Number:
        """The value of a name without an index."""
        if symbol in self.values:
            return self.values[symbol]
        if symbol == notation.n:
            return self.field.number(self.n)
        if symbol in self.definitions:
            key = (symbol, self.indices.get(notation.label))
            if key not in self.memory:
                self.memory[key] = evaluate(self.definitions[symbol][1], self)
            return self.memory[key]
        return self.field.unknown(symbol.name)

    def perturbed(self, variable: Expr) -> "Point":
        """This point with ε added to `variable`, one level up; whatever is defined by it is computed anew."""
        number = self.indices_of(variable)[0] if isinstance(variable, Indexed) else None
        name = variable.base if isinstance(variable, Indexed) else variable
        if (name, number) not in self.shifted:
            level, one = self.level + 1, self.field.number(1)
            shifted: Any
            if number is None:
                shifted = Dual(self.scalar(name), one, level)
            else:
                shifted = [self.entry(name, other) for other in range(self.n)]
                shifted[number] = Dual(shifted[number], one, level)
            values = {**self.values, name: shifted}
            self.shifted[name, number] = replace(
                self, values=values, level=level, name=name, outer=self, memory={}, shifted={}
            )
        return self.shifted[name, number].at(self.indices)

    def definition(self, node: Indexed) -> "tuple[Expr, Point] | None":
        """What the entry of a vector stands for, and where to evaluate it; None where it stands for itself."""
        if node.base in self.values or node.base not in self.definitions:
            return None
        index, definition = self.definitions[node.base]
        return definition, self.at({index: self.indices_of(node)[0]})

    def before(self, node: Indexed) -> "Point | None":
        """The point before ε was added, if it was added to the vector of `node`, with the indices of this one."""
        if self.outer is None or self.name != node.base:
            return None
        return self.outer.at(self.indices)

    def indices_of(self, node: Expr) -> list[int]:
        """The classes at the indices of a vector's entry or of a Kronecker delta."""
        indices = node.indices if isinstance(node, Indexed) else node.args
        return [self.indices[index] if isinstance(index, Symbol) else int(index) - 1 for index in indices]


Program = Callable[[Point], Number]
"""What evaluates one expression. It has been looked through once, and then is evaluated at many points and classes."""

_cached = lru_cache(maxsize=2**16)
"""Keeps the programs of expressions: those of a derivation's steps differ in a small part."""
_numbers = count()


def evaluate(expression: Expr, point: Point) -> Number:
    """The value of `expression` at `point`; explicit class numbers count from 1.

    The point remembers what it was asked: the steps of a derivation differ in a small part, and sums recur.

    Raises:
        UnsupportedError: the expression holds a node that has no meaning here.
        BadPointError: a denominator is zero at this point.
    """
    return _program(expression)(point)


def _remembered(program: Program, indices: Collection[Symbol]) -> Program:
    """`program`, asked once for each choice of classes for its free `indices` and for the label."""
    number, label = next(_numbers), notation.label
    order = sorted(indices, key=str)
    only = order[0] if len(order) == 1 else None

    def recall(point: Point) -> Number:
        classes = point.indices
        if only is not None:
            key: tuple[Any, ...] = (number, classes.get(only), classes.get(label))
        else:
            key = (number, *[classes.get(index) for index in order], classes.get(label))
        found = point.memory.get(key)
        if found is None:
            found = point.memory[key] = program(point)
        return found

    return recall


@_cached
def _program(expression: Expr) -> Program:
    match expression:
        case Indexed():
            return _entry_program(expression)
        case Symbol():
            return lambda point: point.scalar(expression)
        case KroneckerDelta():
            return lambda point: point.field.number(int(operator.eq(*point.indices_of(expression))))
        case sympy.exp():
            return _exp_program(expression.args[0])
        case sympy.core.numbers.Exp1():
            return _exp_program(sympy.Integer(1))
    return _remembered(_program_anew(expression), free_indices(expression))


def _entry_program(entry: Indexed) -> Program:
    base, index = entry.args  # not remembered: a point has the entries of its vectors at hand
    if isinstance(index, Symbol):
        return lambda point: point.entry(base, point.indices[index])
    number = int(index) - 1
    return lambda point: point.entry(base, number)


def _program_anew(expression: Expr) -> Program:
    match expression:
        case sympy.Mul():
            return _product(map(_program, expression.args))
        case sympy.Add():
            return _sum(map(_program, expression.args))
        case sympy.Rational():
            exact = int(expression) if expression.is_Integer else Fraction(int(expression.p), int(expression.q))
            return lambda point: point.field.number(exact)
        case sympy.log():
            return _log_program(expression.args[0])
        case sympy.Pow():
            return _power_program(expression.base, expression.exp)
        case Contraction():
            return _contraction_program(expression)
        case Partial():
            return _partial_program(expression)
        case sympy.tanh():
            return _tanh_program(expression.args[0])
        case sympy.Abs() | sympy.sign():
            function, argument = _FUNCTIONS[expression.func], _program(expression.args[0])
            return lambda point: apply(function, argument(point), point.field)
        case sympy.re():  # SymPy's |exp z|, whose z may be complex to it
            return _program(expression.args[0])
    raise UnsupportedError(f"cannot evaluate {type(expression).__name__} in {expression}")


def _product(factors: Iterable[Program]) -> Program:
    programs = tuple(factors)
    return lambda point: multiply([program(point) for program in programs], point.field)


def _sum(terms: Iterable[Program]) -> Program:
    programs = tuple(terms)
    return lambda point: add_up([program(point) for program in programs], point.field)


def _contraction_program(contraction: Contraction) -> Program:
    index, body = contraction.index, _program(contraction.body)

    def run(point: Point) -> Number:
        terms, inner = [], point.at({index: 0})
        classes: Any = inner.indices  # a copy; a point that is made of `inner` and kept is asked with its own classes
        for number in range(point.n):
            classes[index] = number
            terms.append(body(inner))
        return add_up(terms, point.field)

    return run


def _partial_program(partial: Partial) -> Program:
    variable, body = partial.variable, _program(partial.body)

    def run(point: Point) -> Number:
        shifted = point.perturbed(variable)
        slope = derivative(body(shifted), shifted.level)
        return slope if slope != 0 else point.field.number(0)

    return run


def _tanh_program(argument: Expr) -> Program:
    """tanh; in an exact field by exponentials, tanh x = 1 − 2/(exp 2x + 1), whose laws hold there."""
    by_exponentials, inner = _program(1 - 2 / (sympy.exp(2 * argument) + 1)), _program(argument)

    def run(point: Point) -> Number:
        return apply("tanh", inner(point), point.field) if isinstance(point.field, Reals) else by_exponentials(point)

    return run


def _root_program(program: Program, exponent: sympy.Rational) -> Program:
    """A power of what `program` gives, by a root and a whole power."""
    p, q = int(exponent.p), int(exponent.q)
    return lambda point: raise_to(take_root(program(point), q, point.field), p, point.field)


@_cached
def _exp_program(argument: Expr) -> Program:
    """exp, with exp(a + b) = exp a · exp b, exp(m a) = (exp a)^m for rational m and exp(c log a) = a^c."""
    return _remembered(_exp_anew(sympy.expand(argument)), free_indices(argument))


def _exp_anew(argument: Expr) -> Program:
    if isinstance(argument, sympy.Add):
        return _product(map(_exp_program, argument.args))
    coefficient, rest = argument.as_coeff_Mul()
    if rest == 1:
        return _root_program(lambda point: apply("exp", point.field.number(1), point.field), coefficient)
    logarithm = next((factor for factor in sympy.Mul.make_args(rest) if isinstance(factor, sympy.log)), None)
    if logarithm is not None:
        return _power_program(logarithm.args[0], argument / logarithm)
    if coefficient != 1:
        return _root_program(_exp_program(rest), coefficient)
    inner = _program(argument)
    return lambda point: apply("exp", inner(point), point.field)


@_cached
def _log_program(argument: Expr) -> Program:
    """log, with log(ab) = log a + log b, log a^c = c log a and log exp a = a, through what a name stands for.

    Of an even power of what may be negative, log (y − t)², c log a is the logarithm of a negative number, and not used.
    """
    if not isinstance(argument, (sympy.Add, Indexed)):
        return _log_of_product(argument)
    value = _program(argument)

    def run(point: Point) -> Number:
        if (outer := _before(argument, point)) is not None:
            (before, change), level = split(value(point), point.level), point.level
            logarithm = run(outer)
            return logarithm if change == 0 else Dual(logarithm, invert(before, point.field) * change, level)
        if isinstance(argument, Indexed):
            return _log_of_product(argument)(point)
        product, exponent = _one_product(argument, point)
        if exponent != 0:
            return evaluate(exponent, point) + _log_program(product)(point)
        return _log_of_product(product)(point)

    return run


@_cached
def _log_of_product(argument: Expr) -> Program:
    """The logarithm of what is written as one product, or is none."""
    match argument:
        case sympy.Mul():
            return _sum(map(_log_program, argument.args))
        case sympy.exp():
            return _program(argument.args[0])
        case sympy.Pow() if is_positive(argument.base) or not argument.exp.is_even:
            exponent, base = _program(argument.exp), _log_program(argument.base)
            return lambda point: exponent(point) * base(point)
        case sympy.Rational() if argument > 0:
            primes = {**factorint(argument.p), **{prime: -count for prime, count in factorint(argument.q).items()}}
            return lambda point: add_up(
                [_log_prime(prime, point) * point.field.number(count) for prime, count in primes.items() if prime != 1],
                point.field,
            )
    value = _program(argument)

    def run(point: Point) -> Number:
        if isinstance(argument, Indexed) and (definition := point.definition(argument)) is not None:
            meaning, inner = definition
            return _log_program(meaning)(inner)
        number = value(point)
        return point.field.number(0) if number == point.field.number(1) else apply("log", number, point.field)

    return run


def _before(argument: Expr, point: Point) -> Point | None:
    """The point before ε was added to what the sum or entry `argument` is made of; None where it was not."""
    if point.outer is None or not isinstance(argument, (sympy.Add, Indexed)):
        return None
    outers = (point.before(entry) for entry in occurrences(argument, Indexed))
    return next((outer for outer in outers if outer is not None), None)


def _one_product(total: Expr, point: Point) -> tuple[Expr, Expr]:
    """A sum whose logarithm is sought as one product times exp(e), where it can be written so: that product, and e.

    1 − y becomes what it is by the definition of y, terms that are 0 here vanish, and 1 + exp(−a) is
    exp(−a) (exp a + 1), so that the logarithm of a sum of exponentials has one form.
    """
    found = entries(total)
    meanings = {entry: _meaning(entry, point) for entry in found}
    known = {entry: meaning for entry, meaning in meanings.items() if meaning is not None}
    if known or len({entry.indices for entry in found}) == 1:
        total = spell_out(total, tuple(known.items()))
    if isinstance(total, sympy.Add) and any(entry.base in point.values for entry in found):
        left = [term for term in total.args if evaluate(term, point) != point.field.number(0)]
        total = total if len(left) == len(total.args) else sympy.Add(*left)
    return take_out(total)


def _meaning(entry: Indexed, point: Point) -> Expr | None:
    """What an entry stands for at its own class; None where it stands for itself, or for what other classes do too."""
    definition = None if point.before(entry) is not None else point.definition(entry)
    if definition is None or definition[0].has(Contraction):
        return None
    return notation.rename(definition[0], dict.fromkeys(free_indices(definition[0]), entry.indices[0]))


def _log_prime(prime: int, point: Point) -> Number:
    return point.field.apply("log", point.field.number(prime))


@_cached
def _power_program(base: Expr, exponent: Expr) -> Program:
    """A power, with a^(b+c) = a^b a^c, and for positive a (ab)^c = a^c b^c and (a^b)^c = a^(bc).

    A sum may be negative: the root of (y − t)² is not y − t.
    """
    if exponent.is_Integer:
        inner, whole = _program(base), int(exponent)
        return lambda point: raise_to(inner(point), whole, point.field)
    match base:
        case sympy.exp():
            return _exp_program(base.args[0] * exponent)
        case sympy.Mul() if any(map(is_positive, base.args)):
            positive = [factor for factor in base.args if is_positive(factor)]
            rest = sympy.Mul(*(factor for factor in base.args if factor not in positive))
            return _product(_power_program(factor, exponent) for factor in (*positive, rest) if factor != 1)
        case sympy.Pow() if is_positive(base.base):
            return _power_program(base.base, base.exp * exponent)
        case Indexed():
            return _entry_power_program(base, exponent)
    return _general_power_program(base, exponent)


def _entry_power_program(base: Indexed, exponent: Expr) -> Program:
    """A power of the entry of a vector: of what it stands for, and before ε was added to it."""
    entry, power_of, general = _program(base), _program(exponent), _general_power_program(base, exponent)
    varies = bool(free_indices(exponent))

    def run(point: Point) -> Number:
        is_constant = split(power_of(point), point.level)[1] == 0
        if is_constant and (outer := point.before(base)) is not None:
            (value, change), level = split(entry(point), point.level), point.level
            unchanged = run(outer)
            slope = multiply([unchanged, power_of(outer), invert(value, point.field)], point.field)
            return unchanged if change == 0 else Dual(unchanged, slope * change, level)
        if not varies and (definition := point.definition(base)) is not None:
            meaning, inner = definition
            return _power_program(meaning, exponent)(inner)
        return general(point)

    return run


def _general_power_program(base: Expr, exponent: Expr) -> Program:
    exponent = sympy.expand(exponent)
    if isinstance(exponent, sympy.Add):
        return _product(_power_program(base, term) for term in exponent.args)
    coefficient, rest = exponent.as_coeff_Mul()
    if rest == 1:
        return _root_program(_program(base), coefficient)
    if coefficient != 1:
        return _root_program(_power_program(base, rest), coefficient)
    value, power_of = _program(base), _program(exponent)
    return lambda point: power(value(point), power_of(point), point.field)
