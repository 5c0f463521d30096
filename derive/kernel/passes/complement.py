"""1 - y from the logarithm of y, wherever a power, a logarithm or a quotient of it keeps its digits."""

from derive.kernel.expressions import ONE, add, arguments, call, div, indices, is_call, mul, neg, rewrite
from derive.kernel.ir import LABEL, Call, Expression, Kernel, Scalar
from derive.kernel.statements import noted, rewrite_kernel

NOTE = "Where digits of 1 - y matter, it is -expm1(log y): it does not cancel where y is close to 1."
NOTE_LOGISTIC = "1 - 1/(1 + exp(a)) is 1/(1 + exp(-a)), which does not cancel."


def complement(kernel: Kernel) -> Kernel:
    """1 - exp(a)/s becomes -expm1(log(exp(a)/s)) in a logarithm, a power or a divisor.

    The label's class is left to `separate`, which has the sum of the other exponentials for it.
    """
    found: set[str] = set()

    def keep_digits(node: Expression) -> Expression | None:
        if not is_call(node, "add"):
            return None
        terms = arguments(node, "add")
        for term in terms:
            match term:
                case Call("neg", (Call("div", (Call("exp", _), Scalar())) as share,)) if (
                    ONE in terms and len(terms) == 2 and LABEL not in indices(share)
                ):
                    found.add(NOTE)
                    return neg(call("expm1", call("log", share)))
        return None

    def rule(node: Expression) -> Expression | None:
        match node:
            case Call("add", terms) if (other := _logistic(terms)) is not None:
                found.add(NOTE_LOGISTIC)
                return rewrite(other, rule)
            case Call("log", (inner,)):
                return call("log", rewrite(rewrite(inner, keep_digits), rule))
            case Call("pow", (base, exponent)):
                return call("pow", rewrite(rewrite(base, keep_digits), rule), rewrite(exponent, rule))
            case Call("div", (above, below)):
                return div(rewrite(above, rule), rewrite(rewrite(below, keep_digits), rule))
        return None

    rewritten = rewrite_kernel(kernel, rule)
    for note in (NOTE, NOTE_LOGISTIC):
        rewritten = noted(rewritten, note) if note in found else rewritten
    return rewritten


def _logistic(terms: tuple[Expression, ...]) -> Expression | None:
    """1 - 1/(1 + exp(a)) among `terms`, put as 1/(1 + exp(-a)); and 1/(1 + exp(a)) - 1 likewise."""
    for term in terms:
        for one, share in ((ONE, neg(term)), (neg(ONE), term)):
            match share:
                case Call("div", (above, Call("add", (first, second)))) if (
                    above == ONE and one in terms and ONE in (first, second)
                ):
                    other = second if first == ONE else first
                    if isinstance(other, Call) and other.operation == "exp":
                        rest = list(terms)
                        rest.remove(one)
                        rest.remove(term)
                        return add(mul(one, div(ONE, add(call("exp", neg(other.arguments[0])), ONE))), *rest)
    return None
