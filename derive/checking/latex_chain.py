r"""Read what is written in LaTeX: a chain of equations, or one for each case of its indices."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from derive.checking.definitions import read_definition, uses, write_out_definitions
from derive.checking.formula import Chain, Choice, Derivative, FormulaError, Name, Node, Number, Same, rewrite, walk
from derive.checking.habits import LOSSES
from derive.checking.latex_commands import RELATIONS
from derive.checking.latex_cursor import ACCENTS, ASIDE_WORDS
from derive.checking.latex_form import Grammar, has_transposes
from derive.checking.latex_tokens import canonical, commands, tokenize
from derive.checking.latex_typography import blank
from derive.checking.left_sides import is_left_side, left_indices
from derive.language.read import LONGEST_TEXT

MOST_TOKENS = 3000
_SILENT = ("&", "\\\\", ":", ",", ";", ".")
_INSIDE = ("=", "|", ",", ";")
"""What stands between the arguments of a name such as P(y = j | x), and in no product."""


def read_latex(
    text: str,
    symbols: Collection[str] = (),
    n: int | None = None,
    words: Collection[str] = (),
    vectors: Collection[str] = (),
) -> Chain:
    """The chain of formulas that `text` writes in LaTeX.

    Args:
        text: the formula, with or without dollar signs, an environment, and words around it.
        symbols: what is to be read as one symbol although it has an index, such as `y_i` or `Z^{O}`.
        n: a given number of classes, with which a sum may end.
        words: names of several letters that the text may have besides.
        vectors: the symbols that are vectors, whose entries may be written H(a).

    Raises:
        FormulaError: with the position and the offending piece.
    """
    if len(text) > LONGEST_TEXT:
        raise FormulaError(f"the formula has {len(text)} characters; at most {LONGEST_TEXT} are read", text)
    tokens = tokenize(blank(text), {*symbols, *words, *(each for symbol in symbols for each in commands(symbol))})
    if len(tokens) > MOST_TOKENS:
        raise FormulaError(f"the formula has {len(tokens)} tokens; at most {MOST_TOKENS} are read", text)
    reader = _Reader(text, tokens, {canonical(symbol) for symbol in symbols}, n)
    reader.known, reader.given = frozenset(reader.symbols), frozenset(words)
    reader.has_rows, reader.vectors = has_transposes(tokens), frozenset(map(canonical, vectors))
    return reader.formula()


@dataclass(frozen=True)
class _Statement:
    """A chain of equations and where it is said to hold; `always` where nothing is said, `aside` behind a "where"."""

    links: tuple[Node, ...]
    texts: tuple[str, ...]
    condition: Same | None
    always: bool
    aside: bool = False


class _Reader(Grammar):
    """Chains and their conditions."""

    is_aside = False
    """Whether what comes is only said to explain the formula."""

    known: frozenset[str] = frozenset()
    """The symbols that the user gave a role."""

    def formula(self) -> Chain:
        """The whole text as one chain: its definitions written out; several statements are the cases of one."""
        self.skip("=")  # what goes on a line above
        statements = [self.statement()]
        while self.now.kind != "end":
            place = self.place
            if self.begins_aside():
                self.take()
                self.is_aside = True
            following = self.attempt_statement()
            if following is None and self.is_aside:
                break  # words that explain what was written
            if following is None:
                self.place = place
                raise self.failure(f"{self.now.text} cannot stand here")
            statements.append(following)
        return self.without_definitions(statements)

    def without_definitions(self, statements: "list[_Statement]") -> Chain:
        """What the statements claim, the letters that they define written out."""
        definitions, claims = [], []
        for number, each in enumerate(statements):
            others = [link for other in statements if other is not each for link in other.links]
            definition = read_definition(each.links) if len(each.links) > 1 and each.always else None
            is_used = definition is not None and uses(others, definition.name) and definition.name not in self.known
            if definition is not None and is_used and len(statements) > 1:
                definitions.append(definition)
            elif not each.aside or not number:
                claims.append(each)
        if not claims:
            raise FormulaError("these are definitions, and nothing is claimed", self.text, 0)
        chain = self.chain(claims)
        named = len(chain.links) > 1 and is_left_side(chain.links[0])
        written = write_out_definitions(chain.links[named:], definitions)
        return replace(chain, links=(*chain.links[:named], *written))

    def chain(self, statements: "list[_Statement]") -> Chain:
        """The statements as one chain."""
        first = statements[0]
        if len(statements) == 1:
            return Chain(first.links, first.texts, first.condition)
        merged = _merge(statements)
        if merged is None:
            raise FormulaError("these are several formulas, and nothing says which entries each is of", self.text, 0)
        return merged

    def attempt_statement(self) -> _Statement | None:
        """A further statement; None where there is none."""
        try:
            return self.statement()
        except FormulaError:
            return None

    def statement(self) -> _Statement:
        """A condition if it stands in front, a chain, and a condition if it stands behind."""
        self.skip_signs()
        before = self.place
        condition = self.condition() if self.now.kind == "word" and self.begins_condition() else None
        always = self.place == before
        links, texts = self.links()
        before = self.place
        self.skip_signs(",", ".", ";", "\\\\", "&")
        if self.now.kind != "end" and always and not self.begins_equation() and not self.begins_definition():
            if not self.begins_aside():
                condition, always = self.condition_behind()
            self.skip_signs(",", ".", ";")
        if always and isinstance(links[0], Name):
            self.symbols.add(links[0].name)  # S of `S = ...` is no function then
        return _Statement(tuple(links), tuple(texts), condition, always, self.is_aside)

    def links(self) -> tuple[list[Node], list[str]]:
        """The expressions between equals signs, and what was written for each."""
        links: list[Node] = []
        texts: list[str] = []
        while True:
            self.skip_signs("&", "\\\\", ":")
            start = self.now.position
            name = self.attempt(self.named_left_side) if not links else None
            links.append(name or self.terms())
            texts.append(self.text[start : self.now.position].strip(" &\n"))
            self.skip_signs("&", "\\\\", ":")
            if self.next(*RELATIONS):
                raise self.failure(f"{self.now.text} is no equals sign: end the formula before it")
            if not self.skip("="):
                return links, texts

    def skip_signs(self, *signs: str) -> None:
        while self.skip(*(signs or _SILENT)):
            pass

    def condition_behind(self) -> tuple[Same | None, bool]:
        """A condition that stands behind an equation, and False; or behind a semicolon another formula, and True."""
        place, is_apart = self.place, self.tokens[self.place - 1].text == ";"
        try:
            return self.condition(), False
        except FormulaError:
            if not is_apart:
                raise
            self.place = place
            return None, True

    def begins_condition(self) -> bool:
        """Whether a word opens a condition that stands in front of what it is about."""
        return self.now.text.split()[0].lower() in ("if", "for", "when", "case", "else", "otherwise")

    def begins_equation(self) -> bool:
        """Whether a derivative or a sum comes next: a condition speaks of indices alone."""
        return self.next(r"\frac", r"\dfrac", r"\tfrac", r"\partial", r"\nabla", r"\sum")

    def begins_definition(self) -> bool:
        """Whether a letter comes next with its meaning, `R = ...`, rather than two indices that agree, `i = j`."""
        start = self.place
        try:
            if self.next(*ACCENTS):
                self.accent(self.take())
            elif self.now.kind != "letter" or not isinstance(self.indexed(Name(self.take().text)), Name):
                return False
            if self.skip("_"):
                self.group_tokens()
            self.skip("&")
            if not self.skip("="):
                return False
            self.skip("&")
            self.take()
            return not (self.now.kind in ("end", "word") or self.next(*_SILENT, ")"))
        finally:
            self.place = start

    def begins_aside(self) -> bool:
        """Whether a word comes next that explains what was written, `where p = ...`, and states no condition."""
        if self.now.kind != "word" or self.now.text.split()[0].lower() not in ASIDE_WORDS:
            return False
        start = self.place
        try:
            condition = self.condition()
            sides = () if condition is None else (condition.left, condition.right)
            indices = all(isinstance(side, Number) or len(getattr(side, "name", "")) == 1 for side in sides)
            return not (indices and (self.now.kind == "end" or self.next(",", ";", ".", "\\\\")))
        except FormulaError:
            return True
        finally:
            self.place = start

    def named_left_side(self) -> Node | None:
        """A name with its arguments, such as L(y, t) or P(y = j | x), where an equals sign follows."""
        start = self.place
        while self.now.kind in ("letter", "word"):
            self.take()
        if self.place == start or not self.next("("):
            return None
        head = self.tokens[start : self.place]
        if any(token.kind == "word" and not token.text.isupper() for token in head):
            return None
        arguments = self.enclosed("(", ")")
        name = "".join(token.text for token in head)
        is_name = name in LOSSES or (len(name) > 1 and name.isupper())
        if not self.next("=", "&") or not (is_name or any(token.text in _INSIDE for token in arguments)):
            return None
        return Name(f"{name}()")


def _merge(statements: list[_Statement]) -> Chain | None:
    """The statements as one formula, each of them a case of it; None where they are no cases."""
    general = max(statements, key=lambda each: (len(set(_left_names(each))), each.condition is not None))
    names = _left_names(general)
    if any(each.always and not _left_names(each) for each in statements):
        return None
    has_diagonal = len(statements) == 2 and any(map(_is_on_diagonal, statements))
    cases: list[tuple[Same | None, Node]] = []
    for each in statements:
        mine, value, condition = _left_names(each), each.links[-1], each.condition
        if mine and mine != names and len(mine) == len(names):
            others = dict(zip(reversed(mine), reversed(names), strict=True))  # of an index there twice, the row's
            value = _rename(value, others)
            if condition is not None and len(set(mine)) == len(mine):
                condition = Same(_rename(condition.left, others), _rename(condition.right, others), condition.negated)
        if condition is None and each.always:
            is_label = len(mine) == 1 and general.condition in _apart(mine[0], names[0])
            is_rest = has_diagonal and not any(isinstance(part, Same) for part in walk(value))
            if not (_is_on_diagonal(each) or is_label or is_rest):
                return None
            pair = (*mine, *names) if is_label else names
            if _is_on_diagonal(each) or is_label:  # else it is of all other entries
                condition = Same(Name(pair[0]), Name(pair[1])) if len(pair) == 2 and pair[0] != pair[1] else None
        if condition in (held for held, _ in cases):
            return None
        cases.append((condition, value))
    cases.sort(key=lambda case: case[0] is None)
    left = general.links[:1] if names else ()
    return Chain(
        (*left, Choice(tuple(cases))), (*general.texts[: len(left)], "; ".join(e.texts[-1] for e in statements))
    )


def _is_on_diagonal(statement: _Statement) -> bool:
    """Whether an index is there twice on the left side."""
    mine = _left_names(statement)
    return len(set(mine)) < len(mine)


def _apart(one: str, other: str) -> tuple[Same, Same]:
    """That two indices differ, in either order."""
    return Same(Name(one), Name(other), negated=True), Same(Name(other), Name(one), negated=True)


def _left_names(statement: _Statement) -> tuple[str, ...]:
    """The indices on the left side of a statement, where it is a derivative."""
    left = statement.links[0]
    if len(statement.links) < 2 or not isinstance(left, Derivative):
        return ()
    return tuple(str(index) for index in left_indices(left) or ())


def _rename(node: Node, names: dict[str, str]) -> Node:
    """The node with other names for its indices."""

    def other(part: Node) -> Node | None:
        return Name(names[part.name]) if isinstance(part, Name) and part.name in names else None

    found: Node = rewrite(node, other)
    return found
