"""Parameters keep their names in generated code, unless a language means something else by them."""

import pytest

from derive.catalogue.parameters import Parameter
from derive.kernel.arguments import name_arguments


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("gamma", "gamma"),
        ("T", "T"),
        ("double", "double_"),
        ("axis", "axis_"),
        ("batch", "batch_"),
        ("w_stride", "w_stride_"),
        ("γ", "gamma"),
        ("λ", "lambda_"),
        ("Λ", "Lambda"),
        ("_x", "parameter_x"),
        ("é", "u00e9"),
    ],
)
def test_a_name_is_kept_where_it_can_be(name: str, argument: str) -> None:
    assert name_arguments([Parameter(name, per_class=False)])[name].name == argument


def test_no_two_parameters_get_one_name() -> None:
    given = [Parameter(name, per_class=False) for name in ("γ", "gamma", "double_", "double")]
    renamed = name_arguments(given)
    assert renamed["gamma"].name == "gamma"
    assert renamed["double_"].name == "double_"
    assert len({each.name for each in renamed.values()}) == 4
