"""The catalogue finds its definitions by itself, and reads the names of compositions."""

from pathlib import Path

import pytest

from derive import catalogue
from derive.catalogue import activations, compositions, losses, read_composition
from derive.errors import DefinitionError, DeriveError, UnknownNameError
from derive.language.read import read


def test_every_file_of_the_catalogue_adds_one_definition():
    files = {path.stem for path in Path(catalogue.__file__).parent.glob("*.py")} - {"__init__", "model", "parameters"}
    assert {name.replace("-", "_") for name in (*activations(), *losses())} == files


def test_every_definition_says_where_it_is_from():
    assert all(definition.source for definition in (*activations().values(), *losses().values()))


def test_default_compositions_are_the_activations_and_the_losses_of_those_that_output_y():
    names = [composition.name for composition in compositions()]
    assert names[:2] == ["softmax", "log-softmax"]
    assert {"softmax+cross-entropy", "softmax+mse"} <= set(names)
    assert "log-softmax+mse" not in names, "a loss is a function of y, and log-softmax outputs log y"


@pytest.mark.parametrize("name", ["softmax", "log-softmax", "softmax+cross-entropy", "log-softmax+mse"])
def test_a_composition_is_read_back_from_its_name(name):
    assert read_composition(name).name == name


def test_spaces_around_the_plus_sign_do_not_matter():
    assert read_composition("  softmax + mse ") == read_composition("softmax+mse")


def test_a_definition_stands_where_a_loss_name_can():
    composition = read_composition("softmax+sum(t[k] * y[k]**3 for k in range(n))")
    assert composition.loss_definition == read("sum(t[i]*y[i]**3 for i in range(n))")
    assert composition.assumptions == ()
    assert read_composition(composition.name) == composition, "the name reads back"


def test_a_definition_may_begin_with_a_minus_sign():
    given = read_composition("softmax+-sum(t[i]*log(y[i]) for i in range(n))")
    assert given.loss_definition == read_composition("softmax+cross-entropy").loss_definition


def test_file_names_hold_word_characters_only_and_tell_definitions_apart():
    stems = [
        read_composition(f"softmax+{loss}").stem
        for loss in ("cross-entropy", "sum(t[i]*y[i] for i in range(n))", "sum(t[i]*y[i]**2 for i in range(n))")
    ]
    assert stems[0] == "softmax_cross_entropy"
    assert all(stem.isidentifier() for stem in stems)
    assert len(set(stems)) == 3


def test_a_comment_in_a_definition_does_not_reach_the_name():
    composition = read_composition("softmax+sum(t[i]*y[i] for i in range(n)) # */ int main(void)")
    assert "main" not in composition.name


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("softmx", "there is no activation 'softmx'; did you mean softmax"),
        ("", "there is no activation ''"),
        ("softmax+cross-entropi", "there is no loss 'cross-entropi'; did you mean cross-entropy?"),
        ("softmax+", "there is no loss ''; there is cross-entropy"),
        ("softmax+y-t", "there is no loss 'y-t'"),
    ],
)
def test_an_unknown_name_gets_the_nearest_and_the_known_ones(name, sentence):
    with pytest.raises(UnknownNameError, match="there is no") as failure:
        read_composition(name)
    assert sentence in str(failure.value)


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        ("y[i]*t[j]", "its indices i and j are free"),
        ("sum(g[i]*y[i] for i in range(n))", "reads the vector g"),
        ("sum(t[i]", "cannot read"),
        ("__import__('os').system('true')", "not part of the index form"),
    ],
)
def test_a_definition_that_is_no_loss_is_refused_in_one_sentence(definition, sentence):
    with pytest.raises(DefinitionError, match=r".+") as failure:
        read_composition(f"softmax+{definition}")
    assert sentence in str(failure.value)
    assert "\n" not in str(failure.value)
    assert isinstance(failure.value, DeriveError)
