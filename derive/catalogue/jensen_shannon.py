"""Jensen-Shannon divergence: how far targets and output are from their mean."""

from derive.catalogue.model import Loss

loss = Loss(
    name="jensen-shannon",
    definition="sum(t[i]*log(t[i]/((t[i] + y[i])/2)) + y[i]*log(y[i]/((t[i] + y[i])/2)) for i in range(n))/2",
    assumes=("sum-t-1",),
    source="Lin, Divergence measures based on the Shannon entropy, section IV, 1991",
)
