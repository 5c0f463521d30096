"""Derivatives in a LaTeX formula: fractions of differentials, and signs in front."""

from fractions import Fraction

from derive.checking.formula import Derivative, Name, Node, Number, Operation
from derive.checking.habits import LOSSES
from derive.checking.latex_environments import Environments
from derive.checking.latex_tokens import Token

SLOPES = (r"\pdv", r"\pd", r"\pderiv", r"\dv", r"\odv")
"""Commands for derivatives, of packages."""


class Derivatives(Environments):
    """Reading of derivatives; what they are of and by is read by the grammar."""

    def factor(self) -> Node:
        """What a sign applies to."""
        raise NotImplementedError

    def signed(self) -> Node:
        """What a fraction without its own numerator applies to."""
        raise NotImplementedError

    def product(self) -> Node:
        """What is summed, or of which a mean is taken."""
        raise NotImplementedError

    def inner(self, tokens: list[Token]) -> Node:
        """The expression that `tokens` write."""
        raise NotImplementedError

    def fraction(self) -> Node:
        """A fraction, or a derivative written as one."""
        self.take()
        above, below = self.part(), self.part()
        if not above or not below:
            raise self.failure("a fraction needs two parts")
        if is_differential(above) and is_differential(below):
            return self.derivative(above, below)
        if [token.text for token in above] == [r"\partial"]:  # the second ∂ is left out
            return Derivative(self.signed(), (self.inner(below),))
        return Operation("/", self.inner(above), self.inner(below))

    def part(self) -> list[Token]:
        r"""The tokens of one part of a fraction: of a number without braces its first digit, \frac12."""
        number = self.now
        if number.kind == "number" and len(number.text) > 1 and number.text.isdigit():
            first = Token("number", number.text[:1], number.position)
            rest = Token("number", number.text[1:], number.position + 1)
            self.tokens[self.place : self.place + 1] = [first, rest]
        return self.group_tokens()

    def derivative(self, above: list[Token], below: list[Token]) -> Node:
        """The derivative whose fraction has these parts."""
        variables = tuple(self.inner(piece) for piece in split_differentials(below))
        if not variables:
            raise self.failure("a derivative is by nothing")
        head = above[1:]
        if head and head[0].text == "^":
            head = head[4:] if head[1].text == "{" else head[2:]
        loss = self.loss_of_arguments(head)
        body = loss or (self.inner(head) if head else self.signed())
        return Derivative(body, variables)

    def slope_command(self) -> Node:
        r"""A derivative as a command of its own: \pdv{L}{z_j}, \pdv{L}{z_i}{z_j}, \pdv[2]{L}{z}, \pdv{z_j} L."""
        sign = Token("sign", r"\partial", self.take().position)
        twice = self.next("[") and [token.text for token in self.enclosed("[", "]")] == ["2"]
        groups = [self.group_tokens()]
        while self.next("{") and len(groups) < 3:
            groups.append(self.group_tokens())
        above, *below = groups if len(groups) > 1 else ([], *groups)
        return self.derivative([sign, *above], [each for part in below * (1 + twice) for each in (sign, *part)])

    def loss_of_arguments(self, head: list[Token]) -> Name | None:
        """The loss in `L(y, t)`, `L_{CE}(y, t)` or `CE(p, q)`; None where `head` is something else."""
        texts = [token.text for token in head]
        end = next((place for place, text in enumerate(texts) if text in ("(", "_")), 0)
        name = "".join(texts[:end]) if "(" in texts and texts[-1] == ")" else ""
        return Name(name) if name in LOSSES or (len(name) > 1 and name.isalpha() and name.isupper()) else None

    def derivative_sign(self) -> Node:
        """What ∂ or ∇ begins: ∂y/∂z, ∂_z y, ∇_z L; or a command for a derivative."""
        if self.next(*SLOPES):
            return self.slope_command()
        sign = self.take().text
        if sign == r"\nabla":
            times = 1
            variable: Node = Name("z")
            while self.next("_", "^"):
                if self.skip("_"):
                    variable = self.inner(self.group_tokens())
                else:
                    times = 2 if [token.text for token in self.group_tokens()] == ["2"] else 1
            return Derivative(self.operand(), (variable,) * times)
        if self.skip("_"):
            variable = self.inner(self.group_tokens())
            return Derivative(self.operand(), (variable,))
        return self.inline_derivative()

    def operand(self) -> Node:
        """What a derivative is taken of; of a loss and its arguments, the loss."""
        if self.now.text in LOSSES and self.tokens[self.place + 1].text == "(":
            name = Name(self.take().text)
            self.enclosed("(", ")")
            return name
        return self.factor()

    def inline_derivative(self) -> Node:
        """∂y/∂z, dy/dz or ∂²L/∂z_j∂z_i, after its first d."""
        order = self.order()
        body = self.factor()
        if not self.skip(r"\over"):
            self.expect("/")
        fenced = self.skip("(")
        variables: list[Node] = []
        while self.skip(r"\partial") or (len(variables) < order and self.skip("d")):
            variable = self.factor()
            square = isinstance(variable, Operation) and variable.right == Number(Fraction(2))
            variables += [variable.left] * 2 if isinstance(variable, Operation) and square else [variable]
        if len(variables) != order:
            raise self.failure("expected a derivative below the stroke")
        if fenced:
            self.expect(")")
        return Derivative(body, tuple(variables))

    def order(self) -> int:
        """How often is derived: the power that the first d may have."""
        if not self.skip("^"):
            return 1
        written = "".join(token.text for token in self.group_tokens())
        if written not in ("1", "2"):
            raise self.failure("first and second derivatives are read")
        return int(written)


def is_differential(tokens: list[Token]) -> bool:
    """Whether a part of a fraction is one of a derivative: ∂L, ∂z_j, or dL."""
    first = tokens[0]
    return first.text == r"\partial" or (first.text == "d" and first.kind in ("letter", "word") and len(tokens) > 1)


def split_differentials(tokens: list[Token]) -> list[list[Token]]:
    """The variables of ∂z_i ∂z_j, or of ∂z_i²."""
    pieces: list[list[Token]] = []
    for place, token in enumerate(tokens):
        if token.text == r"\partial" or (token.text == "d" and (place == 0 or token.kind == "word")):
            pieces.append([])
        elif pieces:
            pieces[-1].append(token)
    return [each for piece in pieces if piece for each in _without_power(piece)]


def _without_power(piece: list[Token]) -> list[list[Token]]:
    """z_i twice for z_i²."""
    for mark in (["^", "2"], ["^", "{", "2", "}"]):
        if [token.text for token in piece[-len(mark) :]] == mark:
            return [piece[: -len(mark)]] * 2
    return [piece]
