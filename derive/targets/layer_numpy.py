"""What the NumPy module of a layer says beside that of its rows: the matrix products, and the shapes."""

import textwrap
from collections.abc import Sequence
from typing import Any

from derive.language.show import text
from derive.layer.engine import LayerChain, LayerResult
from derive.layer.nodes import CLASSES, ONES, Array, Factor, G, Matrix, W, X, Z, b
from derive.layer.show import TextNotation, UnicodeNotation
from derive.targets.heading import arguments_of, command_lines
from derive.targets.model import Product

LAYER_KERNEL = "loss_and_gradient"
"""The function of the rows that a layer calls."""

_MEANT = frozenset(
    ("x", "w", "b", "inputs", "weights", "bias", "scale", "row_losses", "x_grad", "w_grad", "b_grad", "z_grad")
)
"""What the function of a layer means by itself, beside what every generated function does."""
RENAMED = {name: f"{name}_" for name in _MEANT}
"""What a layer calls parameters of such names."""

_NAMES: dict[Array, str] = {X: "inputs", W: "weights", b: "bias", G: "z_grad"}
"""The variable that holds each array."""
_WIDTH = 116


def layer_context(product: Product, layer: LayerResult) -> dict[str, Any]:
    """What the template of a layer's module needs to know, beside what that of its rows does."""
    forward, _, *by_inputs = layer.chains
    assert forward.matrix is not None  # noqa: S101 - every layer is a matrix product
    return {
        "title": f"{product.composition.name} after a linear layer, over a batch: Z = X W + b.",
        "heading": (
            *command_lines(product.n, "numpy", f"{arguments_of(product.composition)}--layer "),
            "",
            *_closed_forms(layer),
            "",
            "SPDX-License-Identifier: 0BSD",
        ),
        "exported": f'["{LAYER_KERNEL}", "loss_and_gradients"]',
        "layer_formulas": _closed_forms(layer),
        "forward": matrix_product(forward.matrix),
        "gradients": {f"{chain.array.name.lower()}_grad": _gradient(chain) for chain in by_inputs},
        "size": UnicodeNotation(layer.n).size(CLASSES),
        "takes_labels": any(kernel.labels for kernel in product.kernels),
        "takes_dense": not all(kernel.labels for kernel in product.kernels),
    }


def _gradient(chain: LayerChain) -> str:
    assert chain.matrix is not None  # noqa: S101 - the engine refuses a layer whose inputs have no matrix form
    return matrix_product(chain.matrix)


def matrix_product(matrix: Matrix) -> str:
    """A sum of matrix products in NumPy: a product with ones is a sum over the rows, or broadcasting."""
    return " + ".join(_term(factors) for _, factors in matrix.terms)


def _term(factors: Sequence[Factor]) -> str:
    first, *rest = factors
    if first.array != ONES:
        return " @ ".join(_factor(factor) for factor in factors)
    others = " @ ".join(_factor(factor) for factor in rest)
    if not first.is_transposed:
        return others
    return f"{others}.sum(axis=0)" if len(rest) == 1 else f"({others}).sum(axis=0)"


def _factor(factor: Factor) -> str:
    return f"{_NAMES[factor.array]}.T" if factor.is_transposed else _NAMES[factor.array]


def _closed_forms(layer: LayerResult) -> tuple[str, ...]:
    """The results with their shapes, as text."""
    notation, sizes = TextNotation(layer.n), UnicodeNotation(layer.n)
    lines = []
    for chain in layer.chains:
        left = f"dL/d{chain.array.name}" if chain.is_derivative else chain.array.name
        left = left if chain.symbol is None else f"{chain.symbol.name} = {left}"
        matrix = chain.matrix
        form = notation.spell(chain.result) if matrix is None else notation.matrix(matrix)
        shape = ", ".join(sizes.size(axis) for axis in chain.array.axes)
        comma = "," if len(chain.array.axes) == 1 else ""
        at = "" if matrix is not None or chain.array != Z else "[r, j]"
        lines += textwrap.wrap(
            f"{left}{at} = {form}, shape ({shape}{comma})", _WIDTH - 8, subsequent_indent="    ", break_long_words=False
        )
    facts = [f"{text(each.left)} = {text(each.right)} in each row" for each in layer.assumptions]
    return (*lines, *(f"where {fact}, which the functions do not assume" for fact in facts))
