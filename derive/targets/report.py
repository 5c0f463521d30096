"""A derivation to read or to process at once: for a terminal, as LaTeX, as Markdown, as JSON.

LaTeX stands alone here, letters in place of the macros that the LaTeX target writes.
"""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sympy import Basic, Expr

from derive.catalogue.model import Assumption
from derive.derivation import Chain, Result, Step
from derive.language.explicit import column_vector, matrix
from derive.language.show import UnicodeSpeller, latex, text, unicode
from derive.notation import free_indices, i, y
from derive.targets.latex_parts import PartMaker
from derive.targets.latex_prose import check_sentence
from derive.targets.latex_templates import render_latex

WIDTH = 80
"""Columns of a terminal that suffice."""
_BRACKET = 30
"""How many columns a line may be shorter for a break outside one more bracket."""


def report_text(results: Sequence[Result]) -> str:
    """The derivations for a terminal: each step with its rule and reason under it, the closed form last."""
    return "\n\n\n".join("\n".join(_text_lines(result)) for result in results)


def report_latex(results: Sequence[Result]) -> str:
    """The derivations in LaTeX that needs amsmath and nothing else; the reason of each step is a comment above it."""
    if not results:
        return ""
    return render_latex("report.tex", parts=PartMaker(results[0].n, macros=False).parts(results))


def report_markdown(results: Sequence[Result]) -> str:
    """The derivations in Markdown, mathematics between dollar signs."""
    return "\n\n".join("\n\n".join(_markdown_paragraphs(result)) for result in results)


def report_json(results: Sequence[Result]) -> str:
    """One result as a JSON object, several as an array of them; each formula as `{"text": ..., "latex": ...}`."""
    documents = [_document(result) for result in results]
    return json.dumps(documents[0] if len(documents) == 1 else documents, indent=2, ensure_ascii=False)


def _text_lines(result: Result) -> Iterator[str]:
    yield f"{result.composition.name}: {result.quantity}, for {_class_count(result)}"
    for chain in result.chains:
        avoid = _indices(chain)
        yield from ("", *wrapped(f"{chain.title}."), "", *formula_lines(f"  {unicode(chain.left, avoid)}"))
        for step in chain.steps:
            yield from formula_lines(f"    = {unicode(step.after, avoid)}")
            yield from wrapped(f"{' ' * 10}{step.rule}: {step.reason}{_assuming(step)}")
    yield from _written_out(result)
    yield from ("", *wrapped(check_sentence(result)), "")
    last = result.chains[-1]
    conditions = " and ".join(_fact(each) for each in result.assumptions)
    for name, meaning in result.named_sums:
        yield from formula_lines(f"{unicode(name)} = {unicode(meaning, _indices(last))}")
    yield from formula_lines(f"{unicode(last.left, _indices(last))} = {unicode(result.short_form, _indices(last))}")
    if conditions:
        yield f"    where {conditions}"


def _written_out(result: Result) -> Iterator[str]:
    """The closed form entry by entry, at a given number of classes and where the terminal has room for it."""
    indices = sorted(free_indices(result.closed_form), key=str)
    if result.n is None or not indices:
        return
    row, column = indices[0], indices[-1]
    vector = column_vector(result.closed_form, row, result.n)
    grid = vector if row == column else matrix(result.closed_form, row, column, result.n)
    cells = [[UnicodeSpeller().spell(cell) for cell in line] for line in grid.rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.center(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    if len(lines[0]) <= WIDTH - 8:
        yield from ("", f"Written out for n = {result.n}:", "", *(f"    [ {line} ]" for line in lines))


def _assuming(step: Step) -> str:
    return "".join(f", assuming {_fact(each)}" for each in step.assumptions)


def _fact(assumption: Assumption) -> str:
    return f"{unicode(assumption.left)} = {unicode(assumption.right)}"


def formula_lines(line: str) -> list[str]:
    """A line of mathematics, broken where it is too long: between terms and outside brackets rather than late."""
    margin = " " * (len(line) - len(line.lstrip()))
    lines: list[str] = []
    while len(line) > WIDTH and (place := _breaking_place(line, len(margin) + 4)):
        lines.append(line[:place])
        line = f"{margin}    {line[place + 1 :]}"
    return [*lines, line]


def _breaking_place(line: str, margin: int) -> int | None:
    """The space at which `line` is best broken; None where no part of it would fit."""
    depth = 0
    places: list[tuple[int, int]] = []
    for place, sign in enumerate(line[: WIDTH + 1]):
        depth += (sign in "([") - (sign in ")]")
        if sign == " " and place > margin + 4 and line[place - 1] not in "+−=/·":
            is_inside_term = line[place + 1] not in "+−="
            places.append((_BRACKET * (depth + is_inside_term) - place, place))
    return min(places)[1] if places else None


def wrapped(line: str) -> list[str]:
    """A line of words as wide as a terminal at most, its margin kept."""
    margin = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line, WIDTH, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False)


def _markdown_paragraphs(result: Result) -> Iterator[str]:
    yield f"## {plain(result.composition.name)}: {result.quantity}"
    for chain in result.chains:
        avoid = _indices(chain)

        def display(expression: Expr, sign: str = "", avoid: Iterable[Basic] = avoid) -> str:
            return f"$${sign}{latex(expression, tuple(avoid), n=result.n)}$$"

        yield f"**{plain(chain.title)}**"
        yield display(chain.left)
        for number, step in enumerate(chain.steps, start=1):
            facts = "".join(
                f", assuming ${latex(each.left, n=result.n)} = {latex(each.right)}$" for each in step.assumptions
            )
            yield f"{number}. *{plain(step.rule)}*: {plain(step.reason)}{facts}"
            yield f"   {display(step.after, '= ')}"
    yield plain(check_sentence(result))
    last = result.chains[-1]
    for name, meaning in result.named_sums:
        yield f"$${latex(name)} = {latex(meaning, _indices(last), n=result.n)}$$"
    left, right = (latex(side, _indices(last), n=result.n) for side in (last.left, result.short_form))
    yield f"$$\\boxed{{{left} = {right}}}$$"


def plain(words: str) -> str:
    """`words` with what Markdown would take for a sign of its own escaped."""
    return re.sub(r"([\\`*_\[\]<>$])", r"\\\1", words)


def _document(result: Result) -> dict[str, Any]:
    last = _indices(result.chains[-1])
    return {
        "composition": result.composition.name,
        "quantity": result.quantity,
        "n": result.n,
        "definition": _formulas(result, _definition(result)),
        "assumptions": [
            {
                "id": each.id,
                "statement": each.statement,
                "left": _formulas(result, each.left),
                "right": _formulas(result, each.right),
            }
            for each in result.assumptions
        ],
        "closed_form": _formulas(result, result.closed_form, last),
        "steps": [
            {
                "rule": step.rule,
                "reason": step.reason,
                "before": _formulas(result, step.before, _indices(chain)),
                "after": _formulas(result, step.after, _indices(chain)),
                "assumptions": [each.id for each in step.assumptions],
                "check": {"method": step.check.method, "classes": step.check.classes, "points": step.check.points},
            }
            for chain in result.chains
            for step in chain.steps
        ],
    }


def _formulas(result: Result, expression: Expr, avoid: Sequence[Basic] = ()) -> dict[str, str]:
    return {"text": text(expression, avoid), "latex": latex(expression, avoid, n=result.n)}


def _definition(result: Result) -> Expr:
    """The loss; without one, entry i of the output."""
    composition = result.composition
    if composition.loss_definition is not None:
        return composition.loss_definition
    meaning = composition.y_definition
    return composition.output if meaning is None or composition.output != y[i] else meaning


def _indices(chain: Chain) -> tuple[Basic, ...]:
    """The indices that are free anywhere in a chain, so that no sum of it takes their names."""
    sides = (chain.left, *(step.after for step in chain.steps))
    return tuple(sorted(frozenset[Basic]().union(*map(free_indices, sides)), key=str))


def _class_count(result: Result) -> str:
    if result.n is None:
        return "any number n of classes"
    return "1 class" if result.n == 1 else f"{result.n} classes"
