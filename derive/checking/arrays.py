"""Evaluate a formula at a number of classes: an array of entries, with NumPy's shapes and broadcasting.

Entries are SymPy expressions in z, y, t, g and v at class numbers, which `derive.proof.evaluate` gives exact values.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Integer, Symbol

from derive import notation
from derive.catalogue.model import Composition
from derive.checking.dots import fill
from derive.checking.elementary import refuse_large
from derive.checking.formula import (
    SLOPE,
    Axis,
    Call,
    Choice,
    Derivative,
    Dotted,
    FormulaError,
    IllFormedError,
    Item,
    Listed,
    Name,
    Node,
    Number,
    Operation,
    Same,
    Table,
    Total,
    Transpose,
    walk,
)
from derive.checking.functions import (
    APPLIED,
    MOST_WORK,
    Array,
    as_array,
    divide,
    einsum,
    filled_array,
    identity_array,
    power,
    rename_option,
    shape_of,
)
from derive.checking.habits import LOSSES
from derive.checking.letters import ROWS, Letters
from derive.checking.places import DELTAS, ONE_HOT
from derive.checking.roles import Reading
from derive.checking.signatures import read_arguments
from derive.notation import Partial


class Evaluator(Letters):
    """One formula at `n` classes, `label` being the class that a label names (counted from 0)."""

    def __init__(self, composition: Composition, reading: Reading, n: int, label: int, rows: int = ROWS) -> None:
        super().__init__(composition, n, rows if reading.batched else 0)
        self.reading, self.label = reading, label
        self.classes: dict[str, int] = dict.fromkeys(reading.labels, label)
        self.scalars = {each.name for each in composition.parameters if not each.per_class}
        self.vectors = {each.name for each in composition.parameters if each.per_class} | reading.vectors - self.scalars
        self.sums: dict[object, Array] = {}
        self.names: dict[int, frozenset[str]] = {}
        self.standing: Mapping[Node, int] = {}
        self.work = self.dots = 0

    def at(self, node: Node, classes: Mapping[str, int]) -> Array:
        """The value of `node` with its free indices at `classes`.

        Raises:
            IllFormedError: shapes that do not fit, or an index without a class.
            FormulaError: a function that is not known, or more work than is done for one formula.
        """
        before = self.classes
        self.classes = {**before, **classes}
        try:
            return self._value(node)
        finally:
            self.classes = before

    def _value(self, node: Node) -> Array:
        result = self._visit(node)
        self.work += 1 + result.size
        if self.work > MOST_WORK:
            raise FormulaError("the formula is too large: its sums have more terms than are added up")
        refuse_large(result.flat)
        return result

    def _visit(self, node: Node) -> Array:
        match node:
            case Number(value=value):
                return as_array(sympy.Rational(value.numerator, value.denominator))
            case Name(name=name):
                return self._named(name)
            case Item():
                return self._item(node)
            case Operation():
                return self._operation(node)
            case Call():
                return self._call(node)
            case Total():
                return self._total(node)
            case Listed():
                return self._listed(node)
            case Same():
                return self._same(node)
            case Choice(cases=cases):
                for condition, body in cases:
                    if condition is None or self._holds(condition):
                        return self._value(body)
                raise IllFormedError("no case is given for some classes")
            case Table():
                return self._table(node)
            case Dotted():
                return fill(node, self.n, self.reading.first, self._standing)
            case Transpose(body=body):
                return self._value(body).T
            case Derivative():
                return self._derivative(node)

    def _listed(self, node: Listed) -> Array:
        """The values at each class, side by side; all have the shape of the first."""
        return np.stack([self.at(node.body, {node.index: number}) for number in range(self.n)])

    def _same(self, node: Same) -> Array:
        """1 where two indices are equal: numbers, or `np.arange(n) == k` and `np.eye(n) == 1` entry by entry."""
        match node:
            case Same(left=Call(function="eye" | "identity") as identity, right=Number(value=value)):
                return as_array(
                    np.frompyfunc(lambda entry: _truth((entry == value) != node.negated), 1, 1)(self._value(identity))
                )
            case Same(left=Call(function="arange", arguments=(classes,)), right=index):
                self._value(classes)
                at = self._index(index)
                return filled_array(lambda c: _truth((c == at) != node.negated), self.n)
        return as_array(_truth(self._holds(node)))

    # Names and indices.

    def _named(self, name: str) -> Array:
        role = self.reading.roles.get(name)
        if role is None and name in self.classes:
            raise IllFormedError(f"{name} is a class index and stands where a value is due")
        match role:
            case "classes":
                return as_array(Integer(self.n))
            case "label-probability":
                return as_array(self._vector("probabilities")[..., self.label])
            case "loss":
                return as_array(notation.loss)
            case "identity":
                return identity_array(self.n)
            case "ones":
                return filled_array(lambda _: Integer(1), self.n)
            case "jacobian" | "hessian" | "entropy" | "log-sum-exp":
                return self._derived(role)
            case None | "parameter":
                return self._vector("parameter", name) if name in self.vectors else as_array(Symbol(name, real=True))
        return self._vector(role, name)

    def _index(self, node: Node | Axis) -> int:
        """The class, counted from 0, that an index names."""
        if not isinstance(node, Axis) and node in self.standing:
            return self.standing[node]
        match node:
            case Number(value=value) if value.denominator == 1:
                number = int(value) - self.reading.first
                if not -self.n <= number < self.n:
                    raise IllFormedError(f"there is no class {value} among {self.n}")
                return number
            case Operation(symbol="*", left=Number(value=Fraction(numerator=-1)), right=Number(value=value)):
                return self.n - int(value)
            case Name(name=name) if name in self.classes:
                return self.classes[name]
            case Name(name=name):
                raise IllFormedError(f"the index {name} is unbound: no sum and no left side says what it runs over")
        raise IllFormedError("an index is a letter or a number")

    def _standing(self, node: Node, classes: Mapping[Node, int]) -> Array:
        """The value of `node` with some numbers and letters standing for other classes."""
        before, self.standing = self.standing, classes
        try:
            return self._value(node)
        finally:
            self.standing = before

    def _holds(self, condition: Same) -> bool:
        return (self._index(condition.left) == self._index(condition.right)) != condition.negated

    def _item(self, node: Item) -> Array:
        body = self._value(node.body)
        places: list[Any] = []
        for index in node.indices:
            match index:
                case Axis.NEW:
                    places.append(None)
                case Axis.ALL:
                    places.append(slice(None))
                case Axis.REST:
                    places.append(...)
                case _:
                    places.append(self._index(index))
        if isinstance(node.body, Name) and self.reading.roles.get(node.body.name) == "loss":
            return body
        if isinstance(node.body, Name) and node.body.name in self.scalars:
            return body  # one value for all classes: the definition's α, written α_t
        if self._of_each_row(node):
            places.insert(0, ...)
        try:
            return as_array(body[tuple(places)])
        except (IndexError, TypeError):
            many = sum(isinstance(place, (int, slice)) for place in places)
            raise IllFormedError(f"{many} indices on what has {body.ndim}") from None

    def _of_each_row(self, node: Item) -> bool:
        """Whether the entry at the label is taken of each row of a batch: p[np.arange(N), y], and not np.eye(n)[y]."""
        match node:
            case Item(body=Call(function="eye" | "identity")):
                return False
            case Item(body=body, indices=(Name(name=index),)) if self.rows and index in self.reading.labels:
                return not (isinstance(body, Name) and self.reading.roles.get(body.name) in ("identity", "parameter"))
        return False

    def _one_hot(self, index: Node | Axis) -> Array:
        at = self._index(index)
        return filled_array(lambda c: Integer(int(c == at)), self.n)

    def _total(self, node: Total) -> Array:
        if node.index is None:
            body = self._value(node.body)
            return body if body.ndim == 0 else as_array(np.sum(body))
        read = self._read_by(node)
        key = (id(node), tuple((name, number) for name, number in self.classes.items() if name in read))
        if key not in self.sums:
            self.sums[key] = self._sum(node, node.index)
        return self.sums[key]

    def _sum(self, node: Total, index: str) -> Array:
        without = {self._index(each) for each in node.without}
        found = as_array(Integer(0))
        for number in range(self.n):
            if number not in without:
                found = as_array(found + self.at(node.body, {index: number}))
        return found

    def _read_by(self, node: Total) -> frozenset[str]:
        """The names in a sum: with other classes for other indices it is the same."""
        if id(node) not in self.names:
            self.names[id(node)] = frozenset(part.name for part in walk(node) if isinstance(part, Name))
        return self.names[id(node)]

    def _table(self, node: Table) -> Array:
        rows = [[self._value(entry) for entry in row] for row in node.rows]
        if len({len(row) for row in rows}) != 1 or any(entry.ndim for row in rows for entry in row):
            raise IllFormedError("the rows of the matrix differ in length, or hold vectors")
        written = np.empty((len(rows), len(rows[0])), dtype=object)
        for i, row in enumerate(rows):
            for j, entry in enumerate(row):
                written[i, j] = entry[()]
        if self.n not in written.shape:
            raise IllFormedError(f"a matrix of {len(rows)} rows and {len(rows[0])} columns for {self.n} classes")
        return written

    def _derivative(self, node: Derivative) -> Array:
        if self.composition.loss is None and isinstance(node.body, Name) and node.body.name in LOSSES:
            return self._upstream(node)
        body = self._value(node.body)
        for variable in node.variables:
            entries = self._value(variable)
            if any(not isinstance(entry, sympy.Indexed) for entry in entries.flat):
                raise IllFormedError("a derivative is taken with respect to logits or outputs")
            shaped = body.reshape(body.shape + (1,) * entries.ndim)
            body = as_array(np.frompyfunc(Partial, 2, 1)(shaped, entries))
        return body

    def _upstream(self, node: Derivative) -> Array:
        """∂L/∂y where the loss is nobody's business: the upstream gradient."""
        variable = node.variables[0]
        base, index = (variable.body, variable.indices) if isinstance(variable, Item) else (variable, ())
        if len(node.variables) != 1 or self.reading.roles.get(getattr(base, "name", "")) != "probabilities":
            raise IllFormedError("without a loss, only its derivative with respect to the output is known")
        upstream = self._vector("upstream")
        return as_array(upstream[self._index(index[0])]) if index else upstream

    # Operations and functions.

    def _operation(self, node: Operation) -> Array:
        self.dots += node.symbol == "dot"
        left, right = self._value(node.left), self._value(node.right)
        self.dots -= node.symbol == "dot"
        try:
            match node.symbol:
                case "+":
                    return as_array(left + right)
                case "-":
                    return as_array(left - right)
                case "*":
                    return as_array(left * right)
                case "/":
                    return divide(left, right)
                case "**":
                    return power(left, right)
            return self._product(node, left, right)
        except ValueError:
            raise IllFormedError(f"shapes {shape_of(left)} and {shape_of(right)} do not fit at {node.symbol}") from None

    def _is_row(self, node: Node) -> bool:
        """Whether a factor is transposed, with a number before it or not: ½ (y − t)ᵀ."""
        match node:
            case Operation(symbol="beside" | "*" | "dot", left=number, right=right):
                return self._is_row(right) and self._value(number).ndim == 0
        return isinstance(node, Transpose)

    def _product(self, node: Operation, left: Array, right: Array) -> Array:
        """A matrix product where both have entries: a transposed vector is a row, any other a column."""
        if not (left.ndim and right.ndim):
            if node.symbol == "@":
                raise IllFormedError("@ needs vectors or matrices on both sides")
            return as_array(left * right)
        if isinstance(node.right, Transpose) and left.ndim == right.ndim == 1:
            return as_array(np.multiply.outer(left, right))
        row = self._is_row(node.left)
        if node.symbol == "@" or row or 2 in (left.ndim, right.ndim):
            return as_array(np.matmul(left, right))
        if node.symbol == "dot" and (self.reading.dot == "inner" or (self.reading.dot == "nested" and self.dots)):
            return as_array(np.sum(left * right))
        return as_array(left * right)

    def _call(self, node: Call) -> Array:
        try:
            return self._applied(node)
        except (IndexError, TypeError, ValueError):
            raise IllFormedError(f"the arguments of {node.function} do not fit it") from None

    def _applied(self, node: Call) -> Array:
        node = read_arguments(node)
        name = node.function
        options = {rename_option(key): option for key, option in node.options}
        if name in ONE_HOT:
            return self._one_hot(node.arguments[0])
        if name in ("eye", "identity"):
            return identity_array(self.n)
        if name in DELTAS:
            return as_array(Integer(int(self._index(node.arguments[0]) == self._index(node.arguments[1]))))
        if name == "where" and len(node.arguments) == 3:
            mask, chosen, other = (self._value(argument) for argument in node.arguments)
            return as_array(mask * chosen + (1 - mask) * other)
        if name in ("int", "float") and len(node.arguments) == 1:
            value = self._value(node.arguments[0])
            if name == "int" and any(not getattr(entry, "is_Integer", True) for entry in value.flat):
                raise FormulaError("int rounds what is no whole number; leave it out", piece="int")
            return value
        if name in ("len", "size"):
            return as_array(self._length(node.arguments[1:], whole=name == "size" and len(node.arguments) == 1))
        if name == "diff" and len(node.arguments) == 2:
            return self._derivative(Derivative(node.arguments[0], (node.arguments[1],)))
        if name == "einsum":
            return self._einsum(node.arguments)
        if name in ("dot", "matmul") and any(isinstance(argument, Transpose) for argument in node.arguments):
            left, right = node.arguments
            return self._operation(Operation("@", left, right))
        if name == r"\sigma":
            return self._activated(self._value(node.arguments[0]))
        if name == "softmax" and len(node.arguments) == 1 and not options:
            return self._softmax(self._value(node.arguments[0]))
        if name == SLOPE:
            return self._slope(self._value(node.arguments[0]))
        if name not in APPLIED:
            near = get_close_matches(name, ALLOWED, 3) or ["exp", "log", "sum", "softmax", "diag", "outer", "einsum"]
            raise FormulaError(
                f"{name} is not a function that a formula may use; there is {', '.join(near)}", piece=name
            )
        return as_array(APPLIED[name]([self._value(each) for each in node.arguments], self._options(options)))

    def _options(self, options: Mapping[str, Node]) -> dict[str, Any]:
        """The keywords of a call as numbers: axis, keepdims, min; weights are an array."""
        found: dict[str, Any] = {}
        for key, option in options.items():
            if key == "weights":
                found[key] = self._value(option)
                continue
            if isinstance(option, Name):
                continue
            if isinstance(option, Call) and option.function == "tuple":
                found[key] = tuple(int(self._value(each)[()]) for each in option.arguments)
            else:
                number: Any = self._value(option)[()]
                found[key] = int(number) if number.is_Integer else number
        return found

    def _einsum(self, arguments: Sequence[Node]) -> Array:
        pattern, *operands = arguments
        if not isinstance(pattern, Name):
            raise IllFormedError("einsum begins with its pattern, such as 'ij,j->i'")
        return einsum(pattern.name, [self._value(each) for each in operands])


def _truth(value: bool) -> Expr:
    return Integer(int(value))


ALLOWED = sorted(name for name in APPLIED if len(name) > 1)
