"""The mistakes in words, and the step of our derivation at which each of them leaves it."""

import re

from derive.derivation import Result
from derive.language.show import unicode

EXPLANATIONS = {
    "off-diagonal-dropped": "Only the diagonal of the Jacobian was used: every logit reaches every output, so the "
    "entries with i ≠ j count too.",
    "off-diagonal-dropped spread": "This is the entry where i = j, given for every i and j; where i ≠ j it is another.",
    "off-diagonal-sign": "The entries off the diagonal have the wrong sign: an output falls when another logit rises.",
    "sign": "The sign is turned: this is minus what is due.",
    "sign of a term": "The sign of one term is turned.",
    "softmax-for-log-softmax in the loss": "The loss takes the probabilities as they are, where their logarithm is "
    "due: what a loss of log-probabilities makes of softmax.",
    "identity-jacobian": "The Jacobian was taken to be the identity, so what comes in is passed on unchanged.",
    "jacobian-summed": "The Jacobian was summed over an axis before, or instead of, the product with a vector.",
    "logits-for-probabilities": "The formula is filled with the logits z where the probabilities y belong.",
    "targets-and-probabilities-swapped": "Targets and probabilities have changed places.",
    "transposed": "The Jacobian is transposed: rows are outputs and columns are logits.",
    "delta-missing": "The Kronecker delta is missing: the case i = j differs from i ≠ j.",
    "label-case-only": "This is the entry of the label's own class, given for every class.",
    "log-softmax-for-softmax": "This belongs to log-softmax, and softmax is asked for.",
    "softmax-for-log-softmax": "This belongs to softmax, and log-softmax is asked for.",
    "chain-stopped-early": "The chain rule stops early: one of its factors is missing.",
    "factor": "A constant factor is lost or extra.",
    "factor of a term": "A constant factor of one term is lost or extra.",
    "index-mixed-up": "One index stands where another belongs.",
    "index-mixed-up in a batch": "On a single row this is right; in a batch, rows are taken for classes: a sum lacks "
    "its axis, or keepdims.",
    "upstream-mishandled": "The upstream gradient is to be multiplied with the Jacobian; here it is added, left out, "
    "or taken as labels.",
    "upstream-mishandled in a gradient": "The gradient of the loss is asked for, into which no upstream gradient "
    "comes: what the loss is multiplied with later is no part of it, and is never added.",
    "smoothing-mass": "The weights of the smoothed targets do not share out the mass as the definition does.",
    "quotient-rule": "The rule for a quotient is (u'v − uv')/v²; here a part of it differs.",
    "double-softmax": "The softmax is applied twice: probabilities went in where logits are due.",
    "other-loss": "This belongs to another loss: {detail}.",
}
"""By id, and by id and detail where that changes the words. `{detail}` is what the rule adds."""

_CONVENTIONS = (
    (r"-1", "It belongs to a step of descent, or to the likelihood where the loss is minus its logarithm."),
    (r"(.*)1?/(\(?\d?\*?)?(B|N|M|m|batch_size|num_examples)\)?", "It belongs to a mean over the examples of a batch."),
    (r"1/n", "It belongs to a mean over the classes, where a sum is asked for."),
    (r"n", "It belongs to a sum over the classes, where a mean is asked for."),
    (r"2", "It is what a square without ½ in front of it brings."),
    (r"1/2", "It is what ½ in front of a square takes away."),
    (r"n/2", "It belongs to ½ Σ, where (1/n) Σ is asked for."),
    (r"2/n", "It belongs to the mean of squares, where the sum is asked for with ½."),
    (r"1/log\(2\)", "It belongs to logarithms of base 2, a loss in bits."),
    (r"1/log\(10\)", "It belongs to logarithms of base 10."),
    (r"log\((2|10)\)", "It is what a logarithm of base \\1 divides by."),
    (r"(T|tau|temperature)", "It belongs to the derivative with respect to z/T."),
)
"""What a factor means, by its text."""


def convention_of(factor: str | None) -> str:
    """The convention to which a factor belongs, as a sentence with a space in front; empty where none is known."""
    size = factor if factor in (None, "-1") else factor.removeprefix("-")
    found = next((words for pattern, words in _CONVENTIONS if size and re.fullmatch(pattern, size)), "")
    return f" {found}" if found else ""


_RULES = {
    "off-diagonal-dropped": ("Jacobian put in", "write y"),
    "off-diagonal-sign": ("Jacobian put in", "quotient rule"),
    "identity-jacobian": ("Jacobian put in", "write y"),
    "jacobian-summed": ("Jacobian put in", "Jacobian"),
    "transposed": ("Jacobian put in", "write y"),
    "delta-missing": ("write y", "Kronecker delta", "coordinate"),
    "chain-stopped-early": ("chain rule", "gradient put in"),
    "label-case-only": ("derivative of the loss put in", "Kronecker delta"),
    "upstream-mishandled": ("Jacobian put in",),
    "logits-for-probabilities": ("write y", "Jacobian put in"),
    "double-softmax": ("write y", "Jacobian put in"),
    "index-mixed-up": ("Jacobian put in", "write y"),
    "quotient-rule": ("quotient rule",),
    "targets-and-probabilities-swapped": ("derivative of the loss put in", "definition"),
    "smoothing-mass": ("derivative of the loss put in", "definition"),
    "other-loss": ("derivative of the loss put in", "definition"),
    "log-softmax-for-softmax": ("Jacobian put in", "definition"),
    "softmax-for-log-softmax": ("Jacobian put in", "definition"),
}
"""The rules that a mistake breaks, the likeliest first; those of the others come in where the derivation ends."""
_LONGEST = 160
"""A step is written out up to so many characters."""


def step_of(name: str, result: Result | None) -> str:
    """The step of the derivation that a mistake misses, as a sentence; empty where there is no derivation."""
    if result is None or not result.steps:
        return ""
    steps = [step for chain in reversed(result.chains) for step in chain.steps]
    wanted = _RULES.get(name, ())
    found = next((each for rule in wanted for each in steps if each.rule.startswith(rule)), None)
    step = found or result.chains[-1].steps[-1]
    written = f"{unicode(step.before)} = {unicode(step.after)}"
    formula = f": {written}" if len(written) <= _LONGEST else ""
    return f" {'It leaves our derivation at' if found else 'Our derivation ends with'} “{step.rule}”{formula}."
