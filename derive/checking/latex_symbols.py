"""Symbols of a LaTeX formula: a letter with its index or its argument, H(p, q) and D_KL(p ‖ q)."""

from functools import partial

from derive.checking.formula import Call, FormulaError, Item, Name, Node, Operation, Total, walk
from derive.checking.habits import is_description, is_vector
from derive.checking.latex_cursor import ACCENTS, CLOSING
from derive.checking.latex_differentials import Derivatives
from derive.checking.latex_tokens import Token, canonical

_ACTIVATIONS = ("f", "g", "s", "h", "S", r"\sigma", "σ", r"\phi", r"\varphi")
_POLICIES = (r"\pi", "π")
_WEIGHTED = ("p", "P", "q", "f", r"\hat{y}", r"\hat{p}")
_OF_LOGITS = (*_ACTIVATIONS, "p", "P", "y", "q", r"\pi", "π", r"\hat{y}", r"\hat{p}")
"""Letters behind whose index the logits may be named."""


class Symbols(Derivatives):
    """Reading of a letter with what belongs to it."""

    def indexed(self, name: Name) -> Node:
        """A symbol with its index, which may be part of the symbol, or say in words which one it is."""

        def described() -> Node | None:
            self.take()
            tokens = self.group_tokens()
            comma = next((place for place, token in enumerate(tokens) if token.text == ","), len(tokens))
            words = "".join(token.text for token in tokens[:comma])
            if not is_description(name.name, words):
                return None
            if comma < len(tokens) - 1:  # what follows the words is an index
                at = tokens[comma].position
                rest = [Token("sign", "_", at), Token("sign", "{", at), *tokens[comma + 1 :], Token("sign", "}", at)]
                self.tokens[self.place : self.place] = rest
            return Name(f"{name.name}_{{{words}}}")

        def compound() -> Node | None:
            mark = self.take().text
            if mark not in ("_", "^"):
                return None
            written = canonical(f"{name.name}{mark}{{{''.join(each.text for each in self.group_tokens())}}}")
            return Name(written) if written in self.symbols else None

        if name.name in _POLICIES and self.next("_"):
            self.attempt(self.weights)
        if name.name in _WEIGHTED and self.next("_") and (entry := self.attempt(partial(self.weighted, name))):
            return entry
        if self.next("(") and (index := self.attempt(partial(self.class_argument, name.name))) is not None:
            return Item(name, (index,))
        if not self.next("_", "^"):
            return name
        found = self.attempt(compound) or self.attempt(partial(self.crossed, name))
        if isinstance(found, Name):
            return self.indexed(found)
        return self.attempt(described) or name

    def weights(self) -> Node | None:
        r"""The parameters below a policy, \pi_\theta(a), or the time that another vector has too; None for others."""
        self.expect("_")
        (letter,) = self.group_tokens()[:1]
        is_time = any(vector.endswith(f"_{{{letter.text}}}") for vector in self.vectors)
        return Name(letter.text) if (letter.text in (r"\theta", r"\phi", "w") or is_time) and self.next("(") else None

    def weighted(self, name: Name) -> Node | None:
        r"""An output of weights at a class, p_\theta(j \mid x); None for an index, which stands before a factor."""
        index = self.class_argument(name.name) if self.weights() is not None else None
        return None if index is None else Item(name, (index,))

    def crossed(self, name: Name) -> Node | None:
        """The symbol whose mark above stands behind its index: A_i^{O} is A^{O} at i. The index is put back."""
        self.expect("_")
        below = self.group_tokens()
        self.expect("^")
        written = canonical(f"{name.name}^{{{''.join(each.text for each in self.group_tokens())}}}")
        if written not in self.symbols or not below:
            return None
        at = below[0].position
        self.tokens[self.place : self.place] = [
            Token("sign", "_", at), Token("sign", "{", at), *below, Token("sign", "}", at)
        ]  # fmt: skip
        return Name(written)

    def is_argument(self) -> bool:
        """Whether logits in parentheses come next, as in f(z_i) or s(z), which is the activation and no product."""
        start = self.place
        try:
            inside = self.enclosed("(", ")") if self.next("(") else []
        except FormulaError:
            return False
        finally:
            self.place = start
        if len(inside) == 1:
            return inside[0].text in ("z", "x", "Z", "X") and inside[0].text not in self.running
        return (
            len(inside) > 1
            and inside[0].text in ("z", "x", "a", "o", "Z")
            and inside[1].text == "_"
            and not any(token.text in ("+", "-", "*", "/", ",", "·", "×", "(") for token in inside)
        )

    def names_entry(self, base: Item) -> bool:
        """Whether the logits in parentheses behind an entry say what it is the entry of: f_i(z), p_i(x)."""
        is_known = isinstance(base.body, Name) and base.body.name in ("softmax", *_OF_LOGITS)
        return is_known and self.tokens[self.place + 2].text == ")" and self.is_argument()

    def entry_of(self, base: Item) -> Node:
        """The entry with what is in parentheses behind it: of the activation that is applied, or of its output."""
        (logits,) = self.enclosed("(", ")")
        is_applied = getattr(base.body, "name", "") in ("softmax", *_ACTIVATIONS)
        return Item(Call(r"\sigma", (Name(logits.text),)), base.indices) if is_applied else base

    def divergence(self, token: Token) -> Node | None:
        """H(p, q), the cross-entropy of two vectors, or H(p), and D_KL(p ‖ q), their divergence; None for any other."""
        name = token.text
        if name == "D":
            name = "".join(each.text for each in self.group_tokens()) if self.skip("_") else ""
        elif name == "K" and self.skip("L"):
            name = "KL"
        if name not in ("H", "CE", "KL") or not self.next("(", "["):
            return None
        if not self.has_two_arguments() and name != "H":
            return None
        if not self.has_two_arguments():
            return self.entropy()
        closing = CLOSING[self.take().text]
        bars = [r"\|", "|"] if name == "KL" else []
        self.bars += bars
        left = self.terms()
        del self.bars[len(self.bars) - len(bars) :]
        if self.skip("|", r"\|"):
            self.skip("|", r"\|")
        elif not self.skip(",", ";"):
            return None
        right = self.terms()
        self.expect(closing)
        return Call("kl_divergence" if name == "KL" else "cross_entropy_of", (left, right))

    def expectation(self) -> Node | None:
        r"""The mean of what follows under a distribution, E_{j \sim t}[...] or E_p[...]; None for anything else."""
        self.expect("_")
        below = self.group_tokens()
        drawn = [place for place, token in enumerate(below) if token.text == r"\sim"]
        if len(drawn) > 1 or not (drawn or self.next("[")):
            return None
        shares = self.distribution(below[drawn[0] + 1 :] if drawn else below)
        if not drawn:
            return Call("sum", (Operation("*", shares, self.factor()),)) if is_vector(shares.name) else None
        index = self.inside(below[: drawn[0]]).index()
        if not isinstance(index, Name):
            return None
        self.running.append(index.name)
        body = self.factor() if self.next("[", "(", r"\{") else self.product()
        self.running.pop()
        return Total(Operation("*", Item(shares, (index,)), body), index.name)

    def distribution(self, tokens: list[Token]) -> Name:
        r"""The vector that tokens name, without its parameters and arguments: \pi_\theta(\cdot)."""
        reader = self.inside(tokens)
        if any(token.text in ("≠", "<", ">", r"\in", r"\setminus", r"\atop") for token in tokens):
            raise self.failure("an expectation runs over all classes, and its condition is not read")
        first = reader.take()
        if first.text in ACCENTS:
            return reader.accent(first)
        if first.kind not in ("letter", "word"):
            raise self.failure("an expectation needs a distribution")
        return Name(first.text)

    def has_two_arguments(self) -> bool:
        """Whether what stands in the brackets here is two arguments, before any of it is read."""
        start, level = self.place, 0
        for token in self.tokens[start:]:
            level += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
            if level == 0:
                return False
            if level == 1 and token.text in (",", ";", "|", r"\|"):
                return True
        return False

    def entropy(self) -> Node | None:
        """H(p), the entropy of a vector, or H((t + y)/2); None for anything else, such as a Hessian times v."""
        opening = self.take().text
        vector = self.terms()
        names = {part.name for part in walk(vector) if isinstance(part, Name)}
        return None if names & {"v", "g"} or not names or not self.skip(CLOSING[opening]) else Call("H", (vector,))
