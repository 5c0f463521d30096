"""Reading and rewriting the statements of a kernel that is not fused yet."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from derive.errors import KernelError
from derive.kernel.expressions import Rewrite, contains, indices, rewrite, walk
from derive.kernel.ir import (
    CLASS_COUNT,
    LABEL,
    Element,
    Expression,
    Kernel,
    Let,
    Loop,
    Map,
    PairSum,
    Reduce,
    Scalar,
    Statement,
)

Plain = Let | Map | Reduce | PairSum
"""A statement of a kernel before fusion: one name, one value."""


def plain(kernel: Kernel) -> tuple[Plain, ...]:
    """The statements of `kernel`; KernelError if it is fused, for passes come before fusion."""
    found: list[Plain] = []
    for statement in kernel.body:
        if isinstance(statement, Loop):
            raise KernelError(f"kernel {kernel.name}: a pass that works before fusion met a loop")
        found.append(statement)
    return tuple(found)


def flat(body: Sequence[Statement]) -> Iterator[Plain]:
    """The statements of `body`, those of its loops included."""
    for statement in body:
        yield from statement.body if isinstance(statement, Loop) else (statement,)


def sums(kernel: Kernel) -> tuple[str, ...]:
    """The names of the sums of `kernel`, in order."""
    return tuple(line.name for line in plain(kernel) if isinstance(line, Reduce) and line.operation == "sum")


def find_sum(kernel: Kernel, name: str) -> Reduce:
    """The sum called `name`, as it stands now; KeyError where there is none."""
    return {line.name: line for line in plain(kernel) if isinstance(line, Reduce) and line.operation == "sum"}[name]


def loop_indices(statement: Plain) -> tuple[str, ...]:
    """The indices that `statement` runs over: none for a `Let`."""
    match statement:
        case Map(_, indices, _) | PairSum(_, indices, _):
            return indices
        case Reduce(_, _, index, _):
            return (index,)
        case Let():
            return ()


def nodes(kernel: Kernel) -> list[Expression]:
    """Every node of every value of `kernel`."""
    return [node for statement in plain(kernel) for node in walk(statement.value)]


def mentions(kernel: Kernel, part: Expression) -> bool:
    """Whether `part` occurs anywhere in `kernel`."""
    return any(contains(statement.value, part) for statement in plain(kernel))


def rewrite_statement(statement: Plain, rule: Rewrite) -> Plain:
    """`statement` with `rule` applied to its value."""
    return replace(statement, value=rewrite(statement.value, rule))


def rewrite_kernel(kernel: Kernel, rule: Rewrite) -> Kernel:
    """`kernel` with `rule` applied to the value of every statement."""
    return replace(kernel, body=tuple(rewrite_statement(statement, rule) for statement in plain(kernel)))


def rename_parameters(kernel: Kernel, names: Mapping[str, str]) -> Kernel:
    """`kernel` with other names for its parameters, where `names` has them."""
    renamed = {each.name: names[each.name] for each in kernel.parameters if each.name in names}

    def rule(node: Expression) -> Expression | None:
        match node:
            case Scalar(name) if name in renamed:
                return Scalar(renamed[name])
            case Element(array, index) if array in renamed:
                return Element(renamed[array], index)
        return None

    parameters = tuple(replace(each, name=renamed.get(each.name, each.name)) for each in kernel.parameters)
    return replace(rewrite_kernel(kernel, rule), parameters=parameters)


def noted(kernel: Kernel, note: str) -> Kernel:
    """`kernel` with one more note, once."""
    return kernel if note in kernel.notes else replace(kernel, notes=(*kernel.notes, note))


def names(kernel: Kernel) -> frozenset[str]:
    """Every name that `kernel` uses for an array or a scalar."""
    arrays = {array.name for array in (*kernel.inputs, *kernel.outputs)}
    scalars = {statement.name for statement in plain(kernel) if isinstance(statement, (Let, Reduce))}
    parameters = {parameter.name for parameter in kernel.parameters}
    return frozenset(arrays | scalars | parameters | {*kernel.work, CLASS_COUNT})


def has_maximum(kernel: Kernel) -> bool:
    """Whether `kernel` takes the largest of something over the classes."""
    return any(isinstance(statement, Reduce) and statement.operation == "max" for statement in flat(kernel.body))


def reads_label(kernel: Kernel) -> bool:
    """Whether anything at the label's class goes into `kernel`."""
    return any(LABEL in indices(statement.value) for statement in plain(kernel))


def without_unread(kernel: Kernel) -> Kernel:
    """`kernel` without the scalars that nothing reads, nor, then, those that only they read."""
    read = {node.name for node in nodes(kernel) if isinstance(node, Scalar)} | {each.name for each in kernel.outputs}
    kept = tuple(line for line in plain(kernel) if not isinstance(line, (Let, Reduce)) or line.name in read)
    return kernel if kept == kernel.body else without_unread(replace(kernel, body=kept))


def is_over_pairs(kernel: Kernel) -> bool:
    """Whether `kernel`, fused or not, computes something for every pair of classes to sum it up."""
    return any(isinstance(statement, PairSum) for statement in flat(kernel.body))


def fresh_name(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or with the first free number after it where it is taken."""
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name
