"""A place in the tokens of a LaTeX formula, and what is read without its grammar: indices and conditions."""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Self

from derive.checking.dots import DOTS
from derive.checking.formula import FormulaError, Name, Node, Number, Same
from derive.checking.habits import LABEL_WORDS
from derive.checking.latex_tokens import Token, canonical

ACCENTS = {r"\hat", r"\widehat", r"\bar", r"\tilde", r"\widetilde", r"\overline", r"\dot"}
CLOSING = {"(": ")", "[": "]", r"\{": r"\}", "|": "|", r"\|": r"\|", r"\langle": r"\rangle"}
_CLOSING_INDICATOR = {**CLOSING, "{": "}"}
ASIDE_WORDS = ("where", "since", "because", "as", "assuming", "with", "using", "given", "by")
"""Words with which an explanation of what was written begins."""
CONDITION_WORDS = {"if", "for", "when", "where", "and", "with", "all", "every", "each"}
_OTHERWISE = ("otherwise", "else", "o.w", "o/w")
ENTRY = re.compile(r"[ytY]_\{(\w)\}")
"""A target at one index, as a condition speaks of it."""


_POLICIES = (r"\pi", "π", "p", "P", "q")
_CLASSES_OF_POLICIES = ("a", "b", "c", "i", "j", "k", "l", "m", "y")
_USUAL_INDICES = ("i", "j", "k", "l", "m", "c")
_NO_UPPER_INDEX = ("l", "L", "T", "n")
"""What above a letter is the number of a layer, a transpose or a power."""


def _is_condition_word(token: Token) -> bool:
    return token.text.split()[0].lower().strip(",:") in CONDITION_WORDS


def _spelled(tokens: list[Token]) -> list[Token]:
    """The tokens of a subscript, those that spell a word for the label made one."""
    comma = next((place for place, token in enumerate(tokens) if token.text == ","), len(tokens))
    word = "".join(token.text for token in tokens[:comma])
    if comma < 2 or word not in LABEL_WORDS:
        return tokens
    return [Token("word", word, tokens[0].position), *tokens[comma:]]


class Cursor:
    """The tokens, and how far a reading is."""

    def __init__(self, text: str, tokens: list[Token], symbols: set[str], n: int | None = None) -> None:
        self.text, self.tokens, self.symbols, self.n = text, tokens, symbols, n
        self.place = self.depth = 0
        self.bars: list[str] = []
        """The bars that are open, of absolute values and norms."""
        self.running: list[str] = []
        """The indices of the sums around this place."""

    vectors: frozenset[str] = frozenset()
    """The symbols that the user says are vectors: H(a) is an entry of such a one."""

    has_rows = False
    """Whether something is transposed in the text: `*` is the product of matrices there."""
    given: frozenset[str] = frozenset()
    """Names of several letters that the text may have besides those that are known."""

    @property
    def now(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.place]

    def ahead(self, places: int) -> Token:
        """The token that many places behind the next one."""
        return self.tokens[min(self.place + places, len(self.tokens) - 1)]

    def next(self, *texts: str) -> bool:
        """Whether one of `texts` comes next."""
        return self.now.text in texts and self.now.kind != "end"

    def take(self) -> Token:
        """The next token, taken."""
        token = self.now
        self.place += token.kind != "end"
        return token

    def skip(self, *texts: str) -> bool:
        """Take the next token if it is one of `texts`; whether it was."""
        found = self.next(*texts)
        self.place += found
        return found

    def expect(self, text: str) -> None:
        """Take `text`, which must come next."""
        if not self.skip(text):
            raise self.failure(f"expected {text} before {self.now.text or 'the end'}")

    def failure(self, problem: str) -> FormulaError:
        """The error for what comes next."""
        position = self.now.position
        return FormulaError(f"cannot read the formula at position {position + 1}: {problem}", self.text, position)

    def attempt(self, read: Callable[[], Node | None]) -> Node | None:
        """What `read` finds, or None with nothing taken where it finds nothing or fails."""
        start = self.place
        try:
            found = read()
        except FormulaError:
            found = None
        if found is None:
            self.place = start
        return found

    def group_tokens(self) -> list[Token]:
        """The tokens of what is in braces, or the one token that stands without, with its argument in braces."""
        if self.next("("):
            return self.enclosed("(", ")")
        if self.next("{"):
            return self.enclosed("{", "}")
        start = self.place
        if self.skip("-"):  # e^-z
            self.group_tokens()
            return self.tokens[start : self.place]
        command = self.take()
        if command.kind == "end":
            raise self.failure("something is missing at the end")
        if command.text in ACCENTS:
            if self.next(*ACCENTS):
                raise self.failure("one accent stands above another")
            self.group_tokens()
        return self.tokens[start : self.place]

    def enclosed(self, opening: str, closing: str) -> list[Token]:
        """The tokens up to the sign that closes what begins here."""
        self.expect(opening)
        start, level = self.place, 1
        while level:
            token = self.take()
            if token.kind == "end":
                raise self.failure("a brace is not closed" if opening == "{" else "a parenthesis is not closed")
            level += (token.text == opening) - (token.text == closing)
        return self.tokens[start : self.place - 1]

    def subscripts(self) -> tuple[Node, ...]:
        """The indices of a subscript that begins here."""
        braced = self.next("{", "(")
        tokens = self.group_tokens()
        if self.next("'"):
            tokens = [*tokens, self.take()]
        while not braced and self.continues_subscript(tokens[-1]):
            tokens = [*tokens, self.take()]
        return self.inside(_spelled(tokens)).indices("")

    def continues_subscript(self, last: Token) -> bool:
        """Whether δ_ij is typed as plain text: a letter follows at once, and no index of its own after it."""
        adjacent = self.now.kind in ("letter", "number") and self.now.position == last.position + len(last.text)
        return adjacent and "\\" not in self.text and self.tokens[self.place + 1].text not in ("_", "^")

    def indices(self, closing: str) -> tuple[Node, ...]:
        """The indices up to `closing`."""
        found: list[Node] = []
        while not (self.next(closing) or self.now.kind == "end"):
            if not self.skip(",", "(", ")"):
                found.append(self.index())
        if not found:
            raise self.failure("an index is missing")
        return tuple(found)

    def index(self) -> Node:
        """One index."""
        token = self.take()
        if token.text in ACCENTS:
            token = Token("letter", self.accent(token).name, token.position)
        if token.kind == "number":
            return Number(Fraction(token.text))
        if token.kind not in ("letter", "word"):
            raise self.failure(f"{token.text or 'nothing'} is no index")
        if self.skip("_"):
            below = "".join(each.text for each in self.group_tokens())
            return Name(canonical(f"{token.text}_{{{below}}}"))
        if self.skip("^"):
            above = [each.text for each in self.group_tokens()]
            return Name(f"{token.text}'") if above == ["'"] else Name(token.text)  # else the number of an example
        primes = ""
        while self.skip("'"):
            primes += "'"
        return Name(token.text + primes)

    def condition(self) -> Same | None:
        """`i = j`, `i ≠ j`, or words that mean otherwise; None for those, and where it says only what i runs over."""
        while self.skip(",", "&", "(", ";", ":") or (
            self.now.kind == "word" and _is_condition_word(self.now) and self.take()
        ):
            pass
        if self.now.kind == "word" and self.now.text.lower().startswith(_OTHERWISE):
            self.take()
            return None
        if self.next(r"\forall"):
            self.skip_range()
            return None
        left = self.index()
        negated = self.next("≠")
        if self.next(r"\in") or (
            self.next("=") and self.tokens[self.place + 1].text in ("0", "1") and self.has_range()
        ):
            self.skip_range()
            return None
        words = self.words()
        if words[:1] == ["is"] and set(words) & set(LABEL_WORDS):  # "i is the correct class"
            while self.now.kind == "word" and not self.now.text.lower().startswith(_OTHERWISE):
                self.take()
            return Same(left, Name("label"), "not" in words)
        if not self.skip("=", "≠"):
            raise self.failure(f"expected = or ≠ between two indices before {self.now.text or 'the end'}")
        if isinstance(left, Name) and (entry := ENTRY.fullmatch(left.name)) and self.next("0", "1"):
            is_zero = self.take().text == "0"  # t_j = 1: j is the label
            left, right, negated = Name(entry[1]), Name("label"), negated != is_zero
            found = Same(left, right, negated)
        else:
            found = Same(left, self.index(), negated)
        while self.skip(",", ")", ".") or (self.now.kind == "word" and self.is_comment(self.now) and self.take()):
            pass
        return found

    def words(self) -> list[str]:
        """The words that come next, each alone."""
        found: list[str] = []
        for token in self.tokens[self.place :]:
            if token.kind != "word":
                break
            found += token.text.lower().split()
        return found

    def closes_with_condition(self) -> bool:
        """Whether a condition in parentheses comes next, such as (i ≠ j), behind which nothing goes on."""
        start = self.place
        try:
            self.expect("(")
            self.condition()
            ends = self.now.kind == "end" or self.next(",", ";", ".", "\\\\")
            return self.place > start + 3 and (ends or self.tokens[self.place - 1].text in (",", "."))
        except FormulaError:
            return False
        finally:
            self.place = start

    def is_comment(self, token: Token) -> bool:
        """Whether a word behind a condition says nothing more: `and`, and not `otherwise`."""
        return not token.text.lower().startswith((*_OTHERWISE, "if", "for", "when"))

    def has_range(self) -> bool:
        """Whether what follows is a range such as 1, ..., K rather than a class."""
        return any(token.text in DOTS for token in self.tokens[self.place :])

    def skip_range(self) -> None:
        """Take what says which classes an index runs over: `∀ i`, `i ∈ {1, ..., K}`, `i = 1, ..., K`."""
        allowed = {*DOTS, r"\forall", r"\in", "=", ",", r"\{", r"\}", "[", "]", "(", ")", ".", "-", "_", "{", "}", ":"}
        while self.now.kind in ("letter", "number") or self.next(*allowed):
            self.take()

    def indicator(self) -> Node | None:
        r"""What follows the 1 of `1\{i=j\}`, `1_{i=j}` or `1[i=j]`, if it does."""

        def read() -> Node | None:
            if self.skip("_"):
                tokens = [each for each in self.group_tokens() if each.text not in ("[", "]", r"\{", r"\}", "(", ")")]
                reader = self.inside(tokens)
                condition = reader.condition()
                return condition if reader.now.kind == "end" else None
            if not self.next(r"\{", "[", "(", "{"):
                return None
            closing = _CLOSING_INDICATOR[self.take().text]
            left, negated = self.index(), self.next("≠")
            if not self.skip("=", "≠"):
                return None
            condition = Same(left, self.index(), negated)
            self.expect(closing)
            return condition

        return self.attempt(read)

    def delta(self) -> Node | None:
        """The condition i = j of δ_ij, δ^{ij}, δ_i^j or δ(i, j); None for one index, or where what is above is none."""
        indices: list[Node] = []
        if self.next("("):
            between = self.enclosed("(", ")")
            indices += self.inside(between).indices("") if any(token.text == "," for token in between) else ()
        while self.next("_", "^"):
            if self.take().text == "_":
                indices += self.subscripts()
                continue
            above = self.group_tokens()
            if any(token.kind != "letter" or token.text in _NO_UPPER_INDEX for token in above):
                return None
            indices += self.inside(above).indices("")
        return Same(indices[0], indices[1]) if len(indices) == 2 else None

    def adjacent_delta(self, sign: Token) -> Node | None:
        """The condition j = k of δjk, whose indices are typed at once behind the sign; None for anything else."""
        first, second = self.take(), self.take()
        are_indices = all(token.kind == "letter" and token.text in _USUAL_INDICES for token in (first, second))
        if not are_indices or (first.position, second.position) != (sign.position + 1, sign.position + 2):
            return None
        is_whole = self.now.kind != "letter" or self.now.position > sign.position + 3
        return Same(Name(first.text), Name(second.text)) if is_whole else None

    def accent(self, token: Token) -> Name:
        """An accented letter; an index under the accent is put back, to be read after it."""
        tokens = self.group_tokens()
        if not tokens or tokens[0].kind not in ("letter", "word", "number"):
            raise self.failure(f"{token.text} needs a letter")
        name = rf"{token.text.replace('wide', '')}{{{tokens[0].text}}}"
        self.tokens[self.place : self.place] = tokens[1:]
        return Name(name)

    def class_argument(self, vector: str) -> Node | None:
        r"""The class in the parentheses of p(x), where a sum runs over x, or of P(y = j | x); None where it is none.

        With a vector that the user names, H(a), any letter is that is no symbol itself.
        """
        tokens = self.enclosed("(", ")")
        end = next((place for place, token in enumerate(tokens) if token.text in ("|", ";")), len(tokens))
        reader = self.inside(tokens[:end])  # what stands behind a stroke is what it is given
        index = reader.index()
        usual = _CLASSES_OF_POLICIES if vector in (*_POLICIES, *self.vectors) else ("i", "j", "k")
        usual = (*usual, "x") if self.vectors and "x" not in self.symbols else usual
        if vector in _POLICIES and reader.skip("="):  # P(y = j | x)
            index = reader.index()
        elif not isinstance(index, Name) or index.name not in (*self.running, *usual):
            return None
        return index if reader.now.kind == "end" else None

    def iverson(self, closing: str) -> Node | None:
        """The condition of [i = j] or (i == j), after its bracket, if it is one."""
        condition = self.comparison()
        return condition if condition is not None and self.skip(closing) else None

    def comparison(self) -> Node | None:
        """Two indices that are equal or differ; None for anything else."""
        left, negated = self.index(), self.next("≠")
        return Same(left, self.index(), negated) if self.skip("=", "≠") else None

    def inside(self, tokens: list[Token]) -> Self:
        """A reading of `tokens`, which stand within what this one reads."""
        end = Token("end", "", tokens[-1].position + 1 if tokens else self.now.position)
        reader = type(self)(self.text, [*tokens, end], self.symbols, self.n)
        reader.depth, reader.running = self.depth + 1, self.running
        reader.has_rows, reader.given, reader.vectors = self.has_rows, self.given, self.vectors
        return reader
