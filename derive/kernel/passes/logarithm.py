"""log(exp(a)/s) = a - log(s): the logarithm of a probability needs no exponential."""

from derive.kernel.expressions import add, call, neg, rewrite
from derive.kernel.ir import Call, Expression, Kernel
from derive.kernel.statements import noted, rewrite_kernel

NOTE = "The logarithm of a probability is its logit minus the logarithm of the sum of exponentials."


def take_logarithms(kernel: Kernel) -> Kernel:
    """log(exp(a)/s) becomes a - log(s), and log(exp(a)) becomes a."""

    def rule(node: Expression) -> Expression | None:
        match node:
            case Call("log", (Call("div", (Call("exp", (exponent,)), total)),)):
                return add(rewrite(exponent, rule), neg(call("log", rewrite(total, rule))))
            case Call("log", (Call("exp", (exponent,)),)):
                return rewrite(exponent, rule)
        return None

    rewritten = rewrite_kernel(kernel, rule)
    return kernel if rewritten == kernel else noted(rewritten, NOTE)
