"""Half the sum of the squared errors."""

from derive.catalogue.model import Loss

loss = Loss(
    name="half-squared-error",
    definition="sum((y[i] - t[i])**2 for i in range(n))/2",
    source="Bishop, Pattern Recognition and Machine Learning, equation 5.11, 2006",
)
