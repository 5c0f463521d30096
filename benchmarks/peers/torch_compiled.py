"""torch.compile of the closed forms, which it fuses; compiled anew for every shape, as it is fastest."""

from collections.abc import Callable

import torch

from benchmarks.cells import Case

VERSION = torch.__version__


def limit_threads(threads: int) -> None:
    """Hold PyTorch to that many threads; the compiled code is compiled for them."""
    torch.set_num_threads(threads)


def _cross_entropy_labels_loss(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return -torch.log_softmax(z, -1).gather(1, labels[:, None])[:, 0]


def _cross_entropy_labels(z: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    log_y = torch.log_softmax(z, -1)
    is_label = torch.arange(z.shape[1]) == labels[:, None]
    return -log_y.gather(1, labels[:, None])[:, 0], torch.exp(log_y) - is_label.to(z.dtype)


def _cross_entropy_dense_loss(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return -(t * torch.log_softmax(z, -1)).sum(-1)


def _cross_entropy_dense(z: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    log_y = torch.log_softmax(z, -1)
    return -(t * log_y).sum(-1), torch.exp(log_y) * t.sum(-1, keepdim=True) - t


def _softmax_vjp(z: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    y = torch.softmax(z, -1)
    return y * (v - (v * y).sum(-1, keepdim=True))


def _mean_squared_error(z: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    y = torch.softmax(z, -1)
    difference = y - t
    above = 2 / z.shape[1] * difference
    return (difference * difference).mean(-1), y * (above - (above * y).sum(-1, keepdim=True))


def _form(function: Callable[..., object], *names: str) -> Callable[[Case], Callable[[], object]]:
    def prepare(case: Case) -> Callable[[], object]:
        torch.compiler.reset()  # what other shapes were compiled to is not needed any more, and there is a limit
        compiled = torch.compile(function, dynamic=False)
        inputs = [torch.from_numpy(getattr(case, name)) for name in names]
        return lambda: compiled(*inputs)

    return prepare


FORMS = {
    "ce-labels": _form(_cross_entropy_labels, "z", "labels"),
    "softmax": _form(lambda z: torch.softmax(z, -1), "z"),
    "mse": _form(_mean_squared_error, "z", "t"),
    "log-softmax": _form(lambda z: torch.log_softmax(z, -1), "z"),
    "ce-dense": _form(_cross_entropy_dense, "z", "t"),
    "softmax-vjp": _form(_softmax_vjp, "z", "v"),
    "ce-labels-loss": _form(_cross_entropy_labels_loss, "z", "labels"),
    "ce-dense-loss": _form(_cross_entropy_dense_loss, "z", "t"),
    "hvp": _form(_softmax_vjp, "z", "v"),
}
"""The product of the Hessian of cross-entropy with labels is that of the Jacobian of softmax."""
