"""Mean squared error of the output, the mean taken over the classes."""

from derive.catalogue.model import Loss

loss = Loss(
    name="mse",
    definition="sum((y[i] - t[i])**2 for i in range(n))/n",
    source="Bishop, Pattern Recognition and Machine Learning, section 1.1, 2006",
)
