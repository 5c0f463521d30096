r"""What a sum runs over, `\sum_{i=1, i \ne j}^n` or `\sum_{i \in \mathcal C \setminus \{j\}}`: all classes but some."""

from dataclasses import dataclass, field

from derive.checking.dots import DOTS
from derive.checking.formula import NO_COUNT, FormulaError, Name, Node
from derive.checking.habits import CLASSES
from derive.checking.latex_cursor import CLOSING, ENTRY, Cursor
from derive.checking.latex_tokens import Token

_BETWEEN = (",", ";", ":", "|", r"\atop", "and", "with", "where", "s.t.", "such that")
"""What stands between two conditions below a sum."""
_AT_MOST = (r"\le", r"\leq", r"\leqslant", "<", r"\lt")
_WITHOUT = (r"\setminus", "-")
_SETS = ("classes", "labels", "categories", "vocab", "vocabulary", r"\Omega")
"""Names of the set of all classes, beside capital letters."""


@dataclass
class Range:
    """What a sum runs over: all classes but those in `without`; `count` is their number where that is a letter."""

    index: str | None = None
    without: list[Node] = field(default_factory=list)
    count: str = ""


class Ranges(Cursor):
    """Reading of what stands below and above a sum."""

    def range(self) -> Range:
        """What the sum runs over whose sign was read.

        Raises:
            FormulaError: it leaves classes out otherwise than by name, or something is not read.
        """
        below: list[Token] = []
        above: list[Token] = []
        while self.next("_", "^"):
            if self.skip("^"):
                above = self.group_tokens()
            else:
                self.expect("_")
                below = self.group_tokens()
        if below:
            return self.inside(below).range_below(above)
        return Range(count=self.count_of([], above))

    def range_below(self, above: list[Token]) -> Range:
        """The range whose subscript this reads, `above` being where it is written to end."""
        found, begin = Range(), list[Token]()
        self.skip(r"\forall")
        place, left = self.place, self.first_index(found)
        while True:
            found.index = found.index or left.name
            if left.name != found.index and not self.next("≠"):
                self.place = place
                raise self.failure(
                    f"write one sum for each index; of the classes over which {found.index} runs, some are left out as"
                    f" in {found.index} ≠ k"
                )
            if self.skip("≠"):
                others = [each for each in (left, self.index()) if each != Name(found.index)]
                if len(others) != 1:
                    raise self.failure(f"what stands before it leaves no class out of the sum over {found.index}")
                found.without += others
            elif self.skip(r"\in"):
                self.read_set(found)
            elif self.skip("="):
                begin = self.until(*_BETWEEN)
            if self.now.kind == "end":
                break
            if not self.skip(*_BETWEEN):
                raise self.failure(f"{self.now.text} cannot stand below a sum")
            place, left = self.place, self.named_index()
        found.count = self.count_of(begin, above) or found.count
        return found

    def first_index(self, found: Range) -> Name:
        r"""The index that runs, which may stand between its bounds, `1 \le i \le n`."""
        if self.now.kind != "number":
            return self.named_index()
        begin = [self.take()]
        is_sum = self.skip(*_AT_MOST[:3])
        index = self.named_index() if is_sum else Name("")
        if not (is_sum and self.next(*_AT_MOST)):
            raise self.failure(r"bounds below a sum are read as in 1 \le i \le n")
        sign = self.take()
        end = self.until(*_BETWEEN)
        less = [Token("sign", "-", sign.position), Token("number", "1", sign.position)]
        found.count = self.count_of(begin, [*end, *less] if sign.text in _AT_MOST[3:] else end)
        return index

    def named_index(self) -> Name:
        """An index that is no number."""
        index = self.index()
        if not isinstance(index, Name) or ENTRY.fullmatch(index.name):
            raise self.failure("a sum needs an index before it")
        return index

    def until(self, *texts: str) -> list[Token]:
        """The tokens up to one of `texts`, or the end."""
        start = self.place
        while not self.next(*texts) and self.now.kind != "end":
            self.take()
        return self.tokens[start : self.place]

    def read_set(self, found: Range) -> None:
        """The set behind ∈, which has all classes but those taken from it."""
        if self.next("[", r"\{", "{"):
            opening = self.now
            self.read_span(opening, self.enclosed(opening.text, {**CLOSING, "{": "}"}[opening.text]), found)
        else:
            name = self.take().text
            if not (name in _SETS or name in CLASSES or (len(name) == 1 and name.isupper())):
                self.place -= 1
                raise self.failure(r"a sum runs over all classes, such as those in \mathcal{C} or \{1, \dots, n\}")
        if not self.skip(*_WITHOUT):
            return
        if self.next(r"\{", "{"):
            inside = self.enclosed(self.now.text, "}" if self.now.text == "{" else r"\}")
            found.without += self.inside(inside).indices("")
        else:
            found.without.append(self.index())

    def read_span(self, opening: Token, inside: list[Token], found: Range) -> None:
        r"""The classes that are written out: [n], [1, n], \{1, 2, \dots, n\}, or one by one all that there are."""
        texts = [token.text for token in inside]
        marks = [place for place, text in enumerate(texts) if text in (*DOTS, ".", ":")]
        if opening.text == "[" and not marks and texts.count(",") == 1:
            marks = [texts.index(",")]
        if marks:
            begin, end = inside[: marks[0]], inside[marks[-1] + 1 :]
        else:
            begin, end = ([], inside) if opening.text == "[" else (inside, [])
        counted = [token.text for token in begin if token.text != ","]
        first = int(counted[:1] != ["0"])
        is_counted = counted == [str(first + place) for place in range(len(counted))]
        if not is_counted or not (end or len(counted) == self.n):
            raise self.part_at(opening.position, f"over {''.join(texts)}")
        if end:
            found.count = self.count_of(begin[:1], end[end[0].text == "," :])

    def count_of(self, begin: list[Token], end: list[Token]) -> str:
        """The letter of the number of classes in bounds that leave none out: from 1 to n, or from 0 to n - 1."""
        first, last = ("".join(token.text for token in tokens) for tokens in (begin, end))
        counted_from_0 = first == "0"
        of_count = end[:-2] if counted_from_0 and last.endswith("-1") else end
        count = "".join(token.text for token in of_count)
        is_name = not any(token.kind == "number" or token.text in ("+", "-", r"\infty") for token in of_count)
        is_count = count == str(self.n) or (is_name and count not in NO_COUNT)
        if first not in ("", "0", "1") or (last and (not is_count or counted_from_0 == (last == count))):
            raise self.part_at((begin or end)[0].position, f"from {first or '1'} to {last or 'n'}")
        return count if len(of_count) == 1 and is_name else ""

    def part_at(self, place: int, written: str) -> FormulaError:
        """The error for a sum over a part of the classes, which `written` says."""
        return FormulaError(
            f"cannot read the formula at position {place + 1}: a sum runs over all classes, from 1 to n or from 0 to"
            f" n - 1, and not {written}",
            self.text,
            place,
        )
