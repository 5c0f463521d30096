"""Cross-entropy of each class on its own, yes or no."""

from derive.catalogue.model import Loss

loss = Loss(
    name="binary-cross-entropy",
    definition="-sum(t[i]*log(y[i]) + (1 - t[i])*log(1 - y[i]) for i in range(n))",
    source="Bishop, Pattern Recognition and Machine Learning, equation 5.23, 2006",
)
