"""The way of a kernel from its closed forms to a target, once."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from types import MappingProxyType

from sympy import Expr

from derive.catalogue.parameters import Parameter
from derive.kernel.ir import Kernel
from derive.kernel.lower import Output, lower
from derive.kernel.passes.cancel import cancel
from derive.kernel.passes.cases import split_cases
from derive.kernel.passes.compensate import compensate
from derive.kernel.passes.complement import complement
from derive.kernel.passes.divide import divide_once
from derive.kernel.passes.fuse import fuse
from derive.kernel.passes.hoist import hoist
from derive.kernel.passes.limits import take_limits
from derive.kernel.passes.logarithm import take_logarithms
from derive.kernel.passes.normalise import normalise
from derive.kernel.passes.place import place
from derive.kernel.passes.scale import scale
from derive.kernel.passes.separate import separate
from derive.kernel.passes.shift import shift
from derive.kernel.passes.split import split_sums
from derive.kernel.passes.tidy import tidy
from derive.kernel.passes.weigh import weigh
from derive.kernel.passes.zeros import guard_zeros
from derive.kernel.validate import validate

Pass = Callable[[Kernel], Kernel]

STABLE: tuple[Pass, ...] = (
    normalise,
    split_cases,
    cancel,
    take_limits,
    complement,
    weigh,
    take_logarithms,
    shift,
    separate,
    split_sums,
    guard_zeros,
    compensate,
    divide_once,
    hoist,
    tidy,
)
"""From mathematics to numerics, in order; each takes what those before it made."""


def compile_kernel(
    name: str,
    outputs: Sequence[Output],
    inputs: Sequence[str],
    y_definition: Expr | None = None,
    labels: bool = False,
    size: int | None = None,
    parameters: Mapping[str, Parameter] = MappingProxyType({}),
) -> Kernel:
    """The stable kernel of some closed forms: right for every target language, and no array but its own.

    Arguments and errors as for `derive.kernel.lower.lower`.
    """
    return _run(STABLE, validate(lower(name, outputs, inputs, y_definition, labels, size, parameters)))


def schedule(kernel: Kernel, work: bool) -> Kernel:
    """A stable kernel as loops that run one after the other: for targets that write loops.

    Args:
        kernel: from `compile_kernel`.
        work: whether the target can allocate work arrays.
    """
    return _run((lambda each: place(each, work), fuse), kernel)


def store(kernel: Kernel, work: bool) -> Kernel:
    """A stable kernel that keeps what it shares in arrays, one statement after the other: for targets with vectors.

    Arguments as for `schedule`.
    """
    return _run((lambda each: place(each, work), scale), kernel)


def _run(passes: Sequence[Pass], kernel: Kernel) -> Kernel:
    return reduce(lambda each, step: validate(step(each)), passes, kernel)
