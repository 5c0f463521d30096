"""The verdict on values: right, right under an assumption, off by a factor, or wrong, and by which mistake."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice, product
from typing import Any

import mpmath

from derive.catalogue.model import Composition
from derive.checking.factors import Multiple, constant_ratio, find_factor, name_factor
from derive.checking.mistakes import (
    IN_GRADIENT,
    NOTHING_FOREIGN,
    Cause,
    Foreign,
    Wrong,
    is_upstream,
    plain_formulas,
    same_formula,
    wrong_formulas,
)
from derive.checking.mistakes.model import join
from derive.checking.values import Evaluate, Values
from derive.checking.world import (
    BINARY,
    BINARY_SUMS,
    FREE,
    HYPOTHESES,
    IMPLIED,
    ONE_HOT,
    SECOND_ORDER,
    SUM_ONE,
    World,
    make_world,
)
from derive.notation import t, vectors
from derive.proof.field import BadPointError

ATTEMPTS, ATTEMPTS_OF_GIVEN, ATTEMPTS_IN_REALS = 24, 8, 2
"""Points tried where something has no value: half of the numbers have no root modulo the prime, and where targets are 0
and 1 fewer are drawn; of real numbers the second time what may be positive is."""


@dataclass(frozen=True)
class Finding:
    """What was found about a formula.

    Attributes:
        verdict: `right`, `right-if`, `off-by-factor`, `wrong`.
        assumptions: what the targets must satisfy.
        factor: theirs divided by the truth, where that is constant.
        cause: the mistakes; empty where the formula is right, or where no mistake explains it.
        detail: what the explanation adds.
        classes: the class counts that it was judged at.
    """

    verdict: str
    assumptions: tuple[str, ...] = ()
    factor: str | None = None
    cause: Cause = ()
    detail: str = ""
    classes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Court:
    """Where formulas of one quantity are judged: the same worlds for each of them.

    Attributes:
        composition: the composition.
        quantity: the quantity.
        classes: the class counts.
        labelled: whether the targets are one-hot because somebody speaks of a label.
        make: makes a world from the composition, a class count, a seed, a hypothesis and the class of the label.
        points: how many worlds there are for each class count.
        digits: how many digits real numbers are worked out to.
        every_label: whether each class is the label once: the formula writes some of them out, and may be wrong at one.
    """

    composition: Composition
    quantity: str
    classes: tuple[int, ...]
    labelled: bool
    make: Callable[..., World] = make_world
    points: int = 1
    digits: int = 15
    every_label: bool = False

    @property
    def hypotheses(self) -> tuple[str, ...]:
        """What may be assumed of the targets, the weakest first."""
        if self.labelled:
            return (ONE_HOT,)
        reads = self.composition.loss_definition
        return HYPOTHESES if reads is not None and t in vectors(reads) else (FREE,)

    def places(self, hypothesis: str, evaluate: Evaluate) -> Iterator[tuple[World, Values]]:
        """Worlds at which both the formula and the truth are defined: for each class count, and each sum of targets."""
        worlds = [(n, self._worlds(hypothesis, n)) for n in self.classes]
        for n, many, first in ((*each, first) for each in worlds for first in range(each[1])):
            for seed in range(first, many * self._attempts(hypothesis), many):
                label = 1 + first if self.every_label else 1
                world = self.make(self.composition, n, seed, hypothesis, label)
                try:
                    if not world.are_real(world.truth(self.quantity)):
                        continue
                    theirs = evaluate(world)
                except BadPointError:
                    continue
                yield world, theirs
                break

    def _attempts(self, hypothesis: str) -> int:
        """How many worlds are tried for one: numbers that are drawn modulo a prime may have no root."""
        if self.points > 1:
            return ATTEMPTS_IN_REALS
        return ATTEMPTS_OF_GIVEN if hypothesis in (BINARY, ONE_HOT) else ATTEMPTS

    def _worlds(self, hypothesis: str, n: int) -> int:
        """How many worlds there are for a class count: targets of 0 and 1 have several sums, and may have n labels."""
        labels = n if hypothesis == ONE_HOT and self.every_label else 1
        return max(self.points, BINARY_SUMS if hypothesis == BINARY else labels)

    def complete(self, places: Sized, hypothesis: str) -> bool:
        """Whether there are worlds enough: what is undefined for some targets of a kind does not hold for that kind."""
        wanted = sum(self._worlds(hypothesis, n) for n in self.classes)
        return len(places) >= (wanted if hypothesis != self.hypotheses[0] else 1)

    def judge(
        self,
        evaluate: Evaluate,
        parameters: Sequence[str] = (),
        foreign: Foreign = NOTHING_FOREIGN,
        *,
        explain: bool = True,
    ) -> Finding:
        """The verdict on a formula; with `explain` its mistake is looked for.

        Args:
            evaluate: the formula.
            parameters: the names that a factor may have.
            foreign: what the formula has that the definition has not.
            explain: whether its mistake is looked for.
        """
        with mpmath.workdps(self.digits):
            return self._judge(evaluate, parameters, foreign, explain=explain)

    def _judge(self, evaluate: Evaluate, parameters: Sequence[str], foreign: Foreign, *, explain: bool) -> Finding:
        places = {hypothesis: Places(self, hypothesis, evaluate) for hypothesis in self.hypotheses}
        if not any(True for _ in places[self.hypotheses[0]]):
            return Finding("undecided", classes=self.classes)
        for hypothesis, here in places.items():
            tried = self._covered(places, hypothesis)
            agrees = all(theirs.agrees(world, world.truth(self.quantity)) for world, theirs in tried)
            if agrees and self.complete(here, hypothesis):
                assumptions = self.named(hypothesis)
                return Finding("right-if" if assumptions else "right", assumptions, classes=self.classes)
        for hypothesis, here in places.items():
            factor = find_factor(self._covered(places, hypothesis), self.quantity, parameters)
            if factor is not None and self.complete(here, hypothesis):
                cause, detail = self._cause_of(factor)
                return Finding("off-by-factor", self.named(hypothesis), factor, cause, detail, self.classes)
        if explain:
            found = self.explain(places, parameters, foreign)
            if found is not None:
                return Finding("wrong", (), None, *found, self.classes)
        return Finding("wrong", classes=self.classes)

    def _cause_of(self, factor: str) -> tuple[Cause, str]:
        """The mistakes that a factor is, and what they add: an upstream gradient may be a factor of a gradient."""
        size = factor.removeprefix("-")
        turned: Cause = ("sign",) if factor != size else ()
        if self.quantity == "gradient" and is_upstream(size):
            return join(turned, ("upstream-mishandled",)), IN_GRADIENT
        return turned if size == "1" else ("factor", *turned), ""

    def allows(self, evaluate: Evaluate, parameters: Sequence[str]) -> bool:
        """Whether a formula may be right, or off by a factor, in any way: one look, where the most is assumed."""
        with mpmath.workdps(self.digits):
            for hypothesis in (each for each in (ONE_HOT, SUM_ONE, FREE) if each in self.hypotheses):
                first = list(islice(self.places(hypothesis, evaluate), 1))
                if first:
                    (world, theirs), *_ = first
                    agrees = theirs.agrees(world, world.truth(self.quantity))
                    return agrees or find_factor(first, self.quantity, parameters) is not None
        return False

    def _covered(self, places: "Mapping[str, Places]", hypothesis: str) -> Iterator[tuple[World, Values]]:
        """The worlds under a hypothesis; those of stronger ones too, where t is 0, if signs are to be told apart."""
        stronger = IMPLIED[hypothesis] if self.points > 1 else ()
        return chain(places[hypothesis], *(places[each] for each in stronger if each in places))

    def named(self, hypothesis: str) -> tuple[str, ...]:
        """The hypothesis as an assumption; none where it is what the formula or the loss says itself."""
        return () if self.labelled or hypothesis == FREE else (hypothesis,)

    def explain(
        self, places: "Mapping[str, Places]", parameters: Sequence[str], foreign: Foreign
    ) -> tuple[Cause, str] | None:
        """The mistakes that make exactly this formula, alone or with a factor or a sign besides, and what they add.

        Wrong formulas are made one after the other, and none after the first that is this one: few are ever needed.
        """
        weakest, *stronger = [hypothesis for hypothesis in self.hypotheses if hypothesis != BINARY]
        # What holds for free targets holds for those that sum to 1, so these say first what is worth a try.
        screen = list(islice(places[SUM_ONE if SUM_ONE in stronger else weakest], 1))
        screened: dict[Any, bool] = {}
        every = (weakest, *stronger)
        # Under every hypothesis first what needs no derivation: one takes longer than all of that, and of second
        # derivatives seconds, so that multiples of the plain ones are tried before.
        scales = (False, True) if self.quantity in SECOND_ORDER else (False,)
        tries = [(each, scaled, plain_formulas) for scaled, each in product(scales, every)]
        for hypothesis, scaled, rules in (*tries, *((*each, wrong_formulas) for each in product(every, (False, True)))):
            here = places[hypothesis]
            world = next((world for world, _ in here), None)
            for wrong in () if world is None else rules(world, self.quantity, foreign):
                if scaled and len(wrong.cause) > 1:
                    break
                name = (wrong.name, scaled)
                if hypothesis != ONE_HOT or not stronger:
                    if name not in screened:
                        multiples = self._ratios(screen, wrong, foreign, scaled=scaled)
                        # A number is some multiple of every other: it is worth a try where that has a name.
                        screened[name] = multiples is not None and (
                            not scaled or name_factor(multiples, parameters) is not None
                        )
                    if not screened[name]:
                        continue
                ratios = self._ratios(here, wrong, foreign, scaled=scaled)
                if ratios is None or (hypothesis != weakest and wrong.is_zero and not scaled):
                    continue  # 0 for these targets, and not for all: it says nothing
                if not scaled:
                    return wrong.cause, wrong.detail
                factor = name_factor(ratios, parameters)
                extra = None if factor is None else "sign" if factor == "-1" else "factor"
                if extra is not None and extra not in wrong.cause:
                    return join(wrong.cause, (extra,)), wrong.detail
        return None

    def _ratios(
        self, places: Iterable[tuple[World, Values]], like: Wrong, foreign: Foreign, *, scaled: bool
    ) -> "list[Multiple] | None":
        """This formula divided by a wrong one at every place, 1 unless `scaled`; None where it is no multiple of it."""
        found: list[Multiple] = []
        for world, theirs in places:
            wrong = same_formula(world, self.quantity, foreign, like)
            if wrong is None or (wrong.vanishes and not theirs.vanishes(world)) or wrong.found is None:
                return None
            if not scaled and theirs.agrees(world, wrong.found):
                ratio: Any = 1
            else:
                ratio = constant_ratio(world, theirs, wrong.found) if scaled else None
            if ratio is None:
                return None
            found.append(Multiple(world, ratio, theirs.precision))
        return found


@dataclass
class Places:
    """Where a formula is judged under a hypothesis, found as they are asked for: most formulas fail at the first."""

    court: Court
    hypothesis: str
    evaluate: Evaluate
    found: list[tuple[World, Values]] = field(default_factory=list)

    @cached_property
    def rest(self) -> Iterator[tuple[World, Values]]:
        """The worlds that were not asked for yet."""
        return self.court.places(self.hypothesis, self.evaluate)

    def __iter__(self) -> Iterator[tuple[World, Values]]:
        """The worlds, and what the formula gives there."""
        place = 0
        while place < len(self.found) or self._grow():
            yield self.found[place]
            place += 1

    def __len__(self) -> int:
        """How many there are."""
        while self._grow():
            pass
        return len(self.found)

    def _grow(self) -> bool:
        following = next(self.rest, None)
        if following is not None:
            self.found.append(following)
        return following is not None
