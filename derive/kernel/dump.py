"""A kernel as text, for people."""

from derive.kernel.ir import (
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

_INFIX = {"add": " + ", "sub": " - ", "mul": "*", "div": "/", "pow": "**", "equal": " == ", "less": " < "}


def dump(kernel: Kernel) -> str:
    """The whole program: signature, notes, statements."""
    inputs = ", ".join([array.name for array in kernel.inputs] + (["label"] if kernel.labels else []))
    ranks = ("", "[j]", "[i, j]")
    outputs = ", ".join(array.name + ranks[array.rank] for array in kernel.outputs)
    size = "" if kernel.n is None else f", n = {kernel.n}"
    lines = [f"{kernel.name}({', '.join([inputs, *(each.name for each in kernel.parameters)])}{size}) -> {outputs}"]
    lines += [f"  # {note}" for note in kernel.notes]
    lines += [f"  work {name}[j]" for name in kernel.work]
    if kernel.largest_is_label:
        lines.append(f"  label = first class of the largest {kernel.inputs[0].name}")
    lines += [f"  {line}" for statement in kernel.body for line in dump_statement(statement)]
    return "\n".join(lines) + "\n"


def dump_statement(statement: Statement) -> list[str]:
    """The lines of one statement."""
    match statement:
        case Let(name, value):
            return [f"{name} = {dump_expression(value)}"]
        case Reduce(name, operation, index, value):
            return [f"{name} = {operation} over {index} of {dump_expression(value)}"]
        case Map(array, indices, value):
            return [f"{array}[{', '.join(indices)}] = {dump_expression(value)}"]
        case PairSum(array, (index, other), value):
            return [f"{array}[{index}] = sum over {other} of {dump_expression(value)}"]
        case Loop(index, body):
            return [f"for {index}:"] + [f"  {line}" for inner in body for line in dump_statement(inner)]


def dump_expression(expression: Expression) -> str:
    """One expression; every operation within another stands in parentheses."""
    match expression:
        case Const(value):
            return str(value)
        case Scalar(name):
            return name
        case Element(array, index):
            return f"{array}[{index}]"
        case Same(left, right):
            return f"{left} is {right}"
        case Call("neg", (value,)):
            return f"-{_operand(value)}"
        case Call(operation, arguments) if operation in _INFIX:
            return _INFIX[operation].join(_operand(argument) for argument in arguments)
        case Call(operation, arguments):
            return f"{operation}({', '.join(dump_expression(argument) for argument in arguments)})"


def _operand(expression: Expression) -> str:
    text = dump_expression(expression)
    inner = isinstance(expression, Call) and (expression.operation in _INFIX or expression.operation == "neg")
    fraction = isinstance(expression, Const) and expression.value.denominator != 1
    return f"({text})" if inner or fraction else text
