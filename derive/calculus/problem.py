"""One composition made ready for derivation: what each name stands for, and what is known about it beforehand."""

from dataclasses import dataclass
from functools import cached_property

import sympy
from sympy import Expr, IndexedBase, KroneckerDelta, Symbol

from derive import notation
from derive.calculus import contract
from derive.calculus.fold import fold
from derive.calculus.rewrite import Rule, rewrite
from derive.catalogue.model import Assumption, Composition
from derive.notation import Contraction, i, k, loss, rename, t, y, z
from derive.proof.evaluate import Definitions


@dataclass(frozen=True)
class Problem:
    """What is derived, and under which facts.

    Attributes:
        composition: the activation and the loss.
        assumptions: the declared facts that may be used.
        labels: whether the targets are class labels, t_i = δ_i,label.
    """

    composition: Composition
    assumptions: tuple[Assumption, ...] = ()
    labels: bool = False

    @cached_property
    def loss_definition(self) -> Expr:
        """The loss of one row, in terms of the activation's output."""
        definition = self.composition.loss_definition
        assert definition is not None  # noqa: S101 - asked only of a composition with a loss
        if not self.labels:
            return definition

        def one_hot(node: Expr) -> Expr | None:
            if isinstance(node, sympy.Indexed) and node.base == t:
                return KroneckerDelta(node.indices[0], notation.label)
            return None

        return contract.normalise(rewrite(definition, one_hot))

    @cached_property
    def definitions(self) -> Definitions:
        """What y, the output and the loss stand for."""
        composition = self.composition
        meanings: dict[IndexedBase | Symbol, tuple[Symbol | None, Expr]] = {}
        if composition.y_definition is not None:
            meanings[y] = (i, composition.y_definition)
        if composition.output_vector not in (y, z):
            meanings[composition.output_vector] = (i, composition.output)
        if composition.loss is not None:
            meanings[loss] = (None, self.loss_definition)
        return meanings

    @cached_property
    def facts(self) -> tuple[Rule, ...]:
        """Σ_i y_i, where the definition of y makes it a constant: 1 for a softmax."""
        definition = self.composition.y_definition
        if definition is None:
            return ()
        total = contract.normalise(Contraction(rename(definition, {i: k}), k))
        if not total.is_number:
            return ()
        return (contract.fact("sum of y", f"the entries of y sum to {total}", Contraction(y[k], k), total),)

    @cached_property
    def folding(self) -> Rule | None:
        """The rule that writes y where its definition stands."""
        definition = self.composition.y_definition
        return None if definition is None else fold(definition)
