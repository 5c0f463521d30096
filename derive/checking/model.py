"""What `derive check` says, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GOOD = ("right", "right-if")


@dataclass(frozen=True)
class Mistake:
    """Where a formula goes wrong.

    Attributes:
        id: the name of the mistake, or two joined by `+`.
        explanation: in words, with the step of our derivation where theirs leaves it.
    """

    id: str
    explanation: str


@dataclass(frozen=True)
class Counterexample:
    """Numbers at which a formula is not the truth.

    Attributes:
        n: the number of classes.
        z: the logits.
        t: the targets.
        given: what else matters, by name: the probabilities y, g or v, the class of the label, parameters.
        theirs: what the formula gives.
        truth: what is right.
        differs: the entries that differ; classes are counted from 1.
        targets_matter: whether the loss reads targets.
    """

    n: int
    z: list[float]
    t: list[float]
    theirs: Any
    truth: Any
    differs: list[list[int]]
    given: Mapping[str, Any] = field(default_factory=dict)
    targets_matter: bool = True


@dataclass(frozen=True)
class OtherReading:
    """What a formula comes to with its letters taken otherwise.

    Attributes:
        let: the roles that pick this reading, symbols by role; empty where only a left side picks it.
        verdict: as of a `Verdict`, and so are `assumptions`, `factor` and `reading`.
        mistake: the id of the mistake; None where there is none, or it is not known.
    """

    let: Mapping[str, str]
    verdict: str
    assumptions: tuple[str, ...]
    factor: str | None
    mistake: str | None
    reading: Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """What `derive check` says.

    Attributes:
        verdict: `right`, `right-if`, `off-by-factor`, `wrong`, `ill-formed` or `undecided`.
        assumptions: ids of what it needs: `sum-t-1`, `t-binary`, `t-one-hot`.
        factor: theirs divided by the truth, as text; None where that is no constant.
        first_wrong_link: the first link of a chain that is not right, as it was written; None where all are.
        mistake: the cause; None where there is none, or it is not known.
        counterexample: numbers; None for a right formula.
        right_formula: our closed form, as `text` and `latex`.
        reading: how each symbol was taken.
        checked: what the verdict rests on.
        reason: why it is ill-formed or undecided; empty otherwise.
        let: the roles that pick this reading where there are others.
        other_readings: what the formula comes to in other readings that are as likely and disagree.
    """

    verdict: str
    assumptions: tuple[str, ...]
    factor: str | None
    first_wrong_link: str | None
    mistake: Mistake | None
    counterexample: Counterexample | None
    right_formula: Mapping[str, str]
    reading: Mapping[str, str]
    checked: tuple[str, ...]
    reason: str = ""
    let: Mapping[str, str] = field(default_factory=dict)
    other_readings: tuple[OtherReading, ...] = ()

    @property
    def is_right(self) -> bool:
        """Whether the formula is right, under its assumptions."""
        return self.verdict in GOOD
