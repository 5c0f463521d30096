"""A loss is refused where it is defined for no output of the activation, and only there."""

import pytest

from derive.catalogue import losses, read_composition
from derive.errors import UnsupportedError
from derive.proof.domain import refuse_undefined


@pytest.mark.parametrize("loss", list(losses()))
@pytest.mark.parametrize("activation", ["softmax", "softmax-temperature", "sigmoid"])
def test_every_loss_of_the_catalogue_is_defined_for_probabilities(activation: str, loss: str) -> None:
    refuse_undefined(read_composition(f"{activation}+{loss}"))


@pytest.mark.parametrize(
    ("name", "piece"),
    [
        ("identity+cross-entropy", r"log\(z\[i\]\)"),
        ("log-softmax+generalised-cross-entropy", r"o\[i\]\*\*q"),
        ("softmax+sum(t*log(y - 1))", r"log\(y\[i\] - 1\)"),
        ("softmax+sum(t*sqrt(log(y)))", r"sqrt\(log\(y\[i\]\)\)"),
        ("identity+sum(t*z**a)", r"z\[i\]\*\*a"),
        ("identity+-log(z[k])", r"log\(z\[label\]\)"),
        ("softmax+sqrt(z[k])", r"sqrt\(z\[label\]\)"),
    ],
)
def test_the_logarithm_of_a_negative_number_is_refused(name: str, piece: str) -> None:
    with pytest.raises(UnsupportedError, match=piece):
        refuse_undefined(read_composition(name))


@pytest.mark.parametrize(
    "name",
    [
        "identity+mse",
        "identity+sum(abs(z - t))",
        "log-softmax+-sum(t*y)",
        "softmax+sum(t*log(y - 0.1))",
        "softmax+-log(y[k] - 0.1)",
        "softmax+-log(1 - y[k])",
        "softmax+log(sum((r[i] - r[k])**2*y[i] for i in range(n)))",
    ],
)
def test_what_is_defined_somewhere_is_allowed(name: str) -> None:
    refuse_undefined(read_composition(name))
