"""The pipeline, once: definitions, derivations, kernels, texts, files."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from derive.calculus.engine import derive_quantity
from derive.catalogue.model import Composition
from derive.derivation import Result
from derive.errors import DeriveError
from derive.kernel.ir import Kernel
from derive.kernel.plan import plan
from derive.notation import label
from derive.targets.model import Product, Target
from derive.version import __version__
from derive.write import Change, check_place, compare, with_manifest, write

Track = Callable[[Sequence[Any], str], Iterable[Any]]
"""Hands on the items one by one, and may show how far it is; the text says what is being done."""


@dataclass(frozen=True)
class Build:
    """What a build made.

    Attributes:
        folder: the build folder.
        products: what was derived, in the order of the compositions.
        files: the paths of each composition's own files, by its name.
        changes: how the folder differed before.
        unchanged: how many files were as they should be.
    """

    folder: Path
    products: tuple[Product, ...]
    files: Mapping[str, tuple[str, ...]]
    changes: tuple[Change, ...]
    unchanged: int


def silently(items: Sequence[Any], _: str) -> Iterable[Any]:
    """Show no progress."""
    return items


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
    track: Track = silently,
) -> Build:
    """Derive, lower, print and write `compositions` into `out/any`, or `out/n3`; with `dry`, write nothing.

    Raises:
        DeriveError: two compositions with one file name, or a definition that cannot be derived or printed.
        OutputError: `out` cannot be written.
        ProofError, KernelError: a fault of ours; nothing is written then.
    """
    folder = out / folder_name(n)
    check_place(folder)
    _refuse_twins(compositions)
    _refuse_labels(compositions)
    results = [derive_quantities(each, n) for each in track(compositions, "deriving")]
    kernels = [plan_kernels(each, n) for each in track(compositions, "planning kernels")]
    products = [Product(c, n, r, k) for c, r, k in zip(compositions, results, kernels, strict=True)]
    texts = [print_product(each, targets) for each in track(products, "printing")]
    files = gather(products, targets, texts)
    changes = compare(folder, files) if dry else write(folder, files)
    own = {product.composition.name: tuple(sorted(text)) for product, text in zip(products, texts, strict=True)}
    unchanged = len(files) - sum(change.made is not None for change in changes)
    return Build(folder, tuple(products), own, changes, unchanged)


def derive_quantities(composition: Composition, n: int | None) -> tuple[Result, ...]:
    """The derivation of every quantity, under the declared assumptions."""
    return tuple(
        derive_quantity(composition, quantity, n=n, assumptions=composition.assumptions)
        for quantity in composition.quantities
    )


def plan_kernels(composition: Composition, n: int | None) -> tuple[Kernel, ...]:
    """The kernels, from closed forms that assume nothing: a kernel is right for every target that it accepts."""
    return plan(
        composition,
        n,
        lambda quantity, labels: derive_quantity(composition, quantity, assumptions=(), labels=labels).closed_form,
    )


def print_product(product: Product, targets: Sequence[Target]) -> dict[str, str]:
    """The files of one product in every target: path within the build folder, and text."""
    return {f"{each.name}/{path}": text for each in targets for path, text in each.files(product).items()}


def gather(
    products: Sequence[Product], targets: Sequence[Target], texts: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    """All files of a build folder: those of each product, those they share, and the manifest."""
    shared = {f"{each.name}/{path}": text for each in targets for path, text in each.shared_files(products).items()}
    files = {path: text for part in (*texts, shared) for path, text in part.items()}
    spec = {
        "compositions": [describe(product.composition) for product in products],
        "n": products[0].n if products else None,
        "targets": [target.name for target in targets],
    }
    return with_manifest(files, spec, f"derive {__version__}")


def describe(composition: Composition) -> dict[str, Any]:
    """A composition as plain data, definitions included, from which `verify` can read it back."""
    return {
        "name": composition.name,
        "activation": asdict(composition.activation),
        "loss": None if composition.loss is None else asdict(composition.loss),
    }


def _refuse_twins(compositions: Sequence[Composition]) -> None:
    stems: dict[str, str] = {}
    for composition in compositions:
        twin = stems.setdefault(composition.stem, composition.name)
        if twin != composition.name:
            raise DeriveError(f"{twin} and {composition.name} would be written to the same files, {composition.stem}")


def _refuse_labels(compositions: Sequence[Composition]) -> None:
    for composition in compositions:
        definition = composition.loss_definition
        if definition is not None and label in definition.free_symbols:
            raise DeriveError(
                f"{composition.name} is defined with a label, and kernels are written for targets; write it as a sum "
                "of t[i], such as -sum(t[i]*log(y[i]) for i in range(n))"
            )
