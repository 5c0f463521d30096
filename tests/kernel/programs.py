"""Closed forms written by hand, so that these tests need no engine."""

from sympy import Expr, KroneckerDelta, exp, log

from derive.notation import Contraction, g, i, j, k, label, n, t, v, y, z


def total(body: Expr) -> Contraction:
    """The sum over k."""
    return Contraction(body, k)


Y = exp(z[i]) / total(exp(z[k]))
"""Entry i of a softmax."""

Y_AT_J = exp(z[j]) / total(exp(z[k]))
TARGET_SUM = total(t[k])
CROSS_ENTROPY = -total(t[k] * log(y[k]))
CROSS_ENTROPY_GRADIENT = y[j] * TARGET_SUM - t[j]
LABEL_LOSS = -log(y[label])
LABEL_GRADIENT = y[j] - KroneckerDelta(j, label)
JACOBIAN = y[i] * (KroneckerDelta(i, j) - y[j])
VJP = y[j] * (g[j] - total(g[k] * y[k]))
MSE = total((y[k] - t[k]) ** 2) / n
MSE_GRADIENT = 2 / n * y[j] * (y[j] - t[j] - total(y[k] * (y[k] - t[k])))
LOG_SOFTMAX = z[j] - log(total(exp(z[k])))
CUBIC = total(t[k] * y[k] ** 3)
LOG_SOFTMAX_JVP = v[j] - total(v[k] * y[k])
