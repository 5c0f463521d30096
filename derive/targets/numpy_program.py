"""A kernel as the body of a NumPy function over arrays (..., n), in place where it can be."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from derive.kernel.expressions import ONE, ZERO, arrays, at, call, indices, left_of, mul, scalars, walk
from derive.kernel.ir import (
    CLASS_COUNT,
    LABEL,
    Call,
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
)
from derive.kernel.statements import Plain, fresh_name, loop_indices, names, nodes, plain, reads_label
from derive.targets.numpy_expression import FUNCTIONS, Printer, divides_by_difference

_UFUNCS = {"add": ("np.add", "+"), "sub": ("np.subtract", "-"), "mul": ("np.multiply", "*"), "div": ("np.divide", "/")}
"""The ufunc of each operation that Python has a sign for, and the sign."""


def print_body(kernel: Kernel) -> list[str]:
    """The lines of the function of `kernel`, which comes from `derive.kernel.pipeline.store`.

    The function has the parameters z and so on, `labels` of shape (..., 1), and its outputs, arrays that it fills. They
    may lie in memory row by row or class by class.

    Raises:
        UnsupportedError: a node that NumPy has no way to say.
    """
    return list(_Program(kernel).lines())


_PAIRS = "pairs"
"""The array of what is summed over pairs of classes."""


@dataclass
class _Program:
    """Where the printing of one kernel is: which arrays exist so far."""

    kernel: Kernel
    at_label: dict[str, str] = field(default_factory=dict)
    held: Expression | None = None
    """What the array `terms` holds, if that may be used again."""
    made: set[str] = field(init=False)
    shared: set[str] = field(init=False)
    """The scalars that are the same for all rows, and have no axis of rows."""

    def __post_init__(self) -> None:
        self.made = {output.name for output in self.kernel.outputs}
        self.shared = {parameter.name for parameter in self.kernel.parameters}

    def lines(self) -> Iterator[str]:
        yield from self.preamble()
        for statement in plain(self.kernel):
            match statement:
                case Let():
                    yield self.let(statement)
                case Reduce():
                    yield from self.reduce(statement)
                case Map():
                    yield from self.map(statement)
                case PairSum():
                    yield from self.pair_sum(statement)

    def preamble(self) -> Iterator[str]:
        """The class count, positions and entries at the label, as far as they are used."""
        found, taken = nodes(self.kernel), set(names(self.kernel))
        if self.kernel.largest_is_label:
            yield "labels = z.argmax(axis=-1, keepdims=True)"
        is_matrix = any(len(loop_indices(statement)) == 2 for statement in plain(self.kernel))
        if any(divides_by_difference(node) for node in found):
            yield f"{CLASS_COUNT} = z.dtype.type(z.shape[-1])  # Python divides by no 0"
        elif is_matrix or Scalar(CLASS_COUNT) in found:
            yield f"{CLASS_COUNT} = z.shape[-1]"
        apart = {statement: _set_apart(statement) for statement in plain(self.kernel)}
        at_label = dict.fromkeys(array for node in found for array in self.read_at_label(node))
        sums = {statement.array for statement in plain(self.kernel) if isinstance(statement, PairSum)}
        if at_label or any(own is not None and len(loop_indices(line)) == 1 for line, (own, _) in apart.items()):
            yield "at_label = np.arange(len(z))[:, np.newaxis], labels"
        for array in at_label:
            name = fresh_name(f"{array}_label", taken)
            taken.add(name)
            self.at_label[array] = name
            if array not in sums:
                yield f"{name} = {array}[at_label]"
        if any(_asks_for_label(part) for parts in apart.values() for part in parts if part is not None):
            yield "is_label = np.arange(z.shape[-1]) == labels"

    def read_at_label(self, node: Expression) -> Collection[str]:
        """The arrays of which the entry at the label is asked for."""
        match node:
            case Element(array, index) if index == LABEL:
                return (array,)
            case Call("exp_difference_where_sure", (logit, _)) if self.knows_label(logit):
                return sorted(arrays(logit))
        return ()

    def sure(self, logit: Expression, maximum: Expression) -> str | None:
        """The condition on a row that its label's class is the largest; None where that is not known at once."""
        if not self.knows_label(logit):
            return None
        (index,) = indices(logit)
        return self.code(call("equal", at(logit, index, LABEL), maximum))

    def knows_label(self, logit: Expression) -> bool:
        """Whether the kernel reads a label anyway, and `logit` is made of inputs, whose entry at it is at hand."""
        is_read = self.kernel.largest_is_label or (self.kernel.labels and reads_label(self.kernel))
        return is_read and arrays(logit) <= {array.name for array in self.kernel.inputs}

    def code(self, expression: Expression, rows: Sequence[str] = ()) -> str:
        return Printer(self.kernel.name, tuple(rows), self.at_label).code(expression)

    def atom(self, expression: Expression, rows: Sequence[str]) -> str:
        return Printer(self.kernel.name, tuple(rows), self.at_label).text(expression).atom

    def let(self, statement: Let) -> str:
        value = self.code(statement.value)
        is_same_for_all = not arrays(statement.value) and scalars(statement.value) <= self.shared
        if is_same_for_all:
            self.shared.add(statement.name)
        return f"{statement.name}{'[...]' if statement.name in self.made else ''} = {value}"

    def reduce(self, statement: Reduce) -> Iterator[str]:
        rows = (statement.index,)
        apart, value = _set_apart(statement)
        if statement.operation == "max" and apart is None:
            yield f"{statement.name} = _row_max({self.code(value, rows)})"
        elif apart is not None:
            yield from self.terms(value, rows)
            self.held = None
            yield f"terms[at_label] = {self.code(apart)}"
            yield f"{statement.name} = {'_row_max' if statement.operation == 'max' else '_sum'}(terms)"
        elif (counted := _counted(value)) is not None:
            # A sum of truth values would be slow, and an integer, and what it meets float64.
            yield f"{statement.name} = _sum({self.atom(counted, rows)}.astype(z.dtype))"
        elif not indices(value) - {LABEL}:
            yield f"{statement.name} = z.shape[-1] * {self.atom(value, rows)}"
        elif (weighted := _weighted(value)) is not None:
            weight, other = weighted
            yield from self.terms(other, rows)
            self.held = None
            yield f"{statement.name} = _sum_or_0({self.code(weight, rows)}, terms)"
        elif (factors := _two_factors(value, statement.index)) is not None:
            yield from self.sum_product(statement.name, factors, rows)
        elif _takes_steps(value):
            yield from self.terms(value, rows)
            self.held = value
            yield f"{statement.name} = _sum(terms)"
        else:
            yield f"{statement.name} = _sum({self.code(value, rows)})"

    def sum_product(self, name: str, factors: tuple[Expression, Expression], rows: tuple[str, ...]) -> Iterator[str]:
        """A sum of products; at most one factor needs an array of its own."""
        left, right = factors
        if isinstance(right, Call):
            yield from self.terms(right, rows)
            self.held = right
        codes = ["terms" if isinstance(each, Call) else self.code(each, rows) for each in (left, right)]
        yield f"{name} = _sum({' * '.join(codes)})"

    def terms(self, value: Expression, rows: tuple[str, ...]) -> Iterator[str]:
        """The lines that leave what is summed in an array of its own, which may then be changed."""
        if value == self.held:
            return
        yield from _Filling(self, "terms", rows).fill(value)
        self.made.add("terms")

    def pair_sum(self, statement: PairSum) -> Iterator[str]:
        """A sum for each class, by way of an array that holds what is summed for every pair."""
        if _PAIRS not in self.made:
            yield f"{_PAIRS} = np.empty((*z.shape, z.shape[-1]), z.dtype)"
            self.made.add(_PAIRS)
        apart, value = _set_apart(statement)
        yield from self.fill(_PAIRS, statement.indices, apart, value)
        yield f"{statement.array} = _sum({_PAIRS})[..., 0]"
        if statement.array in self.at_label:
            yield f"{self.at_label[statement.array]} = {statement.array}[at_label]"
        self.made.add(statement.array)

    def map(self, statement: Map) -> Iterator[str]:
        apart, value = _set_apart(statement)
        yield from self.fill(statement.array, statement.indices, apart, value)
        if self.held is not None and statement.array in arrays(self.held):
            self.held = None

    def fill(self, array: str, over: tuple[str, ...], apart: Expression | None, value: Expression) -> Iterator[str]:
        """The lines that leave `value` in an array, and what the label's class or the diagonal has apart."""
        yield from _Filling(self, array, over).fill(value)
        self.made.add(array)
        if apart is None:
            return
        if len(over) == 1:
            yield f"{array}[at_label] = {self.code(apart)}"
            return
        is_whole = not any(divides_by_difference(node) for node in nodes(self.kernel))
        yield f"positions = np.arange({CLASS_COUNT if is_whole else 'z.shape[-1]'})"
        if isinstance(apart, Call) and indices(apart):
            yield from _Filling(self, "diagonal", over[:1]).fill(apart)
            yield f"{array}[..., positions, positions] = diagonal"
        else:
            yield f"{array}[..., positions, positions] = {self.code(apart, over[:1])}"


@dataclass(frozen=True)
class _Filling:
    """How one array comes to hold a value: computed where it stands, operation by operation, without a temporary."""

    program: _Program
    array: str
    rows: tuple[str, ...]

    @property
    def is_made(self) -> bool:
        return self.array in self.program.made

    def code(self, expression: Expression) -> str:
        return self.program.code(expression, self.rows)

    def is_own(self, expression: Expression) -> bool:
        """Whether `expression` is the entry that is overwritten."""
        return isinstance(expression, Element) and (expression.array, (expression.index,)) == (self.array, self.rows)

    def reads_own(self, expression: Expression) -> bool:
        return self.array in arrays(expression)

    def covers(self, *expressions: Expression) -> bool:
        """Whether what is made of `expressions` has the whole shape of the array."""
        return set(self.rows) <= set().union(*(indices(expression) for expression in expressions))

    def fill(self, value: Expression) -> Iterator[str]:
        """The lines that leave `value` in the array."""
        if self.is_own(value):
            return
        match value:
            case Call("exp_difference_where_sure", (logit, maximum)) if self.covers(value):
                yield from self.fill(call("exp", call("sub", logit, maximum)))
                sure = self.program.sure(logit, maximum) or f"_sum({self.array}) < 2"
                yield f"_put_rounding_back({self.array}, {self.code(logit)}, {self.code(maximum)}, where={sure})"
            case Call("exp_difference" | "max" as operation, operands) if self.covers(value):
                yield self.store(FUNCTIONS[operation], operands)
            case Call("neg", (Call("mul", factors),)) if (signed := self.with_sign(factors)) is not None:
                yield from self.combine("mul", signed)
            case Call("neg", (operand,)) if self.covers(value):
                yield from self.apply("np.negative", operand)
            case Call("pow", (operand, exponent)) if self.covers(value) and self.code(exponent) == "2":
                yield from self.apply("np.square", operand)
            case Call(operation, (operand,)) if self.covers(value) and operation in FUNCTIONS:
                yield from self.apply(FUNCTIONS[operation], operand)
            case Call("add" | "mul" as operation, operands):
                yield from self.combine(operation, operands)
            case Call("sub" | "div" as operation, (left, right)):
                yield from self.combine_in_order(operation, left, right)
            case Call("select", (condition, if_true, if_false)) if not (
                self.reads_own(condition) or self.reads_own(if_true)
            ) and self.covers(if_false):
                yield from self.fill(if_false)
                yield f"np.copyto({self.array}, {self.code(if_true)}, where={self.code(condition)})"
            case _:
                yield from self.assign(value)

    def with_sign(self, factors: tuple[Expression, ...]) -> tuple[Expression, ...] | None:
        """The factors of a product with the minus sign on one smaller than the product; None where there is none."""
        small = [factor for factor in factors if not self.covers(factor)]
        if not small:
            return None
        (first, *_) = sorted(small, key=lambda factor: len(indices(factor)))
        place = factors.index(first)
        return (*factors[:place], call("neg", first), *factors[place + 1 :])

    def apply(self, function: str, operand: Expression) -> Iterator[str]:
        """function(operand)."""
        if isinstance(operand, Call):
            yield from self.fill(operand)
            yield f"{function}({self.array}, out={self.array})"
        else:
            yield self.store(function, (operand,))

    def combine(self, operation: str, operands: Sequence[Expression]) -> Iterator[str]:
        """A sum or a product, one operand after the other; those of the row alone are taken together."""
        varying = [operand for operand in operands if indices(operand) & set(self.rows)]
        constant = [operand for operand in operands if operand not in varying]
        readers = [operand for operand in varying if self.reads_own(operand)]
        own = next((operand for operand in varying if self.is_own(operand)), None)
        if own is not None:
            varying.remove(own)
            # Whatever else reads the entry does so before it changes.
            groups = [[operand for operand in varying if operand in readers]]
            varying = [operand for operand in varying if operand not in readers]
        else:
            begun = self.begin(operation, varying, constant, readers)
            if begun is None:
                yield from self.assign(call(operation, *operands))
                return
            lines, varying, constant = begun
            yield from lines
            groups = []
        for group in (*groups, *([operand] for operand in varying), constant):
            if group:
                value = group[0] if len(group) == 1 else call(operation, *group)
                yield f"{self.array} {_UFUNCS[operation][1]}= {self.code(value)}"

    def begin(
        self, operation: str, varying: list[Expression], constant: list[Expression], readers: list[Expression]
    ) -> tuple[list[str], list[Expression], list[Expression]] | None:
        """The lines for the first operands of a sum or product, and the operands left; None where none can begin."""
        whole = [operand for operand in varying if isinstance(operand, Call) and self.covers(operand)]
        if len(readers) > 1 or not self.covers(*varying):
            return None
        if readers or whole:
            main = readers[0] if readers else whole[0]
            return list(self.fill(main)), list(left_of(varying, main)), constant
        for first, second in combinations(varying, 2):
            if self.covers(first, second):
                return (
                    [self.store(_UFUNCS[operation][0], (first, second))],
                    list(left_of(varying, first, second)),
                    constant,
                )
        if constant:
            value = constant[0] if len(constant) == 1 else call(operation, *constant)
            return [self.store(_UFUNCS[operation][0], (varying[0], value))], varying[1:], []
        return None

    def combine_in_order(self, operation: str, left: Expression, right: Expression) -> Iterator[str]:
        """A difference or a quotient."""
        function, sign = _UFUNCS[operation]
        can_left = isinstance(left, Call) and self.covers(left) and not self.reads_own(right)
        can_right = isinstance(right, Call) and self.covers(right) and not self.reads_own(left)
        if self.is_own(left):
            yield f"{self.array} {sign}= {self.code(right)}"
        elif can_left:
            yield from self.fill(left)
            yield f"{self.array} {sign}= {self.code(right)}"
        elif can_right:
            yield from self.fill(right)
            yield f"{function}({self.code(left)}, {self.array}, out={self.array})"
        elif self.covers(left, right):
            yield self.store(function, (left, right))
        else:
            yield from self.assign(call(operation, left, right))

    def store(self, function: str, operands: Sequence[Expression]) -> str:
        """One operation straight into the array."""
        codes = [self.code(operand) for operand in operands]
        if self.is_made:
            return f"{function}({', '.join(codes)}, out={self.array})"
        self.program.made.add(self.array)
        operation = next((name for name, (ufunc, _) in _UFUNCS.items() if ufunc == function), None)
        if operation is not None:
            return f"{self.array} = {self.code(call(operation, *operands))}"
        return f"{self.array} = {function}({', '.join(codes)})"

    def assign(self, value: Expression) -> Iterator[str]:
        """The whole value at once, by way of a temporary."""
        if not self.is_made:
            self.program.made.add(self.array)
            if isinstance(value, Element) and self.covers(value):
                yield f'{self.array} = {self.code(value)}.copy("K")'
                return
            yield f"{self.array} = np.empty_like(z)"
        yield f"{self.array}[...] = {self.code(value)}"


def _set_apart(statement: Plain) -> tuple[Expression | None, Expression]:
    """What the label's class, or the diagonal, has of its own; and the value of the rest."""
    own = loop_indices(statement)
    match statement.value:
        case Call("select", (Same(left, right), if_true, if_false)) if {left, right} <= {*own, LABEL}:
            is_free = not indices(if_true) - {LABEL, *own[: len(own) - 1]}
            if is_free and (not isinstance(statement, Map) or statement.array not in arrays(if_true)):
                return if_true, if_false
    return None, statement.value


def _takes_steps(value: Expression) -> bool:
    """Whether computing it at once would make more than one array, or choose between two, which is slow."""
    match value:
        case Call("select", _):
            return True
        case Call(_, operands):
            return any(isinstance(operand, Call) and indices(operand) for operand in operands)
    return False


def _weighted(value: Expression) -> tuple[Element, Expression] | None:
    """The weight and the value of a product that is 0 where the weight is, whatever the value."""
    match value:
        case Call("select", (Call("equal", (Element() as weight, zero)), also_zero, Call("mul", factors))):
            others = [factor for factor in factors if factor != weight]
            if zero == also_zero == ZERO and len(others) == len(factors) - 1 and all(map(indices, others)):
                return weight, mul(*others)
    return None


def _two_factors(value: Expression, index: str) -> tuple[Expression, Expression] | None:
    """The factors of a product of two, or twice that of a square: each with an entry of every class.

    The second alone may be computed; where both are, there would be two arrays.
    """
    match value:
        case Call("mul", (left, right)):
            factors: tuple[Expression, Expression] = (right, left) if isinstance(left, Call) else (left, right)
        case Call("pow", (base, Const(exponent))) if exponent == 2:
            factors = (base, base)
        case _:
            return None
    is_computed_twice = isinstance(factors[0], Call) and factors[0] != factors[1]
    return None if is_computed_twice or not all(index in indices(each) for each in factors) else factors


def _asks_for_label(value: Expression) -> bool:
    return any(isinstance(node, Same) and LABEL in (node.left, node.right) for node in walk(value))


def _counted(value: Expression) -> Expression | None:
    """The condition whose truth is counted, where `value` is 1 where it holds and 0 elsewhere."""
    match value:
        case Call("select", (condition, if_true, if_false)) if (if_true, if_false) == (ONE, ZERO):
            return condition
    return None
