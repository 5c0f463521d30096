"""The verdicts of the collected formulas, decided again in plain NumPy, without a line of the checker or the engine.

What can be evaluated as it stands is: formulas in Python whose letters are usual ones. The truth is the complex-step
or central difference of the definition, written here by hand. Where several letters may be what is meant, the oracle
says right if one meaning is right, as the checker does.
"""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

N, K = 4, 1
"""Classes, and the class of the label."""
T = 0.7
COLLECTED = [
    json.loads(line) for line in Path(__file__).with_name("collected.jsonl").read_text(encoding="utf-8").splitlines()
]


def softmax(z):
    e = np.exp(np.asarray(z))
    return e / e.sum()


def log_softmax(z):
    z = np.asarray(z)
    return z - np.log(np.exp(z).sum())


def sigmoid(z):
    return 1 / (1 + np.exp(-np.asarray(z)))


ACTIVATIONS = {
    "softmax": softmax,
    "log-softmax": log_softmax,
    "sigmoid": sigmoid,
    "identity": np.asarray,
    "softmax-temperature": lambda z: softmax(np.asarray(z) / T),
}
LOSSES = {
    "cross-entropy": lambda y, t: -(t * np.log(y)).sum(),
    "mse": lambda y, t: ((y - t) ** 2).sum() / N,
    "half-squared-error": lambda y, t: ((y - t) ** 2).sum() / 2,
    "brier": lambda y, t: ((y - t) ** 2).sum(),
    "kl": lambda y, t: (t * (np.log(t) - np.log(y))).sum(),
    "reverse-kl": lambda y, t: (y * (np.log(y) - np.log(t))).sum(),
    "binary-cross-entropy": lambda y, t: -(t * np.log(y) + (1 - t) * np.log(1 - y)).sum(),
    "-log(y[k])": lambda y, _: -np.log(y[K]),
    "sum(y*log(y))": lambda y, _: (y * np.log(y)).sum(),
}


def derivative(function, z):
    """The derivatives of each entry of a function by each logit, by complex steps: exact but for rounding."""
    steps = 1e-30j * np.eye(N)
    return np.stack([np.imag(function(z + step)) / 1e-30 for step in steps], axis=-1)


def second(function, z):
    """The second derivatives of a number, by central differences of complex steps."""
    h = 1e-5
    rows = [(derivative(function, z + h * e) - derivative(function, z - h * e)) / (2 * h) for e in np.eye(N)]
    return np.stack(rows)


def truth(composition, quantity, point):
    """The quantity at a point; None where its loss is none of those above."""
    activation, plus, name = composition.partition("+")
    output, z = ACTIVATIONS.get(activation), point["z"]
    if output is None or (plus and name not in LOSSES):
        return None
    target = output if not plus else lambda z: LOSSES[name](output(z), point["t"])
    match quantity:
        case "value" | "loss":
            return target(z)
        case "vjp":
            return point["g"] @ derivative(target, z)
        case "jvp":
            return derivative(target, z) @ point["v"]
        case "jacobian" | "gradient":
            return derivative(target, z)
        case "hessian":
            return second(target, z)
    return second(target, z) @ point["v"]


def points(composition, targets):
    """Random points, with targets that are free, sum to 1 or are one-hot."""
    found = []
    for seed in range(2):
        draw = np.random.default_rng(seed)
        z, t = draw.normal(size=N), draw.uniform(0.2, 0.8, size=N)
        if composition.startswith("identity"):
            z = draw.uniform(0.2, 0.8, size=N)
        t = t / t.sum() if targets == "sum-t-1" else np.eye(N)[K] if targets == "t-one-hot" else t
        t = (np.arange(N) <= seed).astype(float) if targets == "t-binary" else t
        y = ACTIVATIONS[composition.partition("+")[0]](z)
        y = np.exp(y) if composition.startswith("log-softmax") else y
        found.append({"z": z, "t": t, "g": draw.normal(size=N), "v": draw.normal(size=N), "y": y})
    return found


MEANINGS = {
    **dict.fromkeys(("p", "probs", "y_hat", "yhat", "y_pred", "pred", "s", "a", "sm", "softmax_output"), "y"),
    **dict.fromkeys(("y_true", "targets", "target", "onehot"), "t"),
    **dict.fromkeys(("logits", "x", "scores"), "z"),
    **dict.fromkeys(("dout", "grad_output", "dy", "upstream", "grad"), "g"),
}
FUNCTIONS = {
    "np": np, "numpy": np, "sum": lambda *given, **options: sum(*given) if not hasattr(given[0], "ndim") else np.sum(
        *given, **options
    ), "len": len, "range": range, "diag": np.diag, "outer": np.outer, "exp": np.exp, "log": np.log, "dot": np.dot,
    "softmax": softmax, "log_softmax": log_softmax, "sigmoid": sigmoid, "eye": np.eye, "einsum": np.einsum,
    "onehot": lambda k, *_: np.eye(N)[k], "one_hot": lambda k, *_: np.eye(N)[k], "int": int, "float": float,
    "delta": lambda i, j: float(i == j), "logsumexp": lambda z: np.log(np.exp(z).sum()), "mean": np.mean,
}  # fmt: skip


def names_in(code):
    """The names that a formula has, those in its sums and lists among them."""
    return {
        *code.co_names,
        *(name for inner in code.co_consts if hasattr(inner, "co_names") for name in names_in(inner)),
    }


def evaluate(code, quantity, composition, point, meaning):
    """A formula of this repository's own tests at a point, its free indices i and j at every class."""
    rank = {"jacobian": 2, "hessian": 2}.get(quantity, 0 if quantity == "value" and "+" in composition else 1)
    names = {**FUNCTIONS, **point, "n": N, "k": K, "T": T, "logp": np.log(point["y"])}
    names |= {name: point[letter] for name, letter in meaning.items()}
    if names_in(code) - set(names) - set(dir(np)) - {"T", "i", "j", "reshape", "sum"}:
        return None
    indices = [name for name in ("i", "j") if name in code.co_names]
    if not indices:
        found = np.asarray(eval(code, names))  # noqa: S307 - formulas of the file beside this one
        return found if found.shape == (N,) * rank else None
    if len(indices) != rank:
        return None
    found = np.empty((N,) * rank)
    for place in product(range(N), repeat=rank):
        found[place] = eval(code, {**names, **dict(zip(indices, place, strict=True))})  # noqa: S307
    return found


def factor_at(found, true):
    """One number by which the truth must be multiplied; None where there is none."""
    kept = np.abs(true) > 1e-9
    if not kept.any() or np.abs(found[~kept]).max(initial=0) > 1e-7:
        return None
    ratios = found[kept] / true[kept]
    return ratios.flat[0] if np.allclose(ratios, ratios.flat[0], rtol=1e-5) and abs(ratios.flat[0]) > 1e-7 else None


def decide(case):
    """Right, right-if with what, off-by-factor with which number, or wrong; None where this cannot say."""
    try:
        code = compile(case["formula"].strip(), "formula", "eval")
    except SyntaxError:
        return None
    if case["kind"] != "python" or case["n"] or set(case["let"]) - {"probabilities", "targets", "logits"}:
        return None
    letters = {"probabilities": "y", "targets": "t", "logits": "z"}
    meaning = {**MEANINGS, **{name: letters[role] for role, name in case["let"].items()}}
    composition, quantity = case["composition"], case["quantity"]
    if ".T" in case["formula"]:
        return None  # of a vector NumPy's is the vector; people mean a row, and are read so
    if "1e-" in case["formula"]:
        return None  # wrong by less than is seen here
    labelled = "k" in names_in(code) or "[k]" in composition
    others = {"y_true", "y_hat", "yhat", "p", "s", "a"} & names_in(code)
    if others or labelled or "softmax(" in case["formula"] or "exp(z" in case["formula"]:  # something else is y
        meaning = {"y": "t", **meaning} if "+" in composition and "t" not in names_in(code) else meaning
    if truth(composition, quantity, points(composition, "")[0]) is None:
        return None
    factors = []
    for targets in ("t-one-hot",) if labelled else ("", "sum-t-1", "t-binary", "t-one-hot"):
        pairs = []
        for point in points(composition, targets):
            with np.errstate(all="ignore"):
                try:
                    found = evaluate(code, quantity, composition, point, meaning)
                except (ValueError, TypeError, IndexError, NameError, AttributeError):
                    return None
                true = np.asarray(truth(composition, quantity, point))
            if found is None or found.shape != true.shape or not np.isfinite(found).all():
                return None
            pairs.append((found, true))
        assumed = [] if labelled or not targets else [targets]
        if all(np.allclose(found, true, rtol=1e-5, atol=1e-7) for found, true in pairs):
            return ("right-if" if assumed else "right"), assumed, None
        ratios = [factor_at(found, true) for found, true in pairs]
        if None not in ratios and np.isclose(ratios[0], ratios[1], rtol=1e-4):
            factors.append(("off-by-factor", assumed, ratios[0]))
    return factors[0] if factors else ("wrong", [], None)


DECIDED = [(case, said) for case in COLLECTED if (said := decide(case)) is not None]


@pytest.mark.parametrize(("case", "said"), DECIDED, ids=[case["id"] for case, _ in DECIDED])
def test_a_recorded_verdict_is_what_plain_numbers_say(case, said):
    verdict, assumptions, factor = said
    expected = case["expected"]
    if expected["verdict"] == "off-by-factor" and verdict == "wrong":
        pytest.skip("a factor that only the checker's parameters know")
    assert (verdict, assumptions) == (expected["verdict"], expected["assumptions"])
    if factor is not None:
        known = eval(expected["factor"], {"n": N, "T": T})  # noqa: S307 - `1/n` of the same file
        assert np.isclose(known, factor)


def test_the_oracle_decides_many():
    assert len(DECIDED) >= 250, len(DECIDED)
