"""The gradients of a layer follow from its index form, for any loss, and no false step passes."""

from dataclasses import replace
from fractions import Fraction

import pytest

from derive.calculus.engine import derive_quantity
from derive.catalogue import read_composition
from derive.errors import ProofError, UnsupportedError
from derive.layer import engine
from derive.layer.engine import REDUCTIONS, derive_layer
from derive.layer.evaluate import SHAPES, check, prove
from derive.layer.nodes import (
    INDICES,
    LOSS,
    Cell,
    Delta,
    Entry,
    Factor,
    G,
    Inverse,
    Matrix,
    Slope,
    Sum,
    T,
    W,
    X,
    Y,
    Z,
    b,
    product,
)
from derive.layer.rules import COORDINATE
from derive.layer.show import TextNotation, UnicodeNotation

LOSSES = [
    "softmax+cross-entropy",
    "softmax+mse",
    "log-softmax+sum((y[i] - t[i])**2 for i in range(n))",
    "softmax+log(sum(exp(z[i]) for i in range(n))) - sum(t[i]*z[i] for i in range(n))",
    "softmax+alpha*sum(t[i]*y[i]**3 for i in range(n))",
]


def derived(name, reduction="mean", **options):
    composition = read_composition(name)
    return derive_layer(composition, reduction, assumptions=composition.assumptions, **options)


def system_of(name, reduction):
    composition = read_composition(name)
    return engine._system(composition, reduction, derive_quantity(composition, "gradient"))


def written(result, array):
    matrix = result.chain(array).matrix
    return None if matrix is None else UnicodeNotation(result.n).matrix(matrix)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_the_matrix_forms_are_the_same_for_every_loss(name, reduction):
    result = derived(name, reduction)
    assert [written(result, array) for array in (W, b, X)] == ["Xᵀ G", "1ᵀ G", "G Wᵀ"]
    assert UnicodeNotation().matrix(result.chains[0].matrix) == "X W + 1 b"


def test_shapes_are_those_of_what_the_loss_is_differentiated_by():
    result = derived("softmax+cross-entropy")
    for array in (Z, W, b, X):
        assert result.chain(array).matrix.shape == Factor(array).shape


def test_the_mean_divides_g_by_the_number_of_rows_and_the_sum_does_not():
    assert written(derived("softmax+cross-entropy", "mean"), Z) == "(1/B) (Y − T)"
    assert written(derived("softmax+cross-entropy", "sum"), Z) == "Y − T"


def test_an_assumption_shows_where_it_was_used_and_nowhere_without_it():
    result = derived("softmax+cross-entropy")
    used = [step.rule for step in result.steps if step.assumptions]
    assert used == ["gradient put in"]
    bare = derive_layer(read_composition("softmax+cross-entropy"))
    assert not bare.assumptions
    chain = bare.chain(Z)
    assert TextNotation().spell(chain.result) == "1/B*(Y[r, j]*sum(T[r, i] for i in range(n)) - T[r, j])"


@pytest.mark.parametrize("name", LOSSES)
def test_every_step_begins_where_the_last_one_ended(name):
    for chain in derived(name).chains:
        ends = [chain.left, *(step.after for step in chain.steps)]
        assert [step.before for step in chain.steps] == ends[:-1]
        assert all(step.shapes == tuple(SHAPES) and step.reason for step in chain.steps)


def test_a_proof_for_every_loss_refuses_what_holds_for_none():
    system = system_of("softmax+mse", "mean")
    (r, *_), (a, *_), (j, *_) = INDICES.values()
    left = Slope(Entry(LOSS, ()), Entry(W, (a, j)))
    of_rows = Sum(r, product(Entry(X, (r, a)), Entry(G, (r, j))))
    assert prove(left, of_rows, system) == derived("softmax+mse").proved
    with pytest.raises(ProofError):
        prove(left, product(Inverse(Z.axes[0]), of_rows), system)


def test_the_three_sizes_of_a_checked_shape_differ():
    assert all(len({*shape}) == 3 for shape in SHAPES)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ((Factor(X), Factor(G)), "cannot be multiplied"),
        ((Factor(G, is_transposed=True), Factor(X)), "has no entry a, j"),
        ((Factor(W),), "differ"),
    ],
)
def test_a_wrong_transpose_a_wrong_order_or_a_wrong_matrix_is_no_step(factors, message):
    system = system_of("softmax+mse", "sum")
    (r, *_), (a, *_), (j, *_) = INDICES.values()
    left = Sum(r, product(Entry(X, (r, a)), Entry(G, (r, j))))
    right = Cell(Matrix(((Fraction(1), factors),)), (a, j))
    with pytest.raises(ProofError, match=message):
        check(left, right, system)


def test_a_row_counted_twice_is_found():
    system = system_of("softmax+mse", "mean")
    r, j = INDICES[Z.axes[0]][0], INDICES[Z.axes[1]][0]
    entry = Entry(G, (r, j))
    with pytest.raises(ProofError, match="the two sides differ at B = 2"):
        check(entry, product(Inverse(Z.axes[0]), entry), system)


def test_a_rule_that_is_wrong_stops_the_derivation(monkeypatch):
    def first_index_only(node, used):
        right = COORDINATE.visit(node, used)
        return right and Delta(node.body.indices[0], node.variable.indices[0])

    monkeypatch.setattr(engine, "COORDINATE", replace(COORDINATE, visit=first_index_only))
    with pytest.raises(ProofError, match=r"the rule 'coordinate' in .* with respect to W' took a step that is false"):
        derive_layer.__wrapped__(read_composition("softmax+mse"))


def test_an_activation_alone_has_no_layer():
    with pytest.raises(UnsupportedError, match="softmax has no loss"):
        derive_layer(read_composition("softmax"))


def test_capital_letters_hold_the_rows():
    matrix = derived("softmax+cross-entropy").chain(Z).matrix
    assert [factor.array for _, (factor,) in matrix.terms] == [Y, T]
