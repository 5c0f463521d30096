"""PyTorch as its users call it: the functions of `torch.nn.functional`, and autograd for what is derived.

Best practice otherwise: gradients are set to None rather than to 0, the upstream gradient is there already, and without
derivatives nothing is recorded.
"""

from collections.abc import Callable

import torch
from torch.nn import functional

from benchmarks.cells import Array, Case

VERSION = torch.__version__


def limit_threads(threads: int) -> None:
    """Hold PyTorch to that many threads."""
    torch.set_num_threads(threads)


def _forward(function: Callable[..., torch.Tensor], *names: str) -> Callable[[Case], Callable[[], object]]:
    def prepare(case: Case) -> Callable[[], object]:
        inputs = [torch.from_numpy(getattr(case, name)) for name in names]

        def call() -> object:
            with torch.inference_mode():
                return function(*inputs)

        return call

    return prepare


def _forward_and_backward(
    function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], target: str
) -> Callable[[Case], Callable[[], object]]:
    def prepare(case: Case) -> Callable[[], object]:
        z, t, ones = _leaf(case.z), torch.from_numpy(getattr(case, target)), torch.ones(len(case.z), dtype=_dtype(case))

        def call() -> object:
            z.grad = None
            loss = function(z, t)
            loss.backward(ones)
            return loss.detach(), z.grad

        return call

    return prepare


def softmax_vjp(case: Case) -> Callable[[], object]:
    z, v = _leaf(case.z), torch.from_numpy(case.v)

    def call() -> object:
        z.grad = None
        torch.softmax(z, -1).backward(v)
        return z.grad

    return call


def hessian_product(case: Case) -> Callable[[], object]:
    z, labels, v = _leaf(case.z), torch.from_numpy(case.labels), torch.from_numpy(case.v)

    def call() -> object:
        loss = functional.cross_entropy(z, labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, z, create_graph=True)
        (product,) = torch.autograd.grad(gradient, z, v)
        return product

    return call


def _cross_entropy(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(z, t, reduction="none")


def _mean_squared_error(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return functional.mse_loss(torch.softmax(z, -1), t, reduction="none").mean(-1)


def _leaf(values: Array) -> torch.Tensor:
    return torch.from_numpy(values).requires_grad_()


def _dtype(case: Case) -> torch.dtype:
    return torch.from_numpy(case.z).dtype


FORMS = {
    "softmax": _forward(lambda z: torch.softmax(z, -1), "z"),
    "log-softmax": _forward(lambda z: torch.log_softmax(z, -1), "z"),
    "softmax-vjp": softmax_vjp,
    "ce-labels": _forward_and_backward(_cross_entropy, "labels"),
    "ce-labels-loss": _forward(_cross_entropy, "z", "labels"),
    "ce-dense": _forward_and_backward(_cross_entropy, "t"),
    "ce-dense-loss": _forward(_cross_entropy, "z", "t"),
    "mse": _forward_and_backward(_mean_squared_error, "t"),
    "hvp": hessian_product,
}
