"""Write a chain of equations, one rule a line, each line checked exactly as it is written."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sympy import Expr

from derive.calculus import contract, forms
from derive.calculus.readability import cost
from derive.calculus.rewrite import Rule, apply, can_multiply_out
from derive.catalogue.model import Assumption
from derive.derivation import Chain, Step
from derive.errors import ProofError, UnsupportedError
from derive.proof.check import check
from derive.proof.evaluate import Definitions

LONGEST = 60
"""Steps after which a chain is taken to run in a circle."""

LONGEST_FORMULA = 6000.0
"""What a line may cost to read: three times the longest of the losses in the literature, ten pages of a paper."""

_REASONS = {
    forms.FACTORED: "what the terms share goes in front",
    forms.SIGNS: "a minus sign before a difference turns it round",
    forms.TURNED: "the entries of a Jacobian stay the same with their two classes exchanged, y_j (δ_jk − y_k)",
    forms.CANCELLED: "common factors of numerator and denominator cancel",
    forms.EXPANDED: "terms cancel when the product is multiplied out",
}


@dataclass
class Line:
    """A chain while it is being written.

    Attributes:
        title: what the chain shows.
        left: what it starts from.
        definitions: what the names in it stand for; the checks rest on these alone.
        assumptions: the facts that `finish` may put in.
        facts: sums that are known without any assumption, as rules.
    """

    title: str
    left: Expr
    definitions: Definitions
    assumptions: tuple[Assumption, ...] = ()
    facts: tuple[Rule, ...] = ()
    now: Expr = field(init=False)
    steps: list[Step] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.left

    def put(self, rule: str, reason: str, after: Expr, used: Sequence[Assumption] = ()) -> bool:
        """Write the next expression, after an exact check; False where it is the same as the last.

        Raises:
            ProofError: the two are not equal.
            UnsupportedError: the formula has become too long for anybody to read, or to be worked with in seconds.
        """
        if after == self.now:
            return False
        if cost(after) > LONGEST_FORMULA:
            raise UnsupportedError(
                f"the derivation grows too long at the rule '{rule}' in '{self.title}'; a definition with fewer "
                "factors, or with functions nested less deeply, would do"
            )
        try:
            passed = check(self.now, after, self.definitions, used)
        except ProofError as failure:
            raise ProofError(f"the rule '{rule}' in '{self.title}' took a step that is false: {failure}") from None
        self.steps.append(Step(rule, reason, self.now, after, tuple(used), passed))
        self.now = after
        return True

    def take(self, rule: Rule) -> bool:
        """Apply a rule wherever it fits; False where it fits nowhere."""
        return self.put(rule.name, rule.reason, apply(rule, self.now), rule.assumptions)

    def exhaust(self, rules: Sequence[Rule]) -> None:
        """Take the first rule that changes something, again and again until none does."""
        for _ in range(LONGEST):
            if not any(self.take(rule) for rule in rules):
                return
        raise ProofError(f"'{self.title}' does not come to an end; it reached {self.now}")

    def finish(self) -> None:
        """Evaluate the sums and bring the result into its most readable form; then put in each assumption likewise."""
        self._contract()
        for assumption in self.assumptions:
            if not self.now.has(assumption.left):
                apart = contract.normalise(self.now, self.facts) if can_multiply_out(self.now) else self.now
                if not apart.has(assumption.left):
                    continue
                self.put(contract.DISTRIBUTE.name, contract.DISTRIBUTE.reason, apart)
            self.take(contract.assumed(assumption))
            self._contract()

    def _contract(self) -> None:
        self.exhaust((*self.facts, *contract.RULES))
        for name, expression in forms.arrange(self.now, self.facts):
            self.put(name, _REASONS[name], expression)

    def chain(self) -> Chain:
        """What was written."""
        return Chain(self.title, self.left, tuple(self.steps))
