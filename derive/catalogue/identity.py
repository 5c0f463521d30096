"""Identity: the output is the logits, so that the gradient of a loss is its derivative alone."""

from derive.catalogue.model import Activation

activation = Activation(
    name="identity",
    output="z[i]",
    y=None,
    source="McCullagh and Nelder, Generalized Linear Models, section 2.2, 1989",
)
