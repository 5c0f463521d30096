"""Put the rounding error of a logit's shift back into its exponential.

Rounding z - m alone errs by up to |z - m| u in exp(z - m). That is within what a probability is allowed, but not
within what is asked of a loss near 0, or of each entry of the gradient of a confident row, by itself.
"""

from derive.kernel.expressions import call, is_call
from derive.kernel.ir import LABEL, Call, Expression, Kernel, Same
from derive.kernel.statements import nodes, noted, rewrite_kernel

NOTE = "The rounding error of each shifted logit is put back: without it a small exponential loses digits."


def compensate(kernel: Kernel) -> Kernel:
    """exp(a - m) becomes exp_difference(a, m) where a result must be right relative to itself.

    That is where the label's class is set apart, and where the kernel has a scalar output and takes a log1p.
    """
    has_scalar_output = any(output.rank == 0 for output in kernel.outputs)
    found = nodes(kernel)
    sets_label_apart = any(isinstance(node, Same) and LABEL in (node.left, node.right) for node in found)
    if not sets_label_apart and not (has_scalar_output and any(is_call(node, "log1p") for node in found)):
        return kernel

    def rule(node: Expression) -> Expression | None:
        match node:
            case Call("exp", (Call("sub", (logit, maximum)),)):
                return call("exp_difference", logit, maximum)
        return None

    rewritten = rewrite_kernel(kernel, rule)
    return kernel if rewritten == kernel else noted(rewritten, NOTE)
