"""Put the rounding error of a logit's shift back into its exponential.

Rounding z - m alone errs by up to |z - m| u in exp(z - m). That is within what a probability is allowed, but not
within what is asked of a loss near 0, of each entry of the gradient of a confident row by itself, or of a product with
a direction whose weight is all on improbable classes: |z - m| u is 60 u where 16 u of the largest term are allowed.
"""

from collections.abc import Collection

from derive.kernel.expressions import arguments, call, indices, is_call, walk
from derive.kernel.ir import LABEL, Call, Element, Expression, Kernel, Same
from derive.kernel.statements import nodes, noted, rewrite_kernel

NOTE = "The rounding error of each shifted logit is put back: without it a small exponential loses digits."


def compensate(kernel: Kernel) -> Kernel:
    """exp(a - m) becomes exp_difference(a, m) where a result must be right relative to itself or to small weights.

    That is where the label's class is set apart, where the kernel has a scalar output and takes a log1p, and where an
    exponential is multiplied by the entry of another input.
    """
    has_scalar_output = any(output.rank == 0 for output in kernel.outputs)
    found = nodes(kernel)
    sets_label_apart = any(isinstance(node, Same) and LABEL in (node.left, node.right) for node in found)
    sums_small_terms = has_scalar_output and any(is_call(node, "log1p") for node in found)
    inputs = {array.name for array in kernel.inputs}
    if not (sets_label_apart or sums_small_terms or any(_weights_exponential(node, inputs) for node in found)):
        return kernel

    def rule(node: Expression) -> Expression | None:
        match node:
            case Call("exp", (Call("sub", (logit, maximum)),)) if len(indices(logit)) == 1:
                return call("exp_difference", logit, maximum)
        return None

    rewritten = rewrite_kernel(kernel, rule)
    return kernel if rewritten == kernel else noted(rewritten, NOTE)


def _weights_exponential(node: Expression, inputs: Collection[str]) -> bool:
    """Whether `node` is a product of an exponential and the entry of an input."""
    factors = arguments(node, "mul")
    return any(isinstance(factor, Element) and factor.array in inputs for factor in factors) and any(
        is_call(part, "exp") for factor in factors for part in walk(factor)
    )
