"""The catalogue finds its definitions by itself, and reads the names of compositions."""

from pathlib import Path

import pytest

from derive import catalogue
from derive.catalogue import activations, compositions, losses, read_composition
from derive.errors import DefinitionError, DeriveError, UnknownNameError
from derive.language.read import read


def test_every_file_of_the_catalogue_adds_one_definition():
    files = {path.stem for path in Path(catalogue.__file__).parent.glob("*.py")} - {
        "__init__",
        "files",
        "model",
        "parameters",
    }
    assert {name.replace("-", "_") for name in (*activations(), *losses())} == files


def test_every_definition_says_where_it_is_from():
    assert all(definition.source for definition in (*activations().values(), *losses().values()))


def test_default_compositions_are_few_however_long_the_catalogue():
    names = [composition.name for composition in compositions()]
    assert names == ["softmax", "log-softmax", "softmax+cross-entropy", "softmax+mse"]


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
        ("softmax+cross-entropi", "there is no loss 'cross-entropi'; did you mean cross-entropy or"),
        ("softmax+", "there is no loss ''; there is alpha-balanced-focal"),
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
        ("y[i]*y[k]", "has the free indices i and k"),
        ("sum(g[i]*y[i] for i in range(n))", "reads the vector g"),
        ("-log(y[k]) - a*sum(t*log(y))", "reads the row's label k and targets t, which are one thing"),
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


@pytest.mark.parametrize(
    ("definition", "hint"),
    [
        ("-sum(t*log(p))", r"depends on neither y nor z, and its gradient is 0; did you mean y for p\?"),
        ("sum(t*log(t/q))", r"did you mean y for q\?"),
        ("b*sum(t)", r"did you mean y for b\?"),
        ("sum(t**2)", "y is the output of the activation, z the logits"),
    ],
)
def test_a_loss_that_no_logit_reaches_is_refused(definition: str, hint: str) -> None:
    with pytest.raises(DefinitionError, match=hint):
        read_composition(f"softmax+{definition}")


def test_a_name_that_may_be_a_parameter_stays_one() -> None:
    for definition, names in (
        ("-sum(t*log(y))*s + p", ["p", "s"]),
        ("log(sum(exp(z[i] + log(p[i])) for i in range(n))) - z[k]", ["p"]),
        ("sum(t*(1 - y**q)/q)", ["q"]),
    ):
        assert [each.name for each in read_composition(f"softmax+{definition}").parameters] == names
