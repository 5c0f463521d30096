"""A derivation as text, LaTeX, Markdown and JSON."""

import json
import re

import pytest
from sympy import expand

from derive.calculus.engine import derive_quantity
from derive.catalogue import compositions, read_composition
from derive.derivation import Result
from derive.language.read import read
from derive.language.show import unicode
from derive.targets.report import formula_lines, report_json, report_latex, report_markdown, report_text


def result(name: str, quantity: str, n: int | None = None, *, assume: bool = True) -> Result:
    composition = read_composition(name)
    assumptions = composition.assumptions if assume else ()
    return derive_quantity(composition, quantity, n=n, assumptions=assumptions)


def all_results(n: int | None) -> list[Result]:
    return [result(each.name, quantity, n) for each in compositions() for quantity in each.quantities]


def test_text_ends_in_the_closed_form() -> None:
    assert report_text([result("softmax", "jacobian")]).endswith("\n∂y_i/∂z_j = y_i (δ_ij − y_j)")


def test_text_names_the_assumption_at_its_step_and_at_the_end() -> None:
    text = report_text([result("softmax+cross-entropy", "gradient")])
    assert "the targets sum to 1, assuming Σ_i t_i = 1" in text
    assert text.endswith("∂L/∂z_j = y_j − t_j\n    where Σ_i t_i = 1")


def test_text_without_the_assumption() -> None:
    text = report_text([result("softmax+cross-entropy", "gradient", assume=False)])
    assert text.endswith("∂L/∂z_j = y_j Σ_i t_i − t_j")


@pytest.mark.parametrize("n", [None, 3, 1000])
def test_text_fits_a_terminal_of_80_columns(n: int | None) -> None:
    for line in report_text(all_results(n)).splitlines():
        assert len(line) <= 80, line


def test_text_writes_a_matrix_out() -> None:
    assert "[    −y_1 y_2    y_2 (1 − y_2) ]" in report_text([result("softmax", "jacobian", 2)])


@pytest.mark.parametrize("n", [None, 3])
def test_latex_and_markdown_stand_alone(n: int | None) -> None:
    for written in (report_latex(all_results(n)), report_markdown(all_results(n))):
        assert not re.search(r"\\(logits|probs|targets|outputs|upstream|direction|lossvalue|classcount|step)", written)


def test_markdown_has_a_numbered_step_for_each_rule() -> None:
    markdown = report_markdown([result("softmax+cross-entropy", "gradient")])
    assert "1. *chain rule*: the logits reach the loss through every entry of the output" in markdown
    assert markdown.count("$$") % 2 == 0


def test_markdown_takes_nothing_for_emphasis() -> None:
    markdown = report_markdown([result("softmax+sum(t[i]*y[i]**3 for i in range(n))", "value")])
    assert r"t\[i\]\*y\[i\]\*\*3" in markdown


def test_json_holds_what_it_should() -> None:
    document = json.loads(report_json([result("softmax+cross-entropy", "gradient", 3)]))
    assert list(document) == ["composition", "quantity", "n", "definition", "assumptions", "closed_form", "steps"]
    assert document["n"] == 3
    assert document["definition"]["text"] == "-sum(t[i]*log(y[i]) for i in range(n))"
    assert [each["id"] for each in document["assumptions"]] == ["sum-t-1"]
    assert document["closed_form"] == {"text": "y[j] - t[j]", "latex": "y_{j} - t_{j}"}
    last = document["steps"][-1]
    assert set(last) == {"rule", "reason", "before", "after", "assumptions", "check"}
    assert last["assumptions"] == ["sum-t-1"]
    assert last["check"]["method"] == "modular"


def test_json_formulas_read_back_as_what_they_show() -> None:
    for each in all_results(None):
        document = json.loads(report_json([each]))
        assert expand(read(document["closed_form"]["text"]) - each.closed_form) == 0
        for written, step in zip(document["steps"], each.steps, strict=True):
            assert expand(read(written["before"]["text"]) - step.before) == 0, written
            assert expand(read(written["after"]["text"]) - step.after) == 0, written


def test_a_long_line_is_broken_between_terms_outside_brackets() -> None:
    assert formula_lines("    = " + "a_i (1 − b_i) " * 4 + "+ (c_i − d_i) (e_i − f_i)") == [
        "    = a_i (1 − b_i) a_i (1 − b_i) a_i (1 − b_i) a_i (1 − b_i)",
        "        + (c_i − d_i) (e_i − f_i)",
    ]


@pytest.mark.parametrize("quantity", ["gradient", "hessian", "hvp"])
def test_a_broken_line_says_what_it_said(quantity: str) -> None:
    for step in result("softmax+focal", quantity).steps:
        line = f"    = {unicode(step.after)}"
        assert " ".join(part.strip() for part in formula_lines(line)) == line.strip()
