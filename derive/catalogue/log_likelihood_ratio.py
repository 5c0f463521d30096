"""Log-likelihood ratio of two classes: of the rival, where r is 1, against the target."""

from derive.catalogue.model import Loss

loss = Loss(
    name="log-likelihood-ratio",
    definition="sum((r[i] - t[i])*log(y[i]) for i in range(n))",
    assumes=("sum-t-1",),
    labels=True,
    where="0 <= r <= 1",
    source="Bishop, Pattern Recognition and Machine Learning, equation 4.58, 2006",
)
