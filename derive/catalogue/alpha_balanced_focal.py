"""Focal loss with a weight for each class."""

from derive.catalogue.model import Loss

loss = Loss(
    name="alpha-balanced-focal",
    definition="-sum(alpha[i]*t[i]*(1 - y[i])**gamma*log(y[i]) for i in range(n))",
    assumes=("sum-t-1",),
    labels=True,
    where="gamma >= 0, alpha >= 0",
    source="Lin et al., Focal loss for dense object detection, equation 5, 2017",
)
