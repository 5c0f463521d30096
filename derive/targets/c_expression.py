"""Print expressions of the loop program as C."""

from dataclasses import dataclass, replace
from fractions import Fraction

from derive.errors import UnsupportedError
from derive.kernel.expressions import at, indices, walk
from derive.kernel.ir import CLASS_COUNT, LABEL, Call, Const, Element, Expression, Kernel, Reduce, Same, Scalar
from derive.kernel.statements import flat
from derive.targets.c_precision import AnyPrecision, Precision

_ATOM, _UNARY, _PRODUCT, _SUM, _ORDER, _EQUALITY, _CHOICE = 7, 6, 5, 4, 3, 2, 1
"""How tightly C binds: an operand that binds less tightly than its place demands is put in parentheses."""

_INFIX = {
    "add": ("+", _SUM),
    "sub": ("-", _SUM),
    "mul": ("*", _PRODUCT),
    "div": ("/", _PRODUCT),
    "less": ("<", _ORDER),
    "equal": ("==", _EQUALITY),
}

_LIBM = {"sqrt": "sqrt", "tanh": "tanh", "abs": "fabs"}

_OWN = {
    "exp": "exp",
    "exp_difference": "exp_difference",
    "expm1": "expm1",
    "log": "log",
    "log1p": "log1p",
    "sign": "sign",
    "max": "larger",
}
"""Operations that call a function which the file defines for itself; see `templates/c/functions`."""


@dataclass(frozen=True)
class Printer:
    """Turns expressions of one kernel into C of one precision, or of either.

    Attributes:
        across: whether the C is for rows that are columns, LANES side by side, or for one row after another.
        in_row: whether it is for a pass along one row.
        over: the index of the classes of that row that are worked on LANES side by side, where they are.
    """

    kernel: Kernel
    precision: Precision | AnyPrecision
    across: bool = False
    in_row: bool = False
    over: str | None = None

    def along_row(self, over: str | None = None) -> "Printer":
        """The printer of the same kernel for a pass along one row, in lanes over an index or class by class."""
        return replace(self, in_row=True, over=over)

    def text(self, expression: Expression) -> str:
        """C source for `expression`; `UnsupportedError` where C has no way to say it."""
        return self._bound(expression)[0]

    def element(self, array: str, index: str) -> str:
        """The entry of `array` in the row at hand; that of a class is a variable within the loop over the classes."""
        return f"{array}_label[{self._row}]" if index == LABEL else f"{array}_{index}"

    def place(self, array: str, index: str) -> str:
        """Where the entry of `array` lies; a parameter is the same for every row."""
        if self.across:
            return f"{array}[{index}]" if array in self._parameters else f"{array}[{index}][lane]"
        row = array if array in self._parameters else f"{array}_row"
        return f"{row}[{index} + lane]" if index == self.over else f"{row}[{index}]"

    def scalar(self, name: str) -> str:
        """A value of the row: in arithmetic over rows an entry of an array, in a pass along a row a variable."""
        if name == CLASS_COUNT:
            return f"({self.precision.type})n"
        if name in self._parameters or self.in_row:
            return name
        return f"{name}[lane]" if self.across else f"{name}_rows[row]"

    @property
    def _row(self) -> str:
        """The row at hand, of those that are worked on side by side."""
        return "lane" if self.across else "row"

    @property
    def _parameters(self) -> frozenset[str]:
        return frozenset(parameter.name for parameter in self.kernel.parameters)

    def _same(self, *classes: str) -> str:
        """Whether two classes are the same; of classes side by side, their lanes are."""
        if self.over in classes:
            one, other = ("lane" if index == self.over else f"{index}_lane" for index in classes)
        else:
            one, other = ("label[lane]" if self.across and index == LABEL else index for index in classes)
        return f"{one} == {other}"

    def _bound(self, expression: Expression) -> tuple[str, int]:
        """C source for `expression`, and how tightly its outermost operator binds."""
        match expression:
            case Const(value):
                text = self.precision.literal(value)
                return text, _UNARY if value < 0 else _ATOM
            case Scalar(name):
                return self.scalar(name), _UNARY if name == CLASS_COUNT else _ATOM
            case Element(array, index):
                return self.element(array, index), _ATOM
            case Same(left, right):
                return self._same(left, right), _EQUALITY
            case Call():
                return self._call(expression)
        raise self._unknown(type(expression).__name__)

    def _call(self, call: Call) -> tuple[str, int]:
        operation, arguments = call.operation, call.arguments
        if operation in _INFIX:
            return self._infix(operation, arguments)
        if operation in _LIBM:
            return self._function(self.precision.libm(_LIBM[operation]), arguments)
        if operation in _OWN:
            return self._function(self.precision.named(_own_name(self.kernel, call)), arguments)
        match operation, arguments:
            case "neg", (argument,):
                text, binding = self._bound(argument)
                return f"-{_wrap(text, binding, _ATOM)}", _UNARY
            case "pow", (base, exponent):
                return self._power(base, exponent)
            case "select", (condition, if_true, if_false):
                chosen = [self._bound(argument) for argument in (condition, if_true, if_false)]
                test, yes, no = (_wrap(text, binding, _CHOICE + 1) for text, binding in chosen)
                return f"{test} ? {yes} : {no}", _CHOICE
        raise self._unknown(operation)

    def _infix(self, operation: str, arguments: tuple[Expression, ...]) -> tuple[str, int]:
        """Operands with the operator between, from the left; a negated term of a sum is subtracted."""
        symbol, binding = _INFIX[operation]
        text = _wrap(*self._bound(arguments[0]), binding)
        for argument in arguments[1:]:
            negated = _negated(argument) if operation == "add" else None
            operand, sign = (argument, symbol) if negated is None else (negated, "-")
            text += f" {sign} {_wrap(*self._bound(operand), binding + 1)}"
        return text, binding

    def _function(self, name: str, arguments: tuple[Expression, ...]) -> tuple[str, int]:
        return f"{name}({', '.join(self.text(argument) for argument in arguments)})", _ATOM

    def _power(self, base: Expression, exponent: Expression) -> tuple[str, int]:
        """A power; a whole exponent becomes products, which vectorise, where `pow` is a call for each entry."""
        precision = self.precision
        if (whole := whole_power(exponent)) is None:
            return self._function(precision.libm("pow"), (base, exponent))
        text = f"{precision.named('power')}({self.text(base)}, {abs(whole)})"
        return (text, _ATOM) if whole >= 0 else (f"{precision.literal(Fraction(1))} / {text}", _PRODUCT)

    def _unknown(self, node: str) -> UnsupportedError:
        return UnsupportedError(f"the C target cannot print {node} (in the kernel {self.kernel.name})")


def _wrap(text: str, binding: int, needed: int) -> str:
    return text if binding >= needed else f"({text})"


def _negated(expression: Expression) -> Expression | None:
    """What `expression` is the negative of, where it says so itself."""
    match expression:
        case Call("neg", (argument,)):
            return argument
        case Const(value) if value < 0:
            return Const(-value)
    return None


def whole_power(exponent: Expression) -> int | None:
    """The exponent where it is a whole number of at most 64, so that a power is a handful of products."""
    match exponent:
        case Const(value) if value.denominator == 1 and abs(value) <= 64:
            return int(value)
    return None


def own_functions(kernel: Kernel, expression: Expression) -> frozenset[str]:
    """The names of the functions of `templates/c/functions` that the C of `expression` in `kernel` calls."""
    names = set()
    for node in walk(expression):
        match node:
            case Call("pow", (_, exponent)) if whole_power(exponent) is not None:
                names.add("power")
            case Call(operation) if operation in _OWN:
                names.add(_own_name(kernel, node))
    return frozenset(names)


def _own_name(kernel: Kernel, call: Call) -> str:
    """The name of the function for `call`: exponentials of what is never positive have a shorter one."""
    name = _OWN[call.operation]
    match call:
        case Call("exp", (Call("sub", (value, Scalar(maximum))),)) | Call("exp_difference", (value, Scalar(maximum))):
            if _is_maximum_of(kernel, maximum, value):
                return f"{name}_nonpositive"
    return name


def _is_maximum_of(kernel: Kernel, name: str, value: Expression) -> bool:
    """Whether the scalar `name` is the maximum over the classes of `value`, whatever class that is for."""
    for statement in flat(kernel.body):
        match statement:
            case Reduce(found, "max", index, each) if found == name:
                return any(at(each, index, own) == value for own in indices(value))
    return False
