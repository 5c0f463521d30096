"""The NumPy target: one module for each composition, which imports NumPy and nothing else."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from derive.kernel.expressions import arrays, indices
from derive.kernel.ir import LABEL, Kernel
from derive.kernel.pipeline import store
from derive.kernel.statements import plain
from derive.layer.engine import LayerResult
from derive.render import render
from derive.targets.heading import assumed, entry, heading
from derive.targets.layer_numpy import LAYER_KERNEL, layer_context
from derive.targets.model import Product
from derive.targets.numpy_program import print_body

_WIDTH = 116
"""Characters of a line within a function, so that with its indentation it stays within 120."""

_VECTORS = {
    "t": "dense targets",
    "g": "gradient with respect to the value",
    "v": "direction",
}
"""What the inputs beside the logits are."""

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
}


@dataclass(frozen=True)
class _Program:
    """A kernel as a private function over rows."""

    kernel: Kernel
    body: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"_{self.kernel.name}_{'label_' if self.kernel.labels else ''}rows"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The vectors that it reads besides the logits, and the labels if it reads any."""
        read = frozenset().union(*(arrays(statement.value) for statement in plain(self.kernel)))
        reads_labels = any(LABEL in indices(statement.value) for statement in plain(self.kernel))
        vectors = tuple(array.name for array in self.kernel.inputs[1:] if array.name in read)
        return (*vectors, "labels") if reads_labels else vectors

    @property
    def has_room(self) -> bool:
        """Whether it can write to an array that it is given."""
        return any(output.rank > 0 for output in self.kernel.outputs)

    @property
    def signature(self) -> str:
        types = {"labels": "NDArray[np.intp]"}
        parameters = ["z: Array", *(f"{name}: {types.get(name, 'Array')}" for name in self.inputs)]
        parameters += ["out: Array | None"] if self.has_room else []
        outputs = ["Array"] * len(self.kernel.outputs)
        returned = outputs[0] if len(outputs) == 1 else f"tuple[{', '.join(outputs)}]"
        return f"def {self.name}({', '.join(parameters)}) -> {returned}:"

    @property
    def comments(self) -> tuple[str, ...]:
        """The named steps of the passes."""
        return tuple(line for note in self.kernel.notes for line in _wrap(note, _WIDTH - 2))


@dataclass(frozen=True)
class _Function:
    """A function that people call.

    Attributes:
        program: the kernel that computes it from dense targets, or from none.
        label_program: the kernel that computes it from labels, if it takes them.
        formulas: its closed forms, as text.
        n: the fixed number of classes, or None.
    """

    program: _Program
    label_program: _Program | None
    formulas: tuple[str, ...]
    n: int | None

    @property
    def name(self) -> str:
        return self.program.kernel.name

    @property
    def summary(self) -> str:
        return _SUMMARIES[self.name]

    @property
    def vectors(self) -> tuple[str, ...]:
        """The parameters after the logits."""
        return tuple(array.name for array in self.program.kernel.inputs[1:])

    @property
    def checked_first(self) -> tuple[str, ...]:
        """The vectors that are vectors in any case; targets may be labels."""
        return tuple(name for name in self.vectors if name != "t" or self.label_program is None)

    @property
    def outputs(self) -> tuple[tuple[str, int], ...]:
        return tuple((output.name, output.rank) for output in self.program.kernel.outputs)

    @property
    def returned(self) -> str:
        return "Array" if len(self.outputs) == 1 else "tuple[Array, Array]"

    @property
    def signature(self) -> str:
        parameters = ["z: ArrayLike", *(f"{name}: ArrayLike" for name in self.vectors)]
        parameters += ["*", "axis: int = -1", f"out: {self.returned} | None = None"]
        line = f"def {self.name}({', '.join(parameters)}) -> {self.returned}:"
        if len(line) > _WIDTH + 4:
            line = f"def {self.name}(\n    {', '.join(parameters)}\n) -> {self.returned}:"
        return line

    @property
    def names(self) -> str:
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
        """What it returns, output by output."""
        return tuple(_RESULTS[rank].format(n="n" if self.n is None else self.n) for _, rank in self.outputs)

    @property
    def delivered(self) -> str:
        return ", ".join(
            f"_deliver({_LAID_OUT[rank].format(name)}, dtype, {_out_name(name, self.takes_pair)})"
            for name, rank in self.outputs
        )

    def call(self, program: _Program) -> str:
        """The call of a private function on rows."""
        vectors = [f"{name}_rows" for name in program.inputs if name != "labels"]
        arguments = ["rows", *(name if name == "labels" else f"{name}_rows" for name in program.inputs)]
        for name, rank in self.outputs:
            if rank > 0:
                shape, axis = ("rows.shape", "axis") if rank == 1 else ("(*rows.shape, rows.shape[-1])", "-1")
                out = _out_name(name, self.takes_pair)
                arguments.append(f"_room({', '.join((out, shape, axis, 'dtype', 'rows', *vectors))})")
        return f"{program.name}({', '.join(arguments)})"


_RESULTS = (
    "one number a row, in z's dtype: the shape of z without `axis`",
    "an array of z's shape and dtype",
    "an array of z's dtype: the shape of z without `axis`, then ({n}, {n})",
)
"""What an output is, by rank."""

_LAID_OUT = ("{}[..., 0]", "np.moveaxis({}, -1, axis)", "{}")
"""An output as the caller lays it out, by rank."""


def _out_name(output: str, in_pair: bool) -> str:
    return f"{output}_out" if in_pair else "out"


class NumpyTarget:
    """Functions over arrays of any number of axes, in place where they can be."""

    name = "numpy"

    def files(self, product: Product) -> Mapping[str, str]:
        """The module of one product, and that of a layer before it where there is one.

        Raises:
            UnsupportedError: a kernel has a node that NumPy has no way to say.
        """
        files = {f"{product.stem}.py": render(self.name, "module.py", **module_context(product))}
        if product.layer is not None:
            files[f"{product.stem}_layer.py"] = _layer_module(product, product.layer)
        return files

    def shared_files(self, products: Sequence[Product]) -> Mapping[str, str]:  # noqa: ARG002 - as every target
        """None: each module stands alone."""
        return {}


def module_context(product: Product) -> dict[str, Any]:
    """What the template of a module needs to know.

    Raises:
        UnsupportedError: a kernel has a node that NumPy has no way to say.
    """
    kernels = [store(kernel, work=True) for kernel in product.kernels]
    programs = [_Program(kernel, tuple(print_body(kernel))) for kernel in kernels]
    by_labels = {program.name: program for program in programs if program.kernel.labels}
    functions = [
        _Function(
            program,
            by_labels.get(f"_{program.kernel.name}_label_rows"),
            _formulas(product, program.kernel.name),
            product.n,
        )
        for program in programs
        if not program.kernel.labels
    ]
    return {
        "heading": heading(product, NumpyTarget.name),
        "title": f"{product.composition.name} over the rows of an array of logits, for {_classes(product.n)}.",
        "exported": _listed(sorted(function.name for function in functions)),
        "functions": functions,
        "programs": programs,
        "n": product.n,
        "vectors": _VECTORS,
        "vectors_taken": any(function.vectors for function in functions),
        "labels_taken": bool(by_labels),
        "pairs_returned": any(function.takes_pair for function in functions),
        "uses_exp_difference": any("_exp_difference(" in line for program in programs for line in program.body),
    }


def _layer_module(product: Product, layer: LayerResult) -> str:
    """The module of a layer: its function, and the kernel of the rows that it calls."""
    kernels = tuple(kernel for kernel in product.kernels if kernel.name == LAYER_KERNEL)
    context = {**module_context(replace(product, kernels=kernels)), **layer_context(product, layer)}
    return render(NumpyTarget.name, "layer.py", **context)


def _formulas(product: Product, function: str) -> tuple[str, ...]:
    """The closed forms of what a function computes, wrapped."""
    quantities = {"loss": ("value",), "loss_and_gradient": ("value", "gradient")}.get(function, (function,))
    lines: list[str] = []
    for quantity in quantities:
        lines += _wrap(f"{entry(quantity, product)}{assumed(product, quantity)}", _WIDTH - 4)
    return tuple(f"    {line}" for line in lines)


def _classes(n: int | None) -> str:
    if n is None:
        return "any number of classes"
    return "1 class" if n == 1 else f"{n} classes"


def _listed(names: Sequence[str]) -> str:
    quoted = (f'"{name}"' for name in names)
    return f"[{', '.join(quoted)}]"


def _wrap(sentence: str, width: int) -> list[str]:
    return textwrap.wrap(sentence, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


target = NumpyTarget()
