"""Losses that libraries have as one function, written out: `F.cross_entropy(z, k)` is -log_softmax(z)[k]."""

from fractions import Fraction

from derive.checking.formula import ONE, Call, Item, Name, Node, Number, Operation, negate, rewrite
from derive.checking.habits import LABEL_WORDS

_OF_LOGITS = (
    "cross_entropy",
    "softmax_cross_entropy",
    "softmax_cross_entropy_with_logits",
    "softmax_cross_entropy_with_integer_labels",
    "sparse_softmax_cross_entropy_with_logits",
)
_OF_LOG_PROBABILITIES = ("nll_loss",)
_BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits", "sigmoid_cross_entropy_with_logits")
_SQUARED = ("mse_loss",)
_LABELS = (*LABEL_WORDS, "k", "c")


def write_out(nodes: tuple[Node, ...], *, labelled: bool) -> tuple[Node, ...]:
    """The links with those functions written out; `labelled` says that the loss speaks of a label."""

    def visit(node: Node) -> Node | None:
        if not isinstance(node, Call):
            return None
        options = dict(node.options)
        found = (*node.arguments, *(options[name] for name in ("logits", "labels") if name in options))
        if len(found) != 2:
            return None
        ours, targets = (write_out((each,), labelled=labelled)[0] for each in found)
        if node.function in _OF_LOGITS:
            return _likelihood(Call("log_softmax", (ours,)), targets, labelled=labelled)
        if node.function in _OF_LOG_PROBABILITIES:
            return _likelihood(ours, targets, labelled=labelled)
        reduction = options.get("reduction")
        total = "sum" if reduction == Name("sum") else "" if reduction == Name("none") else "mean"
        if node.function in _SQUARED:
            return _reduced(Operation("**", Operation("-", ours, targets), Number(Fraction(2))), total)
        if node.function in _BINARY:
            share = Call("sigmoid", (ours,)) if node.function.endswith("logits") else ours
            terms = (
                Operation("*", targets, Call("log", (share,))),
                Operation("*", Operation("-", ONE, targets), Call("log", (Operation("-", ONE, share),))),
            )
            return _reduced(negate(Operation("+", *terms)), total)
        return None

    written: tuple[Node, ...] = rewrite(nodes, visit)
    return written


def _likelihood(logarithms: Node, targets: Node, *, labelled: bool) -> Node:
    if isinstance(targets, Name) and (labelled or targets.name in _LABELS):
        return negate(Item(logarithms, (targets,)))
    return negate(Call("sum", (Operation("*", targets, logarithms),)))


def _reduced(entries: Node, total: str) -> Node:
    return Call(total, (entries,)) if total else entries
