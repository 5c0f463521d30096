"""Judge a user's formula or function, and put together what there is to say about it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from derive.catalogue.model import Composition
from derive.checking.alphabet import plain_characters
from derive.checking.cases import Case, Judged, choose, others, read_cases
from derive.checking.evidence import (
    Diagonal,
    find_batch_counterexample,
    find_counterexample,
    find_diagonal,
    list_checks,
)
from derive.checking.expression import MOST_CLASSES
from derive.checking.files import read_functions
from derive.checking.formula import Call, Chain, FormulaError, IllFormedError, Name, walk
from derive.checking.judge import Finding
from derive.checking.mistakes.model import derivation
from derive.checking.model import GOOD, Counterexample, Derive, Mistake, OtherReading, Verdict
from derive.checking.roles import is_labelled, read_roles
from derive.checking.syntax import read_formula
from derive.checking.trial import DiagonalError, Trial, judge_function
from derive.checking.words import EXPLANATIONS, convention_of
from derive.errors import DeriveError
from derive.request import read_class_count, read_quantity

MOST_LINKS = 100


def check(
    composition: Composition, quantity: str, formula: str, let: Mapping[str, str], n: int | None, *, in_file: bool
) -> Verdict:
    """The verdict on a formula, or with `in_file` on the function at `FILE.py:FUNCTION`; errors as `judge_formula`."""
    if n is not None and n > MOST_CLASSES:
        raise DeriveError(
            f"N is {n}; a formula is judged at up to {MOST_CLASSES} classes, and without N at 3, 4 and 5 of them"
        )
    let = read_roles(let, composition)
    return (judge_file if in_file else judge_formula)(composition, quantity, formula, let, n)


def judge_file(
    composition: Composition, quantity: str, place: str, let: Mapping[str, str], n: int | None = None
) -> Verdict:
    """The verdict on the function at `FILE.py:FUNCTION`: it is run, in a process of its own.

    Raises:
        DeriveError: no such file or function, or an argument without a role.
    """
    quantity, n = read_quantity(composition, quantity), read_class_count(n)
    functions = read_functions(place, composition, quantity, let)
    try:
        trial = judge_function(composition, quantity, functions, n)
    except IllFormedError as error:
        diagonal = error.diagonal if isinstance(error, DiagonalError) else None
        return _ill_formed(composition, quantity, str(error), functions[0].describe(), diagonal)
    finding, court = trial.finding, trial.court
    derive = _derivation(composition, quantity, labelled=court.labelled)
    return Verdict(
        finding.verdict,
        finding.assumptions,
        finding.factor,
        None,
        _mistake(finding, derive, quantity),
        _counterexample(trial),
        trial.function.describe(),
        trial.checks(),
        trial.runs.refusal(trial.batch),
        trial.function.differing_from(trial.others[0].function) if trial.others else {},
        tuple(_other_trial(each, trial) for each in trial.others),
        derive,
    )


def _other_trial(trial: Trial, chosen: Trial) -> OtherReading:
    finding, function = trial.finding, trial.function
    let, mistake = function.differing_from(chosen.function), "+".join(finding.cause) or None
    return OtherReading(let, finding.verdict, finding.assumptions, finding.factor, mistake, function.describe())


def _counterexample(trial: Trial) -> Counterexample | None:
    if trial.finding.verdict in GOOD:
        return None
    if trial.batch:
        return find_batch_counterexample(trial.court, trial.batch, trial.runs.of(trial.batch), trial.runs.precision)
    return find_counterexample(trial.court, trial.runs, trial.finding)


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
    formula = plain_characters(formula)
    let = {role: plain_characters(symbol) for role, symbol in (let or {}).items()}
    quantity, n = read_quantity(composition, quantity), read_class_count(n)
    try:
        return _judge(composition, quantity, formula, let, n, explain=explain)
    except RecursionError:
        raise FormulaError("the formula is nested too deeply").placed(formula) from None
    except FormulaError as error:
        raise error.placed(formula) from None


def _judge(
    composition: Composition, quantity: str, formula: str, let: Mapping[str, str], n: int | None, *, explain: bool
) -> Verdict:
    try:
        read = read_formula(formula, let, n, composition)
        chain, symbols = read.chain, read.symbols
        if len(chain.links) > MOST_LINKS:
            raise FormulaError(f"the chain has {len(chain.links)} links; at most {MOST_LINKS} are judged", formula, 0)
        cases = read_cases(composition, quantity, chain, symbols, n, in_latex=read.in_text)
        judged = [case.judge() for case in cases]
    except IllFormedError as error:
        return _ill_formed(composition, quantity, str(error), {})
    formed = [each for each in judged if each.fault is None]
    if not formed and not read.in_text:  # code may be written for a batch
        formed = [each for each in (case.batched().judge() for case in cases) if each.fault is None]
    if not formed:
        diagonals = ((each, find_diagonal(each.case)) for each in judged)
        first, diagonal = next((pair for pair in diagonals if pair[1] is not None), (judged[0], None))
        return _ill_formed(composition, quantity, str(first.fault), first.case.reading.describe(), diagonal)
    if not read.in_text and choose(formed, explain=False).outcome[0] not in GOOD:
        formed = _counting_rows(cases) or formed
    verdict = _report(chain, choose(formed, explain=explain), formed, explain=explain)
    return replace(verdict, reading={**verdict.reading, **_absent(symbols, chain)})


def _counting_rows(cases: Sequence[Case]) -> list[Judged]:
    """The cases in a batch where their code counts its rows, and is right there or off by a factor."""
    found = [case.batched().judge() for case in cases if case.counts_rows]
    return [each for each in found if each.fault is None and each.outcome[0] != "wrong"]


def _absent(symbols: Mapping[str, str], chain: Chain) -> dict[str, str]:
    """The symbols that were given a role and that the formula has not: a slip, which changes nothing."""
    present = {node.name for node in walk(chain.links) if isinstance(node, Name)}
    return {
        symbol: f"{role}, and not in the formula"
        for symbol, role in symbols.items()
        if not any(symbol in name for name in present)
    }


def _report(chain: Chain, chosen: Judged, formed: Sequence[Judged], *, explain: bool) -> Verdict:
    case, court = chosen.case, chosen.case.court
    final = chosen.explained if explain else chosen.findings[-1]
    reason = _reason(final)
    if explain and final.verdict == "wrong" and not final.cause:
        final, reason = _apart_from_small(case, final) or (final, reason)
    derive = _derivation(court.composition, court.quantity, labelled=court.labelled)
    if final.verdict == "wrong" and (note := _note_of_letters(case)):
        reason = f"{reason}; {note}" if reason else note
    texts, place = chain.texts[len(chain.texts) - len(case.links) :], chosen.first_wrong
    link = chain.texts[0] if case.left_fault else texts[place] if place is not None and len(texts) > 1 else None
    wrong = explain and final.verdict not in GOOD
    alternatives = tuple(others(chosen, formed)) if explain else ()
    in_batch = _in_a_batch(chosen) if explain else ()
    mistake = _mistake(final, derive, court.quantity)
    earlier = chosen.first_wrong_explained if explain else None
    of_link = mistake if earlier is None else _mistake(earlier, derive, court.quantity)
    return Verdict(
        final.verdict,
        final.assumptions,
        final.factor,
        link,
        mistake,
        find_counterexample(court, case.links[-1], final, case.foreign) if wrong else None,
        case.reading.describe(),
        list_checks(case, final),
        reason or case.left_fault,
        case.reading.differing_from(alternatives[0].case.reading) if alternatives else {},
        (*(_other(each, chosen) for each in alternatives), *in_batch),
        derive,
        of_link if link is not None and not case.left_fault else None,
    )


def _in_a_batch(chosen: Judged) -> tuple[OtherReading, ...]:
    """What a formula with `y.shape[0]`, or `len(y)`, comes to in a batch, where that is the number of its rows."""
    case = chosen.case
    counted = any(isinstance(node, Call) and node.function in ("len", "size") for node in walk(case.links[-1].node))
    if case.reading.batched or not counted or chosen.outcome[0] in GOOD:
        return ()
    judged = case.batched().judge()
    if judged.fault is not None or judged.outcome == chosen.outcome or judged.outcome[0] == "wrong":
        return ()
    return (replace(_other(judged, chosen), where="in a batch, where the length is that of the batch, B rows"),)


def _note_of_letters(case: Case) -> str:
    """That letters were taken for parameters which the definition has not, in words; empty where there are none."""
    letters = [*case.foreign.scalars, *case.foreign.vectors]
    if not letters:
        return ""
    known = [each.name for each in case.court.composition.parameters]
    has = f"has only {' and '.join(known)}" if known else "has none"
    taken = "was taken as a parameter" if len(letters) == 1 else "were taken as parameters"
    return f"{' and '.join(letters)} {taken} of your formula; the definition {has}"


def _apart_from_small(case: Case, final: Finding) -> tuple[Finding, str] | None:
    """What else a formula comes to with a tiny number that is added, and what it is without; None without one.

    It stays wrong, since the definition has no such number; its mistakes are those of the rest.
    """
    found = case.without_small()
    if found is None:
        return None
    rest, names = found
    judged = rest.judge()
    if judged.fault is not None or judged.outcome[0] == "undecided":
        return None
    inner, written = judged.explained, ", ".join(names)
    if inner.verdict == "wrong" and not inner.cause:
        return None
    under = f" if {' and '.join(inner.assumptions)}" if inner.assumptions else ""
    by = f" {inner.factor}" if inner.factor else ""
    said = f"it is {inner.verdict.removesuffix('-if')}{by}{under} but for {written}, which the definition has not"
    return replace(final, cause=inner.cause, detail=inner.detail), f"{said}: leave {written} out"


def _other(judged: Judged, chosen: Judged) -> OtherReading:
    final, reading = judged.explained, judged.case.reading
    let = reading.differing_from(chosen.case.reading)
    mistake = "+".join(final.cause) or None
    return OtherReading(let, final.verdict, final.assumptions, final.factor, mistake, reading.describe())


def _reason(finding: Finding) -> str:
    if finding.verdict == "undecided":
        return finding.detail or "no point was found at which both the formula and the truth are defined"
    return (
        "none of the mistakes that are tried makes exactly this formula"
        if finding.verdict == "wrong" and not finding.cause
        else ""
    )


def _derivation(composition: Composition, quantity: str, *, labelled: bool) -> Derive:
    return partial(derivation, composition, quantity, labels=labelled and not is_labelled(composition))


def _mistake(finding: Finding, derive: Derive, quantity: str) -> Mistake | None:
    if not finding.cause:
        return None
    said = [EXPLANATIONS.get(f"{name} {finding.detail}") or EXPLANATIONS[name] for name in finding.cause]
    convention = "" if ":" in quantity else convention_of(finding.factor)  # 1/T is none of ∂L/∂T
    words = " ".join(each.format(detail=finding.detail) for each in said) + convention
    leaves = min(finding.cause, key=lambda name: name in ("factor", "sign"))
    return Mistake("+".join(finding.cause), words, leaves, derive)


def _ill_formed(
    composition: Composition, quantity: str, reason: str, reading: Mapping[str, str], diagonal: Diagonal | None = None
) -> Verdict:
    derive = _derivation(composition, quantity, labelled=False)
    mistake = None
    if diagonal is not None:
        rest = "which is 0 elsewhere" if diagonal.whole else "and the rest of the matrix is not 0"
        reason = f"{reason}; it equals the matrix's diagonal, {rest}"
        if diagonal.written and not diagonal.whole:
            mistake = _mistake(Finding("ill-formed", cause=("off-diagonal-dropped",)), derive, quantity)
    return Verdict("ill-formed", (), None, None, mistake, None, reading, (), reason, derive=derive)
