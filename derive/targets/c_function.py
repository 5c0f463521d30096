"""What the templates need to know of one C function: its name, its parameters, its comments and its body."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from derive.catalogue.parameters import Parameter
from derive.errors import UnsupportedError
from derive.kernel.ir import Array, Kernel
from derive.targets.c_expression import Printer
from derive.targets.c_items import Item, Pass, Row
from derive.targets.c_layout import comment
from derive.targets.c_loops import (
    BLOCK_ENTRIES,
    arrange,
    ways_of,
)
from derive.targets.c_precision import AnyPrecision, Precision
from derive.targets.c_uses import arrays_used, scalars_used, uses_label

_CONTINUED = "\n" + " " * 8
"""The break in a list of parameters or of conditions."""


@dataclass(frozen=True)
class Way:
    """One way to do the work of a function.

    Attributes:
        name: the name of the C function that does it, without its type and instruction set.
        across: whether it works across rows, or along one row after the other.
        body: the statements for one row, or for rows side by side.
    """

    name: str
    across: bool
    body: tuple[Item, ...]

    @property
    def in_lanes(self) -> bool:
        """Whether it works on classes side by side, or takes a row's largest entry so."""
        return any(isinstance(item, Pass) and (item.in_lanes or item.inner) for item in self.body)


@dataclass(frozen=True)
class Function:
    """One C function, which checks its arguments, and those that do its work on rows.

    Attributes:
        name: its name, its precision at the end where it is one.
        stem: its name without.
        constants: the beginning of the names of the header's constants.
        kernel: the program of one row.
        ways: how its work is done: across rows for few classes, then along rows for more.
    """

    name: str
    stem: str
    constants: str
    kernel: Kernel
    precision: Precision | AnyPrecision
    ways: tuple[Way, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """The named steps of the passes, as the lines of one comment."""
        return comment(self.kernel.notes)

    @property
    def declaration(self) -> str:
        """Its type, name and parameters: the sizes, and every array on a line of its own."""
        return f"int {self.name}({_listed(self._lines.values())})"

    @property
    def parameters(self) -> str:
        """The parameters of its ways: those that matter, with the promise that no output overlaps another array."""
        return f"({_listed(self._used.values())})".replace(" *", " *RESTRICT ")

    @property
    def side_parameters(self) -> str:
        """The parameters of the function that works on rows side by side: columns, and numbers of those rows."""
        precision, lines = self.precision, [] if self.kernel.n is not None else ["size_t n"]
        written = [array for array in self.kernel.outputs if array.rank]
        lines += [f"{precision.type} (*RESTRICT {array.name})[LANES]" for array in (*self.read, *written)]
        lines += [f"const {precision.bits} *RESTRICT label"] if self.uses_label else []
        lines += [f"{precision.type} *RESTRICT {array.name}" for array in self.kernel.outputs if not array.rank]
        lines += [self._used[each.name].replace(" *", " *RESTRICT ") for each in self._used_parameters]
        return f"({', '.join(lines)})"

    @property
    def side_arguments(self) -> str:
        """The arguments of that function for LANES of the rows that were turned, from row `row` on."""
        names = [] if self.kernel.n is not None else ["n"]
        written = [array for array in self.kernel.outputs if array.rank]
        names += [f"{array.name}_columns[row / LANES]" for array in (*self.read, *written)]
        names += ["label + row"] if self.uses_label else []
        names += [f"{array.name}_rows + row" for array in self.kernel.outputs if not array.rank]
        return ", ".join((*names, *(each.name for each in self._used_parameters)))

    @property
    def _used_parameters(self) -> tuple[Parameter, ...]:
        return tuple(each for each in self.kernel.parameters if each.name in self._used)

    @property
    def shared_arguments(self) -> str:
        """The arguments of its ways for `count` rows from row `first` on."""
        per_row = {array.name: f"first * {array.name}_stride" if array.rank else "first" for array in self._arrays}
        places = {"batch": "count", "labels": "labels + first"}
        places |= {name: f"{name} + {place}" for name, place in per_row.items()}
        names = (name for line in self._used.values() for name in _names(line))
        return ", ".join(places.get(name, name) for name in names)

    @property
    def weighted_declaration(self) -> str:
        """Its declaration with a weight for each row, which multiplies what the row gives."""
        lines = dict(self._lines)
        outputs = {name: lines.pop(name) for name in [*lines] if name in {each.name for each in self.kernel.outputs}}
        parameters = {each.name: lines.pop(each.name) for each in self.kernel.parameters}
        weights = {"weights": self._weights}
        return f"int {self.helper('weighted')}({_listed((lines | weights | outputs | parameters).values())})"

    def helper(self, ending: str) -> str:
        """The name of another function that belongs to it."""
        return self.precision.named(f"{self.stem}_{ending}")

    @property
    def arguments(self) -> str:
        """Its parameters, as they are passed on."""
        return ", ".join(name for line in self._lines.values() for name in _names(line))

    @property
    def checked_parameters(self) -> str:
        """Its parameters, and weights of the rows or NULL."""
        return f"({_listed((*self._lines.values(), self._weights))})"

    @property
    def rows_parameters(self) -> str:
        """Those of its parameters that matter, and weights of the rows or NULL."""
        return f"({_listed((*self._used.values(), self._weights))})"

    @property
    def rows_arguments(self) -> str:
        """The arguments for `count` rows from row `first` on, with their weights."""
        return f"{self.shared_arguments}, (weights == NULL ? NULL : weights + first)"

    @property
    def _weights(self) -> str:
        return f"const {self.precision.type} *weights"

    @property
    def _lines(self) -> Mapping[str, str]:
        """The parameters that belong together, by the name of what they are about."""
        kernel, real = self.kernel, self.precision.type
        lines = {"batch": "size_t batch, size_t n" if kernel.n is None else "size_t batch"}
        for array in kernel.inputs:
            lines[array.name] = _parameter(f"const {real} *", array)
            if kernel.labels:
                lines.setdefault("labels", "const int64_t *labels")  # where dense targets stand, after the logits
        lines |= {array.name: _parameter(f"{real} *", array) for array in kernel.outputs}
        for each in kernel.parameters:
            lines[each.name] = f"const {real} *{each.name}" if each.per_class else f"{real} {each.name}"
        return lines

    @property
    def _used(self) -> Mapping[str, str]:
        kernel = self.kernel
        used = arrays_used(kernel) | scalars_used(kernel) | {array.name for array in kernel.outputs} | {"batch"}
        used |= {"labels"} if self.uses_label and kernel.labels else set()
        return {name: line for name, line in self._lines.items() if name in used}

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
        tests += ["n > BLOCK_ENTRIES"] if self.kernel.work and self.kernel.n is None else []
        return (" ||" + _CONTINUED).join(tests)

    @property
    def limits(self) -> tuple[tuple[bool, str], ...]:
        """For each parameter, whether it has one number for each class, and the condition that a number is in range."""
        precision = self.precision
        if isinstance(precision, AnyPrecision):
            return ()  # the function of a type asks before it calls what is written for either
        return tuple((each.per_class, self._within(each, precision)) for each in self.kernel.parameters)

    def _within(self, parameter: Parameter, precision: Precision) -> str:
        bounds = parameter.range
        value = f"{parameter.name}[k]" if parameter.per_class else parameter.name
        largest = f"{'FLT' if precision.suffix else 'DBL'}_MAX"
        low = f"-{largest}" if bounds.low is None else precision.literal(bounds.low)
        high = largest if bounds.high is None else precision.literal(bounds.high)
        above = ">=" if bounds.low is None or bounds.low_included else ">"
        below = "<=" if bounds.high is None or bounds.high_included else "<"
        return f"{value} {above} {low} && {value} {below} {high}"

    @property
    def read(self) -> tuple[Array, ...]:
        """The input arrays that the result depends on."""
        used = arrays_used(self.kernel)
        return tuple(array for array in self.kernel.inputs if array.name in used)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that it reads or writes."""
        read = (Row(array.name, is_output=False) for array in self.read)
        return (*read, *(Row(array.name, is_output=True) for array in self.kernel.outputs if array.rank))

    @property
    def uses_label(self) -> bool:
        """Whether the result depends on the label; its range is checked in any case."""
        return uses_label(self.kernel)

    @property
    def largest_class(self) -> str:
        """The class of the largest logit of a row."""
        logits = self.kernel.inputs[0].name
        return f"ISA(largest_class)(n, {logits} + (first + row) * {logits}_stride)"

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


def make_function(stem: str, kernel: Kernel, precision: Precision | AnyPrecision) -> Function:
    """The C function of `kernel` for the composition whose files are named `stem`.

    Raises:
        UnsupportedError: the kernel has a node that C has no way to say, or needs more memory than the stack has.
    """
    if kernel.work and kernel.n is not None and kernel.n > BLOCK_ENTRIES:
        raise UnsupportedError(
            f"the C target allocates nothing: {kernel.name} keeps {', '.join(kernel.work)} on the stack, with room "
            f"for {BLOCK_ENTRIES} classes, and n is {kernel.n}"
        )
    whole = _stem(stem, kernel)
    return Function(
        name=whole if isinstance(precision, AnyPrecision) else precision.named(whole),
        stem=whole,
        constants=_prefix(stem, kernel).upper(),
        kernel=kernel,
        precision=precision,
        ways=tuple(
            Way(f"{whole}_{name}", across, arrange(Printer(kernel, precision, across)))
            for name, across in (("across", True), ("along", False))
            if across in ways_of(kernel)
        ),
    )


def _listed(lines: Iterable[str]) -> str:
    return f",{_CONTINUED}".join(lines)


def _names(line: str) -> Iterator[str]:
    """The names in a list of parameters."""
    return (part.split("*")[-1].split()[-1] for part in line.split(", "))


def function_name(stem: str, kernel: Kernel, precision: Precision) -> str:
    """The name of the C function of `kernel`, such as `softmax_n3_value_f32`."""
    return precision.named(_stem(stem, kernel))


def _stem(stem: str, kernel: Kernel) -> str:
    return f"{_prefix(stem, kernel)}_{kernel.name}{'_labels' if kernel.labels else ''}"


def _prefix(stem: str, kernel: Kernel) -> str:
    return stem if kernel.n is None else f"{stem}_n{kernel.n}"


def _parameter(pointer: str, array: Array) -> str:
    return f"{pointer}{array.name}, size_t {array.name}_stride" if array.rank else f"{pointer}{array.name}"
