"""Read a definition in the index form, `-sum(t[i]*log(y[i]) for i in range(n))`, or in NumPy's, `-sum(t*log(y))`.

A vector without an index is read entry by entry: it stands for its entry at one class that runs, which the nearest
`sum`, `mean` or `dot` around it runs over.

The text is parsed with Python's `ast` and walked through a closed list of nodes. Nothing of it is ever evaluated,
looked up or imported, and a number that would make SymPy work without end is refused before SymPy sees it.
"""

import ast
import difflib
import keyword
import re
import unicodedata
import warnings
from collections.abc import Callable, Sequence

import sympy
from sympy import Expr, Indexed, IndexedBase, KroneckerDelta, Rational, Symbol

from derive import notation
from derive.errors import DefinitionError
from derive.language import habits
from derive.notation import Contraction, Partial, class_index, free_indices

LONGEST_TEXT = 10_000
DEEPEST_NESTING = 60
LONGEST_CHAIN = 400
"""Operators of a sum or a product: SymPy takes the square of their number."""
MOST_NESTED_SUMS = 3
"""A step is checked over every choice of classes, up to 9 of them for each sum: with four that takes minutes."""
LARGEST_NUMBER = 10**20
"""Its inverse is the smallest number besides 0: single precision has both, with room for what they meet."""
LARGEST_TERM = 10**12
"""Of a decimal number as a fraction in lowest terms: its numerator or its denominator is no larger."""
LARGEST_EXPONENT = 64

VECTORS = {base.label.name: base for base in (notation.z, notation.y, notation.t, notation.g, notation.v)}
"""The vectors that every definition knows; any other name with an index is a per-class parameter."""

FUNCTIONS: dict[str, Callable[[Expr], Expr]] = {
    "exp": sympy.exp,
    "log": sympy.log,
    "sqrt": sympy.sqrt,
    "tanh": sympy.tanh,
    "abs": sympy.Abs,
    "sign": sympy.sign,
}
"""Functions of one number."""

SPECIAL_FORMS = ("sum", "mean", "dot", "delta", "diff")
METHODS = ("sum", "mean", "dot")
"""Special forms that may also be called as methods: `(y - t).sum()`."""
MODULES = ("np", "numpy", "jnp", "math", "torch")
"""Names before a dot that change nothing: `np.log` is `log`."""

ENTRY = class_index("entry")
"""The class at which a vector without an index is read."""
RESERVED = {"n", "L", "label", *VECTORS, *FUNCTIONS, *SPECIAL_FORMS, "range"}
_OPERATORS = "+ - * / ** @"
_KEYWORDS_OF_FORMULAS = {"for", "in", "if", "else", "and", "or", "not", "True", "False", "None"}
"""Keywords that may stand in what was meant as a formula, so that the mistake may be elsewhere."""


def read(text: str, y: Callable[[Symbol], Expr] | None = None, *, as_typed: bool = False) -> Expr:
    """The expression that `text` writes in the index form.

    Args:
        text: numbers, `+ - * / **`, vectors at an index (`y[i]`), `n`, the functions of `FUNCTIONS`,
            `sum(... for i in range(n))`, `delta(i, j)`, `diff(f, z[j])`. Any other name is a parameter, a real
            number; with an index it is a parameter for each class.
            Vectors may stand without an index within `sum(...)`, `mean(...)`, `dot(a, b)` and `a @ b`.
        y: what stands for `y[index]`, as a function of the index; the letter y itself where None.
        as_typed: whether to refuse what is well formed and yet most likely a slip, `sum(y[i] for j in range(n))`.

    Raises:
        DefinitionError: with the position, the offending piece and what is allowed.
    """
    if len(text) > LONGEST_TEXT:
        raise DefinitionError(f"the text has {len(text)} characters; at most {LONGEST_TEXT} are read", text)
    _refuse_lookalikes(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of strange numbers and escapes, which are refused below
            tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        _refuse_keywords(text)
        position = max((error.offset or 1) - 1, 0)
        reason = (error.msg or "invalid syntax").split(".")[0]
        raise DefinitionError(
            f"cannot read {_excerpt(text)} at position {position}: {reason}", text, position
        ) from None
    except (MemoryError, RecursionError, ValueError):
        message = f"cannot read {_excerpt(text)}: nested too deeply; at most {DEEPEST_NESTING} levels are read"
        raise DefinitionError(message, text) from None
    reader = _Reader(text.strip(), y, as_typed=as_typed)
    expression = reader.expression(tree.body)
    if ENTRY in free_indices(expression):
        name = reader.vectors[0].id
        hint = "" if name in "zyt" else "; it is a letter of derivations, and a parameter needs another name"
        raise reader.failure(reader.vectors[0], f"{name} is a vector: take the sum of it, or its entry {name}[i]{hint}")
    return expression


def _refuse_lookalikes(text: str) -> None:
    """Refuse all but ASCII: a Cyrillic у would be a parameter beside y, and Python reads a fullwidth ｙ as y."""
    for position, character in enumerate(text):
        if not character.isascii():
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            instead = habits.instead_of(character)
            hint = f"write {instead}" if instead else "definitions are written in ASCII, Greek letters by name: gamma"
            raise DefinitionError(f"position {position} of {_excerpt(text)} holds {name}; {hint}", text, position)


def _refuse_keywords(text: str) -> None:
    """Refuse a keyword of Python where a name should stand: `lambda*y[k]`."""
    for word in re.finditer(r"[A-Za-z_]\w*", text):
        name = word.group()
        if keyword.iskeyword(name) and name not in _KEYWORDS_OF_FORMULAS:
            instead = habits.KEYWORDS.get(name, f"{name}_")
            message = f"{name} in {_excerpt(text)} is a keyword of Python and cannot be a name; write {instead}"
            raise DefinitionError(message, text, word.start())


class _Reader:
    """One reading: the text, for messages, and the indices that the sums around the current piece bind."""

    def __init__(self, text: str, y: Callable[[Symbol], Expr] | None, *, as_typed: bool) -> None:
        self.text = text
        self.as_typed = as_typed
        self.y = y
        self.depth = 0
        self.bound: dict[str, Symbol] = {}
        self.vectors: list[ast.Name] = []
        """The vectors without an index that no sum runs over so far."""

    def failure(self, node: ast.AST, problem: str) -> DefinitionError:
        position = getattr(node, "col_offset", 0)
        return DefinitionError(f"{problem} (at position {position} of {_excerpt(self.text)})", self.text, position)

    def piece(self, node: ast.AST) -> str:
        return _excerpt(ast.get_source_segment(self.text, node) or type(node).__name__)

    def expression(self, node: ast.expr) -> Expr:
        self.depth += 1
        if self.depth > DEEPEST_NESTING:
            raise self.failure(node, f"nested too deeply; at most {DEEPEST_NESTING} levels are read")
        match node:
            case ast.Constant(value=value):
                result = self.number(node, value)
            case ast.Name(id=name):
                result = self.scalar(node, name)
            case ast.Subscript():
                result = self.element(node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                result = -self.expression(operand)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                result = self.expression(operand)
            case ast.BinOp():
                result = self.operation(node)
            case ast.Call(func=ast.Name(id=name)):
                result = self.call(node, name, node.args)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)) if module in MODULES:
                result = self.call(node, name, node.args)
            case ast.Call(func=ast.Attribute(value=operand, attr=name)) if name in METHODS:
                result = self.call(node, name, [operand, *node.args])
            case _:
                raise self.failure(
                    node,
                    f"{self.piece(node)} is not part of the index form; allowed are numbers, {_OPERATORS}, "
                    f"names such as y[i], {', '.join(sorted(FUNCTIONS))}, sum, mean and dot",
                )
        self.depth -= 1
        return result

    def number(self, node: ast.expr, value: object) -> Expr:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.failure(node, f"{self.piece(node)} is not a number")
        exact = Rational(str(value)) if abs(value) <= LARGEST_NUMBER else None
        if exact is None:
            raise self.failure(node, f"{self.piece(node)} is out of range; numbers go up to {LARGEST_NUMBER:.0e}")
        mantissa = (ast.get_source_segment(self.text, node) or "").lower().partition("e")[0]
        if exact * LARGEST_NUMBER < 1 and re.search("[1-9]", mantissa):  # a float of 0 may be 1e-400
            limit = f"numbers besides 0 go down to {1 / LARGEST_NUMBER:.0e}"
            raise self.failure(node, f"{self.piece(node)} is too small to be read; {limit}")
        if min(exact.p, exact.q) > LARGEST_TERM:
            raise self.failure(node, f"{self.piece(node)} has too many digits; write a fraction, 1/3, or 12 digits")
        return exact

    def scalar(self, node: ast.Name, name: str) -> Expr:
        if name == "n":
            return notation.n
        if name == "L":
            return notation.loss
        if name in VECTORS:
            self.vectors.append(node)
            return self.entry(name, ENTRY)
        if name in self.bound or name == "label":
            raise self.failure(
                node,
                f"{name} is a class index; it can stand only in brackets or in delta(i, j), and a number of each class "
                "is a parameter with an index: (r[i] - r[k])**2",
            )
        if name in RESERVED:
            raise self.failure(node, f"{name} is a function and needs its arguments: {name}(...)")
        self.refuse_habit(node, name)
        return Symbol(name, real=True)

    def refuse_habit(self, node: ast.expr, name: str) -> None:
        """Refuse a name that means something elsewhere: taken for a parameter, it would stand for a number."""
        if name in habits.NAMES:
            raise self.failure(node, f"{name} is no name here; write {habits.NAMES[name]}")

    def index(self, node: ast.expr) -> Symbol:
        if not isinstance(node, ast.Name):
            raise self.failure(node, f"{self.piece(node)} is not a class index; an index is a name such as i")
        if node.id == "label":
            return notation.label
        if node.id in RESERVED:
            raise self.failure(node, f"{node.id} already has a meaning and cannot be an index")
        return self.bound.get(node.id) or class_index(node.id)

    def element(self, node: ast.Subscript) -> Expr:
        if not isinstance(node.value, ast.Name):
            raise self.failure(node, f"{self.piece(node)}: only a name can have an index{self.index_within(node)}")
        name, index = node.value.id, self.index(node.slice)
        if name in RESERVED and name not in VECTORS:
            raise self.failure(node, f"{name} has no index")
        self.refuse_habit(node.value, name)
        return self.entry(name, index)

    def index_within(self, node: ast.Subscript) -> str:
        """What to write for a vector's expression with an index: `log(y[k])` for `np.log(y)[k]`."""
        called = {
            ast.unparse(each.func).rpartition(".")[2] for each in ast.walk(node.value) if isinstance(each, ast.Call)
        }
        whole, _, index = (ast.get_source_segment(self.text, node) or "").removesuffix("]").rpartition("[")
        bare = re.sub(rf"\b({'|'.join(MODULES)})\.", "", whole)
        written = re.sub(r"\b[zyt]\b(?! *\[)", rf"\g<0>[{index}]", bare)
        return f"; write {written}" if written != bare and called <= FUNCTIONS.keys() else ""

    def entry(self, name: str, index: Symbol) -> Expr:
        if name == "y" and self.y is not None:
            return self.y(index)
        element: Indexed = (VECTORS.get(name) or IndexedBase(name))[index]
        return element

    def operation(self, node: ast.BinOp) -> Expr:
        """A chain of equally strong operators, such as a sum of many terms, is no deeper than one of them."""
        chain = [node]
        while isinstance(inner := chain[-1].left, ast.BinOp) and _strength(inner.op) == _strength(node.op) != 0:
            chain.append(inner)
        if len(chain) > LONGEST_CHAIN:
            raise self.failure(
                node, f"{len(chain) + 1} terms or factors in a row; at most {LONGEST_CHAIN + 1} are read"
            )
        result = self.expression(chain[-1].left)
        for each in reversed(chain):
            result = self.operate(each, result, self.expression(each.right))
        return result

    def operate(self, node: ast.BinOp, left: Expr, right: Expr) -> Expr:
        match node.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div():
                if right == 0:
                    raise self.failure(node, f"{self.piece(node)} divides by zero")
                return left / right
            case ast.Pow():
                if right.is_number and not (right.is_rational and abs(right) <= LARGEST_EXPONENT):
                    wrong = f"between ±{LARGEST_EXPONENT}" if right.is_rational else "a fraction of whole numbers"
                    raise self.failure(node.right, f"the exponent {self.piece(node.right)} is not {wrong}")
                if left == 0 and not right.is_positive:
                    raise self.failure(node, f"{self.piece(node)} is not defined")
                if left.is_Rational and max(abs(left.p), left.q) > LARGEST_NUMBER:
                    raise self.failure(node, f"{self.piece(node)} is out of range")
                return self.real(node, left**right)
            case ast.MatMult():
                return self.over_classes(node, left * right, node.left, node.right)
        hint = "; a power is written **" if isinstance(node.op, ast.BitXor) else ""
        raise self.failure(node, f"the operator in {self.piece(node)} is not one of {_OPERATORS}{hint}")

    def call(self, node: ast.Call, name: str, arguments: list[ast.expr]) -> Expr:
        if node.keywords and not (name in ("sum", "mean") and _is_last_axis(node.keywords)):
            hint = "; a definition is of one row, and a sum runs over its classes" if name in METHODS else ""
            raise self.failure(node, f"{name} takes no keyword arguments{hint}")
        match name:
            case "sum" | "mean":
                self.arity(node, name, arguments, 1)
                total = self.total(node, arguments[0])
                return total / notation.n if name == "mean" else total
            case "dot":
                self.arity(node, name, arguments, 2)
                left, right = (self.expression(argument) for argument in arguments)
                return self.over_classes(node, left * right, *arguments)
            case "delta":
                self.arity(node, name, arguments, 2)
                return KroneckerDelta(self.index(arguments[0]), self.index(arguments[1]))
            case "diff":
                self.arity(node, name, arguments, 2)
                return Partial(self.expression(arguments[0]), self.expression(arguments[1]))
        if name not in FUNCTIONS:
            near = difflib.get_close_matches(name, [*FUNCTIONS, *SPECIAL_FORMS], n=1)
            allowed = ", ".join([*sorted(FUNCTIONS), *METHODS])
            hint = f"did you mean {near[0]}? " if near else ""
            hint = f"write {habits.FUNCTIONS[name]}; " if name in habits.FUNCTIONS else hint
            raise self.failure(node, f"{name} is not a function here; {hint}allowed are {allowed}")
        self.arity(node, name, arguments, 1)
        return self.real(node, FUNCTIONS[name](self.expression(arguments[0])))

    def real(self, node: ast.expr, value: Expr) -> Expr:
        if value.has(sympy.zoo, sympy.nan, sympy.oo, sympy.I):
            raise self.failure(node, f"{self.piece(node)} is not a real number")
        return value

    def arity(self, node: ast.Call, name: str, arguments: list[ast.expr], count: int) -> None:
        if len(arguments) != count:
            plural = "argument" if count == 1 else "arguments"
            raise self.failure(node, f"{name} takes {count} {plural}, not {len(arguments)}")

    def total(self, node: ast.Call, argument: ast.expr) -> Expr:
        """A sum over the classes: with an index of its own, or over the entries of a vector."""
        if not isinstance(argument, ast.GeneratorExp):
            return self.over_classes(node, self.expression(argument), argument)
        outer = dict(self.bound)
        indices = [self.binder(clause) for clause in argument.generators]
        if len(self.bound) > MOST_NESTED_SUMS:
            raise self.failure(node, f"sums stand {len(self.bound)} deep in each other; at most {MOST_NESTED_SUMS} do")
        body = self.expression(argument.elt)
        self.refuse_unbound(argument, body, indices)
        self.bound = outer
        for index in reversed(indices):
            body = Contraction(body, index)
        return body

    def refuse_unbound(self, node: ast.GeneratorExp, body: Expr, indices: Sequence[Symbol]) -> None:
        """Refuse `sum(y[i] for j in range(n))`: an index that does not occur was meant for one that no sum binds."""
        found = free_indices(body)
        idle = [index.name for index in indices if index not in found]
        unbound = sorted(index.name for index in found - {*self.bound.values(), ENTRY})
        if self.as_typed and idle and unbound:
            raise self.failure(
                node.generators[0].target,
                f"the sum runs over {idle[0]}, and {self.piece(node.elt)} has {unbound[0]}, which no sum runs over",
            )

    def over_classes(self, node: ast.expr, body: Expr, *vectors: ast.expr) -> Expr:
        """The sum of a vector's entries; each of `vectors` must be one."""
        if ENTRY not in free_indices(body):
            (first, *_) = vectors
            is_parameter = isinstance(first, ast.Name) and first.id not in RESERVED and first.id not in self.bound
            hint = f"; where it is one for each class, write {self.piece(first)[1:-1]}[i]" if is_parameter else ""
            raise self.failure(
                node, f"{self.piece(vectors[0])} is a number, not a vector; a sum is sum(... for i in range(n)){hint}"
            )
        inside = {id(part) for vector in vectors for part in ast.walk(vector)}
        self.vectors = [vector for vector in self.vectors if id(vector) not in inside]
        return Contraction(body, ENTRY)

    def binder(self, clause: ast.comprehension) -> Symbol:
        match clause:
            case ast.comprehension(
                target=ast.Name(id=name),
                iter=ast.Call(func=ast.Name(id="range"), args=[ast.Name(id="n")], keywords=[]),
                ifs=[],
                is_async=0,
            ) if name not in RESERVED:
                self.bound[name] = sympy.Dummy(name, integer=True)
                return self.bound[name]
        raise self.failure(clause.target, "a sum runs over all classes, and over no part of them: for i in range(n)")


def _strength(operator: ast.operator) -> int:
    """1 for + and -, 2 for * and /, which chain from the left; 0 for the others."""
    return 1 if isinstance(operator, ast.Add | ast.Sub) else 2 if isinstance(operator, ast.Mult | ast.Div) else 0


def _is_last_axis(keywords: Sequence[ast.keyword]) -> bool:
    """Whether `keywords` are axis=-1, which NumPy's arrays of rows need and one row does not."""
    return [ast.unparse(each) for each in keywords] == ["axis=-1"]


def _excerpt(text: str) -> str:
    """`text` quoted, cut where it is long."""
    return ascii(text if len(text) <= 60 else f"{text[:57]}...")
