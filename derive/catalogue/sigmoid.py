"""Sigmoid: each class on its own, yes or no."""

from derive.catalogue.model import Activation

activation = Activation(
    name="sigmoid",
    output="y[i]",
    y="1/(1 + exp(-z[i]))",
    source="Bishop, Pattern Recognition and Machine Learning, equation 4.59, 2006",
)
