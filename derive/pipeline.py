"""The pipeline, once: definitions, derivations, kernels, texts, files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from sympy import Expr

from derive.calculus.engine import derive_quantity
from derive.catalogue.model import Activation, Composition, Loss
from derive.derivation import Result
from derive.errors import DeriveError, UnsafeError
from derive.kernel.arguments import name_arguments
from derive.kernel.ir import Kernel
from derive.kernel.plan import left_out, outputs_of, plan
from derive.kernel.safety import Break, find_break
from derive.layer.engine import LayerResult, derive_layer
from derive.progress import Track, silently
from derive.proof.domain import refuse_undefined
from derive.targets.model import Product, Target
from derive.version import __version__
from derive.write import Change, check_place, compare, with_manifest, write

Printed = Callable[[Mapping[str, str]], None]
"""Told of files, texts by their paths in the build folder, before all are there and written."""


@dataclass(frozen=True)
class Build:
    """What a build made.

    Attributes:
        folder: the build folder.
        products: what was derived, in the order of the compositions.
        files: the paths of each composition's own files, by its name.
        changes: how the folder differed before.
        unchanged: how many files were as they should be.
        refused: why compositions of the catalogue were left out, by name.
    """

    folder: Path
    products: tuple[Product, ...]
    files: Mapping[str, tuple[str, ...]]
    changes: tuple[Change, ...]
    unchanged: int
    refused: Mapping[str, str] = field(default_factory=dict)


def folder_name(n: int | None) -> str:
    """The name of the build folder for a class count: `any`, `n3`."""
    return "any" if n is None else f"n{n}"


def build(
    compositions: Sequence[Composition],
    n: int | None,
    targets: Sequence[Target],
    out: Path,
    *,
    dry: bool = False,
    layer: bool = False,
    allow_unsafe: bool = False,
    track: Track = silently,
    printed: Printed | None = None,
) -> Build:
    """Derive, lower, print and write `compositions` into `out/any`, or `out/n3`; with `dry`, write nothing.

    With `layer`, that of a linear layer before each composition that has a loss besides. `printed` is told the files
    of a composition in a target as soon as they are there.

    Raises:
        UnsafeError: a kernel is wrong at inputs where its result is finite; with `allow_unsafe`, its file's head says
            so instead.
        DeriveError: two compositions with one file name, or a definition that cannot be derived or printed.
        OutputError: `out` cannot be written.
        ProofError, KernelError: a fault of ours; nothing is written then.
    """
    folder = out / folder_name(n)
    check_place(folder)
    _refuse_twins(compositions)
    results = [derive_quantities(each, n) for each in track(compositions, "deriving")]
    kernels = [plan_kernels(each, n) for each in track(compositions, "planning kernels")]
    before = track(compositions, "deriving layers") if layer else ()
    layers = [derive_layer_before(each, n) for each in before] or [None] * len(compositions)
    products = [
        Product(each, n, result, kernel, layer=layer_before, left_out=left_out(each, kernel))
        for each, result, kernel, layer_before in zip(compositions, results, kernels, layers, strict=True)
    ]
    # Compilers may begin while hard inputs are tried. What breaks there is printed again, with a head that says so.
    texts = [print_product(each, targets, printed) for each in track(products, "printing")]
    breaks = [find_breaks(each.composition, each.kernels) for each in track(products, "trying hard inputs")]
    if not allow_unsafe:
        _refuse_unsafe(compositions, breaks)
    products = [replace(product, unsafe=found) for product, found in zip(products, breaks, strict=True)]
    texts = [
        print_product(product, targets) if product.unsafe else text
        for product, text in zip(products, texts, strict=True)
    ]
    files = gather(products, targets, texts, layer=layer)
    changes = compare(folder, files) if dry else write(folder, files)
    own = {product.composition.name: tuple(sorted(text)) for product, text in zip(products, texts, strict=True)}
    unchanged = len(files) - sum(change.made is not None for change in changes)
    return Build(folder, tuple(products), own, changes, unchanged)


def sort_out(
    compositions: Sequence[Composition],
    n: int | None,
    targets: Sequence[Target],
    track: Track = silently,
    *,
    allow_unsafe: bool = False,
) -> tuple[tuple[Composition, ...], Mapping[str, str]]:
    """The compositions that can be built, and for each of the others, by name, the sentence that says why not."""
    possible: list[Composition] = []
    refused: dict[str, str] = {}
    for each in track(compositions, "trying"):
        try:
            refuse_undefined(each)
            print_product(make_product(each, n, allow_unsafe=allow_unsafe), targets)
        except DeriveError as refusal:
            refused[each.name] = str(refusal)
        else:
            possible.append(each)
    return tuple(possible), refused


def make_product(composition: Composition, n: int | None, *, allow_unsafe: bool = False) -> Product:
    """All that is derived of one composition, a layer aside.

    Raises:
        UnsafeError: a kernel is wrong at inputs where its result is finite, and `allow_unsafe` is not given.
        UnsupportedError: a closed form that no kernel can compute.
    """
    kernels = plan_kernels(composition, n)
    unsafe = find_breaks(composition, kernels)
    if not allow_unsafe:
        _refuse_unsafe([composition], [unsafe])
    results = derive_quantities(composition, n)
    return Product(composition, n, results, kernels, left_out=left_out(composition, kernels), unsafe=unsafe)


def derive_quantities(composition: Composition, n: int | None) -> tuple[Result, ...]:
    """The derivation of every quantity, under the declared assumptions."""
    return tuple(
        derive_quantity(composition, quantity, n=n, assumptions=composition.assumptions)
        for quantity in composition.quantities
    )


def derive_layer_before(composition: Composition, n: int | None) -> LayerResult | None:
    """The derivation of a layer, the mean over its batch, under the declared assumptions; None without a loss."""
    return None if composition.loss is None else derive_layer(composition, "mean", n, composition.assumptions)


def plan_kernels(composition: Composition, n: int | None) -> tuple[Kernel, ...]:
    """The kernels, from closed forms that assume nothing: a kernel is right for every target that it accepts."""
    return plan(composition, n, lambda quantity, labels: _closed_form(composition, quantity, labels))


def find_breaks(composition: Composition, kernels: Sequence[Kernel]) -> tuple[Break, ...]:
    """The first hard input at which each kernel is wrong."""

    def closed_form(quantity: str, labels: bool) -> Expr:
        return _closed_form(composition, quantity, labels)

    parameters = name_arguments(composition.parameters)
    found = []
    for kernel in kernels:
        outputs = outputs_of(composition, kernel, closed_form)
        loss = None if composition.loss is None else closed_form("value", kernel.labels)
        found.append(find_break(kernel, outputs, composition.y_definition, parameters, loss))
    return tuple(each for each in found if each is not None)


def _closed_form(composition: Composition, quantity: str, labels: bool) -> Expr:
    return derive_quantity(composition, quantity, assumptions=(), labels=labels).closed_form


def print_product(product: Product, targets: Sequence[Target], printed: Printed | None = None) -> dict[str, str]:
    """The files of one product in every target: path within the build folder, and text."""
    texts: dict[str, str] = {}
    for target in targets:
        files = {f"{target.name}/{path}": text for path, text in target.files(product).items()}
        if printed is not None:
            printed(files)
        texts |= files
    return texts


def gather(
    products: Sequence[Product], targets: Sequence[Target], texts: Sequence[Mapping[str, str]], *, layer: bool
) -> dict[str, str]:
    """All files of a build folder: those of each product, those they share, and the manifest."""
    shared = {f"{each.name}/{path}": text for each in targets for path, text in each.shared_files(products).items()}
    files = {path: text for part in (*texts, shared) for path, text in part.items()}
    spec = {
        "compositions": [describe(product.composition) for product in products],
        "n": products[0].n if products else None,
        "targets": [target.name for target in targets],
        **({"layer": True} if layer else {}),
    }
    return with_manifest(files, spec, f"derive {__version__}")


def describe(composition: Composition) -> dict[str, Any]:
    """A composition as plain data, definitions included, from which `verify` can read it back."""
    return {
        "name": composition.name,
        "activation": _fields(composition.activation),
        "loss": None if composition.loss is None else _fields(composition.loss),
        **({"further": list(composition.further)} if composition.further else {}),
    }


def _fields(definition: Activation | Loss) -> dict[str, Any]:
    """What a definition says; a field left at its default says nothing."""
    return {
        field.name: value for field in fields(definition) if (value := getattr(definition, field.name)) != field.default
    }


def _refuse_unsafe(compositions: Sequence[Composition], breaks: Sequence[Sequence[Break]]) -> None:
    for composition, found in zip(compositions, breaks, strict=True):
        if found:
            raise UnsafeError(
                f"{composition.name} cannot be made safe: {found[0].describe()}; with --allow-unsafe it is written "
                "nevertheless, and says so"
            )


def _refuse_twins(compositions: Sequence[Composition]) -> None:
    stems: dict[str, Composition] = {}
    for composition in compositions:
        twin = stems.setdefault(composition.stem, composition)
        if twin != composition:
            raise DeriveError(
                f"{twin.name} and {composition.name} would be written to the same files, {composition.stem}"
            )
