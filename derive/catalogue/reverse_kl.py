"""Kullback-Leibler divergence of the targets from the output."""

from derive.catalogue.model import Loss

loss = Loss(
    name="reverse-kl",
    definition="sum(y[i]*log(y[i]/t[i]) for i in range(n))",
    assumes=("sum-t-1",),
    source="Bishop, Pattern Recognition and Machine Learning, section 10.1.2, 2006",
)
