"""Poly-1: cross-entropy with its leading polynomial term weighed anew."""

from derive.catalogue.model import Loss

loss = Loss(
    name="poly-1",
    definition="sum(t[i]*(epsilon*(1 - y[i]) - log(y[i])) for i in range(n))",
    assumes=("sum-t-1",),
    labels=True,
    where="epsilon >= -1",
    source="Leng et al., PolyLoss: a polynomial expansion perspective of classification loss functions, 2022",
)
