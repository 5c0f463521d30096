"""What a target is given, and what it is: a name, and the files that it makes of a product."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from derive.catalogue.model import Composition
from derive.derivation import Result
from derive.kernel.ir import Kernel
from derive.kernel.safety import Break
from derive.layer.engine import LayerResult


@dataclass(frozen=True)
class Product:
    """All that was derived of one composition, ready to be written.

    Attributes:
        composition: what was derived.
        n: the given number of classes, or None for any.
        results: the derivation of each quantity, under the declared assumptions.
        kernels: the stable program of each function, right for every target that it accepts: no assumption used.
        layer: the derivation of a linear layer before it; None where none was asked for, or where there is no loss.
        left_out: the functions without a kernel: matrices that take a sum over triples of classes.
        unsafe: where kernels are wrong at finite inputs, if that was allowed.
    """

    composition: Composition
    n: int | None
    results: tuple[Result, ...]
    kernels: tuple[Kernel, ...]
    layer: LayerResult | None = None
    left_out: tuple[str, ...] = ()
    unsafe: tuple[Break, ...] = ()

    @property
    def stem(self) -> str:
        """The name of its files: the composition with underscores."""
        return self.composition.stem

    def result(self, quantity: str) -> Result:
        """The derivation of `quantity`; KeyError where there is none."""
        return {result.quantity: result for result in self.results}[quantity]


class Target(Protocol):
    """An output language. One module of `derive.targets` each, which binds `target` to an instance."""

    name: str

    def files(self, product: Product) -> Mapping[str, str]:
        """The files of one product: path within the target's folder, and text."""
        ...

    def shared_files(self, products: Sequence[Product]) -> Mapping[str, str]:
        """The files that stand for all products together."""
        ...
