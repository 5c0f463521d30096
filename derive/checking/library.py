"""Losses that libraries have as one function, written out: `F.cross_entropy(z, k)` is -log_softmax(z)[k]."""

from dataclasses import replace
from fractions import Fraction

from derive.checking.formula import (
    ONE,
    ZERO,
    Call,
    FormulaError,
    Item,
    Name,
    Node,
    Number,
    Operation,
    negate,
    rewrite,
    walk,
)
from derive.checking.habits import LABEL_WORDS, LOG_PROBABILITIES, is_output, plain

_OF_LOGITS = (
    "cross_entropy",
    "softmax_cross_entropy",
    "softmax_cross_entropy_with_logits",
    "softmax_cross_entropy_with_integer_labels",
    "sparse_softmax_cross_entropy_with_logits",
)
_OF_TARGETS_FIRST = ("categorical_crossentropy",)
_OF_LOG_PROBABILITIES = ("nll_loss",)
_BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits", "sigmoid_cross_entropy_with_logits")
_SQUARED = ("mse_loss",)
_ENTROPIES = ("cross_entropy_of", "H", "CE")
_DIVERGENCES = ("kl_divergence", "KL", "kl", "entropy", "kl_loss")
_TAKEN_TWICE = {*_BINARY, *_ENTROPIES, *_DIVERGENCES, "rel_entr", "kl_div"}
"""What has an argument of its own in it twice, written out: nested, it would grow without end."""
_OF_ONE = ("softplus", "H")
LIBRARY = {
    *_OF_LOGITS, *_OF_TARGETS_FIRST, *_OF_LOG_PROBABILITIES, *_BINARY, *_SQUARED, *_ENTROPIES, *_DIVERGENCES,
    "softplus", "logaddexp", "rel_entr", "kl_div", "gather", "take_along_axis",
}  # fmt: skip
_RESHAPED = ("unsqueeze", "view", "reshape", "long", "to", "squeeze", "expand_dims", "astype")
"""What labels are passed through to be picked with."""
_LABELS = (*LABEL_WORDS, "k", "c")


def write_out(nodes: tuple[Node, ...], *, labelled: bool) -> tuple[Node, ...]:
    """The links with those functions written out; `labelled` says that the loss speaks of a label.

    Raises:
        FormulaError: an option of such a function that changes its value and is not read.
    """

    def visit(node: Node) -> Node | None:
        if not isinstance(node, Call) or node.function not in LIBRARY:
            return None
        options = dict(node.options)
        if node.function in ("gather", "take_along_axis"):
            return _picked(node)
        found = (*node.arguments, *(options[name] for name in ("logits", "labels") if name in options))
        if len(found) != 2 and (len(found) != 1 or node.function not in _OF_ONE):
            return None
        if node.function in _TAKEN_TWICE and any(
            isinstance(part, Call) and part.function in _TAKEN_TWICE for part in walk(found)
        ):
            raise FormulaError(f"{node.function} of a loss or an entropy is not read", piece=node.function)
        ours = write_out(found, labelled=labelled)
        if node.function == "softplus":
            return _log(Operation("+", ONE, Call("exp", ours[:1])))
        return _of_two(node, ours[0], ours[-1], labelled=labelled)

    written: tuple[Node, ...] = rewrite(nodes, visit)
    return written


def roles_by_place(nodes: tuple[Node, ...]) -> dict[str, str]:
    """The roles of letters by their places in `F.kl_div(log_q, p)`: log-probabilities, and behind them the targets."""
    found: dict[str, str] = {}
    for node in walk(nodes):
        match node:
            case Call(function="kl_div", arguments=(first, Name(name=second))) if is_output(second):
                found[second] = "targets"
                match first:
                    case Name(name=name) if plain(name) in LOG_PROBABILITIES or is_output(plain(name)[3:]):
                        found[name] = "log-probabilities"
                    case Call(function="log", arguments=(Name(name=name),)) if is_output(name):
                        found[name] = "probabilities"
    return found


def _picked(node: Call) -> Node | None:
    """The entry at the label, `logp.gather(1, k.unsqueeze(1))`; None for anything else."""
    if len(node.arguments) < 2:
        return None
    index = node.arguments[1 if node.function == "take_along_axis" else -1]
    while isinstance(index, Item) or (isinstance(index, Call) and index.function in _RESHAPED):
        index = index.body if isinstance(index, Item) else index.arguments[0]
    inner = write_out(node.arguments[:1], labelled=True)[0]
    return Item(inner, (index,)) if isinstance(index, Name) else None


def _of_two(node: Call, left: Node, right: Node, *, labelled: bool) -> Node | None:
    """A function of two arguments written out; None where it is none of these."""
    name = node.function
    if name in _OF_LOGITS:
        options = _options(node, "reduction", "label_smoothing", "dim", "axis")
        logarithms = Call("log_softmax", (left,))
        likelihood = _likelihood(logarithms, right, labelled=labelled)
        smoothing = options.get("label_smoothing")
        if smoothing is None:
            return likelihood
        kept = Operation("*", Operation("-", ONE, smoothing), likelihood)
        return Operation("-", kept, Operation("*", smoothing, Call("mean", (logarithms,))))
    if name in _OF_TARGETS_FIRST:
        of_logits = _options(node, "from_logits", "axis").get("from_logits", ZERO) != ZERO
        return negate(Call("sum", (Operation("*", left, Call("log_softmax", (right,)) if of_logits else _log(right)),)))
    if name in _OF_LOG_PROBABILITIES:
        _options(node, "reduction")
        return _likelihood(left, right, labelled=labelled)
    if name == "logaddexp":
        return _log(Operation("+", Call("exp", (left,)), Call("exp", (right,))))
    if name in _DIVERGENCES or name == "rel_entr":
        terms = Operation("*", left, _log(Operation("/", left, right)))
        return terms if name == "rel_entr" else Call("sum", (terms,))
    if name in _ENTROPIES:
        return negate(Call("sum", (Operation("*", left, _log(right)),)))
    if name in _SQUARED:
        return _reduced(Operation("**", Operation("-", left, right), Number(Fraction(2))), node)
    if name == "kl_div":
        total = _options(node, "reduction").get("reduction")
        batch = replace(node, options=(("reduction", Name("sum")),)) if total == Name("batchmean") else node
        return _reduced(Operation("*", right, Operation("-", _log(right), left)), batch)
    if name in _BINARY:
        share = Call("sigmoid", (left,)) if name.endswith("logits") else left
        yes = Operation("*", right, _log(share))
        no = Operation("*", Operation("-", ONE, right), _log(Operation("-", ONE, share)))
        return _reduced(negate(Operation("+", yes, no)), node)
    return None


def _log(node: Node) -> Node:
    return Call("log", (node,))


def _options(node: Call, *read: str) -> dict[str, Node]:
    """The options of a function; raises FormulaError for one that is not among those that are read."""
    for name, value in node.options:
        is_default = (name == "log_target" and value == Number(Fraction(0))) or (
            name == "ignore_index" and not isinstance(value, (Name, Number))  # -100
        )
        if name not in (*read, "logits", "labels") and not is_default:
            raise FormulaError(f"{name} of {node.function} is not read; write the loss out", piece=name)
    return dict(node.options)


def _likelihood(logarithms: Node, targets: Node, *, labelled: bool) -> Node:
    if isinstance(targets, Name) and (labelled or targets.name in _LABELS):
        return negate(Item(logarithms, (targets,)))
    return negate(Call("sum", (Operation("*", targets, logarithms),)))


def _reduced(entries: Node, node: Call) -> Node:
    """The entries, summed or averaged as the option `reduction` says: their mean where it says nothing."""
    reduction = _options(node, "reduction").get("reduction")
    total = "sum" if reduction == Name("sum") else "" if reduction == Name("none") else "mean"
    return Call(total, (entries,)) if total else entries
