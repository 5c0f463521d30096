"""Evaluate an index expression at a point: a number of classes, values for the vectors, definitions for the rest.

Derivatives are taken here by dual numbers, from the definition: this module shares no rule with the engine it checks.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

import sympy
from sympy import Expr, Indexed, IndexedBase, KroneckerDelta, Symbol, factorint

from derive import notation
from derive.errors import UnsupportedError
from derive.notation import Contraction, Partial, free_indices, occurrences
from derive.proof.arithmetic import add_up, apply, invert, multiply, power, raise_to, take_root
from derive.proof.dual import Dual, Number, derivative, split
from derive.proof.field import Field

Definitions = Mapping[IndexedBase | Symbol, tuple[Symbol | None, Expr]]
"""What a name stands for: its entry at an index for a vector, an expression without one for a scalar."""

_FUNCTIONS = {sympy.tanh: "tanh", sympy.Abs: "abs", sympy.sign: "sign"}


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


def evaluate(expression: Expr, point: Point) -> Number:
    """The value of `expression` at `point`; explicit class numbers count from 1.

    The point remembers what it was asked: the steps of a derivation differ in a small part, and sums recur.

    Raises:
        UnsupportedError: the expression holds a node that has no meaning here.
        BadPointError: a denominator is zero at this point.
    """
    if isinstance(expression, Indexed):
        base, index = expression.args  # not remembered: that two entries are equal takes SymPy longer to find
        return point.entry(base, point.indices[index] if isinstance(index, Symbol) else int(index) - 1)
    if isinstance(expression, Symbol):
        return point.scalar(expression)
    if isinstance(expression, KroneckerDelta) or not expression.args:
        return _evaluate(expression, point)
    key = _key(expression, point)
    found = point.memory.get(key)
    if found is None:
        found = point.memory[key] = _evaluate(expression, point)
    return found


def _key(expression: Expr, point: Point) -> tuple[Any, ...]:
    """What the value of an expression depends on at a point."""
    indices = point.indices
    return (expression, *map(indices.get, _order(expression)), indices.get(notation.label))


@cache
def _exact(number: sympy.Rational) -> Fraction | int:
    return int(number) if number.is_Integer else Fraction(int(number.p), int(number.q))


@cache
def _order(expression: Expr) -> tuple[Symbol, ...]:
    """The free indices of `expression`, always in the same order."""
    return tuple(sorted(free_indices(expression), key=str))


def _evaluate(expression: Expr, point: Point) -> Number:
    match expression:
        case sympy.Mul():
            return multiply([evaluate(factor, point) for factor in expression.args], point.field)
        case sympy.Add():
            return add_up([evaluate(term, point) for term in expression.args], point.field)
        case sympy.Rational():
            return point.field.number(_exact(expression))
        case KroneckerDelta():
            left, right = point.indices_of(expression)
            return point.field.number(int(left == right))
        case sympy.exp():
            return _exp(expression.args[0], point)
        case sympy.core.numbers.Exp1():
            return _exp(sympy.Integer(1), point)
        case sympy.log():
            return _log(expression.args[0], point)
        case sympy.Pow():
            return _power(expression.base, expression.exp, point)
        case Contraction():
            body, index = expression.body, expression.index
            return add_up([evaluate(body, point.at({index: number})) for number in range(point.n)], point.field)
        case Partial():
            shifted = point.perturbed(expression.variable)
            slope = derivative(evaluate(expression.body, shifted), shifted.level)
            return slope if slope != 0 else point.field.number(0)
        case sympy.tanh() | sympy.Abs() | sympy.sign():
            return apply(_FUNCTIONS[expression.func], evaluate(expression.args[0], point), point.field)
    raise UnsupportedError(f"cannot evaluate {type(expression).__name__} in {expression}")


def _exp(argument: Expr, point: Point) -> Number:
    """exp, with exp(a + b) = exp a · exp b, exp(m a) = (exp a)^m for rational m and exp(c log a) = a^c."""
    key = ("exp", *_key(argument, point))
    found = point.memory.get(key)
    if found is None:
        found = point.memory[key] = _exp_anew(argument, point)
    return found


def _exp_anew(argument: Expr, point: Point) -> Number:
    argument, coefficient, rest, logarithm = _parts_of_exponent(argument)
    if isinstance(argument, sympy.Add):
        return multiply([_exp(term, point) for term in argument.args], point.field)
    if rest == 1:
        e = apply("exp", point.field.number(1), point.field)
        return raise_to(take_root(e, int(coefficient.q), point.field), int(coefficient.p), point.field)
    if logarithm is not None:
        return _power(logarithm.args[0], argument / logarithm, point)
    if coefficient != 1:
        return raise_to(take_root(_exp(rest, point), int(coefficient.q), point.field), int(coefficient.p), point.field)
    return apply("exp", evaluate(argument, point), point.field)


@cache
def _parts_of_exponent(argument: Expr) -> tuple[Expr, Expr, Expr, Expr | None]:
    """An exponent multiplied out; its number, the rest, and a logarithm in that, if any."""
    argument = sympy.expand(argument)
    coefficient, rest = argument.as_coeff_Mul()
    logarithms = (factor for factor in sympy.Mul.make_args(rest) if isinstance(factor, sympy.log))
    return argument, coefficient, rest, next(logarithms, None)


def _log(argument: Expr, point: Point) -> Number:
    """log, with log(ab) = log a + log b, log a^c = c log a and log exp a = a, through what a name stands for."""
    if (outer := _before(argument, point)) is not None:
        (value, change), level = split(evaluate(argument, point), point.level), point.level
        logarithm = _log(argument, outer)
        return logarithm if change == 0 else Dual(logarithm, invert(value, point.field) * change, level)
    if isinstance(argument, sympy.Add):
        argument, exponent = _one_product(argument, point)
        if exponent != 0:
            return evaluate(exponent, point) + _log(argument, point)
    match argument:
        case sympy.Mul():
            return add_up([_log(factor, point) for factor in argument.args], point.field)
        case sympy.exp():
            return evaluate(argument.args[0], point)
        case sympy.Pow():
            return evaluate(argument.exp, point) * _log(argument.base, point)
        case sympy.Rational() if argument > 0:
            primes = {**factorint(argument.p), **{prime: -count for prime, count in factorint(argument.q).items()}}
            return add_up(
                [_log_prime(prime, point) * point.field.number(count) for prime, count in primes.items() if prime != 1],
                point.field,
            )
        case Indexed():
            if (definition := point.definition(argument)) is not None:
                return _log(*definition)
    value = evaluate(argument, point)
    return point.field.number(0) if value == point.field.number(1) else apply("log", value, point.field)


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
    entries = _entries(total)
    meanings = {entry: _meaning(entry, point) for entry in entries}
    known = {entry: meaning for entry, meaning in meanings.items() if meaning is not None}
    if known or len({entry.indices for entry in entries}) == 1:
        total = _spell_out(total, tuple(known.items()))
    if isinstance(total, sympy.Add) and any(entry.base in point.values for entry in entries):
        left = [term for term in total.args if evaluate(term, point) != point.field.number(0)]
        total = total if len(left) == len(total.args) else sympy.Add(*left)
    return _take_out(total)


@cache
def _entries(total: Expr) -> tuple[Indexed, ...]:
    """The entries in a sum of terms; none where it has a sum over the classes."""
    return () if total.has(Contraction) else tuple(dict.fromkeys(occurrences(total, Indexed)))


@cache
def _spell_out(total: Expr, meanings: tuple[tuple[Expr, Expr], ...]) -> Expr:
    """The sum with entries replaced by what they stand for, over one denominator."""
    found: Expr = sympy.together(total.xreplace(dict(meanings)))
    return found


@cache
def _take_out(total: Expr) -> tuple[Expr, Expr]:
    """The product and the exponent e with total = product · exp(e), e the least that no term lacks."""
    total = sympy.factor_terms(total)
    if not isinstance(total, sympy.Add):
        return total, sympy.Integer(0)
    exponents = [_exponent(term).as_coefficients_dict() for term in total.args]
    lowest = {atom: min(each.get(atom, 0) for each in exponents) for each in exponents for atom in each if atom != 1}
    shift = sympy.Add(*(atom * least for atom, least in lowest.items() if least < 0))
    if shift == 0:
        return total, shift
    return sympy.Add(*(sympy.powsimp(term * sympy.exp(-shift)) for term in total.args)), shift


def _meaning(entry: Indexed, point: Point) -> Expr | None:
    """What an entry stands for at its own class; None where it stands for itself, or for what other classes do too."""
    definition = None if point.before(entry) is not None else point.definition(entry)
    if definition is None or definition[0].has(Contraction):
        return None
    return notation.rename(definition[0], dict.fromkeys(free_indices(definition[0]), entry.indices[0]))


def _exponent(term: Expr) -> Expr:
    """The exponent of the exponentials in a product."""
    return sympy.Add(
        *(sympy.expand(factor.exp) for factor in sympy.Mul.make_args(term) if isinstance(factor, sympy.exp))
    )


def _log_prime(prime: int, point: Point) -> Number:
    return point.field.apply("log", point.field.number(prime))


def _power(base: Expr, exponent: Expr, point: Point) -> Number:
    """A power, with (ab)^c = a^c b^c, a^(b+c) = a^b a^c and (a^b)^c = a^(bc) for positive bases."""
    if exponent.is_Integer:
        return raise_to(evaluate(base, point), int(exponent), point.field)
    match base:
        case sympy.exp():
            return _exp(base.args[0] * exponent, point)
        case sympy.Mul():
            return multiply([_power(factor, exponent, point) for factor in base.args], point.field)
        case sympy.Pow():
            return _power(base.base, base.exp * exponent, point)
        case Indexed():
            is_constant = split(evaluate(exponent, point), point.level)[1] == 0
            if is_constant and (outer := point.before(base)) is not None:
                (value, change), level = split(evaluate(base, point), point.level), point.level
                unchanged = _power(base, exponent, outer)
                slope = multiply([unchanged, evaluate(exponent, outer), invert(value, point.field)], point.field)
                return unchanged if change == 0 else Dual(unchanged, slope * change, level)
            if not free_indices(exponent) and (definition := point.definition(base)) is not None:
                meaning, inner = definition
                return _power(meaning, exponent, inner)
    exponent = sympy.expand(exponent)
    if isinstance(exponent, sympy.Add):
        return multiply([_power(base, term, point) for term in exponent.args], point.field)
    coefficient, rest = exponent.as_coeff_Mul()
    if rest == 1:
        root = take_root(evaluate(base, point), int(coefficient.q), point.field)
        return raise_to(root, int(coefficient.p), point.field)
    if coefficient != 1:
        root = take_root(_power(base, rest, point), int(coefficient.q), point.field)
        return raise_to(root, int(coefficient.p), point.field)
    return power(evaluate(base, point), evaluate(exponent, point), point.field)
