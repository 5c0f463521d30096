"""Which functions a composition has, and their kernels."""

from collections.abc import Callable, Mapping, Sequence

from sympy import Expr

from derive.catalogue.model import Composition
from derive.errors import TriplesError
from derive.kernel.arguments import name_arguments
from derive.kernel.ir import Kernel
from derive.kernel.lower import Output
from derive.kernel.pipeline import compile_kernel

ClosedForm = Callable[[str, bool], Expr]
"""The closed form of a quantity under no assumption; with True, for labels: t_i is 1 at `label` and 0 elsewhere."""

_ACTIVATION: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "value": (("z",), ("value",)),
    "jacobian": (("z",), ("jacobian",)),
    "vjp": (("z", "g"), ("vjp",)),
    "jvp": (("z", "v"), ("jvp",)),
}
_LOSS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "loss": (("z", "t"), ("value",)),
    "gradient": (("z", "t"), ("gradient",)),
    "loss_and_gradient": (("z", "t"), ("value", "gradient")),
    "hessian": (("z", "t"), ("hessian",)),
    "hvp": (("z", "t", "v"), ("hvp",)),
}
"""The functions of a composition without and with a loss: their inputs, and the quantities that they compute."""

_BY = "gradient:"
"""How the quantities begin that are derivatives with respect to a name of the definition."""

_VECTORS = {
    "value": "value",
    "vjp": "z_grad",
    "jvp": "tangent",
    "gradient": "grad",
    "hvp": "product",
    "gnvp": "product",
}
_MATRICES = {"jacobian": "jac", "hessian": "hess", "gauss-newton": "gn"}


def plan(composition: Composition, n: int | None, closed_form: ClosedForm) -> tuple[Kernel, ...]:
    """The stable kernel of every function of `composition`; a loss's for dense targets, for labels, or for both.

    A matrix that takes a sum over triples of classes is left out: its products with a direction do not.

    Every function takes every parameter of the composition, whether its closed form has it or not: one signature.

    Args:
        composition: what is computed.
        n: the fixed number of classes, or None.
        closed_form: what to compute, in index form; asked only for what the composition has.

    Raises:
        UnsupportedError: a closed form that no kernel can compute.
    """
    functions = _functions(composition)
    parameters = name_arguments(composition.parameters)

    def compiled(name: str, labels: bool) -> Kernel:
        inputs, _ = functions[name]
        return compile_kernel(
            name,
            _outputs(composition, name, labels, closed_form),
            [vector for vector in inputs if not (labels and vector == "t")],
            composition.y_definition,
            labels,
            n,
            parameters,
        )

    kernels: list[Kernel] = []
    for name, (_, quantities) in functions.items():
        for labels, is_taken in ((False, composition.takes_dense), (True, composition.takes_labels)):
            if is_taken and not (labels and quantities == (f"{_BY}t",)):  # a label does not change by little
                try:
                    kernels.append(compiled(name, labels))
                except TriplesError:
                    if not _MATRICES.keys() & {*quantities}:
                        raise
    return tuple(kernels)


def left_out(composition: Composition, kernels: Sequence[Kernel]) -> tuple[str, ...]:
    """The functions of `composition` that are not among its `kernels`."""
    made = {kernel.name for kernel in kernels}
    return tuple(name for name in _functions(composition) if name not in made)


def quantities_of(composition: Composition, function: str) -> tuple[str, ...]:
    """The quantities that a function of `composition` computes, one for each of its outputs; none of another's."""
    functions = _functions(composition)
    return functions[function][1] if function in functions else ()


def _functions(composition: Composition) -> Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """The functions of a composition: their inputs and their quantities."""
    if composition.loss is None:
        return _ACTIVATION
    return {**_LOSS, **dict(_further(composition, each) for each in composition.further)}


def _further(composition: Composition, quantity: str) -> tuple[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """The name of the function that computes a further quantity, its inputs, and the quantity."""
    if quantity.startswith(_BY):
        return f"gradient_{_spelled(composition, quantity)}", (("z", "t"), (quantity,))
    inputs = ("z", "t", "v") if quantity == "gnvp" else ("z", "t")
    return quantity.replace("-", "_"), (inputs, (quantity,))


def _spelled(composition: Composition, quantity: str) -> str:
    """What generated code calls the name that a derivative is taken with respect to."""
    name = quantity.removeprefix(_BY)
    parameters = name_arguments(composition.parameters)
    return parameters[name].name if name in parameters else name


def outputs_of(composition: Composition, kernel: Kernel, closed_form: ClosedForm) -> list[Output]:
    """What a kernel of `plan` computes; arguments as there."""
    return _outputs(composition, kernel.name, kernel.labels, closed_form)


def _outputs(composition: Composition, function: str, labels: bool, closed_form: ClosedForm) -> list[Output]:
    return [
        _output(composition, quantity, closed_form(quantity, labels))
        for quantity in quantities_of(composition, function)
    ]


def _output(composition: Composition, quantity: str, closed_form: Expr) -> Output:
    if quantity in _MATRICES:
        return Output(_MATRICES[quantity], 2, closed_form)
    if quantity == "value" and composition.loss is not None:
        return Output("loss", 0, closed_form)
    if quantity.startswith(_BY):
        name = quantity.removeprefix(_BY)
        is_number = any(each.name == name and not each.per_class for each in composition.parameters)
        return Output(f"{_spelled(composition, quantity)}_grad", 0 if is_number else 1, closed_form)
    return Output(_VECTORS[quantity], 1, closed_form)
