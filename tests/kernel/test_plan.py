from sympy import Expr

from derive.catalogue.model import Activation, Composition, Loss
from derive.kernel.ir import Array
from derive.kernel.plan import plan
from derive.notation import Contraction, i, j, k, label, t, v, y
from tests.kernel import programs as forms

SOFTMAX = Activation("softmax", "y[i]", "exp(z[i])/sum(exp(z[k]) for k in range(n))", source="")
FORMS: dict[str, Expr] = {
    "value": forms.Y_AT_J,
    "jacobian": forms.JACOBIAN,
    "vjp": forms.VJP,
    "jvp": y[j] * (v[j] - Contraction(v[k] * y[k], k)),
}
LOSS_FORMS: dict[str, Expr] = {
    "value": Contraction(t[k] * y[k], k),
    "gradient": y[j] * (t[j] - Contraction(t[k] * y[k], k)),
    "hessian": y[i] * y[j] * t[i],
    "hvp": y[j] * v[j] * t[j],
}


def test_an_activation_has_four_functions() -> None:
    kernels = plan(Composition(SOFTMAX), None, lambda quantity, _: FORMS[quantity])
    assert [kernel.name for kernel in kernels] == ["value", "jacobian", "vjp", "jvp"]
    assert [[array.name for array in kernel.inputs] for kernel in kernels] == [["z"], ["z"], ["z", "g"], ["z", "v"]]
    assert [kernel.outputs[0].rank for kernel in kernels] == [1, 2, 1, 1]


def test_a_loss_has_five_functions_and_labels_double_them() -> None:
    asked: set[tuple[str, bool]] = set()

    def closed_form(quantity: str, labels: bool) -> Expr:
        asked.add((quantity, labels))
        if labels:
            return y[label] if quantity == "value" else y[j]
        return LOSS_FORMS[quantity]

    loss = Loss("made", "sum(t[i]*y[i] for i in range(n))", source="", labels=True)
    kernels = plan(Composition(SOFTMAX, loss), 3, closed_form)
    names = ["loss", "gradient", "loss_and_gradient", "hessian", "hvp"]
    assert [(kernel.name, kernel.labels) for kernel in kernels] == [
        (each, one) for each in names for one in (False, True)
    ]
    assert {kernel.n for kernel in kernels} == {3}
    both = next(kernel for kernel in kernels if kernel.name == "loss_and_gradient")
    assert both.outputs == (Array("loss", 0), Array("grad", 1))
    assert all("t" not in [array.name for array in kernel.inputs] for kernel in kernels if kernel.labels)
    assert len(asked) == 8


def test_labels_are_not_asked_for_where_the_loss_takes_none() -> None:
    def closed_form(quantity: str, labels: bool) -> Expr:
        assert not labels
        return LOSS_FORMS[quantity]

    loss = Loss("made", "sum(t[i]*y[i] for i in range(n))", source="")
    assert len(plan(Composition(SOFTMAX, loss), None, closed_form)) == 5


def test_vectors_do_not_collide_with_inputs() -> None:
    for kernel in plan(Composition(SOFTMAX), None, lambda quantity, _: FORMS[quantity]):
        assert not {array.name for array in kernel.inputs} & {array.name for array in kernel.outputs}
