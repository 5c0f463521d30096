"""Expected cost of drawing a class from the output; with minus a return for each action, a policy gradient."""

from derive.catalogue.model import Loss

loss = Loss(
    name="expected-cost",
    definition="sum(c[i]*y[i] for i in range(n))",
    where="c in R",
    source="Elkan, The foundations of cost-sensitive learning, equation 1, 2001",
)
