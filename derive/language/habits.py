"""Names that people bring along from libraries and papers, and what is written here instead.

A one-letter name, such as p or s, is not among them: it may well be a parameter.
"""

import unicodedata
from collections.abc import Iterable, Mapping

_VECTORS: Mapping[str, Iterable[str]] = {
    "z, the logits": ("logit", "logits", "score", "scores", "preactivation"),
    "y, the output of the activation": (
        *("prob", "probs", "probability", "probabilities", "proba", "pred", "preds", "prediction", "predictions"),
        *("y_hat", "yhat", "y_pred", "output", "outputs", "softmax", "sigmoid"),
    ),
    "t, the targets, or y[k] for the output at the class label k": (
        *("target", "targets", "y_true", "one_hot", "onehot", "labels", "ground_truth", "truth"),
    ),
    "n, the number of classes": ("num_classes", "n_classes", "K_classes", "n_class"),
}

NAMES = {name: meant for meant, names in _VECTORS.items() for name in names}
"""What to write for a name that cannot be a parameter."""

FUNCTIONS = {
    "softmax": "y, the output of the activation before the plus sign",
    "sigmoid": "y, the output of the activation before the plus sign",
    "log_softmax": "log(y), and the activation before the plus sign",
    "logsumexp": "log(sum(exp(z)))",
    "ln": "log",
    "log2": "log(x)/log(2)",
    "log10": "log(x)/log(10)",
    "log1p": "log(1 + x): kernels keep its digits",
    "expm1": "exp(x) - 1",
    "square": "x**2",
    "pow": "x**a",
    "power": "x**a",
    "norm": "sqrt(sum(y**2))",
    "softplus": "log(1 + exp(x))",
    "inner": "dot",
    "vdot": "dot",
    "matmul": "dot",
    "len": "n, the number of classes",
    "relu": "(x + abs(x))/2",
    "max": "(x + abs(x))/2 for max(x, 0)",
    "maximum": "(x + abs(x))/2 for maximum(x, 0)",
    "min": "(x - abs(x))/2 for min(x, 0)",
    "minimum": "(x - abs(x))/2 for minimum(x, 0)",
    "where": "the formula of one case: a loss is differentiable, but for abs and sign",
    "clip": "y alone: no kernel takes the logarithm of a 0 that was rounded",
}
"""What to write for a function that is not of the language."""

_SYMBOLS = {
    **dict.fromkeys("−–—", "-"),
    **dict.fromkeys("×·∙⋅∗", "*"),
    **dict.fromkeys("÷∕", "/"),
    **dict.fromkeys("Σ∑", "sum(... for i in range(n))"),
    **{letter: f"**{number}" for number, letter in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    "√": "sqrt(...)",
}
"""What to write for a character that is not ASCII."""

KEYWORDS = {"lambda": "lam"}
"""What to write for a keyword of Python that people have for a name."""

SUSPECTS = ("p", "q", "s", "h", "o", "a", "x", "u")
"""Parameters that may have been meant for y or z where a loss depends on neither."""


def instead_of(character: str) -> str:
    """What to write for a character that is not ASCII; empty where there is nothing to suggest."""
    name = spell_greek(character)
    return _SYMBOLS.get(character) or KEYWORDS.get(name, name)


def spell_greek(letter: str) -> str:
    """The name of a Greek letter, `gamma` or `Gamma`; empty for another character."""
    words = unicodedata.name(letter, "").replace("LAMDA", "LAMBDA").split()  # Unicode spells it as modern Greek does
    match words:
        case ["GREEK", size, "LETTER", name]:
            return name.lower() if size == "SMALL" else name.capitalize()
    return ""
