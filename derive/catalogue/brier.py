"""Brier score: the squared distance of the probabilities from the targets."""

from derive.catalogue.model import Loss

loss = Loss(
    name="brier",
    definition="sum((y[i] - t[i])**2 for i in range(n))",
    labels=True,
    source="Brier, Verification of forecasts expressed in terms of probability, 1950",
)
