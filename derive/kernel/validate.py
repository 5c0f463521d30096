"""The rules of the loop program, checked after lowering and after every pass."""

from dataclasses import dataclass, field
from itertools import chain

from derive.errors import KernelError
from derive.kernel.dump import dump_expression, dump_statement
from derive.kernel.expressions import walk
from derive.kernel.ir import (
    CLASS_COUNT,
    LABEL,
    OPERATIONS,
    Call,
    Const,
    Element,
    Expression,
    Kernel,
    Let,
    Loop,
    Map,
    PairSum,
    Reduce,
    Same,
    Scalar,
    Statement,
)
from derive.kernel.statements import loop_indices

_TRUTH = ("equal", "less")


def validate(kernel: Kernel) -> Kernel:
    """`kernel` itself, if it keeps the rules; KernelError naming kernel, statement and fault if not."""
    checker = _Checker(kernel)
    for statement in kernel.body:
        checker.check(statement)
    checker.finish()
    return kernel


@dataclass
class _Checker:
    """What is known at one point of the program."""

    kernel: Kernel
    scalars: set[str] = field(init=False)
    readable: set[str] = field(init=False)
    written: set[str] = field(default_factory=set)
    local: set[str] = field(default_factory=set)
    """The vectors of sums that only the loop at hand knows."""
    where: Statement | None = None

    def __post_init__(self) -> None:
        parameters = self.kernel.parameters
        self.scalars = {CLASS_COUNT, *(each.name for each in parameters if not each.per_class)}
        self.readable = {
            *(each.name for each in self.kernel.inputs),
            *(each.name for each in parameters if each.per_class),
        }
        arrays = [array.name for array in chain(self.kernel.inputs, self.kernel.outputs)]
        declared = [*arrays, *self.kernel.work, *(each.name for each in parameters)]
        for name in {name for name in declared if declared.count(name) > 1}:
            raise self.fault(f"{name} is declared twice")

    def fault(self, what: str) -> KernelError:
        place = "" if self.where is None else f", at `{dump_statement(self.where)[0]}`"
        return KernelError(f"kernel {self.kernel.name}{place}: {what}")

    def check(self, statement: Statement) -> None:
        self.where = statement
        match statement:
            case Let(name, value):
                self.check_value(value, frozenset())
                self.define(name, storing=True)
            case Reduce(name, operation, index, value):
                self.check_index(index)
                if operation not in ("sum", "max"):
                    raise self.fault(f"a reduction is sum or max, not {operation}")
                self.check_value(value, frozenset({index}))
                self.define(name, storing=False)
            case Map():
                self.check_map(statement)
            case PairSum(array, _, _):
                if array not in self.kernel.work:
                    raise self.fault(f"{array} is no declared work array")
                self.check_pair_sum(statement)
            case Loop(index, body):
                self.check_loop(index, body)

    def check_pair_sum(self, statement: PairSum) -> None:
        if len(set(statement.indices)) != 2:
            raise self.fault("a sum over pairs runs over two indices")
        for index in statement.indices:
            self.check_index(index)
        self.check_value(statement.value, frozenset(statement.indices))
        if statement.array in self.written:
            raise self.fault(f"{statement.array} is written twice")
        self.written.add(statement.array)

    def check_loop(self, index: str, body: tuple[Map | Reduce | PairSum, ...]) -> None:
        reduced: list[str] = []
        stored = {statement.array for statement in body if isinstance(statement, (Map, PairSum))}
        for statement in body:
            if any(
                isinstance(node, Element) and node.index == LABEL and node.array in stored
                for node in walk(statement.value)
            ):
                raise self.fault("it reads an array at the label while it fills it")
            bound = loop_indices(statement)
            if bound[0] != index or len(bound) != 1 + isinstance(statement, PairSum):
                raise self.fault(f"it runs over {', '.join(bound)} within a loop over {index}")
            if any(
                isinstance(node, Element) and node.index != index and node.array in self.local
                for node in walk(statement.value)
            ):
                raise self.fault("it reads another class's entry of an array that only this loop knows")
            if isinstance(statement, PairSum):
                if statement.array in self.kernel.work:
                    raise self.fault(f"{statement.array} is a work array, and only this loop knows it")
                self.check_pair_sum(statement)
                self.local.add(statement.array)
            else:
                self.check(statement)
            if isinstance(statement, Reduce):
                # What is reduced in the loop is known only after it.
                self.scalars.discard(statement.name)
                if statement.name in reduced:
                    raise self.fault(f"{statement.name} is defined twice")
                reduced.append(statement.name)
        self.scalars.update(reduced)
        self.written -= self.local
        self.local.clear()

    def check_map(self, statement: Map) -> None:
        rank = {array.name: array.rank for array in self.kernel.outputs} | dict.fromkeys(self.kernel.work, 1)
        name, bound = statement.array, statement.indices
        if name in self.readable:
            raise self.fault(f"the input {name} is written")
        if name not in rank:
            raise self.fault(f"{name} is neither an output nor a declared work array")
        if len(bound) != rank[name] or len(set(bound)) != len(bound):
            raise self.fault(f"{name} has {rank[name]} axes, and it is written at ({', '.join(bound)})")
        for index in bound:
            self.check_index(index)
        self.check_value(statement.value, frozenset(bound), overwritten=name)
        self.written.add(name)

    def check_index(self, index: str) -> None:
        if index == LABEL or index in self.scalars:
            raise self.fault(f"{index} is no name for an index")

    def define(self, name: str, storing: bool) -> None:
        outputs = {array.name: array.rank for array in self.kernel.outputs}
        if name in self.scalars:
            raise self.fault(f"{name} is defined twice")
        if name in outputs and not (storing and outputs[name] == 0):
            raise self.fault(f"{name} is an output of rank {outputs[name]}, and only a let stores one of rank 0")
        if name in {*self.kernel.work, *self.readable}:
            raise self.fault(f"{name} is an array, not a scalar")
        self.scalars.add(name)
        if name in outputs:
            self.written.add(name)

    def check_value(self, value: Expression, bound: frozenset[str], overwritten: str | None = None) -> None:
        if self.check_expression(value, bound, overwritten):
            raise self.fault(f"{dump_expression(value)} is a truth value, not a number")

    def check_expression(self, value: Expression, bound: frozenset[str], overwritten: str | None) -> bool:
        """Check, and answer whether `value` is a truth value."""
        match value:
            case Const():
                return False
            case Scalar(name):
                if name not in self.scalars:
                    raise self.fault(f"{name} is read before it is known")
                return False
            case Element(array, index):
                self.check_element(array, index, bound, overwritten)
                return False
            case Same(left, right):
                self.check_bound(left, bound)
                self.check_bound(right, bound)
                return True
            case Call(operation, arguments):
                self.check_call(operation, arguments, bound, overwritten)
                return operation in _TRUTH
        raise self.fault(f"{value!r} is not an expression")

    def check_call(
        self, operation: str, arguments: tuple[Expression, ...], bound: frozenset[str], overwritten: str | None
    ) -> None:
        if operation not in OPERATIONS:
            raise self.fault(f"there is no operation {operation}")
        arity = OPERATIONS[operation]
        if len(arguments) != arity if arity is not None else len(arguments) < 2:
            raise self.fault(f"{operation} takes {arity or 'two or more'} arguments, not {len(arguments)}")
        for position, argument in enumerate(arguments):
            is_truth = self.check_expression(argument, bound, overwritten)
            if is_truth != (operation == "select" and position == 0):
                kind = "truth value" if is_truth else "number"
                raise self.fault(f"argument {position + 1} of {operation}, {dump_expression(argument)}, is a {kind}")

    def check_element(self, array: str, index: str, bound: frozenset[str], overwritten: str | None) -> None:
        self.check_bound(index, bound)
        if array in self.readable:
            return
        vectors = {*self.kernel.work, *(declared.name for declared in self.kernel.outputs if declared.rank == 1)}
        if array not in vectors | self.local:
            raise self.fault(f"{array} is not a vector")
        if array not in self.written:
            raise self.fault(f"{array} is read before it is written")
        if array == overwritten and bound != {index}:
            raise self.fault(f"{array}[{index}] is read while {array} is being overwritten")

    def check_bound(self, index: str, bound: frozenset[str]) -> None:
        if index == LABEL and not self.kernel.has_label:
            raise self.fault("it reads the label of a kernel that takes none")
        if index != LABEL and index not in bound:
            raise self.fault(f"the index {index} is not bound")

    def finish(self) -> None:
        self.where = None
        for name in (array.name for array in self.kernel.outputs):
            if name not in self.written:
                raise self.fault(f"the output {name} is never written")
