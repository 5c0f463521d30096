"""The NumPy target: one module for each composition, which imports NumPy and nothing else."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from derive.kernel.ir import Kernel
from derive.kernel.pipeline import store
from derive.kernel.plan import quantities_of
from derive.kernel.statements import rename_parameters
from derive.layer.engine import LayerResult
from derive.render import render
from derive.targets.heading import assumed, entry, heading
from derive.targets.layer_numpy import LAYER_KERNEL, RENAMED, layer_context
from derive.targets.model import Product
from derive.targets.numpy_function import Argument, Function, Program, wrap_words, write_signature
from derive.targets.numpy_layout import MANY_ROWS, SHORT_ROW, WIDTH, wrap_statement
from derive.targets.numpy_operations import use_operations
from derive.targets.numpy_program import print_body

_OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "row_max": ("is_by_row",),
    "sum": ("is_by_row",),
    "sum_or_0": ("is_by_row", "sum"),
    "sum_of_rest": ("is_by_row", "sum"),
    "exp_difference": ("lost",),
    "put_rounding_back": ("is_by_row", "lost"),
    "lost": (),
    "is_by_row": (),
}
"""The operations that a module defines for itself where it uses them, and what they use."""

_VECTORS = {
    "t": "dense targets",
    "g": "gradient with respect to the value",
    "v": "direction",
}
"""What the inputs beside the logits are."""


def _lines(kernel: Kernel) -> tuple[str, ...]:
    """The body of a kernel's function, in lines that are not too long."""
    return tuple(part for line in print_body(kernel) for part in wrap_statement(line))


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
    kernels = [use_operations(store(kernel, work=True), kernel) for kernel in product.kernels]
    programs = [Program(kernel, _lines(kernel)) for kernel in kernels]
    by_labels = {program.kernel.name: program for program in programs if program.kernel.labels}
    dense = {program.kernel.name: program for program in programs if not program.kernel.labels}
    functions = [
        Function(
            dense.get(name),
            by_labels.get(name),
            _formulas(product, name),
            product.n,
            product.composition.loss is not None,
            quantities_of(product.composition, name),
        )
        for name in dict.fromkeys(program.kernel.name for program in programs)
    ]
    return {
        "heading": heading(product, NumpyTarget.name),
        "short_row": SHORT_ROW,
        "many_rows": MANY_ROWS,
        "title": "\n".join(_title(product)),
        "exported": _listed(sorted(function.name for function in functions)),
        "functions": functions,
        "programs": programs,
        "n": product.n,
        "vectors": _VECTORS,
        "vectors_taken": any(function.checked_first or function.dense_program for function in functions),
        "labels_taken": bool(by_labels),
        "labels_only": not dense,
        "dense_only": product.composition.loss is not None and not by_labels,
        "parameters_taken": any(kernel.parameters for kernel in kernels),
        "losses_taken": product.composition.loss is not None,
        "upstream_taken": any(function.has_upstream for function in functions),
        "pairs_returned": any(function.takes_pair for function in functions),
        "over_pairs": any(program.is_over_pairs for program in programs),
        "operations": _operations(line for program in programs for line in program.body),
    }


def _operations(lines: Iterable[str]) -> tuple[str, ...]:
    """The operations of its own that a module needs."""
    text = "\n".join(lines)
    used = {name for name in _OPERATIONS if f"_{name}(" in text}
    needed = used.union(*(_OPERATIONS[name] for name in used))
    return tuple(name for name in _OPERATIONS if name in needed)


def _layer_module(product: Product, layer: LayerResult) -> str:
    """The module of a layer: its function, and the kernel of the rows that it calls."""
    kernels = tuple(rename_parameters(kernel, RENAMED) for kernel in product.kernels if kernel.name == LAYER_KERNEL)
    context = {**module_context(replace(product, kernels=kernels)), **layer_context(product, layer)}
    parameters = [Argument(each) for each in kernels[0].parameters]
    arguments = ["x: ArrayLike", "w: ArrayLike", "b: ArrayLike", "t: ArrayLike", "*"]
    arguments += [*(each.declaration for each in parameters), 'reduction: str = "mean"']
    signature = write_signature("loss_and_gradients", arguments, "tuple[np.floating, Array, Array, Array]")
    return render(NumpyTarget.name, "layer.py", **context, layer_parameters=parameters, layer_signature=signature)


def _formulas(product: Product, function: str) -> tuple[str, ...]:
    """The closed forms of what a function computes, wrapped."""
    lines: list[str] = []
    for quantity in quantities_of(product.composition, function):
        lines += wrap_words(f"{entry(quantity, product)}{assumed(product, quantity)}", WIDTH - 4)
    return tuple(f"    {line}" for line in lines)


def _title(product: Product) -> list[str]:
    name, classes = product.composition.name, _classes(product.n)
    return textwrap.wrap(f"{name} over the rows of an array of logits, for {classes}.", WIDTH, break_on_hyphens=False)


def _classes(n: int | None) -> str:
    if n is None:
        return "any number of classes"
    return "1 class" if n == 1 else f"{n} classes"


def _listed(names: Sequence[str]) -> str:
    quoted = (f'"{name}"' for name in names)
    return f"[{', '.join(quoted)}]"


target = NumpyTarget()
