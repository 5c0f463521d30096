"""The readings of a formula, each judged, and the choice of one of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sympy import Expr

from derive.catalogue.model import Composition
from derive.checking.batch import drop_batch
from derive.checking.expression import Expression, class_count, counts_from_zero, enough_classes, writes_classes
from derive.checking.formula import ONE, Call, Chain, Derivative, FormulaError, IllFormedError, Name, Node, Number, walk
from derive.checking.functions import rename_option
from derive.checking.guards import leave_out_small
from derive.checking.habits import MATRICES
from derive.checking.judge import Court, Finding
from derive.checking.layers import read_layers
from derive.checking.left_sides import (
    fault_of_left,
    is_count,
    is_left_side,
    isolate,
    left_indices,
    loss_name,
    name_losses,
)
from derive.checking.letters import EXAMPLES
from derive.checking.library import roles_by_place, write_out
from derive.checking.mistakes import Foreign
from derive.checking.model import GOOD
from derive.checking.numbered import number_entries
from derive.checking.parameters import respell, spell_parameters
from derive.checking.places import SURELY_LABELS
from derive.checking.reals import UNREACHED, has_signs, in_reals, is_exact, is_out_of_reach
from derive.checking.roles import Reading, is_labelled, rank_of, readings
from derive.checking.sums import bind_sums
from derive.checking.upper import lower_indices, transpose_primes
from derive.checking.world import SECOND_ORDER

CLASSES = (3, 4, 5)
CLASSES_OF_SECOND_ORDER = (3, 4)
MOST_NUMBERS = 6
"""The numbers of a formula that are tried as parameters of other losses."""
_WHOLE = {"loss", "hessian", "jacobian"}
"""The roles of letters that stand for what is made of every parameter."""


@dataclass(frozen=True)
class Case:
    """A formula read: its links in one reading, and where they are judged; what is wrong with its left side, if so."""

    reading: Reading
    links: tuple[Expression, ...]
    court: Court
    left_fault: str = ""

    @property
    def parameters(self) -> list[str]:
        """The names that a factor may have: the formula's constants, and the definition's."""
        mine = [name for name, role in self.reading.roles.items() if role == "parameter"]
        given = [each.name for each in self.court.composition.parameters if not each.per_class]
        examples = [EXAMPLES.name] if self.reading.batched else []
        return list(dict.fromkeys((*mine, *given, *examples)))

    @property
    def foreign(self) -> Foreign:
        """The letters and numbers that the definition has not, with what a share leaves of 1; and what is not here."""
        known = {each.name for each in self.court.composition.parameters}
        mine = [name for name, role in self.reading.roles.items() if role == "parameter" and name not in known]
        written = [node.value for link in self.links for node in walk(link.node) if isinstance(node, Number)]
        rest = [1 - number for number in written if 0 < number < 1]
        numbers = [number for number in (*written, *rest) if number > 0]
        return Foreign(
            tuple(name for name in mine if name not in self.reading.vectors),
            tuple(name for name in mine if name in self.reading.vectors),
            tuple(dict.fromkeys(numbers))[:MOST_NUMBERS],
            () if _WHOLE & set(self.reading.roles.values()) else tuple(sorted(known - set(self.reading.roles))),
        )

    @property
    def counts_rows(self) -> bool:
        """Whether a length can only be that of a batch: of labels, which have none on one row, or beside an axis 1."""
        calls = [node for link in self.links for node in walk(link.node) if isinstance(node, Call)]
        has_rows = is_labelled(self.court.composition) or any(
            rename_option(key) == "axis" and value == ONE for call in calls for key, value in call.options
        )
        return has_rows and any(call.function in ("len", "size") for call in calls)

    def judge(self) -> "Judged":
        """What each link comes to, their mistakes not looked for; the error where the last one is ill-formed."""
        findings: list[Finding] = []
        fault, court = None, self.court
        for link in self.links:
            try:
                court, finding = self._judge_link(link)
            except IllFormedError as error:
                finding = Finding("ill-formed")
                fault = str(error) if link is self.links[-1] else None
            findings.append(finding)
        return Judged(replace(self, court=court), tuple(findings), fault)

    def _judge_link(self, link: Expression) -> tuple[Court, Finding]:
        """What a link comes to, exactly, or in real numbers where only these decide it; and where it was judged."""
        n = self.court.classes[0]
        composition, entries = self.court.composition, link.given(n, 1 % n)[0]
        definitions = filter(None, (composition.y_definition, composition.loss_definition))
        expressions: list[Expr] = [composition.output, *definitions, *entries.flat]
        reals, parameters = in_reals(self.court), self.parameters
        in_reach = not is_out_of_reach(expressions)
        if any(map(has_signs, expressions)):
            finding = reals.judge(link, parameters, explain=False)
            return reals, finding if in_reach or finding.verdict == "wrong" else UNREACHED
        finding = self.court.judge(link, parameters, explain=False)
        is_doubtful = finding.verdict in ("wrong", "undecided") and not all(map(is_exact, expressions))
        if is_doubtful and in_reach and reals.allows(link, parameters):
            other = reals.judge(link, parameters, explain=False)
            if other.verdict not in ("wrong", "undecided"):
                return reals, other
        return self.court, finding

    def batched(self) -> "Case":
        """The case with every vector a row of a batch."""
        reading = replace(self.reading, batched=True)
        links = tuple(replace(link, reading=reading, memory={}) for link in self.links)
        return replace(self, reading=reading, links=links)

    def without_small(self) -> "tuple[Case, tuple[str, ...]] | None":
        """The case with tiny numbers that are added left out, and these; None where there are none."""
        known = {each.name for each in self.court.composition.parameters}
        kept = [leave_out_small(link.node, known) for link in self.links]
        small = tuple(dict.fromkeys(name for _, names in kept for name in names))
        links = tuple(replace(link, node=node, memory={}) for link, (node, _) in zip(self.links, kept, strict=True))
        return (replace(self, links=links), small) if small else None


@dataclass(frozen=True)
class Judged:
    """A case with the finding on each link; `fault` says why the last is ill-formed, None where it is not."""

    case: Case
    findings: tuple[Finding, ...]
    fault: str | None = None

    @property
    def outcome(self) -> tuple[str, tuple[str, ...], str | None]:
        """What the last link comes to."""
        final = self.findings[-1]
        return final.verdict, final.assumptions, final.factor

    @property
    def first_wrong(self) -> int | None:
        """The place of the first link that is not right."""
        return next((place for place, each in enumerate(self.findings) if each.verdict not in GOOD), None)

    @cached_property
    def explained(self) -> Finding:
        """The finding on the last link, with its mistake, or that of the first wrong link where its own is unknown."""
        final = self.findings[-1]
        if final.verdict != "wrong":
            return final
        final = self._explain(-1)
        if not final.cause and self.first_wrong_explained is not None:
            earlier = self.first_wrong_explained
            return replace(final, cause=earlier.cause, detail=earlier.detail) if earlier.verdict == "wrong" else final
        return final

    @cached_property
    def first_wrong_explained(self) -> Finding | None:
        """The finding on the first link that is wrong, with its mistake, where that is not the last one."""
        place = self.first_wrong
        if place is None or place == len(self.findings) - 1:
            return None
        return self._explain(place) if self.findings[place].verdict == "wrong" else self.findings[place]

    def _explain(self, place: int) -> Finding:
        """What a wrong link comes to, with its mistake; without one where it has no value at more classes."""
        case = self.case
        try:
            return case.court.judge(case.links[place], case.parameters, case.foreign)
        except IllFormedError:
            return self.findings[place]


def read_cases(
    composition: Composition, quantity: str, chain: Chain, let: Mapping[str, str], n: int | None, *, in_latex: bool
) -> tuple[Case, ...]:
    """The cases of a formula, that of the most usual reading first; `let` has roles by symbol.

    Raises:
        IllFormedError: an index is unbound.
    """
    if not in_latex:
        chain = replace(chain, links=number_entries(chain.links, n or class_count(chain.links), let))
    placed = roles_by_place(chain.links)
    let = {**{name: role for name, role in placed.items() if role not in let.values()}, **let}
    spelled_out = _spell_out(composition, chain, let)
    if isinstance(last := spelled_out[-1], Derivative) and isinstance(getattr(last.body, "body", last.body), Name):
        raise FormulaError("the formula ends with a derivative that is not taken; write what it equals: ∂L/∂z_j = ...")
    named = len(spelled_out) > 1 and is_left_side(spelled_out[0])
    loss = loss_name(spelled_out[0]) if named and composition.loss is not None else None
    if (
        loss is not None
        and not is_count(loss, spelled_out)
        and loss not in {each.name for each in composition.parameters}
    ):
        let = {loss: "loss", **let}
    spelled = spell_parameters(composition, quantity, spelled_out, spelled_out[named:], let)
    let = {symbol: role for symbol, role in let.items() if symbol not in spelled}
    written, row = drop_batch(respell(spelled_out, spelled), MATRICES)
    first, *rest = written
    left = first if named else None
    nodes = tuple(rest) if left is not None else written
    rank, bound = rank_of(composition, quantity), left_indices(left)
    binding = left
    if bound is not None and len(bound) != rank:
        binding = bound = None
    zero = counts_from_zero(chain.links, latex=in_latex)
    counted = class_count(nodes) if n is None else n
    usual = CLASSES_OF_SECOND_ORDER if quantity in SECOND_ORDER else CLASSES
    found = []
    for reading in readings(
        composition,
        quantity,
        nodes,
        binding,
        let,
        condition=chain.condition,
        zero_based=zero,
        row=row,
        spelled=spelled,
    ):
        is_link = binding is not None and _is_by_output(composition, quantity, binding, reading)
        judged = written if is_link else nodes
        links = tuple(Expression(composition, node, reading, rank, bound, chain.condition) for node in judged)
        labelled = is_labelled(composition) or bool(reading.labels) or "label-probability" in reading.roles.values()
        classes = (counted,) if counted is not None else enough_classes(nodes[-1], reading.roles, usual)
        fault = fault_of_left(left, quantity, {**let, **reading.roles})
        court = Court(composition, quantity, classes, labelled, every_label=writes_classes(nodes))
        found.append(Case(reading, links, court, fault))
    return tuple(found)


def _spell_out(composition: Composition, chain: Chain, let: Mapping[str, str]) -> tuple[Node, ...]:
    """The links without what is written shortly: layers, library functions, indices above, primes, bare sums."""
    scalars = frozenset(each.name for each in composition.parameters if not each.per_class)
    is_power = any("**" in text for text in chain.texts)  # a**L in code, and no layer
    known = {*let, *(each.name for each in composition.parameters), *(("L",) if is_power else ())}
    links = read_layers(chain.links, known)
    links = lower_indices(write_out(links, labelled=is_labelled(composition)), scalars)
    links = transpose_primes(isolate(links, scalars), everywhere=composition.loss is None)
    return bind_sums(name_losses(links, scalars))


def _is_by_output(composition: Composition, quantity: str, left: Node, reading: Reading) -> bool:
    """Whether a left side is a derivative by the probabilities where one by the logits is due: it is a link then."""
    if (
        not isinstance(left, Derivative)
        or composition.activation.y is None
        or quantity not in ("gradient", "jacobian", "hessian")
    ):
        return False
    names = [getattr(each, "body", each) for each in left.variables]
    return any(isinstance(each, Name) and reading.roles.get(each.name) == "probabilities" for each in names)


def choose(formed: Sequence[Judged], *, explain: bool) -> Judged:
    """The reading that is right, if one is; else one off by a factor, by 2 before -2; else that of most right links.

    With `explain`, of those that are wrong the one of the fewest mistakes, where they are known.
    """
    order = {"right": 0, "right-if": 1, "off-by-factor": 2}

    def rank(judged: Judged) -> tuple[int, int, int]:
        wrong = len(judged.findings) if judged.first_wrong is None else judged.first_wrong
        return order.get(judged.findings[-1].verdict, 3), -wrong, len(judged.findings[-1].cause)

    best = min(formed, key=rank)
    if best.findings[-1].verdict != "wrong" or not explain:
        return best
    alike = [judged for judged in _distinct(formed) if rank(judged) == rank(best)]
    known: list[Judged] = []
    for judged in alike:
        cause = judged.explained.cause
        if len(cause) == 1:
            return judged
        known += [judged] if cause else []
    return min(known, key=lambda judged: len(judged.explained.cause), default=best)


def others(chosen: Judged, formed: Sequence[Judged]) -> Iterator[Judged]:
    """The other readings, each with letters or rows and columns taken otherwise, that come to something else."""
    mine = chosen.case.reading
    for judged in _distinct(formed):
        theirs = judged.case.reading
        if _differ_in_label(mine, theirs) and judged.outcome != chosen.outcome:
            yield judged
        # A formula that is right with a letter as y, or off by a factor, is hardly one in which it is z and wrong.
        if chosen.outcome[0] != "wrong" and judged.outcome[0] == "wrong" and theirs.free == mine.free:
            continue
        alike = (theirs.labels, theirs.dot) == (mine.labels, mine.dot) and set(theirs.free) == set(mine.free)
        # A reading without targets is no rival of one that has found them.
        as_likely = "targets" in theirs.roles.values() or "targets" not in mine.roles.values()
        if alike and as_likely and judged.outcome != chosen.outcome:
            yield judged


def _differ_in_label(one: Reading, other: Reading) -> bool:
    """Whether the index of an entry is the label's to one reading, and to the other that of any class: ∂L/∂z_k."""
    named = {*one.labels, *other.labels}
    alike = (one.roles, one.free, one.dot) == (other.roles, other.free, other.dot)
    return alike and one.labels != other.labels and named <= set(one.free) and not named & set(SURELY_LABELS)


def _distinct(formed: Sequence[Judged]) -> list[Judged]:
    """One for each way to take the letters."""
    found: dict[object, Judged] = {}
    for judged in formed:
        reading = judged.case.reading
        found.setdefault((tuple(reading.roles.items()), reading.labels, reading.free), judged)
    return list(found.values())
