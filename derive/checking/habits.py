"""What letters usually mean, where the user does not say."""

import re
from collections.abc import Collection, Mapping, Sequence

from sympy import log

from derive.catalogue.model import Composition
from derive.checking.formula import Call, Name, Node, Operation, Same, walk
from derive.notation import o

Y = {"y", "Y"}
EITHER = {"s", "S", "a", "A", "o", "O", "h", "f", "q", "Q", "u", "x", "X", "out", "output", "outputs", "att", "attn"}
"""Probabilities to some and logits to others."""
OUTPUTS = {"out", "output", "outputs"}
"""What the activation returned: of log-softmax, the logarithms."""
LOSSES = {"L", r"\ell", "l", "E", "loss", "C", "J", "H", "CE", r"\xi"}
LABELS = {"labels", "label", "k", "c", "classindex", "correctclass", "yindex", "labelindex", "targetindex", "classid",
    "action", "actions"}  # fmt: skip
"""Names of arguments that hold class labels."""
PROBABILITIES = {
    "p", "P", "ŷ", "π", "σ", r"\hat{y}", r"\hat{Y}", r"\hat{p}", r"\hat{P}", r"\hat{t}", r"\hat{\pi}", r"\pi",
    r"\sigma", r"\tilde{y}", "sm", "probs", "prob", "probabilities", "probas", "yhat", "yhats", "phat", "ypred",
    "ypreds", "yprob",
    "yproba", "yprobs", "pred", "preds", "predicted", "prediction", "predictions", "softmax", "softmaxoutput",
    "softmaxout", "smout", "softmaxx", "softmaxz", "ysoftmax", "policy", "activations", r"\bar{y}", r"\bar{p}",
}  # fmt: skip
LAYERS = {"activations"}
"""Names that are by their plural a list, with an entry for each layer: `activations[-1]` is the output."""
LOGITS = {"z", "Z", r"\theta", "theta", "logits", "logit", "scores", "score", "xs", "preactivation", "input", "inputs",
    "net"}  # fmt: skip
TARGETS = {
    "y*", "t*", "Y*",
    "t", "d", "y'", r"\tau", "targets", "target", "labels", "ytrue", "onehot", "yonehot", "onehoty", "onehotlabels",
    "labelsonehot", "onehottargets", "targetsonehot", "truth", "groundtruth", "gt", "ytruth", "ytarget", "yactual",
    "expected", "actual", "desired", "desiredoutput", "yexpected", "softtargets", "ylabel", "ylabels", "ytrain",
    "expectedoutput", "targetoutput", "labely", "softlabels", "smoothlabels", "teacher", "teacherprobs", "yoh",
}  # fmt: skip
UPSTREAM = {
    "g", "G", "Δ", r"\delta", "δ", r"\Delta", r"\bar{y}", "dy", "da", "ds", "do", "dp", "dz", "delta", "grad", "gy",
    "dout", "gradoutput", "gradout", "upstream", "upstreamgrad", "upstreamgradient", "dprobs", "grady", "dldy", "dlda",
    "dlds", "dldp", "dvalues", "outputgradient", "outputgrad", "outputerror", "outgrad", "gradoutputs", "gradsoftmax",
    "ddout", "topdiff", "error", "accumgrad", "incominggradient", "gradient", "dloss", "gradin", "dl", "de",
    "dedy", "deda", "dcda", "prevgrad", "gradprobs", "gradp", "dattn", "datt", "gout", "gz",
}  # fmt: skip
DIRECTION = {"v", "V", "u", "dx", "dz", "direction", "tangent", "zdot", r"\dot{z}", "vector", "vec"}
LOG_PROBABILITIES = {"logp", "logprobs", "logprob", "lsm", "logsoftmax", "logy", "logpreds", "logprobabilities"}
LABEL_PROBABILITY = {"pt", "p{t}", "py", "pc", "pcorrect", "ptrue"}
LOG_SUM_EXP = {"lse", "logsumexp"}
"""Names of several letters, as `plain` makes them, for the logarithm of the sum of the exponentials."""
CLASSES = {"n", "K", "C", "numclasses", "nclasses", "numberofclasses", "classes", "nclass", "numclass", "vocabsize"}
"""Of a name of several letters, in small letters without underscores, as `plain` makes it."""
_GUESSES = {"pred", "predicted", "prediction", "hat", "out", "output", "est", "model", "prob"}
_TRUTHS = {"true", "target", "actual", "truth", "gt", "onehot", "one-hot", "onehotencoded"}
LABEL_WORDS = ("true", "label", "target", "correct", "gt", "truth", "class")
"""Words that as an index name the label: p_{true}."""
BATCH = {"N", "M", "m", "B", "batch_size", "batch", "lr", "eta", "learning_rate", "num_examples", "num_train"}
"""What stands for the number of examples, or for a step, and for no parameter of a loss."""
MODULES = {
    "np", "numpy", "jnp", "math", "torch", "F", "tf", "nn", "functional", "special", "scipy", "sp", "nnx", "jax",
    "optax", "stats", "linalg", "keras", "backend", "losses",
}  # fmt: skip
"""Names before a dot that change nothing: `np.log` is `log`."""
TINY = {"eps", "epsilon", "varepsilon", "ε", "tiny", "small"}
"""Names of what is added to keep a logarithm or a quotient finite."""
MATRICES = frozenset({"J", "H", "I", "D"})
"""Letters with two class indices."""
PRODUCTS = {"vjp": "upstream", "jvp": "direction", "hvp": "direction", "gnvp": "direction"}
"""The vector that each product is with."""
_ACTIVATIONS = ("softmax", r"\sigma", "S", "sigmoid")


_LAYER = re.compile(r"(d?[AZPSOHazh])_?(?:\d|L|out)")
"""A letter with the number of its layer: A2, dZ1, aL."""


def plain(name: str) -> str:
    """A name of several letters without what people write differently: capitals, underscores, the number of a layer."""
    if (layer := _LAYER.fullmatch(name)) is not None:
        return plain(layer[1])
    return name if len(name) == 1 or name.startswith("\\") else name.replace("_", "").lower()


def is_vector(name: str) -> bool:
    """Whether a letter is usually a distribution over the classes."""
    return plain(name) in Y | EITHER | PROBABILITIES | TARGETS


def is_output(name: str) -> bool:
    """Whether a letter may be the output, or what it is compared with: y, p, q."""
    return plain(name) in Y | EITHER | PROBABILITIES


def is_guess(name: str) -> bool:
    """Whether a letter says by its hat, or in words, that it is what was predicted."""
    return name == "ŷ" or any(mark in plain(name) for mark in ("hat", "pred"))


def is_description(letter: str, words: str) -> bool:
    """Whether words below a letter say which vector it is, `y_{true}`, rather than at which class."""
    return (
        letter in {*Y, r"\hat{y}", r"\hat{Y}", "p", "t"}
        and words in (_GUESSES | _TRUTHS)
        and (letter != "p" or words not in LABEL_WORDS)
    )


def described(name: str) -> str:
    """What is said of a name in words, by its role; empty where nothing is."""
    letter, mark, words = name.partition("_{")
    words = words.removesuffix("}")
    if not mark or not is_description(letter, words):
        return ""
    return "targets" if words in _TRUTHS else "probabilities"


def returns_logarithms(composition: Composition) -> bool:
    """Whether what the activation returns is the logarithm of y."""
    return isinstance(composition.output, log)


def _may_be_targets(name: str, nodes: tuple[Node, ...]) -> bool:
    """Whether a letter may be the targets, and no temperature: nothing is divided by it, and there is no label."""
    for node in walk(nodes):
        match node:
            case Same() | Call(function="onehot"):
                return False
            case Operation(symbol="/", right=right) if Name(name) in walk(right):
                return False
    return True


def assign(
    composition: Composition, quantity: str, nodes: tuple[Node, ...], values: Sequence[str], let: Mapping[str, str]
) -> dict[str, str]:
    """The role of each name: as `let` says, or else by habit; a name without one is a parameter.

    y is the target where something else is the probabilities and nothing else the target; a letter that is logits to
    some and probabilities to others is the one that is not there yet.
    """
    taken = {name: let[name] for name in values if name in let}
    given, parameters = set(let.values()), {parameter.name for parameter in composition.parameters}
    mine = [name for name in values if name not in let and name not in parameters]
    computed = any(isinstance(node, Call) and node.function in _ACTIVATIONS for node in walk(nodes))
    said = [described(name) for name in mine]
    strong = computed or "probabilities" in (*given, *said) or any(plain(name) in PROBABILITIES for name in values)
    either = any(plain(name) in EITHER for name in mine)
    targets = "targets" in (*given, *said) or any(plain(name) in TARGETS for name in mine)
    has_loss = composition.loss is not None
    has_targets = targets or (any(name in Y for name in mine) and (strong or either))
    capital = {"T"} if has_loss and "T" in mine and not has_targets and _may_be_targets("T", nodes) else set()
    targets = targets or bool(capital)
    exponents = [node for node in walk(nodes) if isinstance(node, Call) and node.function == "exp"]
    raised = {node.name for node in walk(tuple(exponents)) if isinstance(node, Name) and node.name in EITHER}
    y_is_target = has_loss and (strong or either) and not targets
    table: list[tuple[Collection[str], str]] = [
        (parameters, "parameter"),
        (("L", r"\ell", "loss", "E") if has_loss else (), "loss"),
        (("o",) if composition.output_vector == o else (), "output"),
        (UPSTREAM if quantity == "vjp" else (), "upstream"),
        (DIRECTION if quantity in PRODUCTS else (), PRODUCTS.get(quantity, "")),
        (LOG_PROBABILITIES, "log-probabilities"),
        (Y, "targets" if y_is_target else "probabilities"),
        (TARGETS | capital if has_loss else (), "targets"),
        (PROBABILITIES, "probabilities"),
        (LOGITS, "logits"),
        (OUTPUTS if returns_logarithms(composition) else (), "log-probabilities"),
        (raised, "logits"),
        (EITHER, "logits" if strong and not any(plain(name) in LOGITS for name in values) else "probabilities"),
        (LABEL_PROBABILITY, "label-probability"),
        (LOG_SUM_EXP, "log-sum-exp"),
        (CLASSES, "classes"),
        (("I", "eye"), "identity"),
        (("ones",), "ones"),
        (("J",), "jacobian"),
        (("H",), "hessian" if quantity in ("hessian", "hvp") else "entropy"),
        (("entropy",), "entropy"),
    ]
    for name in values:
        if name not in taken:
            role = described(name) if has_loss else ""
            taken[name] = role or next(
                (role for names, role in table if name in names or plain(name) in names), "parameter"
            )
    product = PRODUCTS.get(quantity, "")
    if product and product not in taken.values():
        taken |= dict.fromkeys(_left_for_product(taken, nodes, [*let, *parameters]), product)
    return taken


def _left_for_product(roles: Mapping[str, str], nodes: tuple[Node, ...], known: Collection[str]) -> list[str]:
    """The name that is left for the vector of a product where none has its role: the only unknown one, or else d."""
    numbers = {
        part.name for node in walk(nodes) if isinstance(node, Operation) and node.symbol in ("/", "**")
        for part in walk(node.right) if isinstance(part, Name)
    }  # fmt: skip
    left = [
        name for name, role in roles.items()
        if role == "parameter" and name not in {*known, *numbers, *BATCH, "T", "t"} and plain(name) not in TINY
    ]  # fmt: skip
    return left if len(left) == 1 else [name for name in ("d",) if not left and roles.get(name) == "targets"]
