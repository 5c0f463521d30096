"""The way of a kernel from its closed forms to a target, once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from types import MappingProxyType

from sympy import Expr

from derive.catalogue.parameters import Parameter
from derive.kernel.directions import find_norm, in_directions
from derive.kernel.double_sums import factor_double_sums
from derive.kernel.exponents import spell_alike
from derive.kernel.ir import Kernel
from derive.kernel.lower import INDICES, Output, lower
from derive.kernel.odds import take_odds
from derive.kernel.offsets import take_offsets_out
from derive.kernel.origins import measure_from_largest
from derive.kernel.passes.cancel import cancel
from derive.kernel.passes.cases import split_cases
from derive.kernel.passes.compensate import compensate
from derive.kernel.passes.complement import complement
from derive.kernel.passes.differ import differ
from derive.kernel.passes.divide import divide_once
from derive.kernel.passes.fuse import fuse
from derive.kernel.passes.hoist import hoist
from derive.kernel.passes.limits import take_limits
from derive.kernel.passes.logarithm import take_logarithms
from derive.kernel.passes.logistic import divide_logistic
from derive.kernel.passes.normalise import normalise
from derive.kernel.passes.norms import scale_norms
from derive.kernel.passes.place import place
from derive.kernel.passes.ratio import take_ratios
from derive.kernel.passes.scale import scale
from derive.kernel.passes.separate import separate
from derive.kernel.passes.shift import shift
from derive.kernel.passes.split import split_sums
from derive.kernel.passes.tidy import tidy
from derive.kernel.passes.units import take_units
from derive.kernel.passes.weigh import weigh
from derive.kernel.passes.zeros import guard_zeros
from derive.kernel.rests import choose_rests, sums_to_1
from derive.kernel.single import divides_by_rest, leaves_label_out, single_out
from derive.kernel.validate import validate
from derive.notation import free_indices, label, y

Pass = Callable[[Kernel], Kernel]

STABLE: tuple[Pass, ...] = (
    normalise,
    split_cases,
    take_units,
    cancel,
    take_limits,
    take_ratios,
    scale_norms,
    divide_logistic,
    complement,
    weigh,
    take_logarithms,
    shift,
    separate,
    split_sums,
    differ,
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
    prepared = prepare(outputs, y_definition, parameters, labels)
    kernel = lower(name, prepared, inputs, y_definition, labels, size, parameters)
    singles_out = not labels and any(label in free_indices(each.closed_form) for each in prepared)
    return _run(STABLE, validate(replace(kernel, largest_is_label=singles_out)))


def prepare(
    outputs: Sequence[Output], y_definition: Expr | None, parameters: Mapping[str, Parameter], labels: bool
) -> list[Output]:
    """Closed forms as a kernel is to compute them, where it matters what is left of 1: algebra, and no numerics yet.

    Where that is what the label's class leaves, this is singled out; where any class may leave little, the largest.
    """
    # A loss that reads its logits and no y is one of numbers, whatever activation it is of.
    is_softmax = sums_to_1(y_definition) and any(each.closed_form.has(y.label) for each in outputs)
    found = [spell_alike(each.closed_form) for each in outputs]
    found = [take_odds(take_offsets_out(factor_double_sums(form)), parameters) for form in found]
    norms = [find_norm(form, is_softmax) for form in found]
    found = [
        choose_rests(form, y_definition, parameters) if norm is None else in_directions(form, norm, is_softmax)
        for form, norm in zip(found, norms, strict=True)
    ]
    without_norm = [form for form, norm in zip(found, norms, strict=True) if norm is None]
    leaves_little = is_softmax and any(divides_by_rest(form, of_label=labels) for form in without_norm)
    if leaves_little or (labels and any(leaves_label_out(form) for form in without_norm)):
        found = [
            form if norm else single_out(form, INDICES[each.rank])
            for form, norm, each in zip(found, norms, outputs, strict=True)
        ]
    return [
        replace(each, closed_form=measure_from_largest(form, each.closed_form, y_definition))
        for form, each in zip(found, outputs, strict=True)
    ]


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
