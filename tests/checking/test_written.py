"""Formulas as people write them, in many hands: each was judged by thinking before it was judged by the checker."""

import json
from pathlib import Path

import pytest

import derive

WRITTEN = [
    json.loads(line) for line in Path(__file__).with_name("written.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize(
    "case", WRITTEN, ids=lambda case: f"{case['composition']} {case['quantity']} {case['formula']}"
)
def test_a_formula_gets_the_verdict_that_was_thought_out(case):
    found = derive.check(case["composition"], case["quantity"], case["formula"], case.get("let"), case.get("n"))
    said = {
        "verdict": found.verdict,
        "mistake": found.mistake and found.mistake.id,
        "factor": found.factor,
        "assumptions": list(found.assumptions),
    }
    assert {name: value for name, value in said.items() if value} == case["expected"], (found.reason, found.reading)
