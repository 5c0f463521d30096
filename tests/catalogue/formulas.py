"""Every activation and loss of the catalogue, written by hand from the literature in mpmath numbers.

Nothing of the engine takes part. A probability comes with its logarithm and its complement, each computed without
cancellation, so that 1 - y keeps its digits where y is 1 but for ten thousand places.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mpmath import exp, log, mpf

Numbers = Sequence[Any]


@dataclass(frozen=True)
class Row:
    """What a loss is taken of.

    Attributes:
        z: the logits.
        y: the output of the activation.
        rest: 1 - y; `log_y` and `log_rest` the logarithms of the two. None where y may be negative.
        t: the targets.
        n: the number of classes.
        parameters: by name.
    """

    z: Numbers
    y: Numbers
    t: Numbers
    parameters: Mapping[str, Any]
    rest: Numbers = ()
    log_y: Numbers = ()
    log_rest: Numbers = ()

    @property
    def n(self) -> int:
        return len(self.z)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.parameters[name]
        except KeyError:
            raise AttributeError(name) from None


def softmax(z: Numbers, t: Numbers, parameters: Mapping[str, Any], temperature: Any = 1) -> Row:
    top = max(z)
    each = [exp((entry - top) / temperature) for entry in z]
    total = sum(each)
    others = [sum(each[:place] + each[place + 1 :], mpf(0)) for place in range(len(z))]
    log_y = [(entry - top) / temperature - log(total) for entry in z]
    rest = [other / total for other in others]
    log_rest = [log(entry) if entry else mpf("-inf") for entry in rest]
    return Row(z, [one / total for one in each], t, parameters, rest, log_y, log_rest)


def sigmoid(z: Numbers, t: Numbers, parameters: Mapping[str, Any]) -> Row:
    y, rest = ([1 / (1 + exp(sign * entry)) for entry in z] for sign in (-1, 1))
    log_y, log_rest = ([-log(1 + exp(sign * entry)) for entry in z] for sign in (-1, 1))
    return Row(z, y, t, parameters, rest, log_y, log_rest)


ACTIVATIONS: dict[str, Callable[[Numbers, Numbers, Mapping[str, Any]], Row]] = {
    "identity": lambda z, t, parameters: Row(z, z, t, parameters),
    "softmax": softmax,
    "softmax-temperature": lambda z, t, parameters: softmax(z, t, parameters, parameters["T"]),
    "log-softmax": lambda z, t, parameters: Row(z, softmax(z, t, parameters).log_y, t, parameters),
    "sigmoid": sigmoid,
}


def times(weight: Any, value: Any) -> Any:
    """A product, 0 where the weight is: 0 log 0 = 0."""
    return weight * value if weight else mpf(0)


def dot(weights: Numbers, values: Numbers) -> Any:
    return sum((times(weight, value) for weight, value in zip(weights, values, strict=True)), mpf(0))


def squares(p: Row) -> Any:
    return sum((a - b) ** 2 for a, b in zip(p.y, p.t, strict=True))


def focal(rest: Numbers, log_y: Numbers, weights: Numbers, gamma: Any) -> Any:
    return -dot(weights, [times(a**gamma, b) for a, b in zip(rest, log_y, strict=True)])


def divergence(p: Numbers, log_p: Numbers, log_q: Numbers) -> Any:
    return dot(p, [a - b for a, b in zip(log_p, log_q, strict=True)])


def logs(numbers: Numbers) -> list[Any]:
    return [log(number) if number else mpf(0) for number in numbers]


def jensen_shannon(p: Row) -> Any:
    middle = logs([(a + b) / 2 for a, b in zip(p.t, p.y, strict=True)])
    return (divergence(p.t, logs(p.t), middle) + divergence(p.y, p.log_y, middle)) / 2


def cross_entropy(p: Row, t: Numbers) -> Any:
    return -dot(t, p.log_y)


LOSSES: dict[str, Callable[[Row], Any]] = {
    "cross-entropy": lambda p: cross_entropy(p, p.t),
    "mse": lambda p: squares(p) / p.n,
    "half-squared-error": lambda p: squares(p) / 2,
    "brier": squares,
    "label-smoothed-cross-entropy": lambda p: cross_entropy(p, [(1 - p.alpha) * each + p.alpha / p.n for each in p.t]),
    "weighted-cross-entropy": lambda p: cross_entropy(p, [a * b for a, b in zip(p.w, p.t, strict=True)]),
    "focal": lambda p: focal(p.rest, p.log_y, p.t, p.gamma),
    "alpha-balanced-focal": lambda p: focal(
        p.rest, p.log_y, [a * b for a, b in zip(p.alpha, p.t, strict=True)], p.gamma
    ),
    "kl": lambda p: divergence(p.t, logs(p.t), p.log_y),
    "reverse-kl": lambda p: divergence(p.y, p.log_y, [log(each) for each in p.t]),
    "jensen-shannon": jensen_shannon,
    "entropy-penalised-cross-entropy": lambda p: cross_entropy(p, p.t) + p.beta * dot(p.y, p.log_y),
    "generalised-cross-entropy": lambda p: dot(p.t, [(1 - exp(p.q * each)) / p.q for each in p.log_y]),
    "poly-1": lambda p: cross_entropy(p, p.t) + p.epsilon * dot(p.t, p.rest),
    "z-loss-cross-entropy": lambda p: cross_entropy(p, p.t) + p.beta * log_sum_exp(p.z) ** 2,
    "log-likelihood-ratio": lambda p: dot(p.r, p.log_y) + cross_entropy(p, p.t),
    "expected-cost": lambda p: dot(p.c, p.y),
    "binary-cross-entropy": lambda p: -dot(p.t, p.log_y) - dot([1 - each for each in p.t], p.log_rest),
    "binary-focal": lambda p: (
        focal(p.rest, p.log_y, p.t, p.gamma) + focal(p.y, p.log_rest, [1 - each for each in p.t], p.gamma)
    ),
}


def log_sum_exp(z: Numbers) -> Any:
    top = max(z)
    return top + log(sum(exp(each - top) for each in z))
