"""A layer's derivation to read or to process at once: for a terminal, as LaTeX, as Markdown, as JSON."""

import json
from collections.abc import Iterator
from typing import Any

from derive.language.show import latex, text, unicode
from derive.layer.engine import LayerChain, LayerResult, LayerStep
from derive.layer.nodes import Factor, Node
from derive.layer.show import LatexNotation, Notation, TextNotation, UnicodeNotation
from derive.targets.latex_templates import render_latex
from derive.targets.layer_parts import check_sentence, introduced, left_entry, left_side, parts
from derive.targets.report import formula_lines, plain, wrapped


def layer_text(result: LayerResult) -> str:
    """The derivation for a terminal: each step with its rule and reason under it, the matrix forms last."""
    return "\n".join(_text_lines(result))


def layer_latex(result: LayerResult) -> str:
    """The derivation in LaTeX that needs amsmath and nothing else; the reason of each step is a comment above it."""
    return render_latex("report.tex", parts=parts(result))


def layer_markdown(result: LayerResult) -> str:
    """The derivation in Markdown, mathematics between dollar signs."""
    return "\n\n".join(_markdown_paragraphs(result))


def layer_json(result: LayerResult) -> str:
    """The derivation as a JSON object; each formula as `{"text": ..., "latex": ...}`, shapes as lists of sizes."""
    return json.dumps(_document(result), indent=2, ensure_ascii=False)


def headline(result: LayerResult) -> str:
    """What was derived, in one line."""
    count = "any number n of classes" if result.n is None else f"n = {result.n}"
    return f"{result.composition.name} after Z = X W + b, the {result.reduction} over a batch of B rows, for {count}"


def _text_lines(result: LayerResult) -> Iterator[str]:
    notation = UnicodeNotation(result.n)
    yield from (*wrapped(headline(result)), "")
    for array, meaning in introduced(result).items():
        yield f"  {array.name}  {notation.shape(Factor(array).shape)}  {meaning}"
    for chain in result.chains:
        yield from ("", *wrapped(f"{chain.title}."), "", f"  {notation.spell(chain.left)}")
        for step in chain.steps:
            yield from formula_lines(f"    = {notation.spell(step.after)}")
            yield from wrapped(f"{' ' * 10}{step.rule}: {step.reason}{_assuming(step)}")
    yield from ("", *wrapped(check_sentence(result)), "")
    for chain in result.chains:
        left, right, shapes = _equation(chain, notation)
        yield from formula_lines(f"{left} = {right}")
        yield f"    {shapes}"
    for each in result.assumptions:
        yield f"where {unicode(each.left)} = {unicode(each.right)}"


def _equation(chain: LayerChain, notation: Notation) -> tuple[str, str, str]:
    """A result: its left side, its matrix form, and the shapes; its index form where it has no matrix form."""
    shape = notation.shape(Factor(chain.array).shape)
    matrix = chain.matrix
    if matrix is None:
        return left_entry(chain, notation), notation.spell(chain.result), shape
    left = left_side(chain, notation)
    products = ("".join(f"({notation.shape(each.shape)})" for each in factors) for _, factors in matrix.terms)
    return left, notation.matrix(matrix), f"{shape} = {' + '.join(products)}"


def _assuming(step: LayerStep) -> str:
    return "".join(f", assuming {unicode(each.left)} = {unicode(each.right)} in each row" for each in step.assumptions)


def _markdown_paragraphs(result: LayerResult) -> Iterator[str]:
    notation = LatexNotation(result.n)
    yield f"## {plain(headline(result))}"
    shapes = (
        f"${each.name}$ is ${notation.shape(Factor(each).shape)}$: {words}"
        for each, words in introduced(result).items()
    )
    yield "\n".join(f"- {line}" for line in shapes)
    for chain in result.chains:
        yield f"**{plain(chain.title)}**"
        yield f"$${notation.spell(chain.left)}$$"
        for number, step in enumerate(chain.steps, start=1):
            facts = "".join(f", assuming ${latex(each.left)} = {latex(each.right)}$" for each in step.assumptions)
            yield f"{number}. *{plain(step.rule)}*: {plain(step.reason)}{facts}"
            yield f"   $$= {notation.spell(step.after)}$$"
    yield plain(check_sentence(result))
    for chain in result.chains:
        left, right, _ = _equation(chain, notation)
        yield f"$${left} = {right if chain.matrix is None else notation.matrix(chain.matrix, shapes=True)}$$"


def _document(result: LayerResult) -> dict[str, Any]:
    sizes = UnicodeNotation(result.n)
    loss = result.composition.loss_definition
    return {
        "composition": result.composition.name,
        "quantity": "layer",
        "reduction": result.reduction,
        "n": result.n,
        "definition": {"text": text(loss), "latex": latex(loss)},
        "assumptions": [
            {
                "id": each.id,
                "statement": each.statement,
                "left": {"text": text(each.left), "latex": latex(each.left)},
                "right": {"text": text(each.right), "latex": latex(each.right)},
            }
            for each in result.assumptions
        ],
        "shapes": {array.name: [sizes.size(axis) for axis in array.axes] for array in introduced(result)},
        "closed_forms": [_closed_form(result, chain) for chain in result.chains],
        "steps": [
            {
                "part": chain.title,
                "rule": step.rule,
                "reason": step.reason,
                "before": _formulas(result, step.before),
                "after": _formulas(result, step.after),
                "assumptions": [each.id for each in step.assumptions],
                "check": {"method": "modular", "shapes": step.shapes},
            }
            for chain in result.chains
            for step in chain.steps
        ],
    }


def _closed_form(result: LayerResult, chain: LayerChain) -> dict[str, Any]:
    name = f"dL/d{chain.array.name}" if chain.is_derivative else chain.array.name
    sizes = [UnicodeNotation(result.n).size(axis) for axis in chain.array.axes]
    matrix = chain.matrix
    form = _formulas(result, chain.result)
    if matrix is not None:
        form = {"text": TextNotation(result.n).matrix(matrix), "latex": LatexNotation(result.n).matrix(matrix)}
    return {"name": name, "shape": sizes, "form": "index" if matrix is None else "matrix", **form}


def _formulas(result: LayerResult, node: Node) -> dict[str, str]:
    return {"text": TextNotation(result.n).spell(node), "latex": LatexNotation(result.n).spell(node)}
