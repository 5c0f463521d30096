"""A verdict as plain data, and as text for a person."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any

from rich.table import Table
from rich.text import Text

from derive.checking.model import GOOD, Mistake, OtherReading, Verdict

_LABELS = 18
"""The width of the column that says what a line is."""
_SENTENCES = {
    "right": "right",
    "right-if": "right, if {assumptions}",
    "off-by-factor": "off by the factor {factor}{under}",
    "wrong": "wrong",
    "ill-formed": "ill-formed: {reason}",
    "undecided": "undecided: {reason}",
}
_ASSUMPTIONS = {
    "sum-t-1": "the targets sum to 1 (sum-t-1)",
    "t-one-hot": "the targets are one-hot (t-one-hot)",
    "t-binary": "every target is 0 or 1 (t-binary)",
}


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as plain data."""
    names = [field.name for field in fields(verdict) if field.name != "derive"]
    names.insert(names.index("reading"), "right_formula")
    names.remove("first_wrong_link_mistake")
    names.insert(names.index("first_wrong_link") + 1, "first_wrong_link_mistake")
    data = {name: getattr(verdict, name) for name in names}
    for name in ("mistake", "first_wrong_link_mistake"):
        mistake: Mistake | None = getattr(verdict, name)
        data[name] = mistake and {"id": mistake.id, "explanation": mistake.explanation}
    data["counterexample"] = verdict.counterexample and asdict(verdict.counterexample)
    data["other_readings"] = [asdict(each) for each in verdict.other_readings]
    return {name: list(value) if isinstance(value, tuple) else value for name, value in data.items()}


def verdict_report(verdict: Verdict, formula: str) -> tuple[Text, Table]:
    """The verdict for a person: what it is, and below it what it rests on.

    Args:
        verdict: what was found.
        formula: the formula, or the place of the function, as it was given.
    """
    assumptions = " and ".join(_ASSUMPTIONS[name] for name in verdict.assumptions)
    sentence = _SENTENCES[verdict.verdict].format(
        assumptions=assumptions,
        factor=verdict.factor,
        reason=verdict.reason,
        under=f", if {assumptions}" if assumptions else "",
    )
    rows = Table.grid(padding=(0, 0, 0, 2))
    rows.add_column(width=_LABELS, no_wrap=True, style="dim")
    rows.add_column(overflow="fold")
    for label, content in _lines(verdict, formula):
        rows.add_row(f"  {label}", Text(content))
    return Text(sentence, style=f"bold {'green' if verdict.is_right else 'red'}"), rows


def _lines(verdict: Verdict, formula: str) -> Iterator[tuple[str, str]]:
    """What there is to say, line by line."""
    if verdict.first_wrong_link is not None:
        yield "first wrong link", verdict.first_wrong_link
        mistake = verdict.first_wrong_link_mistake
        if mistake is not None and mistake != verdict.mistake:
            yield "its mistake", f"{mistake.id}: {mistake.explanation}"
    if verdict.reason and verdict.verdict in (*GOOD, "off-by-factor"):
        yield "besides", verdict.reason
    if verdict.mistake is not None:
        yield "mistake", f"{verdict.mistake.id}: {verdict.mistake.explanation}"
        if verdict.verdict == "wrong" and verdict.reason:
            yield "besides", verdict.reason
    elif verdict.verdict == "wrong":
        yield (
            "mistake",
            f"unknown: {verdict.reason or 'none of the mistakes that are tried makes exactly this formula'}",
        )
    if not verdict.is_right and verdict.right_formula:
        yield "yours", " ".join(formula.split())
        where = f", where {' and '.join(verdict.right_where)}" if verdict.right_where else ""
        yield "right", f"{verdict.right_formula['text']}{where}"
    if verdict.counterexample is not None:
        found = verdict.counterexample
        given = {"z": found.z, **({"t": found.t} if found.targets_matter else {}), **found.given}
        yield "at", ", ".join(f"{name} = {_short(value)}" for name, value in given.items())
        yield "theirs", _short(found.theirs)
        yield "truth", _short(found.truth)
        if found.differs != [[]]:
            yield "entries differ", ", ".join(str(place)[1:-1].replace(", ", ",") for place in found.differs)
    if verdict.reading:
        yield "read as", ", ".join(f"{name}: {role}" for name, role in verdict.reading.items())
    for line in verdict.checked:
        yield "checked", line
    for other in verdict.other_readings:
        yield "read otherwise", _other(other, verdict.let)
    if verdict.other_readings and verdict.let:
        yield "this reading", _options(verdict.let)


def _short(value: Any) -> str:
    """Numbers to four decimals; the whole of them is in the JSON."""
    if isinstance(value, list):
        return f"[{', '.join(_short(each) for each in value)}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _other(other: OtherReading, let: Mapping[str, str]) -> str:
    """Another reading in a line: what it comes to, and what picks it; `let` picks this one."""
    factor = "" if other.factor is None else f" {other.factor}"
    under = f", if {' and '.join(other.assumptions)}" if other.assumptions else ""
    mistake = "" if other.mistake is None else f" ({other.mistake})"
    unnamed = f"{let['label']} is any class" if "label" in let else "a left side that names row and column"
    picked = other.where or (_options(other.let) if other.let else unnamed)
    return f"{other.verdict}{factor}{under}{mistake}: {picked}"


def _options(let: Mapping[str, str]) -> str:
    return " ".join(f"--let {role}={symbol}" for role, symbol in let.items())
