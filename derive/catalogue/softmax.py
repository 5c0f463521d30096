"""Softmax: positive entries that sum to one."""

from derive.catalogue.model import Activation

activation = Activation(
    name="softmax",
    output="y[i]",
    y="exp(z[i])/sum(exp(z[k]) for k in range(n))",
    source="Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990",
)
