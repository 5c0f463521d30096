"""JAX, jitted: derivatives by its own differentiation, inputs on the device, results waited for.

It has no way to write into a buffer. XLA reads how many processors the process may use when it starts, so that the
process has to be held to them before.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from benchmarks.cells import Case

VERSION = jax.__version__

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)


def limit_threads(threads: int) -> None:
    """The process is held to as many processors, which is what XLA counts."""


def _loss_labels(z: jax.Array, labels: jax.Array) -> jax.Array:
    return -jnp.take_along_axis(jax.nn.log_softmax(z), labels[:, None], axis=-1)[:, 0]


def _loss_dense(z: jax.Array, t: jax.Array) -> jax.Array:
    return -(t * jax.nn.log_softmax(z)).sum(-1)


def _mean_squared_error(z: jax.Array, t: jax.Array) -> jax.Array:
    return ((jax.nn.softmax(z) - t) ** 2).mean(-1)


def _with_gradient(loss: Callable[..., jax.Array]) -> Callable[..., tuple[jax.Array, jax.Array]]:
    def both(z: jax.Array, t: jax.Array) -> tuple[jax.Array, jax.Array]:
        losses, pull_back = jax.vjp(lambda logits: loss(logits, t), z)
        return losses, pull_back(jnp.ones_like(losses))[0]

    return both


def _softmax_vjp(z: jax.Array, v: jax.Array) -> jax.Array:
    return jax.vjp(jax.nn.softmax, z)[1](v)[0]


def _form(function: Callable[..., object], *names: str) -> Callable[[Case], Callable[[], object]]:
    compiled = jax.jit(function)

    def prepare(case: Case) -> Callable[[], object]:
        inputs = [jnp.asarray(getattr(case, name)) for name in names]
        return lambda: jax.block_until_ready(compiled(*inputs))

    return prepare


FORMS = {
    "softmax": _form(jax.nn.softmax, "z"),
    "log-softmax": _form(jax.nn.log_softmax, "z"),
    "softmax-vjp": _form(_softmax_vjp, "z", "v"),
    "ce-labels": _form(_with_gradient(_loss_labels), "z", "labels"),
    "ce-labels-loss": _form(_loss_labels, "z", "labels"),
    "ce-dense": _form(_with_gradient(_loss_dense), "z", "t"),
    "ce-dense-loss": _form(_loss_dense, "z", "t"),
    "mse": _form(_with_gradient(_mean_squared_error), "z", "t"),
    "hvp": _form(_softmax_vjp, "z", "v"),
}
"""The product of the Hessian of cross-entropy with labels is that of the Jacobian of softmax."""
