"""The public interface: `derive`, the `Derivation` it returns, `build` and `check`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sympy import Expr

from derive import catalogue, pipeline
from derive.calculus.engine import derive_quantity
from derive.catalogue import read_composition
from derive.catalogue.model import Assumption, Composition
from derive.checking import verdict
from derive.checking.verdict import Verdict
from derive.derivation import Result, Step
from derive.pipeline import Build, Track, silently
from derive.request import read_assumptions, read_class_count, read_quantity, read_targets
from derive.targets.report import report_latex, report_text


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

    def _repr_latex_(self) -> str:
        return self.latex(self.composition.quantities[1])

    def __str__(self) -> str:
        return report_text([self.result()])


def derive(
    composition: str | Composition, n: int | str | None = None, assume: Iterable[str] | None = None
) -> Derivation:
    """The derivation of a composition: `derive("softmax+cross-entropy").closed_form("gradient")`.

    Args:
        composition: an activation, or an activation, `+`, and a loss: its name, or its definition in the index form.
        n: a given number of classes; None derives for any number.
        assume: ids of the assumptions that may be used, such as `sum-t-1`; None for those that the loss declares, an
            empty tuple for none.

    Raises:
        UnknownNameError, DefinitionError: no such activation, loss or assumption; the sentence says which there are.
        DeriveError: `n` is no whole number from 1 up.
    """
    known = _composition(composition)
    return Derivation(known, read_class_count(n), read_assumptions(known, assume))


def build(
    n: int | str | None = None,
    out: str | Path = "generated",
    compositions: Iterable[str | Composition] = (),
    targets: Iterable[str] = (),
    *,
    dry: bool = False,
    track: Track = silently,
) -> Build:
    """Write derivations and kernels: into `out/any`, or with `n` into `out/n3`.

    Args:
        n: a given number of classes; None for kernels that take it at run time.
        out: the folder that holds the build folders.
        compositions: what to build; by default every activation and loss of the catalogue.
        targets: names of the output languages; by default all.
        dry: write nothing; the result says what would change.
        track: shows how far the build is; called with the items of a stage and what is done to them.

    Raises:
        DeriveError: an unknown name, a definition that cannot be read, a class count that cannot be.
        OutputError: `out` cannot be written, or holds files that are not ours where ours would go.
    """
    asked = [_composition(each) for each in compositions] or catalogue.compositions()
    chosen = tuple(dict.fromkeys(asked))
    return pipeline.build(chosen, read_class_count(n), read_targets(targets), Path(out), dry=dry, track=track)


def check(
    composition: str | Composition,
    quantity: str,
    formula: str,
    let: Mapping[str, str] | None = None,
    n: int | str | None = None,
    *,
    in_file: bool = False,
) -> Verdict:
    """Judge a formula of the user's: `check("softmax+cross-entropy", "gradient", "y - t").verdict` is `right-if`.

    Args:
        composition: what it is a formula of, as for `derive`.
        quantity: which quantity; `loss` is the value where there is a loss.
        formula: Python in the index form or NumPy's, or LaTeX; equals signs make a chain. Nothing of it is executed.
        let: symbols by role, such as `{"probabilities": "p", "targets": "y"}`.
        n: a given number of classes.
        in_file: whether `formula` is a place, `FILE.py:FUNCTION`; that function is run, in a process of its own.

    Raises:
        DefinitionError: the formula cannot be read; says where.
        DeriveError: no such composition, quantity, role, file or function.
    """
    known, count = _composition(composition), read_class_count(n)
    return verdict.check(known, quantity, formula, let or {}, count, in_file=in_file)


def _composition(given: str | Composition) -> Composition:
    return read_composition(given) if isinstance(given, str) else given
