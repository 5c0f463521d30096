"""Kullback-Leibler divergence of the output from the targets."""

from derive.catalogue.model import Loss

loss = Loss(
    name="kl",
    definition="sum(t[i]*log(t[i]/y[i]) for i in range(n))",
    assumes=("sum-t-1",),
    source="Kullback and Leibler, On information and sufficiency, section 2, 1951",
)
