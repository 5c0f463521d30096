"""The public interface: `derive`, the `Derivation` it returns, `build`, `load` and `check`.

What only one of them needs is imported inside it: judging formulas and calling C take a fifth of a second to load.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from sympy import Expr

from derive import catalogue, pipeline
from derive.calculus.engine import derive_quantity
from derive.catalogue import read_composition
from derive.catalogue.model import Assumption, Composition
from derive.derivation import Result, Step
from derive.errors import DeriveError, UnknownNameError, UnsupportedError
from derive.layer.engine import REDUCTIONS, LayerResult, derive_layer
from derive.pipeline import Build, Printed
from derive.progress import Track, silently
from derive.proof.domain import refuse_undefined
from derive.request import read_assumptions, read_class_count, read_further, read_quantity, read_targets
from derive.targets.report import report_latex, report_text

if TYPE_CHECKING:
    from derive.checking.model import Verdict


@dataclass(frozen=True)
class Derivation:
    """A composition to derive: each quantity is derived when it is first asked for, and every step checked.

    Attributes:
        composition: what is derived.
        n: the given number of classes, or None for any.
        assumptions: the facts that a step may use.
    """

    composition: Composition
    n: int | None
    assumptions: tuple[Assumption, ...]

    def result(self, quantity: str | None = None) -> Result:
        """The derivation of one quantity: its chains of steps, closed form and checks.

        Args:
            quantity: one of `composition.quantities`; `loss` is the value where there is a loss. The Jacobian or
                gradient where None.

        Raises:
            UnknownNameError: the composition has no such quantity.
        """
        name = read_quantity(self.composition, quantity)
        return derive_quantity(self.composition, name, n=self.n, assumptions=self.assumptions)

    def closed_form(self, quantity: str) -> Expr:
        """The engine's final expression: free index j for a vector, i (row) and j (column) for a matrix."""
        return self.result(quantity).closed_form

    def steps(self, quantity: str) -> tuple[Step, ...]:
        """Every step from the definition to the closed form, in reading order."""
        return self.result(quantity).steps

    def latex(self, quantity: str | None = None) -> str:
        """The derivation of one quantity, or of all where None, as LaTeX that needs amsmath and nothing else."""
        quantities = self.composition.quantities if quantity is None else (quantity,)
        return report_latex([self.result(name) for name in quantities])

    def layer(self, reduction: str = "mean") -> LayerResult:
        """The derivation of a linear layer before it: Z = X W + b over a batch, and the gradients by X, W and b.

        Args:
            reduction: `mean` or `sum` of the losses of the rows.

        Raises:
            UnknownNameError: no such reduction.
            UnsupportedError: the composition has no loss.
        """
        if reduction not in REDUCTIONS:
            raise UnknownNameError.of("reduction", reduction, REDUCTIONS)
        return derive_layer(self.composition, reduction, self.n, self.assumptions)

    def _repr_latex_(self) -> str:
        return self.latex(self.composition.quantities[1])

    def __str__(self) -> str:
        return report_text([self.result()])


def derive(
    composition: str | Composition,
    n: int | str | None = None,
    assume: Iterable[str] | None = None,
    *,
    where: str | None = None,
    name: str | None = None,
) -> Derivation:
    """The derivation of a composition: `derive("softmax+cross-entropy").closed_form("gradient")`.

    Args:
        composition: an activation, or an activation, `+`, and a loss: its name, its definition in the index form or
            NumPy's, or the path of a definition file.
        n: a given number of classes; None derives for any number.
        assume: ids of the assumptions that may be used, such as `sum-t-1`; None for those that the loss declares, an
            empty tuple for none.
        where: the ranges of the parameters of a loss that is defined on the spot: `"0 < a < 1"`; None for positive.
        name: the name of such a loss; None for its definition.

    Raises:
        UnknownNameError, DefinitionError: no such activation, loss or assumption; the sentence says which there are.
        UnsupportedError: the loss is not defined for what the activation gives.
        DeriveError: `n` is no whole number from 1 up.
    """
    known = _composition(composition, where, name)
    return Derivation(known, read_class_count(n), read_assumptions(known, assume))


def build(
    n: int | str | None = None,
    out: str | Path = "generated",
    compositions: Iterable[str | Composition] = (),
    targets: Iterable[str] = (),
    *,
    all_of_them: bool = False,
    where: str | None = None,
    name: str | None = None,
    dry: bool = False,
    layer: bool = False,
    allow_unsafe: bool = False,
    quantities: Iterable[str] = (),
    track: Track = silently,
    printed: Printed | None = None,
) -> Build:
    """Write derivations and kernels: into `out/any`, or with `n` into `out/n3`.

    Args:
        n: a given number of classes; None for kernels that take it at run time.
        out: the folder that holds the build folders.
        compositions: what to build; by default softmax, its logarithm, and cross-entropy and mse of softmax.
        targets: names of the output languages; by default all.
        all_of_them: build every composition of the catalogue that can be built; the result says which cannot, and why.
        where: the ranges of the parameters of the one loss in `compositions` that is defined on the spot.
        name: the name of that loss, and of its files.
        dry: write nothing; the result says what would change.
        layer: write a linear layer before each composition that has a loss besides: its derivation, and NumPy kernels.
        allow_unsafe: write kernels that are wrong at some finite inputs; their heads say where.
        quantities: derivatives to build besides, for every composition in `compositions`: `gradient:t`,
            `gradient:gamma`, `gauss-newton`, `gnvp`.
        track: shows how far the build is; called with the items of a stage and what is done to them.
        printed: told the files of each composition in each target, texts by path, before all are there and written.

    Raises:
        DeriveError: an unknown name, a definition that cannot be read, a class count that cannot be.
        UnsafeError: a kernel breaks at finite inputs, and `allow_unsafe` is not given.
        OutputError: `out` cannot be written, or holds files that are not ours where ours would go.
    """
    classes, languages, named = read_class_count(n), read_targets(targets), tuple(compositions)
    if (where or name) and len(named) != 1:
        raise DeriveError(f"a range or a name is for one composition, and {len(named)} are named")
    if all_of_them and named:
        raise DeriveError("either all compositions are built, or those that are named")
    asked = [_composition(each, where, name) for each in named] or catalogue.compositions()
    refused: Mapping[str, str] = {}
    if all_of_them:
        asked, refused = pipeline.sort_out(
            catalogue.all_compositions(), classes, languages, track, allow_unsafe=allow_unsafe
        )
    wanted = tuple(quantities)
    if wanted and not named:
        raise DeriveError(f"{wanted[0]} is built for compositions that are named; name one")
    asked = [replace(each, further=read_further(each, wanted)) for each in asked] if wanted else asked
    chosen = tuple(dict.fromkeys(asked))
    made = pipeline.build(
        chosen,
        classes,
        languages,
        Path(out),
        dry=dry,
        layer=layer,
        allow_unsafe=allow_unsafe,
        track=track,
        printed=printed,
    )
    return replace(made, refused=refused)


def load(
    composition: str | Composition,
    n: int | str | None = None,
    *,
    where: str | None = None,
    name: str | None = None,
    allow_unsafe: bool = False,
    quantities: Iterable[str] = (),
) -> ModuleType:
    """The C kernels of a composition, to be called on NumPy arrays just like the generated NumPy module.

    They are compiled when first asked for, with $CC or the system's compiler, and kept for later processes in
    $XDG_CACHE_HOME/derive or ~/.cache/derive. C computes every row; what it does not have, matrices and reductions
    over the rows, NumPy does, as in the generated module. Where the compiler has OpenMP, threads share the rows of
    large arrays: as many as there are processors, or as OMP_NUM_THREADS says when the first kernels are loaded; in a
    forked process it is one. The results keep their bits.

    Args:
        composition: as for `derive`.
        n: a fixed number of classes; None for kernels that take any.
        where: the ranges of the parameters of a loss that is defined on the spot.
        name: the name of such a loss.
        allow_unsafe: load kernels that are wrong at some finite inputs.
        quantities: derivatives to have besides, as for `build`: `gradient:gamma` becomes `gradient_gamma`.

    Returns:
        A module with the functions `loss`, `gradient`, `loss_and_gradient`, ... or `value`, `vjp`, ... Writable arrays
        of shape (batch, n) in C order, all float32 or all float64, labels int64, are worked on as they lie where `out`
        is given, and nothing else but parameters, as Python's floats: a call then costs a few microseconds.

    Raises:
        UnknownNameError, DefinitionError, DeriveError: as for `derive`.
        UnsafeError: a kernel breaks at finite inputs, and `allow_unsafe` is not given.
        MissingToolError: there is no C compiler.
        OutputError: the compiled kernels cannot be kept.
    """
    from derive.compiled import load_kernels

    known = _composition(composition, where, name)
    further = read_further(known, quantities)
    return load_kernels(replace(known, further=further), read_class_count(n), allow_unsafe=allow_unsafe)


def check(
    composition: str | Composition,
    quantity: str,
    formula: str,
    let: Mapping[str, str] | None = None,
    n: int | str | None = None,
    *,
    where: str | None = None,
    in_file: bool = False,
) -> "Verdict":
    """Judge a formula of the user's: `check("softmax+cross-entropy", "gradient", "y - t").verdict` is `right-if`.

    Args:
        composition: what it is a formula of, as for `derive`.
        quantity: which quantity; `loss` is the value where there is a loss.
        formula: Python in the index form or NumPy's, or LaTeX; equals signs make a chain. Nothing of it is executed.
        let: symbols by role, such as `{"probabilities": "p", "targets": "y"}`.
        n: a given number of classes.
        where: the ranges of the parameters of a loss that is defined on the spot, `0 < a < 1`.
        in_file: whether `formula` is a place, `FILE.py:FUNCTION`; that function is run, in a process of its own.

    Raises:
        DefinitionError: the formula cannot be read; says where.
        DeriveError: no such composition, quantity, role, file or function.
    """
    from derive.checking import verdict

    # A loss that is not defined for every output is still one whose derivative can be asked for: dL/dy of log y.
    known = _read(composition, where)
    return verdict.check(known, quantity, formula, let or {}, read_class_count(n), in_file=in_file)


def first_derivatives(activation: str, track: Track = silently) -> tuple[Result, ...]:
    """The Jacobian of an activation, and the gradient of every loss of the catalogue that is defined for it.

    Each is derived under the assumptions that the loss declares.

    Raises:
        UnknownNameError, DefinitionError: no such activation.
    """
    alone = _composition(activation)
    results = [derive(alone).result()]
    for loss in track(tuple(catalogue.losses().values()), "deriving"):
        with suppress(UnsupportedError):
            results.append(derive(Composition(alone.activation, loss)).result())
    return tuple(results)


def _composition(given: str | Composition, where: str | None = None, name: str | None = None) -> Composition:
    """The composition that is meant.

    Raises:
        DefinitionError, UnknownNameError: it cannot be read.
        UnsupportedError: its loss is defined nowhere.
    """
    composition = _read(given, where, name)
    refuse_undefined(composition)
    return composition


def _read(given: str | Composition, where: str | None = None, name: str | None = None) -> Composition:
    """The composition that is meant, whether its loss is defined anywhere or not.

    Raises:
        DefinitionError, UnknownNameError: it cannot be read.
    """
    for called, value, example in (("where", where, "0 < a < 1"), ("name", name, "dice")):
        if not isinstance(value, str | None):
            raise DeriveError(f"{called} is {value!r}; it should be text such as {example!r}")
    if isinstance(given, str):
        return read_composition(given, where or "", name or "")
    if not isinstance(given, Composition):
        raise DeriveError(f"{given!r} is no composition; give its name, such as 'softmax+mse', or a Composition")
    if where or name:
        raise DeriveError(f"a range or a name is for a loss that is given as text; {given.name} has its own")
    return given
