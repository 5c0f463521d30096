r"""Functions applied in a LaTeX formula or a text, as on paper, `\log y_i`, and as in code, `(g*y).sum()`."""

from fractions import Fraction

from derive.checking.formula import Call, Item, Name, Node, Number, Operation, Transpose, negate
from derive.checking.latex_cursor import CLOSING
from derive.checking.latex_symbols import Symbols
from derive.checking.latex_tokens import Token
from derive.checking.vocabulary import FUNCTIONS, OPTIONS

_NORMS = ("norm", "abs")


class Calls(Symbols):
    """Reading of functions and their arguments, and of what code writes behind a value."""

    def terms(self) -> Node:
        """An argument."""
        raise NotImplementedError

    def factor(self) -> Node:
        """An argument without parentheses."""
        raise NotImplementedError

    def inner(self, tokens: list[Token]) -> Node:
        """The expression that `tokens` write."""
        raise NotImplementedError

    def applied(self, function: str) -> Node:
        """A function of what follows: of parentheses, a sum, or one factor."""
        base = self.inner(self.group_tokens()) if function == "log" and self.skip("_") else None
        power = self.inner(self.group_tokens()) if self.skip("^") else None
        options: list[tuple[str, Node]] = []
        if self.next("(", r"\{", "["):
            arguments, options = self.arguments()
            if not arguments:
                raise self.failure("an argument is missing before it")
        elif self.skip("-"):
            arguments = [negate(self.factor())]
        elif function in _NORMS and self.next("{"):  # what stands above the braces is outside
            arguments = [self.inner(self.group_tokens())]
        else:
            arguments = [self.factor()]
        if function == "log" and arguments == [Name("e")]:
            arguments = [Call("exp", (Number(Fraction(1)),))]
        name = "maximum" if function == "max" and len(arguments) == 2 else function
        call: Node = Call(name, tuple(arguments), tuple(options))
        if function == "log" and arguments[0] == Name("softmax"):
            call = Name("log_softmax")
        if base not in (None, Name("e")):
            call = Operation("/", call, Call("log", (base,)))
        return call if power is None else Operation("**", call, power)

    def arguments(self) -> tuple[list[Node], list[tuple[str, Node]]]:
        """What stands in the parentheses of a function: its arguments and its options."""
        closing = CLOSING[self.take().text]
        found: list[Node] = []
        options: list[tuple[str, Node]] = []
        while not self.skip(closing):
            if self.now.text in OPTIONS and self.ahead(1).text == "=":
                name = self.take().text
                self.expect("=")
                options.append((name, self.terms()))
            else:
                found.append(self.attempt(self.comparison) or self.terms())
            if not self.next(closing) and not self.skip(",", ";"):
                self.expect(closing)
        return found, options

    def names_method(self) -> bool:
        """Whether what code writes behind a dot comes next, `.T` or `.sum(`."""
        name = self.ahead(1)
        is_adjacent = self.next(".") and name.position == self.now.position + 1
        return is_adjacent and (name.text == "T" or (_function(name.text) in FUNCTIONS and self.ahead(2).text == "("))

    def method(self, base: Node) -> Node:
        """`base` transposed, or the function behind its dot of it."""
        self.expect(".")
        name = _function(self.take().text)
        if name == "T":
            return Transpose(base)
        if self.ahead(1).text == ")":
            self.enclosed("(", ")")
            return Call(name, (base,))
        arguments, options = self.arguments()
        return Call(name, (base, *arguments), tuple(options))

    def brackets_index(self, base: Node) -> bool:
        """Whether brackets directly behind a letter hold nothing but indices, y[i], and are no factor."""
        place = 1
        while self.ahead(place).kind in ("letter", "number") and self.ahead(place + 1).text == ",":
            place += 2
        is_adjacent = self.place > 0 and self.now.position == _end(self.tokens[self.place - 1])
        is_index = self.ahead(place).kind in ("letter", "number") and self.ahead(place + 1).text == "]"
        return isinstance(base, (Name, Item)) and is_adjacent and is_index


def _end(token: Token) -> int:
    return token.position + len(token.text)


def _function(text: str) -> str:
    return text.removeprefix("\\")
