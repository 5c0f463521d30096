"""Formulas that people published, right and wrong: each verdict and mistake comes out as it was recorded by hand."""

import json
from pathlib import Path

import pytest

import derive

PUBLISHED = [
    json.loads(line)
    for name in ("published.jsonl", "collected.jsonl")
    for line in Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("case", PUBLISHED, ids=lambda case: case["id"])
def test_a_published_formula_gets_its_verdict(case, tmp_path):
    formula = case["formula"]
    if case["kind"] == "file":
        (tmp_path / "published.py").write_text(formula, encoding="utf-8")
        start = formula.index("def ") + 4
        name = formula[start : formula.index("(", start)]
        formula = f"{tmp_path / 'published.py'}:{name}"
    found = derive.check(
        case["composition"], case["quantity"], formula, case["let"], case["n"], in_file=case["kind"] == "file"
    )
    assert {
        "verdict": found.verdict,
        "mistake": found.mistake and found.mistake.id,
        "factor": found.factor,
        "assumptions": list(found.assumptions),
    } == case["expected"], (found.reason, found.reading)
