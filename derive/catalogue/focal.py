"""Focal loss: cross-entropy that counts the classes it is sure of for less."""

from derive.catalogue.model import Loss

loss = Loss(
    name="focal",
    definition="-sum(t[i]*(1 - y[i])**gamma*log(y[i]) for i in range(n))",
    assumes=("sum-t-1",),
    labels=True,
    where="gamma >= 0",
    source="Lin et al., Focal loss for dense object detection, equation 4, 2017",
)
