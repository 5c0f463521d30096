"""A verdict as plain data, and as text for a person."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from derive.checking.model import OtherReading, Verdict

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
    data = asdict(verdict)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in data.items()}


def verdict_text(verdict: Verdict) -> str:
    """The verdict for a person."""
    assumptions = " and ".join(_ASSUMPTIONS[name] for name in verdict.assumptions)
    lines = [
        _SENTENCES[verdict.verdict].format(
            assumptions=assumptions,
            factor=verdict.factor,
            reason=verdict.reason,
            under=f", if {assumptions}" if assumptions else "",
        )
    ]
    if verdict.first_wrong_link is not None:
        lines.append(f"  first wrong link  {verdict.first_wrong_link}")
    if verdict.mistake is not None:
        lines.append(f"  mistake           {verdict.mistake.id}: {verdict.mistake.explanation}")
    elif verdict.verdict == "wrong":
        lines.append("  mistake           unknown: none of the mistakes that are tried makes exactly this formula")
    if verdict.right_formula and not verdict.is_right:
        lines.append(f"  right             {verdict.right_formula['text']}")
    if verdict.counterexample is not None:
        found = verdict.counterexample
        lines += [
            f"  at                z = {found.z}, t = {found.t}",
            f"  theirs            {found.theirs}",
            f"  truth             {found.truth}",
        ]
        if found.differs != [[]]:
            lines.append(
                f"  entries differ    {', '.join(str(place)[1:-1].replace(', ', ',') for place in found.differs)}"
            )
    if verdict.reading:
        lines.append(f"  read as           {', '.join(f'{name}: {role}' for name, role in verdict.reading.items())}")
    lines += [f"  checked           {line}" for line in verdict.checked]
    lines += [f"  read otherwise    {_other(other)}" for other in verdict.other_readings]
    if verdict.other_readings and verdict.let:
        lines.append(f"  this reading      {_options(verdict.let)}")
    return "\n".join(lines)


def _other(other: OtherReading) -> str:
    """Another reading in a line: what it comes to, and what picks it."""
    factor = "" if other.factor is None else f" {other.factor}"
    under = f", if {' and '.join(other.assumptions)}" if other.assumptions else ""
    mistake = "" if other.mistake is None else f" ({other.mistake})"
    picked = _options(other.let) if other.let else "a left side that names row and column"
    return f"{other.verdict}{factor}{under}{mistake}: {picked}"


def _options(let: Mapping[str, str]) -> str:
    return " ".join(f"--let {role}={symbol}" for role, symbol in let.items())
