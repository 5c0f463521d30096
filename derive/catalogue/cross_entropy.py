"""Cross-entropy of the targets and the probabilities."""

from derive.catalogue.model import Loss

loss = Loss(
    name="cross-entropy",
    definition="-sum(t[i]*log(y[i]) for i in range(n))",
    assumes=("sum-t-1",),
    labels=True,
    source="Bishop, Pattern Recognition and Machine Learning, equation 4.108, 2006",
)
