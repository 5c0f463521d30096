"""Judge a user's formula: read it, try its readings, and say what it comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from derive.calculus.engine import derive_quantity
from derive.catalogue.model import Composition
from derive.checking.batch import drop_batch
from derive.checking.expression import Expression, class_count, counts_from_zero
from derive.checking.files import judge_function, read_function
from derive.checking.formula import Chain, IllFormedError
from derive.checking.habits import MATRICES, spell_parameters
from derive.checking.judge import Court, Evaluate, Finding
from derive.checking.latex_form import is_latex, read_latex
from derive.checking.latex_tokens import canonical
from derive.checking.python_form import read_python
from derive.checking.roles import Reading, is_labelled, is_left_side, left_indices, rank_of, read_roles, readings
from derive.checking.words import EXPLANATIONS, step_of
from derive.checking.world import World, make_real_world, make_world
from derive.derivation import Result
from derive.errors import ProofError, UnsupportedError
from derive.language.show import latex, text
from derive.notation import t, z
from derive.proof.field import BadPointError, RationalFunctions
from derive.request import read_class_count, read_quantity

CLASSES = (3, 4, 5)
CLASSES_OF_SECOND_ORDER = (3, 4)
GENERATORS = 48
_GOOD = ("right", "right-if")


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
    """Numbers at which a formula is not the truth, and the entries that differ (classes counted from 1)."""

    n: int
    z: list[float]
    t: list[float]
    theirs: Any
    truth: Any
    differs: list[list[int]]


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

    @property
    def is_right(self) -> bool:
        """Whether the formula is right, under its assumptions."""
        return self.verdict in _GOOD


def check(
    composition: Composition, quantity: str, formula: str, let: Mapping[str, str], n: int | None, *, in_file: bool
) -> Verdict:
    """The verdict on a formula, or with `in_file` on the function at `FILE.py:FUNCTION`; errors as `judge_formula`."""
    let = read_roles(let)
    return (judge_file if in_file else judge_formula)(composition, quantity, formula, let, n)


def judge_file(
    composition: Composition, quantity: str, place: str, let: Mapping[str, str], n: int | None = None
) -> Verdict:
    """The verdict on the function at `FILE.py:FUNCTION`: it is run, in a process of its own.

    Raises:
        DeriveError: no such file or function, or an argument without a role.
    """
    quantity, n = read_quantity(composition, quantity), read_class_count(n)
    function = read_function(place, composition, let)
    try:
        finding, court, runs = judge_function(composition, quantity, function, n)
    except IllFormedError as error:
        return _ill_formed(composition, quantity, str(error), function.roles)
    result = _derivation(composition, quantity, labelled=court.labelled)
    counts = ", ".join(map(str, court.classes))
    return Verdict(
        finding.verdict,
        finding.assumptions if finding.verdict != "wrong" or finding.cause else (),
        finding.factor,
        None,
        _mistake(finding, result),
        None if finding.verdict in _GOOD else _counterexample(court, runs, finding),
        _right_formula(result),
        function.roles,
        (f"run at random points with n = {counts}, on single rows and on a batch, and compared to 7 digits",),
    )


@dataclass(frozen=True)
class _Case:
    """A formula read: its links in one reading."""

    reading: Reading
    links: tuple[Expression, ...]
    court: Court


def judge_formula(
    composition: Composition,
    quantity: str,
    formula: str,
    let: Mapping[str, str] | None = None,
    n: int | None = None,
    *,
    explain: bool = True,
) -> Verdict:
    """The verdict on a formula in Python or LaTeX.

    Args:
        composition: what it is a formula of.
        quantity: which quantity.
        formula: the formula, or a chain of them joined by equals signs.
        let: symbols by role, such as `{"probabilities": "p"}`.
        n: a given number of classes; any number where None.
        explain: whether the mistake of a wrong formula is looked for.

    Raises:
        FormulaError: it cannot be read; says the position.
        DeriveError: a quantity or role that does not exist.
    """
    quantity = read_quantity(composition, quantity)
    n = read_class_count(n)
    let = let or {}
    given = let.values()
    in_latex = is_latex(formula)
    try:
        chain = read_latex(formula, given) if in_latex else read_python(formula)
        cases = _cases(composition, quantity, chain, let, n, in_latex=in_latex)
        judged = [(case, _judge_all(case)) for case in cases]
    except IllFormedError as error:
        return _ill_formed(composition, quantity, str(error), {})
    formed = [(case, found) for case, found in judged if not isinstance(found, IllFormedError)]
    if not formed:
        case, fault = judged[0]
        equal = "; it equals the matrix's diagonal, and the rest is not 0" if _is_diagonal(case) else ""
        return _ill_formed(composition, quantity, f"{fault}{equal}", case.reading.describe())
    case, findings = _choose(formed)
    return _report(composition, quantity, chain, case, findings, explain=explain)


def _cases(
    composition: Composition, quantity: str, chain: Chain, let: Mapping[str, str], n: int | None, *, in_latex: bool
) -> list[_Case]:
    symbols = _symbols(let, latex=in_latex)
    written, row = drop_batch(spell_parameters(composition, chain.links, symbols), MATRICES)
    first, *rest = written
    left = first if rest and is_left_side(first) else None
    nodes = tuple(rest) if left is not None else written
    rank, bound = rank_of(composition, quantity), left_indices(left)
    if bound is not None and len(bound) != rank:
        left = bound = None
    zero = counts_from_zero(chain.links, latex=in_latex)
    counted = class_count(nodes) if n is None else n
    usual = CLASSES_OF_SECOND_ORDER if quantity in ("hessian", "hvp") else CLASSES
    classes = (counted,) if counted is not None else usual
    found = []
    for reading in readings(composition, quantity, nodes, left, symbols, zero_based=zero, row=row):
        links = tuple(Expression(composition, node, reading, rank, bound, chain.condition) for node in nodes)
        labelled = is_labelled(composition) or bool(reading.labels) or "label-probability" in reading.roles.values()
        found.append(_Case(reading, links, Court(composition, quantity, classes, labelled)))
    return found


def _symbols(let: Mapping[str, str], *, latex: bool) -> dict[str, str]:
    """Roles by symbol, in the spelling of the reader."""
    return {canonical(symbol) if latex else symbol: role for role, symbol in let.items()}


def _judge_all(case: _Case) -> "tuple[Finding, ...] | IllFormedError":
    """What each link comes to, the last one with its mistake; the error where the last one is ill-formed."""
    parameters = [name for name, role in case.reading.roles.items() if role == "parameter"]
    names = [each.name for each in case.court.composition.parameters if not each.per_class]
    units = list(dict.fromkeys((*parameters, *names)))
    findings = []
    for place, link in enumerate(case.links):
        last = place == len(case.links) - 1
        try:
            findings.append(case.court.judge(link, units, explain=False))
        except IllFormedError as error:
            if last:
                return error
            findings.append(Finding("ill-formed"))
    return tuple(findings)


def _choose(cases: "Sequence[tuple[_Case, tuple[Finding, ...]]]") -> "tuple[_Case, tuple[Finding, ...]]":
    """The reading that is right, if one is; else the one off by a factor; else the most usual."""
    order = {"right": 0, "right-if": 1, "off-by-factor": 2}
    return min(cases, key=lambda case: order.get(case[1][-1].verdict, 3))


def _report(
    composition: Composition, quantity: str, chain: Chain, case: _Case, findings: Sequence[Finding], *, explain: bool
) -> Verdict:
    final = findings[-1]
    texts = chain.texts[len(chain.texts) - len(findings) :]
    wrong = [place for place, finding in enumerate(findings) if finding.verdict not in _GOOD]
    if final.verdict == "wrong" and explain:
        named = [name for name, role in case.reading.roles.items() if role == "parameter"]
        final = case.court.judge(case.links[-1], named)
        if not final.cause and wrong[0] != len(findings) - 1 and findings[wrong[0]].verdict == "wrong":
            earlier = case.court.judge(case.links[wrong[0]], named)
            final = Finding("wrong", earlier.assumptions, None, earlier.cause, earlier.detail, final.classes)
    result = _derivation(composition, quantity, labelled=case.court.labelled)
    counterexample = (
        None if final.verdict in _GOOD or not explain else _counterexample(case.court, case.links[-1], final)
    )
    checked = _checked(case, final)
    return Verdict(
        final.verdict,
        final.assumptions if final.verdict != "wrong" or final.cause else (),
        final.factor,
        texts[wrong[0]] if wrong and len(findings) > 1 else None,
        _mistake(final, result),
        counterexample,
        _right_formula(result),
        case.reading.describe(),
        checked,
        _reason(final),
    )


def _reason(finding: Finding) -> str:
    if finding.verdict == "undecided":
        return "no point was found at which both the formula and the truth are defined"
    return "no known mistake makes this formula" if finding.verdict == "wrong" and not finding.cause else ""


def _derivation(composition: Composition, quantity: str, *, labelled: bool) -> Result | None:
    labels = labelled and not is_labelled(composition)
    try:
        return derive_quantity(composition, quantity, assumptions=composition.assumptions, labels=labels)
    except (UnsupportedError, ProofError):
        return None


def _right_formula(result: Result | None) -> dict[str, str]:
    return {} if result is None else {"text": text(result.closed_form), "latex": latex(result.closed_form)}


def _mistake(finding: Finding, result: Result | None) -> Mistake | None:
    if not finding.cause:
        return None
    words = " ".join(EXPLANATIONS[name].format(detail=finding.detail, factor=finding.factor) for name in finding.cause)
    where = step_of(finding.cause[0], result)
    return Mistake("+".join(finding.cause), f"{words}{where}")


def _is_diagonal(case: _Case) -> bool:
    """Whether a vector that stands where a matrix is due is the matrix's diagonal."""
    link = case.links[-1]
    if link.rank != 2:
        return False
    vector = Expression(link.composition, link.node, link.reading, 1)
    worlds = [make_world(link.composition, n, 0) for n in case.court.classes]
    try:
        return all(vector(world).agrees(world, np.diag(world.truth(case.court.quantity))) for world in worlds)
    except (IllFormedError, BadPointError):
        return False


def _ill_formed(composition: Composition, quantity: str, reason: str, reading: Mapping[str, str]) -> Verdict:
    result = _derivation(composition, quantity, labelled=False)
    return Verdict("ill-formed", (), None, None, None, None, _right_formula(result), reading, (), reason)


def _checked(case: _Case, finding: Finding) -> tuple[str, ...]:
    counts = ", ".join(map(str, case.court.classes))
    lines = [f"evaluated exactly, modulo a large prime, at random points with n = {counts}"]
    if finding.verdict not in _GOOD:
        return tuple(lines)
    if finding.assumptions:
        lines.append(f"fails where the targets are free: it needs {', '.join(finding.assumptions)}")
    elif not case.court.labelled and len(case.court.hypotheses) > 1:
        lines.append("targets free: soft, on and off the simplex")
    proved = _prove(case, finding)
    if proved is not None:
        lines.append(f"proved at n = {proved}: both sides are the same rational function")
    return tuple(lines)


def _prove(case: _Case, finding: Finding) -> int | None:
    """The class count at which both sides were shown to be one rational function; None where they are no such thing."""
    n = case.court.classes[0] if len(case.court.classes) == 1 else 2 if case.court.quantity in ("hessian", "hvp") else 3
    if n > 3 or (finding.assumptions and finding.assumptions != ("t-one-hot",)):
        return None
    rational = RationalFunctions(GENERATORS)
    labelled = case.court.labelled or bool(finding.assumptions)
    values = {t: [rational.number(Fraction(int(c == 1 % n))) for c in range(n)]} if labelled else {}
    world = World(case.court.composition, n, rational, values, 1 % n)
    exponentials = [("exp", world.point.entry(z, number)) for number in range(n)]
    first = rational.unknown("sum of exponentials")
    for name in exponentials[1:]:
        first = first - rational.unknown(*name)
    rational.generators[exponentials[0]] = first
    link = case.links[-1]
    try:
        theirs = link(world)
        truth = world.truth(case.court.quantity)
    except (UnsupportedError, BadPointError, IndexError, ZeroDivisionError, IllFormedError, TypeError):
        return None
    same = all(a == b for a, b in zip(theirs.values[theirs.given].flat, truth[theirs.given].flat, strict=True))
    return n if same else None


def _counterexample(court: Court, evaluate: Evaluate, finding: Finding) -> Counterexample | None:
    """Small numbers at which the formula is not the truth."""
    n = court.classes[0]
    hypothesis = "t-one-hot" if court.labelled else (finding.assumptions or ("sum-t-1",))[0]
    for seed in range(5):
        world = make_real_world(court.composition, n, seed, hypothesis)
        try:
            theirs, truth = evaluate(world), world.truth(court.quantity)
            values = _numbers(theirs.values)
            true = _numbers(truth)
        except (BadPointError, ValueError, ZeroDivisionError, OverflowError, TypeError):
            continue
        if true.shape != values.shape:
            continue
        wrong = theirs.given & (np.abs(values - true) > 1e-9 * (1 + np.abs(true)))
        if not wrong.any():
            continue
        places = [[int(number) + 1 for number in place] for place in np.argwhere(wrong)]
        logits, targets = (_numbers(world.vector(base)).tolist() for base in (z, t))
        return Counterexample(n, logits, targets, values.tolist(), true.tolist(), places)
    return None


def _numbers(array: Any) -> Any:
    """An array of numbers rounded for people."""
    return np.round(np.asarray(array, dtype=object).astype(float), 6)
