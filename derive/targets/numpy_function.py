"""What is said of the functions of a NumPy module: their names, parameters, documentation and lines of code."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from derive.catalogue.parameters import Parameter, Range
from derive.kernel.expressions import arrays, scalars
from derive.kernel.ir import Kernel
from derive.kernel.statements import is_over_pairs, plain, reads_label
from derive.targets.numpy_layout import WIDTH

_SUMMARIES = {
    "value": "The value of the activation.",
    "jacobian": "The Jacobian: entry [i, j] is the derivative of value i with respect to logit j.",
    "vjp": "The vector-Jacobian product: the gradient with respect to the logits, from that with respect to the value.",
    "jvp": "The Jacobian-vector product: how the value changes as the logits move along a direction.",
    "loss": "The loss of each row.",
    "gradient": "The gradient of the loss with respect to the logits.",
    "loss_and_gradient": "The loss of each row, and its gradient with respect to the logits.",
    "hessian": "The Hessian of the loss with respect to the logits.",
    "hvp": "The Hessian-vector product: how the gradient changes as the logits move along a direction.",
    "gauss_newton": "The Gauss-Newton matrix: the Hessian without the curvature of the activation.",
    "gnvp": "The Gauss-Newton-vector product: the Gauss-Newton matrix times a direction.",
}


@dataclass(frozen=True)
class Argument:
    """A parameter of the definition as a keyword of the functions."""

    parameter: Parameter

    @property
    def name(self) -> str:
        """The keyword."""
        return self.parameter.name

    @property
    def declaration(self) -> str:
        """The keyword with its type."""
        return f"{self.name}: {'ArrayLike' if self.parameter.per_class else 'float'}"

    @property
    def description(self) -> str:
        """What it is and what it must be."""
        kind = "one number for each class, shape (n,), each" if self.parameter.per_class else "a number"
        return f"{kind} with {self.condition}" if self.is_bounded else f"{kind} finite"

    @property
    def is_bounded(self) -> bool:
        """Whether it has a range besides being finite."""
        return self.parameter.range != Range(low=None)

    @property
    def condition(self) -> str:
        """The range, as a condition on the keyword."""
        return self.parameter.range.describe(self.name)

    @property
    def within(self) -> str:
        """The condition on the array that holds it."""
        bounds, value = self.parameter.range, f"{self.name}_rows"
        tests = []
        if bounds.low is not None:
            tests.append(f"({value} {'>=' if bounds.low_included else '>'} {bounds.low})")
        if bounds.high is not None:
            tests.append(f"({value} {'<=' if bounds.high_included else '<'} {bounds.high})")
        return " & ".join([f"np.isfinite({value})", *tests])


@dataclass(frozen=True)
class Program:
    """A kernel as a private function over rows."""

    kernel: Kernel
    body: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the module calls it."""
        return program_name(self.kernel)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The vectors and parameters that it reads besides the logits, and the labels if it reads any."""
        read = frozenset().union(*(arrays(statement.value) for statement in plain(self.kernel)))
        read |= frozenset().union(*(scalars(statement.value) for statement in plain(self.kernel)))
        inputs = [array.name for array in self.kernel.inputs[1:]]
        parameters = [parameter.name for parameter in self.kernel.parameters]
        vectors = tuple(name for name in (*inputs, *parameters) if name in read)
        return (*vectors, "labels") if self.kernel.labels and reads_label(self.kernel) else vectors

    @property
    def signature(self) -> tuple[str, ...]:
        """Its head, as lines."""
        types = {"labels": "NDArray[np.intp]"}
        parameters = ["z: Array", *(f"{name}: {types.get(name, 'Array')}" for name in self.inputs)]
        parameters += [f"{output.name}: Array" for output in self.kernel.outputs]
        return write_signature(self.name, parameters, "None")

    @property
    def is_over_pairs(self) -> bool:
        """Whether it has an array with a number for every pair of classes."""
        return is_over_pairs(self.kernel)

    @property
    def comments(self) -> tuple[str, ...]:
        """The named steps of the passes."""
        return tuple(line for note in self.kernel.notes for line in wrap_words(note, WIDTH - 2))


@dataclass(frozen=True)
class Function:
    """A function that people call.

    Attributes:
        dense_program: the kernel that computes it from dense targets, or from none; None where it takes labels alone.
        label_program: the kernel that computes it from labels, if it takes them.
        formulas: its closed forms, as text.
        n: the fixed number of classes, or None.
        has_loss: whether it is of a loss, which can be reduced and weighted.
        quantities: what it computes.
    """

    dense_program: Program | None
    label_program: Program | None
    formulas: tuple[str, ...]
    n: int | None
    has_loss: bool
    quantities: tuple[str, ...]

    @property
    def program(self) -> Program:
        """Either of its kernels, where they are alike."""
        program = self.dense_program or self.label_program
        assert program is not None  # noqa: S101 - one of them is why there is a function
        return program

    @property
    def name(self) -> str:
        """What people call it."""
        return self.program.kernel.name

    @property
    def summary(self) -> str:
        """The first sentence of its documentation."""
        _, colon, by = self.quantities[0].partition(":")
        if colon:
            return f"The derivative of each row's loss with respect to {by}, the logits held fixed."
        return _SUMMARIES[self.name]

    @property
    def reduces(self) -> bool:
        """Whether it returns the loss, which is one number in all where it is reduced."""
        return self.has_loss and self.quantities[0] == "value"

    @property
    def vectors(self) -> tuple[str, ...]:
        """The positional parameters after the logits."""
        others = tuple(array.name for array in self.program.kernel.inputs[1:])
        return others if self.dense_program or not self.has_loss else ("t", *others)

    @property
    def parameters(self) -> tuple[Argument, ...]:
        """The parameters of the definition, which every function takes."""
        return tuple(Argument(each) for each in self.program.kernel.parameters)

    @property
    def has_upstream(self) -> bool:
        """Whether it returns derivatives, which an upstream gradient multiplies."""
        return self.has_loss and self.name != "loss"

    @property
    def checked_first(self) -> tuple[str, ...]:
        """The vectors that are vectors in any case; targets may be labels."""
        return tuple(name for name in self.vectors if name != "t" or self.label_program is None)

    @property
    def outputs(self) -> tuple[tuple[str, int], ...]:
        """The name and rank of each output."""
        return tuple((output.name, output.rank) for output in self.program.kernel.outputs)

    @property
    def returned(self) -> str:
        """The type of what it returns."""
        return "Array" if len(self.outputs) == 1 else "tuple[Array, Array]"

    @property
    def signature(self) -> tuple[str, ...]:
        """Its head, as lines."""
        parameters = ["z: ArrayLike", *(f"{name}: ArrayLike" for name in self.vectors)]
        parameters += ["*", *(each.declaration for each in self.parameters), "axis: int = -1"]
        if self.has_loss:
            parameters += ['reduction: str = "none"', "weight: ArrayLike | None = None"]
        if self.has_upstream:
            parameters.append("upstream: ArrayLike | None = None")
        if self.label_program:
            parameters += ["class_weight: ArrayLike | None = None", "ignore_index: int | None = None"]
        parameters.append(f"out: {self.returned} | None = None")
        return write_signature(self.name, parameters, self.returned)

    @property
    def names(self) -> str:
        """The variables that hold the outputs."""
        return ", ".join(name for name, _ in self.outputs)

    @property
    def takes_pair(self) -> bool:
        """Whether `out` is a pair: one array for the loss, one for the rest."""
        return len(self.outputs) == 2

    @property
    def scalar_out(self) -> str | None:
        """The variable that holds the array for the loss; None where there is no loss."""
        scalars = [name for name, rank in self.outputs if rank == 0]
        return _out_name(scalars[0], self.takes_pair) if scalars else None

    @property
    def unpacked(self) -> str:
        """The variables of the pair `out`."""
        return ", ".join(_out_name(name, self.takes_pair) for name, _ in self.outputs)

    @property
    def returns(self) -> tuple[str, ...]:
        """What it returns, as lines."""
        results = _REDUCIBLE_RESULTS if self.reduces else _RESULTS
        described = [results[rank].format(n="n" if self.n is None else self.n) for _, rank in self.outputs]
        sentence = "; and ".join(described)
        return tuple(wrap_words(f"{sentence[0].upper()}{sentence[1:]}.", WIDTH - 4))

    @property
    def delivered(self) -> str:
        """The outputs as the caller lays them out."""
        return ", ".join(
            f"_deliver({_laid_out(name, rank, self.reduces)}, dtype, {_out_name(name, self.takes_pair)})"
            for name, rank in self.outputs
        )

    def run(self, program: Program) -> tuple[str, ...]:
        """The lines that make room for the outputs and run a private function on the rows."""
        own = {parameter.name for parameter in self.parameters} | {"labels"}  # copies, which share no memory
        inputs = ["rows", *(name if name == "labels" else f"{name}_rows" for name in program.inputs)]
        shared = [f"{name}_rows" for name in program.inputs if name not in own]
        lines = []
        for name, rank in self.outputs:
            shape, axis = ("rows.shape", "axis") if rank == 1 else ("(*rows.shape, rows.shape[-1])", "-1")
            out = _out_name(name, self.takes_pair)
            room = f"_room({', '.join((out, shape, axis, 'dtype', 'rows', *shared))})"
            lines.append(f"{name} = {room if rank else 'np.empty_like(rows[..., :1])'}")
        outputs = [name for name, _ in self.outputs]
        pairs = ", pairs=True" if program.is_over_pairs else ""
        lines.append(f"_in_blocks({program.name}, {_tuple(inputs)}, {_tuple(outputs)}{pairs})")
        return tuple(lines)


_RESULTS = (
    "one number a row, in z's dtype: the shape of z without `axis`",
    "an array of z's shape and dtype",
    "an array of z's dtype: the shape of z without `axis`, then ({n}, {n})",
)
"""What an output is, by rank."""

_REDUCIBLE_RESULTS = (f"{_RESULTS[0]}; one number in all where it is reduced", *_RESULTS[1:])

_LAID_OUT = ("{}[..., 0]", "_move({}, -1, axis)", "{}")
"""An output as the caller lays it out, by rank."""


def write_signature(name: str, parameters: Sequence[str], returned: str) -> tuple[str, ...]:
    """The head of a function: on one line, with its parameters on one line, or on a line for each."""
    listed = ", ".join(parameters)
    if len(line := f"def {name}({listed}) -> {returned}:") <= WIDTH + 4:
        return (line,)
    inner = [f"    {listed}"] if len(listed) <= WIDTH else [f"    {parameter}," for parameter in parameters]
    return (f"def {name}(", *inner, f") -> {returned}:")


def _laid_out(name: str, rank: int, reduces: bool) -> str:
    return name if reduces and rank == 0 else _LAID_OUT[rank].format(name)


def _tuple(names: Sequence[str]) -> str:
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"


def _out_name(output: str, in_pair: bool) -> str:
    return f"{output}_out" if in_pair else "out"


def program_name(kernel: Kernel) -> str:
    """The name of the private function over rows of `kernel`."""
    return f"_{kernel.name}_{'label_' if kernel.labels else ''}rows"


def wrap_words(sentence: str, width: int) -> list[str]:
    """A sentence in lines, those after the first indented."""
    return textwrap.wrap(sentence, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
