"""Cross-entropy with a weight for each class."""

from derive.catalogue.model import Loss

loss = Loss(
    name="weighted-cross-entropy",
    definition="-sum(w[i]*t[i]*log(y[i]) for i in range(n))",
    assumes=("sum-t-1",),
    labels=True,
    where="w >= 0",
    source="King and Zeng, Logistic regression in rare events data, section 4.2, 2001",
)
