"""Focal loss of each class on its own, yes or no."""

from derive.catalogue.model import Loss

loss = Loss(
    name="binary-focal",
    definition="-sum(t[i]*(1 - y[i])**gamma*log(y[i]) + (1 - t[i])*y[i]**gamma*log(1 - y[i]) for i in range(n))",
    where="gamma >= 0",
    source="Lin et al., Focal loss for dense object detection, equation 4, 2017",
)
