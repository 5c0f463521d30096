"""Every quantity of every entry of the catalogue derives, and its steps and closed form pass their exact checks.

A check that fails raises. What comes out is compared with formulas written by hand elsewhere; here nothing is left out:
Gauss-Newton, and the derivatives with respect to the targets and to every parameter, are of no other test.
"""

import os

import pytest

from derive.calculus.engine import derive_quantity
from derive.catalogue import all_compositions
from derive.catalogue.model import Composition
from derive.errors import DeriveError
from derive.proof.domain import refuse_undefined

WHOLE = bool(os.environ.get("DERIVE_CATALOGUE"))
"""All takes minutes: `make test` derives what is first order over two activations, and `make catalogue` all of it."""
ACTIVATIONS = ("softmax", "softmax-temperature")


def is_defined(composition: Composition) -> bool:
    try:
        refuse_undefined(composition)
    except DeriveError:
        return False
    return composition.loss is not None


CHOSEN = [each for each in all_compositions() if is_defined(each) and (WHOLE or each.activation.name in ACTIVATIONS)]


@pytest.mark.parametrize("composition", CHOSEN, ids=lambda each: each.name)
def test_every_quantity_passes_its_exact_checks(composition: Composition) -> None:
    quantities = (*composition.quantities, *composition.further_quantities)
    for quantity in quantities if WHOLE else [each for each in quantities if each.startswith("gradient:")]:
        for labels in (False, True):
            if (labels and not composition.takes_labels) or (not labels and not composition.takes_dense):
                continue
            if labels and quantity == "gradient:t":
                continue  # a label does not change by little
            for assumptions in dict.fromkeys(((), composition.assumptions)):
                result = derive_quantity(composition, quantity, assumptions=assumptions, labels=labels)
                assert result.proofs
                assert result.chains[-1].result == result.closed_form
