"""Read an expression in Python's syntax: the index form, or NumPy's array form.

The text is parsed with `ast` and walked through a closed list of nodes; nothing of it is evaluated, looked up or
imported.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from derive.checking.formula import (
    NO_COUNT,
    ONE,
    Axis,
    Call,
    Choice,
    FormulaError,
    Item,
    Listed,
    Name,
    Node,
    Number,
    Operation,
    Same,
    Table,
    Total,
    Transpose,
    negate,
)
from derive.checking.functions import APPLIED, OVER_AXES
from derive.checking.guards import is_guard
from derive.checking.habits import LABELS, LAYERS, MODULES, TARGETS, Y, plain
from derive.checking.python_names import read_name
from derive.checking.python_spelling import spell
from derive.checking.python_syntax import parse
from derive.language.read import DEEPEST_NESTING, LARGEST_NUMBER

MOST_PIECES = 3000

MODULE_CLASSES = {
    "CrossEntropyLoss": "cross_entropy", "NLLLoss": "nll_loss", "MSELoss": "mse_loss", "KLDivLoss": "kl_div",
    "BCELoss": "binary_cross_entropy", "BCEWithLogitsLoss": "binary_cross_entropy_with_logits", "Softmax": "softmax",
    "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid", "Softplus": "softplus",
    "CategoricalCrossentropy": "categorical_crossentropy",
}  # fmt: skip
"""Classes whose objects are called, `nn.CrossEntropyLoss()(z, k)`, and the functions that those are."""
_REDUCTIONS = {"logaddexp": "logsumexp", "add": "sum", "maximum": "max", "multiply": "prod"}
"""What `np.add.reduce` is: a function of an array, by that of two numbers."""
_TAKE_LENGTHS = {
    "reshape", "view", "ones", "zeros", "tile", "transpose", "permute", "expand", "broadcast_to", *OVER_AXES,
}  # fmt: skip
"""Functions to which a list gives lengths or axes; to any other it is an array."""
_OF_SHAPE = ("ones", "zeros", "full")
"""Functions that make an array of the shape that is their first argument."""

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.Mod: "dot",
}
_ORDERS: dict[type[ast.cmpop], tuple[str, bool]] = {
    ast.Gt: ("greater", False), ast.GtE: ("not_less", False), ast.Lt: ("greater", True), ast.LtE: ("not_less", True),
}  # fmt: skip
"""Comparisons of two values: the function that is 1 where they hold, and whether the sides change places."""
_SUM_OVER = re.compile(r"(?:sum|Σ)_([a-z])")
"""A sum and its index in one name: `sum_k(g[k]*y[k])`."""


class Reader:
    """One reading of one expression, which begins at `start` of the whole text."""

    def __init__(self, whole: str, start: int, piece: str, n: int | None) -> None:
        self.n = n
        stripped = piece.lstrip()
        self.whole, self.text = whole, stripped.rstrip()
        self.start = start + len(piece) - len(stripped)
        self.spelled = spell(self.text)
        self.depth = 0

    def failure(self, node: ast.AST, problem: str) -> FormulaError:
        """The error for a piece of the text, with its position."""
        lines = self.spelled.code.splitlines(keepends=True)[: getattr(node, "lineno", 1)]
        last = lines.pop().encode()[: getattr(node, "col_offset", 0)].decode(errors="ignore") if lines else ""
        position = self.position(len("".join(lines)) + len(last))
        return FormulaError(f"{problem} (at position {position + 1} of {excerpt(self.whole)})", self.whole, position)

    def position(self, place: int) -> int:
        """Where in the whole text what stands at a place of the code is written."""
        return self.start + self.spelled.origins[min(place, len(self.spelled.code))]

    def piece(self, node: ast.AST) -> str:
        """The text of a piece, cut where it is long."""
        return excerpt(ast.get_source_segment(self.spelled.code, node) or type(node).__name__)

    def read(self) -> Node:
        """The expression; raises FormulaError."""
        tree = parse(self.spelled.code)
        if not isinstance(tree, ast.Expression):
            position, reason = self.position(tree.place), tree.reason
            message = f"cannot read {excerpt(self.whole)} at position {position + 1}: {reason}"
            raise FormulaError(message, self.whole, position)
        if (sign := re.search(r"%|//", self.text)) is not None:
            position = self.start + sign.start()
            message = (
                f"cannot read {excerpt(self.whole)} at position {position + 1}: {sign.group()} is no sign of a formula"
            )
            raise FormulaError(message, self.whole, position)
        size = sum(1 for _ in ast.walk(tree))
        if size > MOST_PIECES:
            raise FormulaError(
                f"the formula at position {self.start + 1} has {size} pieces; at most {MOST_PIECES} are read",
                self.whole,
                self.start,
            )
        return self.node(tree.body)

    def node(self, tree: ast.expr) -> Node:
        """A piece of it, not nested too deeply."""
        self.depth += 1
        if self.depth > DEEPEST_NESTING:
            raise self.failure(tree, f"nested too deeply; at most {DEEPEST_NESTING} levels are read")
        result = self.visit(tree)
        self.depth -= 1
        return result

    def visit(self, tree: ast.expr) -> Node:
        """What a node of the syntax tree means."""
        match tree:
            case ast.Constant(value=value):
                return self.number(tree, value)
            case ast.Name(id=name):
                return read_name(name, self.whole)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return negate(self.node(operand))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.node(operand)
            case ast.BinOp(left=left, op=ast.FloorDiv(), right=right):
                return Call("outer", (self.node(left), self.node(right)))
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
                return Operation(_OPERATORS[type(operator)], self.node(left), self.node(right))
            case ast.Compare():
                return self.comparison(tree)
            case ast.IfExp(test=ast.Compare() as test, body=body, orelse=otherwise):
                condition, chosen, other = self.comparison(test), self.node(body), self.node(otherwise)
                if isinstance(condition, Same):
                    return Choice(((condition, chosen), (None, other)))
                return Call("where", (condition, chosen, other))
            case ast.Subscript():
                return self.item(tree)
            case ast.ListComp():
                return self.listed(tree)
            case ast.List(elts=[ast.Compare() as condition]):
                return self.comparison(condition)
            case ast.List():
                return self.array(tree)
            case ast.Attribute():
                return self.attribute(tree)
            case ast.Call() if (call := self.any_call(tree)) is not None:
                return call
        raise self.unread(tree)

    def unread(self, tree: ast.expr) -> FormulaError:
        """The error for what is no part of a formula."""
        return self.failure(
            tree,
            f"{self.piece(tree)} is not part of a formula; allowed are numbers, names, y[i], + - * / ** @, i == j, "
            "a if i == j else b, sum(... for i in range(n)), and functions such as np.exp",
        )

    def attribute(self, tree: ast.Attribute) -> Node:
        """What stands behind a dot without being called: a transpose, a length, a name of an object's own."""
        match tree:
            case ast.Attribute(value=operand, attr="T" | "mT"):
                return Transpose(self.node(operand))
            case ast.Attribute(value=ast.Name(id="self" | "ctx" | "cache"), attr=name):
                return Name(name)
            case ast.Attribute(value=operand, attr="size"):
                return Call("size", (self.node(operand),))
            case ast.Attribute(value=ast.Name(id=module), attr="e") if module in MODULES:
                return Call("exp", (ONE,))
            case ast.Attribute(value=ast.Name(id=module), attr="newaxis" | "pi" as name) if module in MODULES:
                raise self.failure(tree, f"{self.piece(tree)} cannot stand here: {name} is no part of a derivative")
        raise self.unread(tree)

    def any_call(self, tree: ast.Call) -> Node | None:
        """A call of a function by its name, of a method, of an object or of a ufunc's method; None for any other."""
        match tree:
            case ast.Call(func=ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) as made):
                return self.called_object(tree, name, made)
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr=name), attr="reduce")) if name in _REDUCTIONS:
                return self.call(tree, _REDUCTIONS[name], tree.args)
            case ast.Call(func=ast.Name(id=name)):
                function = MODULE_CLASSES.get(name) if tree.args else None
                return self.call(tree, function if function in APPLIED else name, tree.args)
            case ast.Call(func=ast.Attribute(value=operand, attr=name)):
                arguments = tree.args if _is_module(operand) else [operand, *tree.args]
                return self.call(tree, name, arguments)
        return None

    def number(self, tree: ast.expr, value: object) -> Number:
        """A number, exactly."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.failure(tree, f"{self.piece(tree)} is not a number")
        exact = Fraction(str(value)) if abs(value) <= LARGEST_NUMBER else None
        if exact is None or exact.denominator > LARGEST_NUMBER:
            raise self.failure(tree, f"{self.piece(tree)} is out of range; numbers go up to {LARGEST_NUMBER:.0e}")
        return Number(exact)

    def comparison(self, tree: ast.Compare) -> Same | Call:
        """Two class indices that are the same, or are not; of two values, a function that is 1 where it holds."""
        match tree:
            case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in _ORDERS:
                function, is_turned = _ORDERS[type(operator)]
                sides = self.node(left), self.node(right)
                return Call(function, sides[::-1] if is_turned else sides)
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() as operator], comparators=[right]):
                is_negated, sides = isinstance(operator, ast.NotEq), (self.node(left), self.node(right))
                if _is_value(left) and isinstance(right, ast.Constant):
                    return Call("not_equal" if is_negated else "equal", sides)
                return Same(*sides, is_negated)
        raise self.failure(tree, f"{self.piece(tree)} is not a comparison: i == j, i != j, or of two values, y > t")

    def item(self, tree: ast.Subscript) -> Node:
        """Something at its indices."""
        match tree:
            case ast.Subscript(value=ast.Name(id="cache"), slice=ast.Constant(value=str(name))):
                return read_name(name, self.whole)
            case ast.Subscript(value=ast.Name(id=name), slice=ast.UnaryOp(op=ast.USub(), operand=number)) if plain(
                name
            ) in LAYERS and _is_number(number, 1):
                if len(re.findall(rf"\b{name}\b", self.whole)) > len(re.findall(rf"\b{name}\[-1\]", self.whole)):
                    raise self.failure(
                        tree, f"{name} is a list of layers in {self.piece(tree)}, and a vector elsewhere"
                    )
                return Name(name)
        if isinstance(tree.value, ast.Attribute) and tree.value.attr == "shape":
            return Call("len", (self.node(tree.value.value), self.node(tree.slice)))
        if isinstance(tree.slice, ast.Compare) and _is_one(tree.value):
            return self.comparison(tree.slice)
        indices = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
        if len(indices) == 2 and _is_every_row(indices[0]):
            indices = indices[1:]  # p[np.arange(N), y]: of each row, the entry of its label
        body = self.node(tree.value)
        if isinstance(body, Item) and body.body == Name("e") and isinstance(tree.value, ast.Name):  # e_k[j]
            body = Call("onehot", tuple(each for each in body.indices if not isinstance(each, Axis)))
        return Item(body, tuple(self.index(index) for index in indices))

    def index(self, tree: ast.expr) -> Node | Axis:
        """One index."""
        match tree:
            case ast.Constant(value=None) | ast.Attribute(attr="newaxis"):
                return Axis.NEW
            case ast.Constant(value=value) if value is ...:
                return Axis.REST
            case ast.Slice(lower=None, upper=None, step=None):
                return Axis.ALL
            case ast.Slice():
                raise self.failure(tree, f"{self.piece(tree)} takes part of a vector; only : takes all of it")
            case ast.Subscript(value=ast.Name(id=labels), slice=ast.Name(id="t")) if plain(labels) in LABELS | TARGETS:
                return Name(labels)  # of a sequence, the label at one time
        return self.node(tree)

    def call(self, tree: ast.Call, name: str, arguments: Sequence[ast.expr]) -> Node:
        """A function applied; `arguments` are those that stand in its parentheses, and what a method is of."""
        if isinstance(tree.func, ast.Attribute) and name == "outer" and _is_multiply(tree.func.value):
            arguments = tree.args  # np.multiply.outer
        if name == "sum" and isinstance(tree.func, ast.Name) and len(arguments) > 1:
            raise self.failure(tree, f"{self.piece(tree)} begins at its second argument; write np.sum, or +")
        if name == "sum" and arguments and isinstance(arguments[0], ast.GeneratorExp):
            if len(arguments) > 1 or tree.keywords:
                raise self.failure(tree, f"{self.piece(tree)} has more than what is summed")
            return self.total(arguments[0])
        if (index := _SUM_OVER.fullmatch(name)) is not None and len(arguments) == 1:
            return Total(self.node(arguments[0]), index[1])
        if name == "where" and is_guard(arguments):
            return Call("guarded", (self.node(arguments[1]),))
        options = self.options(tree)
        if name == "kron" and isinstance(tree.func, ast.Attribute):  # NumPy's, of two vectors; kron(i, j) is a delta
            return Call("ravel", (Call("outer", tuple(self.node(each) for each in arguments)),))
        match arguments:
            case (ast.Attribute(value=body, attr="shape"), *values) if name in _OF_SHAPE:
                return Call(f"{name}_like", tuple(self.node(each) for each in (body, *values)), options)
        as_lengths = name in _TAKE_LENGTHS
        return Call(name, tuple(self.argument(each, as_lengths=as_lengths) for each in arguments), options)

    def options(self, tree: ast.Call) -> tuple[tuple[str, Node], ...]:
        """The keywords of a call."""
        for keyword in tree.keywords:
            if keyword.arg is None:
                raise self.failure(tree, f"{self.piece(tree)} has arguments that are not written out")
        return tuple((str(each.arg), self.argument(each.value, as_lengths=True)) for each in tree.keywords)

    def called_object(self, tree: ast.Call, name: str, made: ast.Call) -> Node:
        """`nn.CrossEntropyLoss(reduction="sum")(z, k)`: the function that the object is, with its options."""
        function = MODULE_CLASSES.get(name)
        if function is None or made.args:
            known = ", ".join(MODULE_CLASSES)
            raise self.failure(tree, f"{self.piece(tree)} is not read; of objects that are called, there are {known}")
        found = self.call(tree, function, tree.args)
        return replace(found, options=(*self.options(made), *found.options)) if isinstance(found, Call) else found

    def array(self, tree: ast.List) -> Node:
        """A vector or a matrix that is written out, entry by entry."""
        lists = [each for each in tree.elts if isinstance(each, (ast.List, ast.Tuple))]
        if not tree.elts or len(lists) not in (0, len(tree.elts)):
            raise self.failure(tree, f"{self.piece(tree)} is neither a vector nor a matrix")
        if lists:
            return Table(tuple(tuple(self.node(entry) for entry in row.elts) for row in lists))
        return Call("ravel", (Table((tuple(self.node(entry) for entry in tree.elts),)),))

    def argument(self, tree: ast.expr, *, as_lengths: bool = False) -> Node:
        """One argument of a function."""
        match tree:
            case ast.Constant(value=str(text)):
                return Name(text)
            case ast.Constant(value=bool(value)):
                return Number(Fraction(int(value)))
            case ast.List() if not as_lengths:
                return self.array(tree)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return Call("tuple", tuple(self.node(element) for element in elements))
            case ast.Name(id="dim" | "axis" | "dims"):
                return Number(Fraction(-1))  # the axis of the classes, whatever it is
            case ast.Attribute(attr="float16" | "float32" | "float64" | "int64" | "long" | "shape" | "dtype" as name):
                return Name(name)
        return self.node(tree)

    def total(self, tree: ast.GeneratorExp) -> Node:
        """A sum over the classes."""
        body = self.node(tree.elt)
        for clause in reversed(tree.generators):
            match clause:
                case ast.comprehension(
                    target=ast.Name(id=name),
                    iter=ast.Call(func=ast.Name(id="range"), args=[*begin, end], keywords=[]),
                    ifs=conditions,
                    is_async=0,
                ) if all(_is_number(each, 0) for each in begin) and self.is_count(end):
                    without = tuple(self.excluded(condition, name) for condition in conditions)
                    body = Total(body, name, without, end.id if isinstance(end, ast.Name) else "")
                case _:
                    raise self.failure(clause.target, "a sum runs over all classes: for i in range(n)")
        return body

    def listed(self, tree: ast.ListComp) -> Node:
        """A list over the classes: what a generator may run over, without conditions."""
        found = self.total(ast.GeneratorExp(tree.elt, tree.generators))
        indices: list[str] = []
        for _ in tree.generators:
            if not isinstance(found, Total) or found.without or found.index is None:
                raise self.failure(tree, f"{self.piece(tree)} leaves classes out; a list runs over all of them")
            indices.append(found.index)
            found = found.body
        if len(indices) > 1:
            raise self.failure(tree, f"{self.piece(tree)} is one long list; a matrix is a list of lists")
        return Listed(found, indices[0])

    def is_count(self, tree: ast.expr) -> bool:
        """Whether `tree` can be the number of classes: a name or a shape, and a number only where it is given."""
        match tree:
            case ast.Name(id=name):
                return name not in NO_COUNT
            case ast.Attribute() | ast.Subscript() | ast.Call():
                return True
        return self.n is not None and _is_number(tree, self.n)

    def excluded(self, tree: ast.expr, index: str) -> Node:
        """The class that a condition leaves out of a sum."""
        match tree:
            case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[right]):
                first, second = self.node(left), self.node(right)
                if Name(index) in (first, second):
                    return second if first == Name(index) else first
        raise self.failure(tree, f"{self.piece(tree)} does not leave a class out of the sum: if {index} != j")


def _is_value(tree: ast.expr) -> bool:
    """Whether what is compared with a number is a value, an entry or the targets, and no class index: `t == 1`."""
    return isinstance(tree, ast.Subscript) or (isinstance(tree, ast.Name) and plain(tree.id) in TARGETS | Y)


def _is_every_row(tree: ast.expr) -> bool:
    """Whether an index is that of all rows of a batch: range(N) or np.arange(N)."""
    match tree:
        case ast.Call(func=ast.Name(id="range" | "arange") | ast.Attribute(attr="arange")):
            return True
        case ast.Call(func=ast.Name(id="list"), args=[inner]):
            return _is_every_row(inner)
    return False


def _is_one(tree: ast.expr) -> bool:
    """Whether brackets behind `tree` make it an indicator: 1[j == k] or I[j == k]."""
    return _is_number(tree, 1) or (isinstance(tree, ast.Name) and tree.id == "I")


def _is_number(tree: ast.expr, number: int) -> bool:
    return isinstance(tree, ast.Constant) and type(tree.value) is int and tree.value == number


def _is_multiply(tree: ast.expr) -> bool:
    """Whether `tree` is np.multiply, whose `outer` is the outer product."""
    return isinstance(tree, ast.Attribute) and tree.attr == "multiply" and _is_module(tree.value)


def _is_module(tree: ast.expr) -> bool:
    match tree:
        case ast.Name(id=name):
            return name in (*MODULES, "K")  # the backend of Keras, where a function of it is called
        case ast.Attribute(value=inner, attr=name):
            return name in MODULES and _is_module(inner)
    return False


def excerpt(text: str) -> str:
    """`text` quoted, cut where it is long."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
