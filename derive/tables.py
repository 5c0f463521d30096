"""What the command line shows: listings, and the outcome of a build, a check and a verification."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from derive import catalogue
from derive.catalogue.model import ASSUMPTIONS, Activation, Composition
from derive.catalogue.parameters import Parameter
from derive.derivation import Result
from derive.language.show import latex, text, unicode
from derive.pipeline import Build
from derive.targets import targets
from derive.targets.heading import why_left_out
from derive.verification.finding import Finding
from derive.write import Change


def listing(closed_forms: Sequence[Result] = ()) -> dict[str, Any]:
    """Everything that can be asked for, and the first derivatives that were derived, as plain data."""
    document = {
        "activations": [
            {**asdict(each), **_parameters(Composition(each))} for each in catalogue.activations().values()
        ],
        "losses": [{**asdict(each), **_parameters(Composition(_BARE, each))} for each in catalogue.losses().values()],
        "compositions": [{"name": each.name, "quantities": list(each.quantities)} for each in catalogue.compositions()],
        "assumptions": [
            {"id": each.id, "formula": f"{text(each.left)} = {text(each.right)}", "statement": each.statement}
            for each in ASSUMPTIONS.values()
        ],
        "targets": list(targets()),
    }
    if closed_forms:
        document["closed_forms"] = [
            {
                "composition": each.composition.name,
                "quantity": each.quantity,
                "text": text(each.closed_form),
                "unicode": unicode(each.closed_form),
                "latex": latex(each.closed_form),
                "assumptions": [assumption.id for assumption in each.assumptions],
            }
            for each in closed_forms
        ]
    return document


_BARE = Activation(name="y", output="y[i]", y=None, source="")
"""An activation without parameters, so that those of a loss show alone."""


def _parameters(composition: Composition) -> dict[str, Any]:
    return {
        "parameters": [
            {"name": each.name, "per_class": each.per_class, "range": each.range.describe(each.name)}
            for each in composition.parameters
        ]
    }


def list_tables(closed_forms: Sequence[Result] = ()) -> tuple[Table, ...]:
    """The same as tables."""
    data = listing()
    activation = _table("activation", "output", "where y is", "parameters", "source")
    for each in data["activations"]:
        activation.add_row(each["name"], each["output"], each["y"] or "", _ranges(each), each["source"])
    loss = _table("loss", "definition", "assumes", "parameters", "source")
    for each in data["losses"]:
        loss.add_row(each["name"], each["definition"], ", ".join(each["assumes"]), _ranges(each), each["source"])
    composition = _table("built by default", "quantities")
    for each in data["compositions"]:
        composition.add_row(each["name"], ", ".join(each["quantities"]))
    assumption = _table("assumption", "formula", "statement")
    for each in data["assumptions"]:
        assumption.add_row(each["id"], each["formula"], each["statement"])
    target = _table("target")
    for name in data["targets"]:
        target.add_row(name)
    derived = (_closed_forms(closed_forms),) if closed_forms else ()
    return activation, loss, *derived, composition, assumption, target


def _ranges(entry: dict[str, Any]) -> str:
    return ", ".join(f"{each['range']}{' each' if each['per_class'] else ''}" for each in entry["parameters"])


def _closed_forms(results: Sequence[Result]) -> Table:
    table = _table("composition", "Jacobian or gradient", "assuming")
    for result in results:
        facts = (f"{unicode(fact.left)} = {unicode(fact.right)}" for fact in result.assumptions)
        table.add_row(result.composition.name, unicode(result.closed_form), ", ".join(facts))
    return table


def refusals(build: Build) -> tuple[Table, ...]:
    """Which compositions of the catalogue, and which functions, were left out, and why; nothing where none was."""
    left_out = {
        f"{product.composition.name}: {function}": why_left_out(function)
        for product in build.products
        for function in product.left_out
    }
    if not build.refused and not left_out:
        return ()
    table = _table("not built", "why")
    for name, reason in (*build.refused.items(), *left_out.items()):
        table.add_row(name, reason)
    return (table,)


def build_table(build: Build) -> Table:
    """One row for each composition: its first derivative, and what was checked and written."""
    table = _table("composition", "Jacobian or gradient", "assuming", "steps", "checks passed", "files", numbers=3)
    for product in build.products:
        composition = product.composition
        result = product.result(composition.quantities[1])
        facts = (f"{unicode(fact.left)} = {unicode(fact.right)}" for fact in result.assumptions)
        steps = sum(len(each.steps) for each in product.results)
        proofs = sum(len(each.proofs) for each in product.results)
        files = len(build.files[composition.name])
        table.add_row(
            composition.name, unicode(result.closed_form), ", ".join(facts), *map(str, (steps, steps + proofs, files))
        )
    return table


def parameters_taken(build: Build) -> tuple[Text, ...]:
    """What each composition takes besides vectors: a name without an index is one number, also beside a vector."""
    return tuple(
        Text(f"{product.composition.name} takes {'; '.join(map(_taken, product.composition.parameters))}")
        for product in build.products
        if product.composition.parameters
    )


def _taken(parameter: Parameter) -> str:
    kind = "one number for each class" if parameter.per_class else "one number"
    entry = f"{parameter.name}[i]" if parameter.per_class else parameter.name
    return f"{entry}, {kind}, {parameter.range.describe(parameter.name)}"


def build_summary(build: Build) -> Text:
    """How many files there are, and what became of them."""
    removed = sum(change.made is None for change in build.changes)
    written = len(build.changes) - removed
    return Text(f"{build.folder}: {_files(written)} written, {build.unchanged} unchanged, {removed} removed")


def diff(change: Change) -> Syntax:
    """The difference of one file, coloured on a terminal."""
    return Syntax(change.diff().rstrip("\n"), "diff", theme="ansi_dark", background_color="default", word_wrap=True)


def drift_summary(build: Build, command: str) -> Text:
    """Whether the folder is what is made now, and the command that makes it so."""
    if not build.changes:
        return Text(f"{build.folder}: {_files(build.unchanged)}, as they are made now")
    count = len(build.changes)
    verb = "differs" if count == 1 else "differ"
    return Text(f"{build.folder}: {_files(count)} {verb} from what is made now; to write: {command}")


def verification_table(findings: Sequence[Finding]) -> Table:
    """One row for each finding; errors in units of u times the size of what was added up."""
    table = _table("build", "composition", "part", "", "numbers", "worst error", numbers=2)
    for finding in findings:
        mark = Text("passed", "green") if finding.passed else Text("failed", "bold red")
        worst = "" if finding.worst is None else f"{finding.worst:.1f} u"
        table.add_row(str(finding.folder), finding.composition, finding.part, mark, str(finding.count), worst)
    return table


def verification_summary(findings: Sequence[Finding]) -> Text:
    """The sentence of each failure, or that there is none."""
    failures = [finding for finding in findings if not finding.passed]
    if not failures:
        return Text(f"all {len(findings)} parts passed")
    return Text("\n".join(f"{each.folder} {each.composition} {each.part}: {each.problem}" for each in failures))


def _table(*columns: str, numbers: int = 0) -> Table:
    """An empty table, its last `numbers` columns aligned to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for position, column in enumerate(columns):
        right = position >= len(columns) - numbers
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"
