"""What `derive check` says, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from derive.checking.words import step_of
from derive.derivation import Result
from derive.language.show import latex, text

GOOD = ("right", "right-if")

Derive = Callable[[], Result | None]
"""Our own derivation, made when it is first asked for: it takes longer than the verdict. None where there is none."""


def underived() -> None:
    """No derivation."""


@dataclass(frozen=True)
class Mistake:
    """Where a formula goes wrong.

    Attributes:
        id: the name of the mistake, or two joined by `+`.
        words: the mistake in words.
        leaves: the one of the two at which theirs leaves our derivation.
        derive: our derivation.
    """

    id: str
    words: str
    leaves: str
    derive: Derive = field(default=underived, repr=False, compare=False)

    @cached_property
    def explanation(self) -> str:
        """In words, with the step of our derivation where theirs leaves it."""
        return f"{self.words}{step_of(self.leaves, self.derive())}"


@dataclass(frozen=True)
class Counterexample:
    """Numbers at which a formula is not the truth.

    Attributes:
        n: the number of classes.
        z: the logits; for a batch its rows, and so with everything else.
        t: the targets.
        given: what else matters, by name: the probabilities y, g or v, the class of the label, parameters.
        theirs: what the formula gives.
        truth: what is right.
        differs: the entries that differ; classes are counted from 1.
        targets_matter: whether the loss reads targets.
    """

    n: int
    z: list[Any]
    t: list[Any]
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
        where: what it supposes, in words, where no role does.
    """

    let: Mapping[str, str]
    verdict: str
    assumptions: tuple[str, ...]
    factor: str | None
    mistake: str | None
    reading: Mapping[str, str]
    where: str = ""


@dataclass(frozen=True)
class Verdict:
    """What `derive check` says.

    The right formula and the step that a mistake misses are derived when they are first read.

    Attributes:
        verdict: `right`, `right-if`, `off-by-factor`, `wrong`, `ill-formed` or `undecided`.
        assumptions: ids of what it needs: `sum-t-1`, `t-binary`, `t-one-hot`.
        factor: theirs divided by the truth, as text; None where that is no constant.
        first_wrong_link: the first link of a chain that is not right, as it was written; None where all are.
        mistake: the cause; None where there is none, or it is not known.
        counterexample: numbers; None for a right formula.
        reading: how each symbol was taken.
        checked: what the verdict rests on.
        reason: why it is ill-formed or undecided, what is wrong with its left side; empty otherwise.
        let: the roles that pick this reading where there are others.
        other_readings: what the formula comes to in other readings that are as likely and disagree.
        derive: our derivation.
        first_wrong_link_mistake: what is wrong with that link, the last one or an earlier one; None where that is not
            known.
    """

    verdict: str
    assumptions: tuple[str, ...]
    factor: str | None
    first_wrong_link: str | None
    mistake: Mistake | None
    counterexample: Counterexample | None
    reading: Mapping[str, str]
    checked: tuple[str, ...]
    reason: str = ""
    let: Mapping[str, str] = field(default_factory=dict)
    other_readings: tuple[OtherReading, ...] = ()
    derive: Derive = field(default=underived, repr=False, compare=False)
    first_wrong_link_mistake: Mistake | None = None

    @cached_property
    def right_formula(self) -> Mapping[str, str]:
        """Our closed form, as `text` and `latex`; empty where there is no derivation."""
        result = self.derive()
        return {} if result is None else {"text": text(result.closed_form), "latex": latex(result.closed_form)}

    @cached_property
    def right_where(self) -> tuple[str, ...]:
        """What the right formula needs, in words: `the targets sum to 1`."""
        result = self.derive()
        return () if result is None else tuple(each.statement for each in result.assumptions)

    @property
    def is_right(self) -> bool:
        """Whether the formula is right, under its assumptions."""
        return self.verdict in GOOD
