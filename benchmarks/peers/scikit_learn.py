"""scikit-learn's multinomial loss, compiled Cython; it has labels only, as floats."""

from collections.abc import Callable

import sklearn
from sklearn._loss.loss import HalfMultinomialLoss

from benchmarks.cells import Case

VERSION = sklearn.__version__


def limit_threads(threads: int) -> None:
    """Each call is told."""


def cross_entropy_labels(case: Case) -> Callable[[], object]:
    loss, labels = _loss(case), case.labels.astype(case.z.dtype)
    return lambda: loss.loss_gradient(
        labels, case.z, loss_out=case.loss, gradient_out=case.rows, n_threads=case.threads
    )


def cross_entropy_labels_loss(case: Case) -> Callable[[], object]:
    loss, labels = _loss(case), case.labels.astype(case.z.dtype)
    return lambda: loss.loss(labels, case.z, loss_out=case.loss, n_threads=case.threads)


def _loss(case: Case) -> HalfMultinomialLoss:
    return HalfMultinomialLoss(n_classes=case.z.shape[1])


FORMS = {"ce-labels": cross_entropy_labels, "ce-labels-loss": cross_entropy_labels_loss}
