"""The kernels of PyTorch that autograd calls, called below it and with `out=` into buffers that are there already.

Hardly anybody writes so; it is the fastest that can be had of them without compiling.
"""

from collections.abc import Callable

import torch

from benchmarks.cells import Case

VERSION = torch.__version__

aten = torch.ops.aten
_NO_REDUCTION, _NOTHING_IGNORED = 0, -100


def limit_threads(threads: int) -> None:
    """Hold PyTorch to that many threads."""
    torch.set_num_threads(threads)


def softmax(case: Case) -> Callable[[], object]:
    z, y = torch.from_numpy(case.z), torch.from_numpy(case.rows)
    return lambda: aten._softmax.out(z, -1, False, out=y)  # noqa: SLF001


def log_softmax(case: Case) -> Callable[[], object]:
    z, log_y = torch.from_numpy(case.z), torch.from_numpy(case.rows)
    return lambda: aten._log_softmax.out(z, -1, False, out=log_y)  # noqa: SLF001


def softmax_vjp(case: Case) -> Callable[[], object]:
    z, v, y, grad = map(torch.from_numpy, (case.z, case.v, case.scratch, case.rows))

    def call() -> object:
        aten._softmax.out(z, -1, False, out=y)  # noqa: SLF001
        return aten._softmax_backward_data.out(v, y, -1, z.dtype, grad_input=grad)  # noqa: SLF001

    return call


def cross_entropy_labels(case: Case) -> Callable[[], object]:
    z, labels, loss, log_y, grad = map(torch.from_numpy, (case.z, case.labels, case.loss, case.scratch, case.rows))
    total, ones, at_label = torch.empty((), dtype=z.dtype), torch.ones_like(loss), torch.empty_like(z)
    options = (None, _NO_REDUCTION, _NOTHING_IGNORED)

    def call() -> object:
        aten._log_softmax.out(z, -1, False, out=log_y)  # noqa: SLF001
        aten.nll_loss_forward.output(log_y, labels, *options, output=loss, total_weight=total)
        aten.nll_loss_backward.grad_input(ones, log_y, labels, *options, total, grad_input=at_label)
        aten._log_softmax_backward_data.out(at_label, log_y, -1, z.dtype, out=grad)  # noqa: SLF001
        return loss, grad

    return call


def cross_entropy_labels_loss(case: Case) -> Callable[[], object]:
    z, labels, loss, log_y = map(torch.from_numpy, (case.z, case.labels, case.loss, case.scratch))
    total = torch.empty((), dtype=z.dtype)

    def call() -> object:
        aten._log_softmax.out(z, -1, False, out=log_y)  # noqa: SLF001
        aten.nll_loss_forward.output(
            log_y, labels, None, _NO_REDUCTION, _NOTHING_IGNORED, output=loss, total_weight=total
        )
        return loss

    return call


def cross_entropy_dense(case: Case) -> Callable[[], object]:
    z, t, loss, log_y, grad = map(torch.from_numpy, (case.z, case.t, case.loss, case.scratch, case.rows))
    above, product = torch.empty_like(z), torch.empty_like(z)

    def call() -> object:
        aten._log_softmax.out(z, -1, False, out=log_y)  # noqa: SLF001
        torch.neg(t, out=above)
        torch.mul(above, log_y, out=product)
        torch.sum(product, -1, out=loss)
        aten._log_softmax_backward_data.out(above, log_y, -1, z.dtype, out=grad)  # noqa: SLF001
        return loss, grad

    return call


def cross_entropy_dense_loss(case: Case) -> Callable[[], object]:
    z, t, loss, log_y, product = map(torch.from_numpy, (case.z, case.t, case.loss, case.scratch, case.rows))

    def call() -> object:
        aten._log_softmax.out(z, -1, False, out=log_y)  # noqa: SLF001
        torch.mul(t, log_y, out=product)
        torch.sum(product, -1, out=loss)
        return loss.neg_()

    return call


def mean_squared_error(case: Case) -> Callable[[], object]:
    z, t, loss, y, grad = map(torch.from_numpy, (case.z, case.t, case.loss, case.scratch, case.rows))
    difference, square, n = torch.empty_like(z), torch.empty_like(z), z.shape[1]

    def call() -> object:
        aten._softmax.out(z, -1, False, out=y)  # noqa: SLF001
        torch.sub(y, t, out=difference)
        torch.square(difference, out=square)
        torch.mean(square, -1, out=loss)
        difference.mul_(2 / n)
        aten._softmax_backward_data.out(difference, y, -1, z.dtype, grad_input=grad)  # noqa: SLF001
        return loss, grad

    return call


FORMS = {
    "softmax": softmax,
    "log-softmax": log_softmax,
    "softmax-vjp": softmax_vjp,
    "ce-labels": cross_entropy_labels,
    "ce-labels-loss": cross_entropy_labels_loss,
    "ce-dense": cross_entropy_dense,
    "ce-dense-loss": cross_entropy_dense_loss,
    "mse": mean_squared_error,
    "hvp": softmax_vjp,
}
"""The product of the Hessian of cross-entropy with labels is that of the Jacobian of softmax."""
