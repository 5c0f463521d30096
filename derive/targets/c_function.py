"""What the templates need to know of one C function: its name, its parameters, its comments and its body."""

from dataclasses import dataclass

from derive.catalogue.parameters import Parameter
from derive.errors import UnsupportedError
from derive.kernel.ir import Array, Kernel
from derive.targets.c_expression import Printer
from derive.targets.c_layout import comment
from derive.targets.c_loops import Assignment, Pass, arrange, arrays_used, uses_label
from derive.targets.c_precision import Precision

_CONTINUED = "\n" + " " * 8
"""The break in a list of parameters or of conditions."""


@dataclass(frozen=True)
class Function:
    """One C function.

    Attributes:
        name: its name, its precision at the end.
        constants: the beginning of the names of the header's constants.
        kernel: the program of one row.
        body: the statements for one row.
    """

    name: str
    constants: str
    kernel: Kernel
    precision: Precision
    body: tuple[Assignment | Pass, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """The named steps of the passes, as the lines of one comment."""
        return comment(self.kernel.notes)

    @property
    def declaration(self) -> str:
        """Its type, name and parameters: the sizes, and every array on a line of its own."""
        kernel, real = self.kernel, self.precision.type
        lines = ["size_t batch, size_t n" if kernel.n is None else "size_t batch"]
        inputs = [_parameter(f"const {real} *", array) for array in kernel.inputs]
        if kernel.labels:
            inputs.insert(1, "const int64_t *labels")  # where dense targets stand, after the logits
        lines += inputs
        lines += [_parameter(f"{real} *", array) for array in kernel.outputs]
        lines += [
            f"const {real} *{each.name}" if each.per_class else f"{real} {each.name}" for each in kernel.parameters
        ]
        return f"int {self.name}({(',' + _CONTINUED).join(lines)})"

    @property
    def definition(self) -> str:
        """The declaration with the promise that no output overlaps another array."""
        return self.declaration.replace(" *", " *RESTRICT ")

    @property
    def null(self) -> str:
        """The condition that some pointer is null."""
        return " || ".join(f"{name} == NULL" for name in self._pointers)

    @property
    def misfit(self) -> str:
        """The condition that some array cannot lie in memory as its sizes say."""
        tests = [
            f"!rows_fit(batch, n, {array.name}_stride, sizeof *{array.name})" for array in self._arrays if array.rank
        ]
        tests += [f"!rows_fit(batch, 1, 1, sizeof *{name})" for name in self._numbers]
        return (" ||" + _CONTINUED).join(tests)

    @property
    def limits(self) -> tuple[tuple[bool, str], ...]:
        """For each parameter, whether it has one number for each class, and the condition that a number is in range."""
        return tuple((each.per_class, self._within(each)) for each in self.kernel.parameters)

    def _within(self, parameter: Parameter) -> str:
        bounds, precision = parameter.range, self.precision
        value = f"{parameter.name}[k]" if parameter.per_class else parameter.name
        largest = f"{'FLT' if precision.suffix else 'DBL'}_MAX"
        low = f"-{largest}" if bounds.low is None else precision.literal(bounds.low)
        high = largest if bounds.high is None else precision.literal(bounds.high)
        above = ">=" if bounds.low is None or bounds.low_included else ">"
        below = "<=" if bounds.high is None or bounds.high_included else "<"
        return f"{value} {above} {low} && {value} {below} {high}"

    @property
    def rows(self) -> tuple[str, ...]:
        """The declarations of pointers to the row at hand, of the arrays that the body uses."""
        real, used = self.precision.type, arrays_used(self.kernel)
        outputs = {array.name for array in self.kernel.outputs}
        return tuple(
            f"{'' if array.name in outputs else 'const '}{real} *{array.name}_row = "
            f"{array.name} + row * {array.name}_stride;"
            for array in self._arrays
            if array.rank and array.name in used
        )

    @property
    def uses_label(self) -> bool:
        """Whether the result depends on the label; its range is checked in any case."""
        return uses_label(self.kernel)

    @property
    def _arrays(self) -> tuple[Array, ...]:
        return (*self.kernel.inputs, *self.kernel.outputs)

    @property
    def _numbers(self) -> tuple[str, ...]:
        """The arrays with one number a row."""
        labels = ("labels",) if self.kernel.labels else ()
        return (*labels, *(array.name for array in self._arrays if array.rank == 0))

    @property
    def _pointers(self) -> tuple[str, ...]:
        vectors = (each.name for each in self.kernel.parameters if each.per_class)
        return (*(array.name for array in self._arrays if array.rank), *self._numbers, *vectors)


def make_function(stem: str, kernel: Kernel, precision: Precision) -> Function:
    """The C function of `kernel` for the composition whose files are named `stem`.

    Raises:
        UnsupportedError: the kernel has a node that C has no way to say, or needs memory.
    """
    if kernel.work:
        memory = ", ".join(kernel.work)
        raise UnsupportedError(
            f"the C target allocates nothing, and the kernel {kernel.name} needs memory for {memory}"
        )
    return Function(
        name=function_name(stem, kernel, precision),
        constants=_prefix(stem, kernel).upper(),
        kernel=kernel,
        precision=precision,
        body=arrange(Printer(kernel, precision)),
    )


def function_name(stem: str, kernel: Kernel, precision: Precision) -> str:
    """The name of the C function of `kernel`, such as `softmax_n3_value_f32`."""
    labels = "_labels" if kernel.labels else ""
    return f"{_prefix(stem, kernel)}_{kernel.name}{labels}_{precision.name}"


def _prefix(stem: str, kernel: Kernel) -> str:
    return stem if kernel.n is None else f"{stem}_n{kernel.n}"


def _parameter(pointer: str, array: Array) -> str:
    return f"{pointer}{array.name}, size_t {array.name}_stride" if array.rank else f"{pointer}{array.name}"
