"""The verdict on a function: at random rows as a formula's, and on batches of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derive.catalogue.model import Composition
from derive.checking.evidence import Diagonal
from derive.checking.files import Allowance, Function, Runs
from derive.checking.formula import IllFormedError
from derive.checking.judge import Court, Finding
from derive.checking.model import GOOD
from derive.checking.roles import is_labelled, rank_of
from derive.checking.world import (
    BINARY,
    BINARY_SUMS,
    DOUBLE,
    ONE_HOT,
    SINGLE,
    Precision,
    World,
    make_real_world,
)

CLASSES = (3, 4, 5)
ROWS = 4
_NAME = re.compile(r"[^\W\d]\w*")
_REFUSALS = ("raised AssertionError", "raised NotImplementedError")
"""What a function raises that says itself that it takes one row."""


class DiagonalError(IllFormedError):
    """A function that returns the diagonal of the matrix that is due."""

    def __init__(self, reason: str, diagonal: Diagonal) -> None:
        super().__init__(reason)
        self.diagonal = diagonal


@dataclass(frozen=True)
class Trial:
    """A function in one reading, what it comes to, and where.

    Attributes:
        function: the function.
        finding: what it comes to.
        court: where its rows are judged.
        runs: its results.
        batch: a batch on which alone it is wrong; empty for none.
        one_row: that it takes one row at a time, in words; empty where it takes batches too.
        by_rows: whether it was judged on rows alone, being wrong there.
        others: what it comes to in other readings of its arguments, that are as likely and disagree.
    """

    function: Function
    finding: Finding
    court: Court
    runs: Runs
    batch: Sequence[World] = ()
    one_row: str = ""
    by_rows: bool = False
    others: "tuple[Trial, ...]" = ()

    def checks(self) -> tuple[str, ...]:
        """What was checked, in sentences."""
        counts, precision = ", ".join(map(str, self.court.classes)), self.runs.precision
        on = "single rows" if self.one_row or self.by_rows else "single rows and on a batch"
        why = ", since it computes in single precision" if precision == SINGLE else ""
        ran = f"run at random points with n = {counts}, on {on}, and compared to {precision.digits} digits{why}"
        return (ran, self.one_row) if self.one_row else (ran,)


def judge_function(
    composition: Composition, quantity: str, functions: Sequence[Function], n: int | None = None
) -> Trial:
    """What the function comes to, on single rows and on batches, in the reading in which it is right if there is one.

    Raises:
        IllFormedError: it raised, took too long, or returned something of another shape.
    """
    order = {"right": 0, "right-if": 1, "off-by-factor": 2}
    trials: list[Trial] = []
    fault: IllFormedError | None = None
    allowance = Allowance()
    for function in functions:
        try:
            trials.append(_try(composition, quantity, function, n, allowance))
        except IllFormedError as error:
            fault = fault or error
            continue
        if trials[-1].finding.verdict in GOOD:
            break
    if not trials:
        raise fault or IllFormedError("there is no such function")
    chosen = min(trials, key=lambda trial: order.get(trial.finding.verdict, 3))
    return replace(chosen, others=tuple(trial for trial in trials if _is_rival(trial, chosen)))


def _is_rival(trial: Trial, chosen: Trial) -> bool:
    """Whether a trial takes an argument as another vector, and comes to something else.

    Labels and one-hot targets are two ways to say one thing: a function takes one of them.
    """
    same = {"label": "targets"}
    mine, theirs = ([same.get(role, role) for role in each.function.roles.values()] for each in (chosen, trial))
    return mine != theirs and trial.finding.verdict != chosen.finding.verdict


def _try(composition: Composition, quantity: str, function: Function, n: int | None, allowance: Allowance) -> Trial:
    labelled = is_labelled(composition) or "label" in function.roles.values()
    classes = CLASSES if n is None else (n,)
    court = Court(composition, quantity, classes, labelled, make_real_world)
    runs = Runs(function, rank_of(composition, quantity), allowance)
    rows, batches, short = {}, {}, {}
    for hypothesis in court.hypotheses:
        seeds = range(BINARY_SUMS if hypothesis == BINARY else 1)
        rows[hypothesis] = [make_real_world(composition, each, seed, hypothesis) for seed in seeds for each in classes]
        # The last two rows differ in whether they are the same, which the others must not feel.
        worlds = [make_real_world(composition, n or 4, seed, hypothesis, seed % 4) for seed in range(1, ROWS + 2)]
        batches[hypothesis] = worlds[:ROWS], [*worlds[: ROWS - 1], worlds[ROWS]]
        short[hypothesis] = [make_real_world(composition, n or 3, seed, hypothesis, seed % 3) for seed in (1, 2)]
    single = [row for each in rows.values() for row in each]
    runs.run(single, [*(batch for pair in batches.values() for batch in pair), *short.values()])
    spelled = function.spelled
    parameters = [spelled.get(name, name) for name, role in function.roles.items() if role == "parameter"]
    own = [each.name for each in composition.parameters if not each.per_class]
    try:
        finding = court.judge(runs, [*parameters, *own])
    except IllFormedError as error:
        truths = [row.truth(quantity).astype(float) for row in single]
        if runs.rank < 2 or not all(
            _same(runs.of([row]), np.diag(truth), runs.precision) for row, truth in zip(single, truths, strict=True)
        ):
            raise
        whole = all(_same(truth, np.diag(np.diag(truth)), DOUBLE) for truth in truths)
        raise DiagonalError(str(error), Diagonal(whole, written=True)) from None
    if finding.verdict not in (*GOOD, "off-by-factor"):
        return Trial(function, finding, court, runs, by_rows=True)
    hypothesis = ONE_HOT if labelled else (*finding.assumptions, "")[0]
    batch, changed = batches[hypothesis]
    # Where there are as many rows as classes, a matrix of rows has the shape of a pile of matrices.
    one_row = _takes_one_row(runs, batch) or _takes_one_row(runs, short[hypothesis])
    if one_row:
        return Trial(function, finding, court, runs, one_row=one_row)
    if finding.verdict == "off-by-factor":
        row = next(each for each in rows[hypothesis] if each.n == short[hypothesis][0].n)
        if _is_off_alike(runs, quantity, row, short[hypothesis], finding.factor or ""):
            return Trial(function, finding, court, runs)
    finding = _judge_batch(finding, runs, quantity, batch, changed)
    seen = _judge_batch(replace(finding, verdict="right"), runs, quantity, short[hypothesis], short[hypothesis])
    shown = batch if seen.verdict in GOOD else short[hypothesis]  # the shorter one, to be read by a person
    return Trial(function, finding, court, runs, () if finding.verdict in GOOD else shown)


def _is_off_alike(runs: Runs, quantity: str, row: World, batch: Sequence[World], factor: str) -> bool:
    """Whether a batch is off by the factor that a row of as many classes is off by, and not by one of its own.

    What depends on a parameter, which differs between the two, must be one number for the whole batch.
    """
    found, truth = runs.of(batch), _truths(batch, quantity)
    if found is None or np.shape(found) != truth.shape:
        return False
    has_parameter = any(name != "n" for name in _NAME.findall(factor))
    ratio = _ratio(found, truth) if has_parameter else _ratio(runs.of([row]), _truths([row], quantity)[0])
    return _same(found, ratio * truth, runs.precision)


def _truths(batch: Sequence[World], quantity: str) -> Any:
    return np.array([world.truth(quantity).astype(float) for world in batch])


def _ratio(found: Any, truth: Any) -> float:
    """The number that `truth` is to be multiplied by."""
    return float(np.sum(found * truth) / np.sum(truth * truth))


def _takes_one_row(runs: Runs, batch: Sequence[World]) -> str:
    """That a function takes one row at a time, in words: it makes a matrix, and of a batch no pile of matrices.

    A vector for each row is what layers pass on, so that a function of one row alone is of little use; a Jacobian is
    looked at for one row, and nothing else is promised.
    """
    found, due = runs.of(batch), (len(batch), *(batch[0].n,) * runs.rank)
    if runs.rank < 2 or np.shape(found) == due:
        return ""
    met = runs.error(batch) if found is None else f"returned the shape {np.shape(found)}"
    return f"it takes one row at a time: on a batch of {len(batch)} rows {runs.function.name} {met}"


def _judge_batch(
    finding: Finding, runs: Runs, quantity: str, batch: Sequence[World], changed: Sequence[World]
) -> Finding:
    """What a function that is right on a row comes to on a batch; `changed` differs from it in the last row alone."""
    found, other = runs.of(batch), runs.of(changed)
    truth = _truths(batch, quantity)

    def same(values: Any, due: Any) -> bool:
        return _same(values, due, runs.precision)

    if same(found, truth) or (quantity == "value" and same(found, truth.sum(axis=0))):
        return finding
    if same(found, truth.mean(axis=0) if quantity == "value" else truth / len(batch)):
        return replace(finding, verdict="off-by-factor", factor="1/B", cause=("factor",))
    if same(found, truth * len(batch)):
        return replace(finding, verdict="off-by-factor", factor="B", cause=("factor",))
    # Right on each row alone and not among others: it takes the rows for classes somewhere, so that shapes do not fit
    # or rows mix, unless it says that it takes one row.
    if found is None:
        mixed = not runs.error(batch).startswith(_REFUSALS)
    else:
        mixed = other is None or found.shape != truth.shape or not same(found[0], other[0])
    cause = ("index-mixed-up",) if mixed else ()
    return replace(finding, verdict="wrong", assumptions=(), cause=cause, detail="in a batch")


def _same(found: Any, truth: Any, precision: Precision) -> bool:
    return (
        found is not None
        and np.shape(found) == np.shape(truth)
        and np.allclose(found, truth, rtol=precision.relative, atol=precision.absolute)
    )
