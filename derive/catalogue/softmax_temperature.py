"""Softmax with a temperature: the larger it is, the more even the probabilities."""

from derive.catalogue.model import Activation

activation = Activation(
    name="softmax-temperature",
    output="y[i]",
    y="exp(z[i]/T)/sum(exp(z[k]/T) for k in range(n))",
    where="T > 0",
    source="Hinton, Vinyals and Dean, Distilling the knowledge in a neural network, equation 1, 2015",
)
