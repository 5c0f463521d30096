"""The LaTeX target: a fragment for each composition, the notation, and a document of them all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from derive.calculus.lessons import learn
from derive.catalogue.model import Composition
from derive.language.show import MACROS
from derive.layer.engine import LayerResult, derive_layer
from derive.layer.nodes import Z
from derive.targets.heading import arguments_of, assumed, command_lines, entry
from derive.targets.latex_lessons import make_lessons
from derive.targets.latex_parts import REASON, Equation, PartMaker
from derive.targets.latex_prose import escape, title
from derive.targets.latex_templates import render_latex
from derive.targets.layer_parts import arrays, check_sentence, equation, parts, words
from derive.targets.model import Product

_MEANINGS = {
    MACROS["z"]: ("z", "logits, the input of the activation"),
    MACROS["y"]: ("y", "probabilities, the output of a softmax"),
    MACROS["o"]: ("o", "output of an activation that gives a function of these"),
    MACROS["t"]: ("t", "targets"),
    MACROS["g"]: ("g", "upstream gradient of a vector-Jacobian product"),
    MACROS["v"]: ("v", "direction of a Jacobian- or Hessian-vector product"),
    MACROS["L"]: ("L", "loss of one row"),
    MACROS["n"]: ("n", "number of classes"),
    r"\jacobian": ("J", "Jacobian"),
    r"\hessian": ("H", "Hessian"),
}
"""What each macro of the notation is at first, and what it stands for."""


@dataclass(frozen=True)
class Symbol:
    """One macro of the notation."""

    macro: str
    letter: str
    meaning: str


SYMBOLS = tuple(Symbol(macro, letter, meaning) for macro, (letter, meaning) in _MEANINGS.items())


@dataclass(frozen=True)
class ClosedForms:
    """The closed forms of one composition, for the summary."""

    name: str
    equations: tuple[Equation, ...]
    assumptions: tuple[str, ...]


class LatexTarget:
    """Derivations for paper: fragments that need amsmath and `notation.tex`, and a document that compiles alone."""

    name = "latex"

    def files(self, product: Product) -> Mapping[str, str]:
        """The fragment of one product, and that of a layer before it where there is one."""
        maker = PartMaker(product.n)
        lessons = learn(product.composition)
        fragment = render_latex(
            "fragment.tex",
            head=[*_head(product.n, arguments_of(product.composition)), "", *_closed_form_lines(product)],
            product=product,
            classes=MACROS["n"],
            definitions=maker.definitions(product.composition),
            sources=[escape(source) for source in _sources(product.composition)],
            parts=maker.parts(product.results),
            lessons=None if lessons is None else make_lessons(lessons, product.n),
        )
        layer = {} if product.layer is None else {f"{product.stem}_layer.tex": _layer_fragment(product, product.layer)}
        return {f"{product.stem}.tex": fragment, **layer}

    def shared_files(self, products: Sequence[Product]) -> Mapping[str, str]:
        """The macros of the notation, and the document that holds every fragment."""
        n = products[0].n if products else None
        document = render_latex(
            "derivations.tex",
            head=_head(n),
            n=n,
            symbols=SYMBOLS,
            closed_forms=[_closed_forms(product) for product in products],
            products=[section for product in products for section in _sections(product)],
        )
        notation = render_latex("notation.tex", head=_head(n), symbols=SYMBOLS, reason=REASON)
        return {"notation.tex": notation, "derivations.tex": document}


def _sections(product: Product) -> list[tuple[str, str]]:
    """The sections of a product in the document: its title and the fragment that it holds."""
    name = product.composition.name.replace("+", " + ", 1)
    layer = [] if product.layer is None else [(title(f"a linear layer before {name}"), f"{product.stem}_layer")]
    return [(title(name), product.stem), *layer]


def _layer_fragment(product: Product, layer: LayerResult) -> str:
    of_sum = derive_layer(product.composition, "sum", product.n, product.composition.assumptions)
    return render_latex(
        "layer.tex",
        head=_head(product.n, f"{arguments_of(product.composition)}--layer "),
        name=escape(product.composition.name.replace("+", " + ", 1)),
        reduction=layer.reduction,
        arrays=arrays(layer),
        parts=parts(layer),
        of_sum=equation(of_sum, of_sum.chain(Z)),
        checked=words(check_sentence(layer)),
    )


def _closed_forms(product: Product) -> ClosedForms:
    maker = PartMaker(product.n)
    used = dict.fromkeys(each for result in product.results for each in result.assumptions)
    return ClosedForms(
        title(product.composition.name.replace("+", " + ", 1)),
        tuple(maker.equation(result.chains[-1].left, result.closed_form) for result in product.results),
        tuple(maker.assumption(each) for each in used),
    )


def _sources(composition: Composition) -> list[str]:
    parts = (composition.activation, composition.loss)
    return list(dict.fromkeys(part.source for part in parts if part is not None))


def _head(n: int | None, options: str = "") -> list[str]:
    return [*command_lines(n, LatexTarget.name, options), "SPDX-License-Identifier: 0BSD"]


def _closed_form_lines(product: Product) -> list[str]:
    forms = (f"    {entry(each.quantity, product)}{assumed(product, each.quantity)}" for each in product.results)
    return [f"{product.composition.name}:", *forms]


target = LatexTarget()
