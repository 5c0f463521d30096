"""What letters usually mean, where the user does not say."""

from collections.abc import Collection, Mapping, Sequence

from derive.catalogue.model import Composition
from derive.checking.formula import Call, Name, Node, walk
from derive.notation import o

PROBABILITIES = {
    "p", "P", "probs", "prob", "probabilities", "yhat", "y_hat", "Yhat", "Y_hat", "ŷ", r"\hat{y}", r"\hat{p}",
    r"\hat{Y}", r"\hat{t}", "y_pred", "ypred", "pred", "preds", "p_hat", r"\pi", "π", r"\sigma", "σ", "sm", "softmax",
    "predictions", "prediction", "softmax_output", r"\tilde{y}", "Y_pred", "yp", "y_prob", "y_probs", "y_proba",
    "predicted", "scores_softmax", "softmax_out", "sm_out", "soft", "softmaxed", "y_softmax", "policy", "outputs",
    "activations", "p̂", r"\hat{\pi}", r"\hat{\mathbf{y}}", "softmax_x", "softmax_z", "softmax_value", "probas",
    "y_hats", "y_preds", "student_probs", "exp_scores_normalized",
}  # fmt: skip
EITHER = {"s", "S", "a", "A", "o", "O", "out", "output", "h", "f", "q", "att", "u", "x", "X"}
"""Probabilities to some and logits to others."""
Y = {"y", "Y"}
LOGITS = {"z", "Z", "logits", "logit", "scores", "score", "xs", r"\theta", "theta", "preactivation", "logits_p"}
TARGETS = {
    "t",
    "targets",
    "target",
    "labels",
    "y_true",
    "ytrue",
    "onehot",
    "y_onehot", "y_one_hot", "one_hot_y", "onehot_y", "one_hot_labels", "labels_onehot", "onehot_labels", "y_oh",
    "Y_onehot", "Y_one_hot", "Y_true", "y_target", "gt", "y_truth", "expected", "actual", "desired", "y_expected",
    "soft_targets", "teacher_probs", "y_actual", "Y_true", "desired_output", "ground_truth", "one_hot_targets",
    "one_hot",
    "truth",
    "d",
    "y'",
    r"\tau",
}
UPSTREAM = {
    "g", "G", "dy", "dY", "dA", "da", "dout", "grad_output", "grad_out", "upstream", "Δ", r"\delta", "δ", "delta",
    "grad", "ds", "dS", "do", "dO", "dp", "dP", "dprobs", "gy", "grad_y", "dL_dy", "dLdy", "dz", "dvalues",
    r"\bar{y}", r"\Delta",
}  # fmt: skip
DIRECTION = {"v", "V", "u", "dx", "dz", "direction", "tangent", "z_dot", r"\dot{z}"}
LOG_PROBABILITIES = {"logp", "log_p", "logprobs", "log_probs", "lsm", "log_softmax", "logsoftmax", "log_y"}
LABEL_PROBABILITY = {"pt", "p_t", "p_{t}", "py", "p_y"}
CLASSES = {"n", "K", "C", "num_classes", "n_classes", "nclasses", "number_of_classes"}
LOSSES = {"L", r"\ell", "l", "E", "loss", "C", "J", "H", "CE"}
_GUESSES = {"pred", "predicted", "prediction", "hat", "out", "output", "est", "model", "prob"}
_TRUTHS = {"true", "target", "label", "actual", "truth", "gt", "onehot", "one-hot", "onehotencoded"}
LABEL_WORDS = ("true", "label", "target", "correct", "gt", "truth", "class")
"""Words that as an index name the label: p_{true}."""
BATCH = {"N", "M", "m", "B", "batch_size", "batch", "lr", "eta", "learning_rate", "num_examples", "num_train"}
"""What stands for the number of examples, or for a step, and for no parameter of a loss."""
MATRICES = frozenset({"J", "H", "I", "D"})
"""Letters with two class indices."""
_PRODUCTS = {"vjp": "upstream", "jvp": "direction", "hvp": "direction"}
"""The vector that each product is with."""
_ACTIVATIONS = ("softmax", r"\sigma", "S", "sigmoid")


def is_description(letter: str, words: str) -> bool:
    """Whether words below a letter say which vector it is, `y_{true}`, rather than at which class."""
    return letter in {*Y, r"\hat{y}", r"\hat{Y}", "p", "t"} and words in (_GUESSES | _TRUTHS) and (
        letter != "p" or words not in LABEL_WORDS
    )


def described(name: str) -> str:
    """What is said of a name in words, by its role; empty where nothing is."""
    letter, mark, words = name.partition("_{")
    words = words.removesuffix("}")
    if not mark or not is_description(letter, words):
        return ""
    return "targets" if words in _TRUTHS else "probabilities"


def assign(
    composition: Composition, quantity: str, nodes: tuple[Node, ...], values: Sequence[str], let: Mapping[str, str]
) -> dict[str, str]:
    """The role of each name: as `let` says, or else by habit; a name without one is a parameter.

    y is the target where something else is the probabilities and nothing else the target; a letter that is logits to
    some and probabilities to others is the one that is not there yet.
    """
    taken = {name: let[name] for name in values if name in let}
    given = set(let.values())
    computed = any(isinstance(node, Call) and node.function in _ACTIVATIONS for node in walk(nodes))
    said = [described(name) for name in values if name not in let]
    strong = computed or "probabilities" in (*given, *said) or any(name in PROBABILITIES for name in values)
    either = any(name in EITHER and name not in let for name in values)
    targets = "targets" in (*given, *said) or any(name in TARGETS and name not in let for name in values)
    has_loss = composition.loss is not None
    exponents = [node for node in walk(nodes) if isinstance(node, Call) and node.function == "exp"]
    raised = {node.name for node in walk(tuple(exponents)) if isinstance(node, Name) and node.name in EITHER}
    y_is_target = has_loss and (strong or either) and not targets
    table: list[tuple[Collection[str], str]] = [
        ({parameter.name for parameter in composition.parameters}, "parameter"),
        (("L", r"\ell", "loss", "E") if has_loss else (), "loss"),
        (("o",) if composition.output_vector == o else (), "output"),
        (UPSTREAM if quantity == "vjp" else (), "upstream"),
        (DIRECTION if quantity in _PRODUCTS else (), _PRODUCTS.get(quantity, "")),
        (LOG_PROBABILITIES, "log-probabilities"),
        (Y, "targets" if y_is_target else "probabilities"),
        (TARGETS if has_loss else (), "targets"),
        (PROBABILITIES, "probabilities"),
        (LOGITS, "logits"),
        (raised, "logits"),
        (EITHER, "logits" if strong and not any(name in LOGITS for name in values) else "probabilities"),
        (LABEL_PROBABILITY, "label-probability"),
        (CLASSES, "classes"),
        (("I", "eye"), "identity"),
        (("ones",), "ones"),
        (("J",), "jacobian"),
        (("H",) if has_loss else (), "hessian"),
    ]
    for name in values:
        if name not in taken:
            role = described(name) if has_loss else ""
            taken[name] = role or next((role for names, role in table if name in names), "parameter")
    return taken
