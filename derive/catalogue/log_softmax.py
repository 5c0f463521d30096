"""Log-softmax: the logarithm of a softmax, whose probabilities stay y."""

from derive.catalogue.model import Activation
from derive.catalogue.softmax import activation as softmax

activation = Activation(
    name="log-softmax",
    output="log(y[i])",
    y=softmax.y,
    source="Goodfellow, Bengio and Courville, Deep Learning, section 6.2.2.3, 2016",
)
