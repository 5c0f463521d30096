"""Cross-entropy with the squared logarithm of the softmax normaliser as a penalty."""

from derive.catalogue.model import Loss

loss = Loss(
    name="z-loss-cross-entropy",
    definition="-sum(t[i]*log(y[i]) for i in range(n)) + beta*log(sum(exp(z[i]) for i in range(n)))**2",
    assumes=("sum-t-1",),
    labels=True,
    where="beta >= 0",
    source="Chowdhery et al., PaLM: scaling language modeling with pathways, section 5, 2022",
)
