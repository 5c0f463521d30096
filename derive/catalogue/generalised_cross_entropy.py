"""Generalised cross-entropy: between cross-entropy (q to 0) and the mean absolute error (q = 1)."""

from derive.catalogue.model import Loss

loss = Loss(
    name="generalised-cross-entropy",
    definition="sum(t[i]*(1 - y[i]**q) for i in range(n))/q",
    assumes=("sum-t-1",),
    labels=True,
    where="0 < q <= 1",
    source="Zhang and Sabuncu, Generalized cross entropy loss for training deep networks with noisy labels, 2018",
)
