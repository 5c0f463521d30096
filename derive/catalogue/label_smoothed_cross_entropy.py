"""Cross-entropy with targets mixed with the uniform distribution."""

from derive.catalogue.model import Loss

loss = Loss(
    name="label-smoothed-cross-entropy",
    definition="-sum(((1 - alpha)*t[i] + alpha/n)*log(y[i]) for i in range(n))",
    assumes=("sum-t-1",),
    labels=True,
    where="0 <= alpha <= 1",
    source="Szegedy et al., Rethinking the inception architecture for computer vision, section 7, 2016",
)
