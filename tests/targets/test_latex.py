"""The LaTeX target: documents that compile as they stand, fragments that fit into another author's."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from derive.calculus.engine import derive_quantity
from derive.catalogue import compositions, read_composition
from derive.catalogue.model import Composition
from derive.targets.latex import target
from derive.targets.latex_prose import escape, prose
from derive.targets.model import Product

needs_pdflatex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")

SIZES = [None, 1, 3, 6, 7, 1000]
WIDEST_OVERFULL = 5.0


@cache
def products(n: int | None) -> tuple[Product, ...]:
    return tuple(make(composition, n) for composition in compositions())


def make(composition: Composition, n: int | None) -> Product:
    results = tuple(
        derive_quantity(composition, quantity, n=n, assumptions=composition.assumptions)
        for quantity in composition.quantities
    )
    return Product(composition, n, results, ())


def files(made: tuple[Product, ...]) -> dict[str, str]:
    own = {path: text for product in made for path, text in target.files(product).items()}
    return {**own, **target.shared_files(made)}


def compiled(folder: Path, texts: Mapping[str, str], document: str) -> str:
    """The log of pdflatex."""
    for path, text in texts.items():
        (folder / path).write_text(text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", document]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert run.returncode == 0, run.stdout[-3000:]
    return run.stdout


def assert_clean(log: str) -> None:
    assert "Undefined control sequence" not in log
    assert "LaTeX Warning: Reference" not in log
    too_wide = [
        points for points in re.findall(r"Overfull \\[hv]box \(([\d.]+)pt", log) if float(points) > WIDEST_OVERFULL
    ]
    assert not too_wide, too_wide


@needs_pdflatex
@pytest.mark.parametrize("n", SIZES)
def test_the_document_compiles_as_it_stands(n: int | None, tmp_path: Path) -> None:
    assert_clean(compiled(tmp_path, files(products(n)), "derivations.tex"))


@needs_pdflatex
@pytest.mark.parametrize("size", ["10pt", "11pt", "12pt"])
def test_fragments_fit_another_author_who_renames_the_symbols(size: str, tmp_path: Path) -> None:
    texts = files(products(3))
    inputs = "".join(rf"\input{{{product.stem}}}" for product in products(3))
    texts["paper.tex"] = (
        rf"\documentclass[{size}]{{article}}\usepackage{{amsmath}}\newcommand{{\probs}}{{\hat{{p}}}}\input{{notation}}"
        rf"\renewcommand{{\logits}}{{{{x_\theta}}}}\begin{{document}}{inputs}\end{{document}}"
    )
    assert_clean(compiled(tmp_path, texts, "paper.tex"))


@needs_pdflatex
@pytest.mark.parametrize(
    "name",
    [
        "softmax+sum(t[i]*y[i]**3 for i in range(n))",
        "softmax+-sum(t[i]*(1 - y[i])**gamma*log(y[i]) for i in range(n))",
        "log-softmax+sum(abs(y[i] - t_max*t[i]) for i in range(n))",
    ],
)
def test_a_loss_given_on_the_spot_is_typeset(name: str, tmp_path: Path) -> None:
    assert_clean(compiled(tmp_path, files((make(read_composition(name), 3),)), "derivations.tex"))


def test_an_assumption_is_named_where_it_is_used_and_can_be_done_without() -> None:
    fragment = files(products(None))["softmax_cross_entropy.tex"]
    assert r"\stepassumes{\sum_{i} \targets_{i} = 1}" in fragment
    assert r"\boxed{ \frac{\partial \lossvalue}{\partial \logits_{j}} = \probs_{j} - \targets_{j} }" in fragment
    assert r"\probs_{j} \sum_{i} \targets_{i} - \targets_{j}." in fragment


def test_the_lessons_of_three_classes() -> None:
    fragment = files(products(3))["softmax.tex"]
    for shown in (
        r"0 & -\probs_{1} \probs_{2} & -\probs_{1} \probs_{3}",
        r"\probs_{1} (1 - \probs_{1}) & 0 & 0",
        r"}_{1 \times 3}",
        r"}_{3 \times 3}",
        r"\outputs_{i} = \log \probs_{i}",
        r"\logits = (1.75, 1.75)",
        r"\begin{pmatrix} 0.5 & -0.5 \end{pmatrix}",
        r"\begin{pmatrix} 6.125 & 2.625 \end{pmatrix}",
    ):
        assert shown in fragment, shown


def test_every_symbol_of_a_fragment_is_a_macro_of_the_notation() -> None:
    texts = files(products(3))
    provided = set(re.findall(r"\\providecommand\{(\\\w+)\}", texts["notation.tex"]))
    for product in products(3):
        without_words = re.sub(r"\\(step\w+|text|paragraph|subsection)\b.*", "", texts[f"{product.stem}.tex"])
        assert not re.search(r"(?<![\\a-zA-Z])[zytgvL]_\{", without_words)
    assert {r"\logits", r"\probs", r"\targets", r"\lossvalue", r"\stepreason"} <= provided


def test_the_text_depends_on_nothing_but_the_product() -> None:
    assert files(products(3)) == files(tuple(make(product.composition, 3) for product in products(3)))


def test_letters_of_the_notation_are_mathematics_in_prose() -> None:
    assert prose("with respect to y, row i") == r"with respect to $\probs$, row $i$"
    assert prose("sum-t-1 assumed") == "sum-t-1 assumed"
    assert prose("the entry y_i", macros=False) == "the entry $y_{i}$"


def test_what_is_special_in_latex_is_escaped() -> None:
    assert escape("50% of a_b & {c} #1 $2") == r"50\% of a\_b \& \{c\} \#1 \$2"
