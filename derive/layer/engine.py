"""Derive a layer: Z = X W + b before a composition, L over a batch, and ∂L/∂Z, ∂L/∂W, ∂L/∂b, ∂L/∂X in matrix form.

Nothing here knows an activation or a loss: the composition enters with its definition and its row's gradient.
"""

from dataclasses import dataclass, field, replace
from functools import cache

from derive import notation
from derive.calculus.engine import derive_quantity
from derive.calculus.problem import Problem
from derive.catalogue.model import Assumption, Composition
from derive.derivation import Result
from derive.errors import ProofError, UnsupportedError
from derive.layer.evaluate import Shape, System, check, prove
from derive.layer.matrix import ENTRYWISE, ROW_VECTORS, entrywise, matrix_lines
from derive.layer.nodes import (
    CLASSES,
    INDICES,
    LOSS,
    ROW_LOSS,
    ROWS,
    Array,
    Cell,
    Entry,
    G,
    Index,
    Inverse,
    Matrix,
    Node,
    Plus,
    RowForm,
    Slope,
    Sum,
    W,
    X,
    Z,
    b,
    fresh,
    product,
)
from derive.layer.rules import COORDINATE, DELTA, Rule, apply, known, linearity, put_in, rows_apart

REDUCTIONS = ("mean", "sum")
"""How the losses of the rows become one number."""
LONGEST = 20
"""Steps of one rule after which a chain is taken to run in a circle."""


@dataclass(frozen=True)
class LayerStep:
    """One named rule applied: `before` equals `after` under `assumptions`, checked at those shapes (B, d, n)."""

    rule: str
    reason: str
    before: Node
    after: Node
    assumptions: tuple[Assumption, ...]
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class LayerChain:
    """Steps from `left` to its result: left = ... = result.

    Attributes:
        title: what this part shows, a sentence without a full stop.
        left: what is rewritten.
        array: Z for the layer itself, otherwise what the loss is differentiated by.
        steps: the steps.
        symbol: what later chains call its left side, if they do.
    """

    title: str
    left: Node
    array: Array
    steps: tuple[LayerStep, ...]
    symbol: Array | None = None

    @property
    def result(self) -> Node:
        """Where the chain arrives."""
        return self.steps[-1].after

    @property
    def matrix(self) -> Matrix | None:
        """The result in matrix form; None where it has none, because its entries mix within a row."""
        return self.result.matrix if isinstance(self.result, Cell) else None

    @property
    def is_derivative(self) -> bool:
        """Whether it derives ∂L/∂array, and not the array itself."""
        return isinstance(self.left, Slope)


@dataclass(frozen=True)
class LayerResult:
    """The derivation of a layer.

    Attributes:
        composition: what is computed of each row of Z.
        reduction: one of `REDUCTIONS`.
        n: the given number of classes, or None for any.
        chains: Z, then the derivatives by Z, W, b and X.
        proved: the shapes at which Z and the derivatives by W, b and X are proved, for every loss.
        assumptions: the facts that the row's gradient used.
    """

    composition: Composition
    reduction: str
    n: int | None
    chains: tuple[LayerChain, ...]
    proved: tuple[Shape, ...]
    assumptions: tuple[Assumption, ...]

    @property
    def steps(self) -> tuple[LayerStep, ...]:
        """Every step of every chain, in reading order."""
        return tuple(step for chain in self.chains for step in chain.steps)

    def chain(self, array: Array) -> LayerChain:
        """The chain of the derivative by an array: Z, W, b or X."""
        return next(chain for chain in self.chains if chain.is_derivative and chain.array == array)


@cache
def derive_layer(
    composition: Composition,
    reduction: str = "mean",
    n: int | None = None,
    assumptions: tuple[Assumption, ...] = (),
) -> LayerResult:
    """Derive the gradients of a batch's loss by X (B, d), W (d, n) and b (n,), through Z = X W + b.

    Args:
        composition: an activation and a loss, applied to each row of Z.
        reduction: `mean` or `sum` of the rows' losses.
        n: a given number of classes, at which the derivation for any number is shown.
        assumptions: the declared facts that the row's gradient may use.

    Raises:
        UnsupportedError: the composition has no loss.
        DeriveError: it cannot be derived.
        ProofError: a step failed its exact check.
    """
    if composition.loss is None:
        raise UnsupportedError(f"{composition.name} has no loss; a layer is derived for an activation, +, and a loss")
    row = derive_quantity(composition, "gradient", assumptions=assumptions)
    system = _system(composition, reduction, row)
    forward, by_logits = _forward(system), _by_logits(system, row)
    by_inputs = [_by_input(system, array) for array in (W, b, X)]
    _, *_, proved = [prove(chain.left, chain.result, system) for chain in (forward, *by_inputs)]
    return LayerResult(composition, reduction, n, (forward, by_logits, *by_inputs), proved, row.assumptions)


def _system(composition: Composition, reduction: str, row: Result) -> System:
    """What Z, the losses, G and the arrays of the rows stand for."""
    problem = Problem(composition, row.assumptions)
    (r, *_), (a, *_), (j, *_) = INDICES.values()
    total: Node = Sum(r, Entry(ROW_LOSS, (r,)))
    arrays: dict[Array, tuple[tuple[Index, ...], Node]] = {
        Z: ((r, j), Plus((Sum(a, product(Entry(X, (r, a)), Entry(W, (a, j)))), Entry(b, (j,))))),
        ROW_LOSS: ((r,), RowForm(notation.loss, r, None)),
        LOSS: ((), product(Inverse(ROWS), total) if reduction == "mean" else total),
        G: ((r, j), Slope(Entry(LOSS, ()), Entry(Z, (r, j)))),
    }
    for base, array in ROW_VECTORS.items():
        if base not in (notation.z, notation.t):
            arrays[array] = ((r, j), RowForm(base[notation.j], r, j))
    return System(arrays, problem.definitions)


@dataclass
class _Line:
    """A chain while it is being written; each line is checked as it is."""

    title: str
    left: Node
    array: Array
    system: System
    now: Node = field(init=False)
    steps: list[LayerStep] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.left

    def put(self, rule: str, reason: str, after: Node, used: tuple[Assumption, ...] = ()) -> bool:
        """Write the next expression, after an exact check; False where it is the same as the last.

        Raises:
            ProofError: the two are not equal.
        """
        if after == self.now:
            return False
        try:
            shapes = check(self.now, after, self.system, used)
        except ProofError as failure:
            raise ProofError(f"the rule '{rule}' in '{self.title}' took a step that is false: {failure}") from None
        self.steps.append(LayerStep(rule, reason, self.now, after, used, shapes))
        self.now = after
        return True

    def take(self, rule: Rule, used: tuple[Assumption, ...] = ()) -> bool:
        """Apply a rule wherever it fits; False where it fits nowhere."""
        return self.put(rule.name, rule.reason, apply(rule, self.now), used)

    def exhaust(self, rule: Rule) -> None:
        """Apply a rule until it fits nowhere."""
        for _ in range(LONGEST):
            if not self.take(rule):
                return
        raise ProofError(f"'{self.title}' does not come to an end")

    def chain(self) -> LayerChain:
        """What was written."""
        return LayerChain(self.title, self.left, self.array, tuple(self.steps))


def _forward(system: System) -> LayerChain:
    """Z_rj = Σ_a X_ra W_aj + b_j, and Z = X W + 1 b."""
    indices, definition = system.arrays[Z]
    line = _Line("The layer: each row of X times W, plus b", Entry(Z, indices), Z, system)
    line.put("definition", "what a linear layer computes", definition)
    return _in_matrix_form(line, *indices)


def _by_logits(system: System, row: Result) -> LayerChain:
    """∂L/∂Z_rj from the gradient of one row, and what the reduction puts in front of it."""
    indices = system.arrays[Z][0]
    entry = Entry(Z, indices)
    line = _Line("G, the derivative of the loss with respect to Z", Slope(Entry(LOSS, ()), entry), Z, system)
    line.take(put_in(LOSS, system.arrays, "the loss of the batch put in"))
    line.take(linearity(system.arrays))
    line.take(rows_apart(system.arrays))
    line.exhaust(DELTA)
    of_row = Slope(Entry(ROW_LOSS, indices[:1]), entry)
    closed = RowForm(row.closed_form, *indices)
    line.take(known("gradient put in", "the gradient of one row, at row r", of_row, closed), row.assumptions)
    cell = entrywise(line.now)
    if cell is not None:
        line.put(*ENTRYWISE, cell)
    return replace(line.chain(), symbol=G)


def _by_input(system: System, array: Array) -> LayerChain:
    """∂L/∂A for an input A of the layer, through every entry of Z."""
    taken: frozenset[Index] = frozenset()
    indices: tuple[Index, ...] = ()
    for axis in array.axes:
        indices, taken = (*indices, fresh(axis, taken)), taken | {fresh(axis, taken)}
    rows = fresh(ROWS, taken)
    columns = fresh(CLASSES, taken)
    variable = Entry(array, indices)
    title = f"The derivative of the loss with respect to {array.name}"
    line = _Line(title, Slope(Entry(LOSS, ()), variable), array, system)
    through = product(Entry(G, (rows, columns)), Slope(Entry(Z, (rows, columns)), variable))
    reason = f"{array.name} reaches the loss through every entry of Z; G is what was found above"
    line.put("chain rule", reason, Sum(rows, Sum(columns, through)))
    line.take(put_in(Z, system.arrays, "the layer put in"))
    line.take(linearity(system.arrays))
    line.exhaust(COORDINATE)
    line.exhaust(DELTA)
    return _in_matrix_form(line, indices[0] if len(indices) > 1 else None, indices[-1])


def _in_matrix_form(line: _Line, row: Index | None, column: Index) -> LayerChain:
    for rule, reason, expression in matrix_lines(line.now, row, column):
        line.put(rule, reason, expression)
    return line.chain()
