"""Random definitions, derived and built, agree with differences of the definition; the engine is asked for no truth.

The definition, and the closed forms, are evaluated by Python itself, with mpmath numbers. `DERIVE_STRESS=300` tries
that many definitions, other ones at each run.
"""

import os
import re
from itertools import count
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, note, reject, settings

import derive
from derive.catalogue.parameters import choose_parameters
from derive.errors import DefinitionError, UnsafeError, UnsupportedError
from derive.language.show import text
from derive.pipeline import plan_kernels
from derive.verification.callers import LANGUAGES
from derive.verification.rows import Rows
from tests.calculus.definitions import Definition, definitions
from tests.calculus.truth import DIGITS, KNOWN, NUMBERS, Row, close, differences

MANY = int(os.environ.get("DERIVE_STRESS", "0"))
PARTS = 10 if MANY else 1
"""Several processes share the many definitions among them."""
COUNT = -(-MANY // PARTS) or 30
C_EVERY = 10
"""Compiling takes longer than the rest: the C of one definition in so many is run too."""
MOST_REFUSED = 0.6 if MANY else 1 / 4
"""Of 30 definitions: three in ten drawn at random are refused, most for what overflows at logits of 50 and more, and
nineteen of thirty in one of 10 000 parts."""
LABEL = 1
LOGITS = (("0.25", "-1.25", "0.75"), ("2.5", "0.25", "-3"))
TOLERANCE = 1e-7
"""Of a kernel's double precision, as a part of the row's largest entry or of 1: a wrong formula, not a rounding."""


@pytest.mark.parametrize("_part", range(PARTS))
def test_random_definitions_agree_with_their_differences(tmp_path: Path, _part: int) -> None:
    tried, refused = count(1), list[str]()

    @settings(
        max_examples=COUNT,
        deadline=None,
        derandomize=not MANY,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(definition=definitions())
    def agrees(definition: Definition) -> None:
        note(definition.name)
        number = next(tried)
        folder = tmp_path / str(number)
        languages = ("numpy", "c") if number % C_EVERY == 0 else ("numpy",)
        try:
            derivation = derive.derive(definition.name, name="made")
            compare_forms(definition, derivation)
            derive.build(compositions=[definition.name], name="made", out=folder, targets=[*languages, "latex"])
        except DefinitionError:
            reject()  # what is summed cancels: y - y is no vector
        except (UnsupportedError, UnsafeError) as refusal:
            refused.append(str(refusal))
            return
        for language in languages:
            compare_kernels(definition, derivation, folder / "any", language)

    agrees()
    assert len(refused) <= MOST_REFUSED * COUNT, refused
    assert all(re.fullmatch(r"[^\n]{20,}", sentence) for sentence in refused)


def compare_forms(definition: Definition, derivation: derive.Derivation) -> None:
    """Each closed form against the definition, to many digits, at one row."""
    forms = {name: text(derivation.closed_form(name)) for name in derivation.composition.quantities}
    with mpmath.workdps(DIGITS):
        row = row_of(definition, derivation, LOGITS[0])
        value, slopes, curvatures, along = exact(definition, row)
        assert close(row.found(forms["value"]), value, 40), forms["value"]
        for j in range(3):
            assert close(row.found(forms["gradient"], j=j), slopes[j], 25), forms["gradient"]
            assert close(row.found(forms["hvp"], j=j), along[j], 12), forms["hvp"]
            for i in range(3):
                assert close(row.found(forms["hessian"], i=i, j=j), curvatures[i][j], 12), forms["hessian"]


def compare_kernels(definition: Definition, derivation: derive.Derivation, folder: Path, language: str) -> None:
    """Each function of one language, in double precision, against the definition."""
    composition = derivation.composition
    suffix, load = LANGUAGES[language]
    caller = load(folder / language / f"{composition.stem}{suffix}")
    z = np.array(LOGITS, np.float64)
    t, g, v = (np.array([KNOWN[name]] * len(z), np.float64) for name in "tgv")
    rows = Rows(z, t, g, v, np.full(len(z), LABEL))
    with mpmath.workdps(DIGITS):
        truths = [exact(definition, row_of(definition, derivation, logits)) for logits in LOGITS]
    for kernel in filter(caller.has, plan_kernels(composition, None)):
        for name, got in caller.call(kernel, rows).items():
            place = {"loss": 0, "grad": 1, "hess": 2, "product": 3}[name]
            for number, truth in enumerate(truths):
                expected = np.array(truth[place], np.float64)
                error = np.max(np.abs(got[number] - expected)) / max(1.0, np.max(np.abs(expected)))
                assert error <= TOLERANCE, (
                    f"{language} {kernel.name} at z = {LOGITS[number]}: {got[number]}, {expected}"
                )


def row_of(definition: Definition, derivation: derive.Derivation, logits: tuple[str, ...]) -> Row:
    chosen = choose_parameters(derivation.composition.parameters, len(logits))
    names = {name: [mpmath.mpf(each) for each in value.tolist()] if value.ndim else mpmath.mpf(float(value))
             for name, value in chosen.items()}  # fmt: skip
    cancelled = {name: mpmath.mpf(each) for name, each in NUMBERS.items() if name not in names}
    known = {**cancelled, **names, "m": LABEL, "label": LABEL}
    return Row(definition.activation, [mpmath.mpf(each) for each in logits], known)


def exact(definition: Definition, row: Row) -> tuple[Any, list[Any], list[list[Any]], list[Any]]:
    """The loss, its gradient and Hessian, and the Hessian times v, by differences of the definition."""
    slopes, curvatures = differences(lambda logits: row.at(logits).truth(definition.loss), row.logits)
    direction = [mpmath.mpf(each) for each in KNOWN["v"]]
    along = [sum(each * part for each, part in zip(line, direction, strict=True)) for line in curvatures]
    return row.truth(definition.loss), slopes, curvatures, along
