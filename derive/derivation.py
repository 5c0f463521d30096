"""What the engine hands out: steps, the chains they form, and the result for one quantity. Data only."""

from dataclasses import dataclass

from sympy import Expr, Symbol

from derive.catalogue.model import Assumption, Composition


@dataclass(frozen=True)
class Check:
    """How an equality was checked, exactly; there is no Check of a failure, which raises `ProofError`.

    Attributes:
        method: `modular` (both sides evaluated modulo a large prime at random points, dual numbers for derivatives),
            `real` (the same in real numbers of many digits, where the prime field lacks a root or a law) or `rational`
            (a deterministic proof: both sides are the same rational function of the same exponentials, logarithms and
            symbolic powers).
        classes: the class counts at which it was checked.
        points: random points for each class count; 0 where the proof is deterministic.
    """

    method: str
    classes: tuple[int, ...]
    points: int


@dataclass(frozen=True)
class Step:
    """One named rule applied: `before` equals `after` under `assumptions`."""

    rule: str
    reason: str
    before: Expr
    after: Expr
    assumptions: tuple[Assumption, ...]
    check: Check


@dataclass(frozen=True)
class Chain:
    """Steps that start at `left` and each begin where the last ended: left = ... = result.

    Attributes:
        title: what this part shows, a sentence without a full stop.
        left: what is being rewritten, as it is written on the left of the first equals sign.
        steps: the steps; the first one's `before` is `left` with nothing done to it.
    """

    title: str
    left: Expr
    steps: tuple[Step, ...]

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """The assumptions that some step used, in the order of use."""
        return tuple(dict.fromkeys(each for step in self.steps for each in step.assumptions))

    @property
    def result(self) -> Expr:
        """Where the chain arrives."""
        return self.steps[-1].after if self.steps else self.left


@dataclass(frozen=True)
class Result:
    """One quantity of one composition, derived.

    Attributes:
        chains: the parts of the derivation in reading order; the last one arrives at `closed_form`.
        closed_form: the engine's final expression. Free indices: j for a vector, i (row) and j (column) for a matrix.
        short_form: the closed form with its long or repeated sums named.
        named_sums: those names, and what each stands for.
        proofs: the checks of `closed_form` against the definition itself, steps aside.
        assumptions: the assumptions that some step used, in the order of use.
    """

    composition: Composition
    quantity: str
    n: int | None
    chains: tuple[Chain, ...]
    closed_form: Expr
    short_form: Expr
    named_sums: tuple[tuple[Symbol, Expr], ...]
    proofs: tuple[Check, ...]
    assumptions: tuple[Assumption, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step of every chain, in reading order."""
        return tuple(step for chain in self.chains for step in chain.steps)
