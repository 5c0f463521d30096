"""What a definition is: activations, losses, the facts they assume, and the composition of the two."""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property

from sympy import Dummy, Expr, Indexed, IndexedBase, Integer, KroneckerDelta, Symbol

from derive import notation
from derive.catalogue.parameters import POSITIVE, Parameter, read_ranges
from derive.errors import DefinitionError
from derive.language.read import VECTORS, read
from derive.notation import Contraction, free_indices, k, label, o, occurrences, rename, t, vectors, z


@dataclass(frozen=True)
class Assumption:
    """A declared fact about the inputs: a sum over the classes, and what it equals.

    Attributes:
        id: short name, as `--assume` takes it.
        left: the sum.
        right: what it equals.
        statement: the fact in words.
    """

    id: str
    left: Contraction
    right: Expr
    statement: str


SUM_T_1 = Assumption("sum-t-1", Contraction(t[k], k), Integer(1), "the targets sum to 1")

ASSUMPTIONS = {assumption.id: assumption for assumption in (SUM_T_1,)}
"""Every assumption that a definition may declare, by id."""


@dataclass(frozen=True)
class Activation:
    """A map from logits z to an output vector.

    Attributes:
        name: as it is written in a composition.
        output: entry i of the output, in terms of `y[i]` and `z`, in the index form.
        y: what the letter y stands for, entry i, in terms of z; None where the output uses no y.
        source: where the definition is from.
        where: the ranges of its parameters (`derive.catalogue.parameters`); positive where nothing is declared.
    """

    name: str
    output: str
    y: str | None
    source: str
    where: str = ""


@dataclass(frozen=True)
class Loss:
    """A scalar function of the output y (and logits z) of an activation, and of targets t.

    Attributes:
        name: as it is written in a composition.
        definition: the loss of one row, in the index form.
        source: where the definition is from.
        assumes: ids of the assumptions that it declares.
        labels: whether its targets may also be given as class labels, that is as one-hot rows.
        where: the ranges of its parameters (`derive.catalogue.parameters`); positive where nothing is declared.
    """

    name: str
    definition: str
    source: str
    assumes: tuple[str, ...] = ()
    labels: bool = False
    where: str = ""


@dataclass(frozen=True)
class Composition:
    """An activation and, optionally, a loss of its output.

    Attributes:
        activation, loss: the two.
        further: which of `further_quantities` are derived and built besides what every composition has.
    """

    activation: Activation
    loss: Loss | None = None
    further: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As it is written: `softmax`, `softmax+cross-entropy`."""
        return self.activation.name if self.loss is None else f"{self.activation.name}+{self.loss.name}"

    @property
    def stem(self) -> str:
        """The name of its files and functions: `softmax_cross_entropy`. A loss without a name gets a digest for one."""
        if all(character.isalnum() or character in "+-_" for character in self.name):
            return re.sub(r"\W", "_", self.name)
        digest = hashlib.sha256(self.name.encode()).hexdigest()[:8]
        return f"{self.activation.name.replace('-', '_')}_loss_{digest}"

    @property
    def quantities(self) -> tuple[str, ...]:
        """The quantities that make sense for it, in the order in which they are derived."""
        own = ("value", "jacobian", "vjp", "jvp") if self.loss is None else ("value", "gradient", "hessian", "hvp")
        return (*own, *self.further)

    @property
    def further_quantities(self) -> tuple[str, ...]:
        """What can be asked for besides: Gauss-Newton, its products, and gradients by targets and parameters."""
        if self.loss_definition is None:
            return ()
        read_by_loss = vectors(self.loss_definition)
        names = [*(["t"] if t in read_by_loss else []), *(parameter.name for parameter in self.parameters)]
        curved = [] if self.output_vector == z or z in read_by_loss else ["gauss-newton", "gnvp"]
        return (*curved, *(f"gradient:{name}" for name in names))

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """The assumptions that its loss declares."""
        return () if self.loss is None else tuple(ASSUMPTIONS[name] for name in self.loss.assumes)

    @property
    def takes_labels(self) -> bool:
        """Whether its targets may be class labels: the loss says so, or has a free index, which is the label."""
        return self.loss is not None and (self.loss.labels or not self.takes_dense)

    @property
    def takes_dense(self) -> bool:
        """Whether it takes dense targets, or none: a loss with a free index takes labels alone."""
        return self.loss_definition is None or label not in free_indices(self.loss_definition)

    @cached_property
    def y_definition(self) -> Expr | None:
        """Entry i of what y stands for, in terms of z; None where there is no y."""
        return None if self.activation.y is None else read(self.activation.y)

    @cached_property
    def output(self) -> Expr:
        """Entry i of the activation's output, in terms of y and z."""
        return read(self.activation.output)

    @property
    def output_vector(self) -> IndexedBase:
        """What the output is called when a loss is taken of it: y or z where it is just that, o otherwise."""
        return self.output.base if isinstance(self.output, Indexed) else o

    @cached_property
    def loss_definition(self) -> Expr | None:
        """The loss of one row, in terms of `output_vector` where its definition says y.

        An index that no sum binds (`y[k]`) is the class label.

        Raises:
            DefinitionError: it cannot be read, or has more than one such index.
        """
        if self.loss is None:
            return None
        definition = read(self.loss.definition, y=lambda index: self.output_vector[index])
        free = sorted(free_indices(definition), key=str)
        if len(free) > 1:
            names = " and ".join(str(index) for index in free)
            raise DefinitionError(
                f"the loss {self.loss.definition!r} has the free indices {names}; a row has one label, so only one "
                "index may stand outside a sum",
                self.loss.definition,
            )
        renamed: Expr = rename(definition, dict.fromkeys(free, label))
        return renamed

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of its definitions, sorted by name, with their declared ranges.

        Raises:
            DefinitionError: a range is declared for a name that is no parameter, or one name is both a number and a
                vector.
        """
        definitions = [each for each in (self.y_definition, self.output, self.loss_definition) if each is not None]
        letters = {*VECTORS, o.label.name, notation.n.name, notation.loss.name}
        indices = {index.name for each in definitions for index in _indices(each)}
        bases = {base.label.name for each in definitions for base in vectors(each)} - letters
        scalars = {name for each in definitions for name in _scalars(each)} - letters - indices
        for name in sorted(scalars & bases):
            raise DefinitionError(
                f"{name} stands with and without an index in {self.name}; it can be one or the other: {name}[i] "
                "everywhere, where it is one number for each class"
            )
        where = ", ".join(each.where for each in (self.activation, self.loss) if each is not None and each.where)
        ranges = read_ranges(where)
        for name in sorted(set(ranges) - scalars - bases):
            raise DefinitionError(f"{where!r} declares {name}, which is no parameter of {self.name}", where)
        return tuple(Parameter(name, name in bases, ranges.get(name, POSITIVE)) for name in sorted(scalars | bases))


def _indices(expression: Expr) -> set[Symbol]:
    """Every class index in `expression`, free or bound."""
    nodes = occurrences(expression, (Indexed, KroneckerDelta, Contraction))
    found: set[Symbol] = set()
    for node in nodes:
        found |= {node.index} if isinstance(node, Contraction) else free_indices(node)
    return found


def _scalars(expression: Expr) -> set[str]:
    """The names of the symbols in `expression` that are no part of a vector's entry."""
    entries: dict[Expr, Symbol] = {node: Dummy() for node in occurrences(expression, Indexed)}
    symbols = occurrences(expression.xreplace(entries), Symbol)
    return {symbol.name for symbol in symbols if not isinstance(symbol, Dummy)}
