"""Loop programs written by hand, so that the tests of a target need neither the engine nor the passes."""

from fractions import Fraction

from derive.catalogue import read_composition
from derive.kernel.ir import (
    CLASS_COUNT,
    LABEL,
    Array,
    Call,
    Const,
    Element,
    Expression,
    Kernel,
    Let,
    Map,
    Reduce,
    Same,
    Scalar,
)
from derive.targets.model import Product

Z = Element("z", "j")
ZERO, ONE = Const(Fraction(0)), Const(Fraction(1))
Z_MAX = Reduce("z_max", "max", "j", Z)


def call(operation: str, *arguments: Expression) -> Call:
    return Call(operation, arguments)


def entrywise(value: Expression, inputs: tuple[str, ...] = ("z",), n: int | None = None) -> Kernel:
    """out[j] = value."""
    arrays = tuple(Array(name, 1) for name in inputs)
    return Kernel("entrywise", arrays, (Array("out", 1),), (Map("out", ("j",), value),), n=n)


def total(value: Expression = Z, n: int | None = None, name: str = "total") -> Kernel:
    """The sum of `value` over the classes."""
    body = (Reduce("sum", "sum", "j", value), Let(name, Scalar("sum")))
    return Kernel(name, (Array("z", 1),), (Array(name, 0),), body, n=n)


def extent(n: int | None = None) -> Kernel:
    """The maximum and the mean of a row, in one pass."""
    mean = call("div", Scalar("z_sum"), Scalar(CLASS_COUNT))
    body = (Z_MAX, Reduce("z_sum", "sum", "j", Z), Let("largest", Scalar("z_max")), Let("mean", mean))
    return Kernel("extent", (Array("z", 1),), (Array("largest", 0), Array("mean", 0)), body, n=n)


def squares_and_twice(n: int | None = None) -> Kernel:
    """The sum of exp(z)² and 2 exp(z), in one pass that keeps exp(z) in the output which it writes last."""
    kept = Element("grad", "j")
    body = (
        Map("grad", ("j",), call("exp", Z)),
        Reduce("square_sum", "sum", "j", call("mul", kept, kept)),
        Let("loss", Scalar("square_sum")),
        Map("grad", ("j",), call("add", kept, kept)),
    )
    return Kernel("squares_and_twice", (Array("z", 1),), (Array("loss", 0), Array("grad", 1)), body, n=n)


def distances(n: int | None = None) -> Kernel:
    """The sum of exp(z)² and its distance to z: exp(z) is kept in the output, which is written anew and not read."""
    kept = Element("distance", "j")
    body = (
        Map("distance", ("j",), call("exp", Z)),
        Reduce("square_sum", "sum", "j", call("mul", kept, kept)),
        Map("distance", ("j",), call("sub", Z, Scalar("square_sum"))),
    )
    return Kernel("distances", (Array("z", 1),), (Array("distance", 1),), body, n=n)


def softmax(n: int | None = None) -> Kernel:
    """Shifted exponentials, kept in the output and scaled by the inverse of their sum."""
    shifted = call("exp", call("sub", Z, Scalar("z_max")))
    body = (
        Z_MAX,
        Map("y", ("j",), shifted),
        Reduce("exp_sum", "sum", "j", Element("y", "j")),
        Let("exp_sum_inverse", call("div", ONE, Scalar("exp_sum"))),
        Map("y", ("j",), call("mul", Element("y", "j"), Scalar("exp_sum_inverse"))),
    )
    note = "Subtracting the largest logit changes no probability and keeps every exponential at most 1."
    return Kernel("value", (Array("z", 1),), (Array("y", 1),), body, n=n, notes=(note,))


def cross_entropy(n: int | None = None) -> Kernel:
    """Cross-entropy of labels and its gradient, from the sum of the exponentials of the other classes."""
    is_label = Same("j", LABEL)
    kept = Element("grad", "j")
    scaled = call("mul", kept, Scalar("exp_sum_inverse"))
    at_label = call("neg", call("mul", Scalar("other_sum"), Scalar("exp_sum_inverse")))
    d_label = call("sub", Element("z", LABEL), Scalar("z_max"))
    exp_sum_less_one = call("add", Scalar("other_sum"), call("expm1", Scalar("d_label")))
    body = (
        Z_MAX,
        Map("grad", ("j",), call("exp_difference", Z, Scalar("z_max"))),
        Reduce("other_sum", "sum", "j", call("select", is_label, ZERO, kept)),
        Let("d_label", d_label),
        Let("exp_sum_inverse", call("div", ONE, call("add", Scalar("other_sum"), call("exp", Scalar("d_label"))))),
        Let("loss", call("sub", call("log1p", exp_sum_less_one), Scalar("d_label"))),
        Map("grad", ("j",), call("select", is_label, at_label, scaled)),
    )
    outputs = (Array("loss", 0), Array("grad", 1))
    return Kernel("loss_and_gradient", (Array("z", 1),), outputs, body, labels=True, n=n)


def product(*kernels: Kernel) -> Product:
    """What a target is given, with `kernels` and no derivation."""
    return Product(read_composition("softmax"), kernels[0].n, (), kernels)
