"""Wide formulas are broken, and how wide they are is known without LaTeX."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from sympy import Add, Expr

from derive.calculus.engine import derive_quantity
from derive.catalogue import compositions
from derive.language.layout import lay_out
from derive.language.show import LatexSpeller
from derive.language.tree import Name, Product, Terms
from derive.notation import Contraction, k, t, y, z
from derive.targets.latex_lines import LineBreaker
from derive.targets.latex_width import width

ROOM = 300.0


def formulas() -> list[Expr]:
    """Every side of every step of every catalogue composition, each once."""
    results = [
        derive_quantity(each, quantity, assumptions=each.assumptions)
        for each in compositions()
        for quantity in each.quantities
    ]
    return list(dict.fromkeys(step.after for result in results for step in result.steps))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("n", [None, 3], ids=["any", "n3"])
def test_no_formula_is_wider_than_it_is_taken_to_be(n: int | None, tmp_path: Path) -> None:
    nodes = [lay_out(expression) for expression in formulas()]
    boxes = "\n".join(
        rf"\setbox0\hbox{{$\displaystyle {LatexSpeller(n=n).spell(node)}$}}\typeout{{width \the\wd0}}" for node in nodes
    )
    preamble = r"\documentclass[11pt]{article}\usepackage{lmodern,amsmath}\begin{document}"
    (tmp_path / "widths.tex").write_text(f"{preamble}\n{boxes}\n\\end{{document}}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "widths.tex"]
    log = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    measured = [float(points) for points in re.findall(r"width ([\d.]+)pt", log)]
    assert len(measured) == len(nodes)
    for node, points in zip(nodes, measured, strict=True):
        assert 0.95 * points <= width(node) + 2 <= 1.6 * points + 2, f"{LatexSpeller().spell(node)} is {points} pt"


def test_a_factor_that_fits_is_broken_where_what_follows_does_not() -> None:
    long = Add(*(z[k] * t[k] ** power for power in range(2, 7)))
    node = lay_out(long * Contraction(y[k] * t[k], k))
    room = width(lay_out(long)) + 25
    lines = LineBreaker().lines(node, room, room)
    assert len(lines) > 1
    assert all(line.width <= room for line in lines)


@pytest.mark.parametrize("expression", formulas(), ids=str)
def test_every_line_fits(expression: Expr) -> None:
    for line in LineBreaker().lines(lay_out(expression), ROOM, ROOM):
        assert line.width <= ROOM, line


def test_breaking_changes_nothing_but_the_size_of_parentheses() -> None:
    for expression in formulas():
        node = lay_out(expression)
        whole = LatexSpeller().spell(node)
        lines = " ".join(line.written for line in LineBreaker().lines(node, 150.0))
        if lines.count(r"\frac{1}") == whole.count(r"\frac{1}"):  # otherwise a fraction was broken
            assert plain(lines) == plain(whole)


def test_a_fraction_that_is_too_wide_is_one_over_its_denominator_times_its_numerator() -> None:
    numerator = Add(*(y[k] * t[k] * z[k] ** power for power in range(1, 7)))
    first, second, *_ = LineBreaker().lines(lay_out(numerator / (y[k] + t[k])), 120.0)
    assert first.written.startswith(r"\frac{1}{t_{k} + y_{k}} \biggl(")
    assert second.written.startswith("{} +")


def test_a_term_that_fits_on_a_line_of_its_own_is_not_broken_behind_a_long_head() -> None:
    head, term, other = Name("h" * 20), Product((Name("b" * 9), Name("c" * 9))), Name("d" * 9)
    node = Product((head, Terms(((False, term), (True, other)))))
    first, second, *_ = LineBreaker().lines(node, width(head) + 60)
    assert first.written.endswith(r"\biggl(")
    assert LatexSpeller().spell(term) in second.written


def test_a_factor_that_fits_on_a_line_of_its_own_is_not_broken_behind_a_long_head() -> None:
    head, factor = Name("h" * 20), Terms(((False, Name("b" * 6)), (True, Name("c" * 6))))
    first, second = LineBreaker().lines(Product((head, factor)), width(head) + 20)
    assert first.written == LatexSpeller().spell(head)
    assert second.written == r"{} \times " + f"({LatexSpeller().spell(factor)})"


def test_a_sum_whose_first_term_begins_too_wide_begins_on_the_next_line() -> None:
    long = Terms(tuple((False, Name(letter * 9)) for letter in "bcdef"))
    node = Product((Name("h" * 20), Terms(((False, Product((Name("a" * 12), long))), (True, Name("g" * 9))))))
    room = width(Name("h" * 20)) + 40
    assert all(line.width <= room for line in LineBreaker().lines(node, room))


def plain(latex: str) -> str:
    return re.sub(r"\\times|\\left|\\right|\\biggl|\\biggr|\{\}|\s", "", latex)


def test_a_sum_is_broken_before_its_signs() -> None:
    expression = Add(*(y[k] * t[k] * z[k] ** power for power in range(1, 7))) - Contraction(y[k], k)
    first, *rest = LineBreaker().lines(lay_out(expression), 120.0)
    assert len(rest) >= 2
    assert not first.written.startswith("{}")
    assert all(line.written.startswith(("{} +", "{} -")) for line in rest)


def test_what_has_no_sign_stays_whole() -> None:
    (line,) = LineBreaker().lines(lay_out(y[k] * t[k]), 1.0)
    assert line.written == "t_{k} y_{k}"
