"""The mistakes in words, and the step of our derivation at which each of them leaves it."""

from derive.derivation import Result

EXPLANATIONS = {
    "off-diagonal-dropped": "Only the diagonal of the Jacobian was used: every logit reaches every output, so the "
    "entries with i ≠ j count too.",
    "off-diagonal-sign": "The entries off the diagonal have the wrong sign: an output falls when another logit rises.",
    "sign": "The sign is turned: this is minus what is due.",
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
    "index-mixed-up": "One index stands where another belongs.",
    "upstream-mishandled": "The upstream gradient is to be multiplied with the Jacobian; here it is added, left out, "
    "or taken as labels.",
    "smoothing-mass": "The weights of the smoothed targets do not share out the mass as the definition does.",
    "quotient-rule": "The rule for a quotient is (u'v − uv')/v²; here a part of it differs.",
    "double-softmax": "The softmax is applied twice: probabilities went in where logits are due.",
    "other-loss": "This belongs to another loss: {detail}.",
}
"""By id. `{detail}` is what the rule adds."""

_RULES = {
    "off-diagonal-dropped": ("chain rule", "Jacobian put in"),
    "off-diagonal-sign": ("Jacobian put in", "quotient"),
    "identity-jacobian": ("Jacobian put in", "chain rule"),
    "jacobian-summed": ("Jacobian put in", "chain rule"),
    "delta-missing": ("Kronecker delta", "delta"),
    "chain-stopped-early": ("chain rule",),
    "label-case-only": ("Jacobian put in",),
    "upstream-mishandled": ("Jacobian put in",),
    "logits-for-probabilities": ("fold", "Jacobian put in"),
    "index-mixed-up": ("chain rule", "Jacobian put in"),
    "quotient-rule": ("quotient", "product", "power"),
}


def step_of(name: str, result: Result | None) -> str:
    """The first step of the derivation whose rule a mistake breaks, as a sentence; empty where there is none."""
    if result is None or not result.steps:
        return ""
    for wanted in _RULES.get(name, ("definition",)):
        for number, step in enumerate(result.steps, 1):
            if wanted in step.rule:
                return f" It leaves our derivation at step {number}, “{step.rule}”: {step.reason}."
    first = result.steps[0]
    return f" It leaves our derivation at step 1, “{first.rule}”: {first.reason}."
