"""A verdict as plain data, and as text for a person."""

from dataclasses import asdict
from typing import Any

from derive.checking.verdict import Verdict

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
    return "\n".join(lines)
