"""Cross-entropy less a share of the output's entropy, against overconfidence."""

from derive.catalogue.model import Loss

loss = Loss(
    name="entropy-penalised-cross-entropy",
    definition="-sum(t[i]*log(y[i]) for i in range(n)) + beta*sum(y[i]*log(y[i]) for i in range(n))",
    assumes=("sum-t-1",),
    labels=True,
    where="beta >= 0",
    source="Pereyra et al., Regularizing neural networks by penalizing confident output distributions, section 3, 2017",
)
