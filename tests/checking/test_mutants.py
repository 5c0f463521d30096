"""No wrong formula is called right and no right one wrong: mutants of right formulas, judged by plain NumPy.

The oracle evaluates each mutant and the definition's complex-step derivative in floating point; it shares nothing with
the checker, which reads the same text, or the same formula in LaTeX.
"""

import os

import pytest

from derive.catalogue import read_composition
from derive.checking.formula import FormulaError, IllFormedError
from derive.checking.verdict import judge_formula
from tests.checking.mutants import SEEDS, holds, mutants

EACH = int(os.environ.get("DERIVE_MUTANTS", "12"))
"""Mutants of each right formula; 100 of them make more than 2 000 judged ones."""
WANTED = 2000


def judged(seed, mutant):
    """Whether a mutant was judged, its verdict then compared with the oracle's."""
    has_loss = "+" in seed.composition
    # The letters are said, so that no mutant is read in another way than the oracle reads it.
    let = {"probabilities": "y", "logits": "z", **({"targets": "t"} if has_loss else {})}
    kinds = ("free", "sum-t-1", "t-binary", "t-one-hot") if has_loss else ("free",)
    expected = next((kind for kind in kinds if holds(mutant, seed, kind)), None)
    written = seed.written(mutant)
    try:
        found = judge_formula(read_composition(seed.composition), seed.quantity, written, let, explain=False)
    except (FormulaError, IllFormedError):
        return False
    verdict = None if not found.is_right else "".join(found.assumptions) or "free"
    if found.verdict == "right" and expected != verdict and holds(mutant, seed, "free") is None:
        return False  # NumPy stumbles over it, as over a division by zero where a vector is 0
    assert verdict == expected, (written, found)
    return True


COUNT: list[int] = []


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.composition} {seed.quantity} {seed.text[:40]}")
def test_a_mutant_is_called_right_exactly_when_it_is(seed):
    assert judged(seed, seed.text)
    COUNT.append(sum(judged(seed, mutant) for mutant in mutants(seed, EACH)))
    assert COUNT[-1] > EACH // 4  # a short formula has few different mutants


@pytest.mark.skipif(EACH < 100, reason="takes minutes: DERIVE_MUTANTS=100")
def test_the_mutants_were_many():
    assert sum(COUNT) >= WANTED
