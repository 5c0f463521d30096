r"""Read a formula in LaTeX: index notation, and matrices and vectors without indices.

A recursive descent over the tokens of `derive.checking.latex_tokens`. Next to each other is a product; a sum takes the
product that follows it; a function without parentheses takes one factor, or a sum.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import pairwise

from derive.checking.dots import DOTS, read_table
from derive.checking.formula import (
    ONE,
    SLOPE,
    Call,
    Choice,
    Item,
    Listed,
    Name,
    Node,
    Number,
    Operation,
    Same,
    Total,
    Transpose,
    negate,
    rewrite,
    walk,
)
from derive.checking.habits import CLASSES
from derive.checking.latex_calls import Calls
from derive.checking.latex_commands import RELATIONS
from derive.checking.latex_cursor import ACCENTS, ASIDE_WORDS, CLOSING, CONDITION_WORDS
from derive.checking.latex_differentials import SLOPES
from derive.checking.latex_ranges import Range
from derive.checking.latex_tokens import LONGEST_PRODUCT, Token, canonical, is_defined, unknown_word
from derive.checking.vocabulary import OF_SENTENCES, is_word
from derive.language.read import DEEPEST_NESTING, LARGEST_NUMBER

_FUNCTIONS = {
    r"\abs": "abs",
    r"\norm": "norm",
    r"\log": "log",
    r"\ln": "log",
    r"\exp": "exp",
    r"\tanh": "tanh",
    r"\sinh": "sinh",
    r"\cosh": "cosh",
    r"\diag": "diag",
    r"\max": "max",
}
_FRACTIONS = {r"\frac", r"\dfrac", r"\tfrac", r"\cfrac"}
_TRANSPOSES = ("T", r"\top", r"\intercal", r"\prime", "'", r"\T", r"\tran", r"\trans", r"\transp", r"\transpose",
    r"\dagger")  # fmt: skip
_TIMES = {"@": "@", "·": "dot", "×": "beside", "⊙": "*", "*": "*", r"\otimes": "outer", "/": "/"}
_ENDS = {")", "]", "}", r"\}", "|", r"\|", ",", ".", ";", ":", "=", "≠", "&", "\\\\", "+", "-", r"\rangle", r"\in",
    r"\over", "", *RELATIONS}  # fmt: skip
_SPELLINGS = {
    "ln": "log", "Softmax": "softmax", "LogSoftmax": "log_softmax", "logsoftmax": "log_softmax", "lse": "logsumexp",
    "log softmax": "log_softmax", "log-softmax": "log_softmax", "LSE": "logsumexp", "Diag": "diag", "one-hot": "onehot",
    "one_hot": "onehot", "rowsum": "sum", "tr": "trace",
}  # fmt: skip
_BEHIND = {*CONDITION_WORDS, *ASIDE_WORDS, "otherwise", "else"}
"""Words that stand behind a product and in none."""
_LENGTHS = CLASSES | {"N", "M", "m", "d", "D"}
"""What below a vector or a matrix says how long it is."""
_TAKE_BRACKETS = (Name("log_softmax"), Name("softmax"))
"""After these, and after a call, brackets hold an index, softmax(y)[k], rather than a factor."""


def has_transposes(tokens: Sequence[Token]) -> bool:
    """Whether something is transposed among the tokens: by what is above it, or by MATLAB's prime beside a `*`."""
    texts = [token.text for token in tokens]
    raised = any(
        mark == "^" and (above in _TRANSPOSES or (above == "{" and inside in _TRANSPOSES))
        for mark, above, inside in zip(texts, texts[1:], [*texts[2:], ""], strict=False)
    )
    bare = [text for text, after in pairwise(texts) if (text, after) != (".", "'")]
    primes = [place for place, text in enumerate(bare) if text == "'" and bare.count(bare[place - 1]) > 1]
    return raised or any("*" in (*bare[place - 2 : place - 1], *bare[place + 1 : place + 2]) for place in primes)


class Grammar(Calls):
    """The grammar of one expression: terms, products, factors and atoms."""

    def terms(self) -> Node:
        """A sum of products."""
        self.depth += 1
        if self.depth > DEEPEST_NESTING:
            raise self.failure(f"nested too deeply; at most {DEEPEST_NESTING} levels are read")
        result = self.signed()
        while self.next("+", "-"):
            result = Operation(self.take().text, result, self.product())
        if self.skip(r"\over"):
            result = Operation("/", result, self.terms())
        self.depth -= 1
        return result

    def signed(self) -> Node:
        """A product with the signs in front of it."""
        if self.skip("-"):
            return negate(self.signed())
        return self.signed() if self.skip("+") else self.product()

    def product(self) -> Node:
        """Factors, with signs between them or next to each other."""
        result = self.factor()
        while True:
            if self.next(*_TIMES):
                written = self.take().text
                symbol = "beside" if written == "*" and self.has_rows else _TIMES[written]
                sign = self.skip("-")
                right = self.factor()
                right = negate(right) if sign else right
                result = Call("outer", (result, right)) if symbol == "outer" else Operation(symbol, result, right)
            elif self.next("{") and self.tokens[self.place + 1].text == "}":
                self.enclosed("{", "}")
            elif self.next(".") and (behind := self.attempt(self.after_point)) is not None:
                result = Operation("*", result, behind)
            elif self.starts_factor() and not self.closes_with_condition():
                result = Operation("beside", result, self.factor())
            else:
                return result

    def after_point(self) -> Node | None:
        """The factor behind a point that stands for a product, as in `y_k . p_i`; None where a sentence ends."""
        self.expect(".")
        return self.factor() if self.starts_factor() and self.now.kind != "word" else None

    def starts_factor(self) -> bool:
        """Whether what comes next goes on with a product."""
        token = self.now
        if token.kind == "end" or (token.kind == "word" and token.text.split()[0].lower() in _BEHIND):
            return False
        if token.text.startswith(r"\end"):
            return False
        if token.text in ("|", r"\|"):
            return token.text not in self.bars
        return token.text not in _ENDS and token.text not in ("^", "_", "<", ">", "!", "'", r"\forall")

    def factor(self) -> Node:
        """A sum, a product over an index, or an atom with what stands at it."""
        if self.skip(r"\sum"):
            return self.sum()
        return self.product_over() if self.skip(r"\prod") else self.powers(self.atom())

    def powers(self, base: Node) -> Node:
        """`base` with its indices, powers and primes."""
        while True:
            if self.skip("^"):
                base = self.superscript(base)
            elif self.skip("_"):
                base = self.subscript(base, self.subscripts())
            elif isinstance(base, Item) and self.next("(") and self.names_entry(base):
                base = self.entry_of(base)
            elif isinstance(base, Name) and self.skip("'"):
                base = Name(f"{base.name}'")
            elif self.next(".") and self.ahead(1).text == "'" and self.ahead(1).position == self.now.position + 1:
                self.place += 2
                base = Transpose(base)
            elif self.names_method():
                base = self.method(base)
            elif self.next("[") and (isinstance(base, Call) or base in _TAKE_BRACKETS or self.brackets_index(base)):
                found = self.attempt(partial(self.bracketed, base))
                if found is None:
                    return base
                base = found
            else:
                return base

    def subscript(self, base: Node, below: tuple[Node, ...]) -> Node:
        """`base` at its indices; e_k and a bold 1_k are the one-hot vector of k, 1_n and I_n say their length below."""
        name, index = getattr(base, "name", ""), below[0] if len(below) == 1 else None
        if name == "ones" and len(below) == 2:
            return Same(*below)
        if name in self.symbols or not isinstance(index, Name) or name not in ("e", "ones", "I"):
            return Item(base, below)
        if name != "e" and index.name in _LENGTHS:
            return base
        return Item(base, below) if name == "I" else Call("onehot", below)

    def bracketed(self, base: Node) -> Node:
        """`base` at the indices in brackets."""
        self.expect("[")
        indices = self.indices("]")
        self.expect("]")
        return Item(base, indices)

    def superscript(self, base: Node) -> Node:
        """`base` with what stands above it: a power, a transpose, the number of an example."""
        exponent = self.group_tokens()
        written = "".join(token.text for token in exponent)
        if written in _TRANSPOSES:
            return Transpose(base)
        letter = base.body if isinstance(base, Item) else base
        if isinstance(letter, Name) and written in ("*", r"\star"):
            starred = Name(f"{letter.name}*")
            return replace(base, body=starred) if isinstance(base, Item) else starred
        if isinstance(base, Name) and canonical(f"{base.name}^{{{written}}}") in self.symbols:
            return Name(canonical(f"{base.name}^{{{written}}}"))
        if re.fullmatch(r"\(\w+\)|\[\w+\]|[Ll]", written):
            return base  # the number of an example, or of a layer
        power = self.inner(exponent)
        return Call("exp", (power,)) if base == Name("e") else Operation("**", base, power)

    def inner(self, tokens: list[Token]) -> Node:
        """The expression that `tokens` write."""
        reader = self.inside(tokens)
        result = reader.terms()
        if reader.now.kind != "end":
            raise reader.failure(f"{reader.now.text} cannot stand here")
        return result

    def sum(self) -> Node:
        """What follows a sum sign: where it runs, and the product that it sums."""
        over = self.range()
        sign, start = self.skip("-"), self.place
        body = self.under(over)
        if sign:
            body = negate(body)
        # A sum over examples, a^{(i)}: a batch of one row is judged, and the sum over its rows is that row's.
        written = "".join(token.text for token in self.tokens[start : self.place])
        if over.index is not None and f"^{{({over.index})}}" in written and Name(over.index) not in walk((body,)):
            return body
        return Total(body, over.index, tuple(over.without), over.count)

    def product_over(self) -> Node:
        r"""What follows \prod: of the classes that are left out, the factor is 1."""
        over = self.range()
        if over.index is None:
            raise self.failure("a product needs an index")
        others = [(Same(Name(over.index), each), ONE) for each in over.without]
        return Call("prod", (Listed(Choice((*others, (None, self.under(over)))), over.index),))

    def under(self, over: Range) -> Node:
        """The product behind a sign, under which an index runs."""
        self.running.append(over.index or "")
        body = self.product()
        self.running.pop()
        return body

    def atom(self) -> Node:
        """What no sign divides."""
        token = self.now
        match token.kind:
            case "number":
                return self.number()
            case "letter":
                return self.letter()
            case "word":
                return self.word()
        if token.text in _FRACTIONS:
            return self.fraction()
        if token.text in ACCENTS:
            return self.indexed(self.accent(self.take()))
        if token.text == r"\max" and self.tokens[self.place + 1].text == "_":
            return self.largest()
        if token.text in _FUNCTIONS:
            self.take()
            if self.next("_") and self.tokens[self.place + 1].text == "e":
                self.place += 2  # \log_e
            return self.applied(_FUNCTIONS[token.text])
        if token.text == r"\sqrt":
            self.take()
            return Call("sqrt", (self.inner(self.group_tokens()),))
        if token.text in (r"\partial", r"\nabla", *SLOPES):
            return self.derivative_sign()
        if token.text in (r"\underbrace", r"\overbrace"):
            return self.annotated()
        if token.text.startswith(r"\begin"):
            return self.environment()
        if token.text == "{":
            return self.inner(self.group_tokens())
        if token.text in CLOSING:
            return self.fenced()
        raise self.failure(f"{token.text or 'something'} {'cannot stand here' if token.text else 'is missing'}")

    def largest(self) -> Node:
        """The largest entry of what an index below runs over."""
        self.take()
        self.expect("_")
        index = self.subscripts()
        body = self.factor()
        return Call(
            "max",
            (rewrite(body, lambda part: part.body if isinstance(part, Item) and part.indices == index else None),),
        )

    def annotated(self) -> Node:
        """What stands above or below a brace, without the words beside it."""
        self.take()
        body = self.inner(self.group_tokens())
        while self.skip("_", "^"):
            self.group_tokens()
        return body

    def number(self) -> Node:
        """A number, or the 1 of an indicator."""
        token = self.take()
        value = Fraction(token.text)
        if value > LARGEST_NUMBER:
            raise self.failure(f"{token.text} is out of range; numbers go up to {LARGEST_NUMBER:.0e}")
        return (self.indicator() if value == 1 else None) or Number(value)

    def letter(self) -> Node:
        """A letter: a variable, an indicator, a delta, an activation."""
        token = self.take()
        if token.text in ("ones", "I", "δ", r"\delta", r"\chi") and (found := self.indicator()):
            return found
        if token.text == "d" and (self.next("^") or (self.starts_factor() and self.now.kind == "letter")):
            slope = self.attempt(self.inline_derivative)
            if slope is not None:
                return slope
            if self.now.kind == "letter" and self.now.position == token.position + 1:
                return self.indexed(Name(f"d{self.take().text}"))
        if token.text in (r"\delta", "δ") and self.next("_", "^", "("):
            found = self.attempt(self.delta)
            if found is not None:
                return found
        if token.text == "δ" and (found := self.attempt(partial(self.adjacent_delta, token))) is not None:
            return found
        if token.text in (r"\sigma", "σ", r"\varsigma") and self.next("("):
            return self.applied(r"\sigma")
        if (
            token.text in (r"\sigma", "σ", "S", "f", "g", "s")
            and self.next("'")
            and self.tokens[self.place + 1].text == "("
        ):
            self.take()
            return self.applied(SLOPE)
        if token.text in ("f", "s", "h", "S", "p", r"\phi", r"\varphi") and self.is_argument():
            return self.applied(r"\sigma")
        if token.text in ("H", "D", "K") and token.text not in self.symbols:
            divergence = self.attempt(partial(self.divergence, token))
            if divergence is not None:
                return divergence
        if token.text == "E" and self.next("_") and (mean := self.attempt(self.expectation)) is not None:
            return mean
        if token.text == "S" and self.next("(") and "S" not in self.symbols:
            return self.applied("S")
        return self.indexed(Name(token.text))

    def word(self) -> Node:
        """Upright text: a function or a name."""
        token = self.take()
        name = token.text
        if name in ("True", "False"):
            return Number(Fraction(int(name == "True")))
        if name.lower() in OF_SENTENCES:
            self.place -= 1
            raise self.failure(f"{name} is no part of a formula; leave out the words around it")
        if name == "d" and self.now.kind == "letter":
            slope = self.attempt(self.inline_derivative)
            return self.indexed(Name(f"d{self.take().text}")) if slope is None else slope
        if name == "E" and self.next("_") and (mean := self.attempt(self.expectation)) is not None:
            return mean
        if name in ("I", "Ind", "1") and (found := self.indicator()):
            return found
        function = _SPELLINGS.get(name, name)
        if name in ("KL", "CE") and (divergence := self.attempt(partial(self.divergence, token))) is not None:
            return divergence
        self.refuse_unknown(token)
        takes = self.next("(") or (function in ("log", "exp", "tanh") and self.starts_factor())
        return self.applied(function) if takes else self.indexed(Name(function))

    def refuse_unknown(self, token: Token) -> None:
        """Refuse a word that is no function, name or symbol, and of which nothing says what it is."""
        word = token.text
        is_known = len(word) <= LONGEST_PRODUCT or is_word(word) or word in _SPELLINGS
        if not (is_known or word in {*self.symbols, *self.given} or is_defined(word, self.text)):
            raise unknown_word(word, self.text, token.position)

    def fenced(self) -> Node:
        """What is in parentheses or bars."""
        opening = self.take().text
        if opening == r"\{" and self.next(r"\begin{array}", r"\begin{matrix}", r"\begin{cases}"):
            return self.environment(cases=True)
        if opening in ("[", "("):
            condition = self.attempt(partial(self.iverson, CLOSING[opening]))
            if condition is not None:
                return condition
        if opening in ("|", r"\|"):
            self.bars.append(opening)
        body = self.terms()
        if opening in ("|", r"\|"):
            self.bars.pop()
        if opening == r"\langle":
            self.expect(",")
            body = Call("dot", (body, self.terms()))
        if opening == "(" and self.next("if"):
            body = self.chosen(body)
        if opening in ("(", "[") and self.next(","):
            body = self.listed(body, CLOSING[opening])
        self.expect(CLOSING[opening])
        match opening:
            case "|":
                return Call("abs", (body,))
            case r"\|":
                order = [each.text for each in self.group_tokens()] if self.skip("_") else ["2"]
                if order not in (["1"], ["2"]):
                    raise self.failure("the norms of order 1 and 2 are read")
                return Call("norm", (body,)) if order == ["2"] else Call("sum", (Call("abs", (body,)),))
        return body

    def chosen(self, first: Node) -> Node:
        """What code chooses between, in parentheses: (1 if i == j else 0)."""
        condition = self.condition()
        if not self.skip("else", "otherwise"):
            raise self.failure("else is missing")
        return Choice(((condition, first), (None, self.terms())))

    def listed(self, first: Node, closing: str) -> Node:
        """A vector written out, after its first entry: (y_1 - t_1, ..., y_n - t_n)."""
        entries = [first]
        while self.skip(","):
            if not self.next(closing):
                entries.append(Name(self.take().text) if self.next(*DOTS) else self.terms())
        return read_table([tuple(entries)])
