"""No wrong formula is called right and no right one wrong: mutants of right formulas, judged by plain NumPy.

The oracle evaluates each mutant and the definition's complex-step derivative in floating point; it shares nothing with
the checker, which reads the same text.
"""

import ast
import itertools
import random
import warnings

import numpy as np
import pytest

from derive.catalogue import read_composition
from derive.checking.formula import FormulaError, IllFormedError
from derive.checking.verdict import judge_formula

RIGHT = {
    ("softmax", "value"): ["np.exp(z)/np.sum(np.exp(z))", "np.exp(z - np.log(np.sum(np.exp(z))))"],
    ("softmax", "jacobian"): [
        "np.diag(y) - np.outer(y, y)",
        "y[:, None]*(np.eye(n) - y[None, :])",
        "np.diag(y*y) + np.diag(y - y**2) - np.outer(y, y)",
    ],
    ("softmax", "vjp"): ["y*(g - np.sum(g*y))", "y*g - y*np.dot(y, g)", "(np.diag(y) - np.outer(y, y)) @ g"],
    ("softmax", "jvp"): ["y*(v - np.sum(v*y))", "y*v - y*(y @ v)"],
    ("log-softmax", "vjp"): ["g - y*np.sum(g)", "g - np.exp(z)*np.sum(g)/np.sum(np.exp(z))"],
    ("log-softmax", "jacobian"): ["np.eye(n) - y[None, :]"],
    ("softmax+cross-entropy", "value"): ["-np.sum(t*np.log(y))", "np.log(np.sum(np.exp(z)))*np.sum(t) - np.sum(t*z)"],
    ("softmax+cross-entropy", "gradient"): ["y - t", "y*np.sum(t) - t", "-t*(1 - y) + y*(np.sum(t) - t)"],
    ("softmax+cross-entropy", "hessian"): ["np.sum(t)*(np.diag(y) - np.outer(y, y))"],
    ("softmax+mse", "gradient"): [
        "2/n*y*(y - t - np.sum(y*(y - t)))",
        "2*(y*(y - t) - y*np.sum(y*y) + y*np.sum(y*t))/n",
    ],
    ("softmax+mse", "value"): ["np.sum((y - t)**2)/n", "(np.sum(y*y) - 2*np.sum(y*t) + np.sum(t**2))/n"],
}
WANTED = 2000
STEP = 1e-30
"""Of complex-step differences, which have no cancellation."""


def softmax(z):
    e = np.exp(z)
    return e / e.sum()


def output(name, z):
    return np.log(softmax(z)) if name == "log-softmax" else softmax(z)


def loss(name, z, t):
    y = softmax(z)
    return -np.sum(t * np.log(y)) if name == "cross-entropy" else np.mean((y - t) ** 2)


def slopes(function, z):
    """d function / dz, the logit last."""
    columns = [np.imag(function(z + 1j * STEP * unit)) / STEP for unit in np.eye(len(z))]
    return np.stack(columns, axis=-1)


def truth(composition, quantity, at):
    activation, _, loss_name = composition.partition("+")
    z, t = at["z"], at["t"]
    if loss_name:
        if quantity == "value":
            return loss(loss_name, z, t)
        if quantity == "gradient":
            return slopes(lambda x: loss(loss_name, x, t), z)
        y = softmax(z)
        return np.sum(t) * slopes(softmax, z) if loss_name == "cross-entropy" else y * np.nan
    jacobian = slopes(lambda x: output(activation, x), z)
    return {
        "value": lambda: output(activation, z),
        "jacobian": lambda: jacobian,
        "vjp": lambda: at["g"] @ jacobian,
        "jvp": lambda: jacobian @ at["v"],
    }[quantity]()


def point(n, seed, targets):
    draw = np.random.default_rng(seed)
    t = draw.uniform(0.1, 1.0, n)
    t = {"free": t, "sum-t-1": t / t.sum(), "t-binary": (np.arange(n) % 2 == 0) * 1.0, "t-one-hot": np.eye(n)[1]}[
        targets
    ]
    z = draw.uniform(-1, 1, n)
    return {"z": z, "y": softmax(z), "t": t, "g": draw.uniform(-1, 1, n), "v": draw.uniform(-1, 1, n), "n": n}


def holds(text, composition, quantity, targets):
    """Whether the formula is the truth in floating point; None where it cannot be evaluated."""
    for n, seed in itertools.product((3, 4), (1, 2)):
        at = point(n, seed, targets)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = eval(text, {"np": np, **at})  # noqa: S307 - our own text
        except (ValueError, IndexError, TypeError, ZeroDivisionError, np.linalg.LinAlgError):
            return None
        right = truth(composition, quantity, at)
        if np.shape(theirs) != np.shape(right):
            return None
        if not np.allclose(theirs, right, rtol=1e-9, atol=1e-11):
            return False
    return True


class Mutate(ast.NodeTransformer):
    """One change at one place of a formula."""

    def __init__(self, place, random_source, letters):
        self.place, self.random, self.letters, self.count = place, random_source, letters, -1

    def chosen(self):
        self.count += 1
        return self.count == self.place

    def visit_BinOp(self, node):
        here = self.chosen()
        self.generic_visit(node)
        if not here:
            return node
        kind = self.random.choice(["operator", "left", "right", "swap", "negate"])
        if kind == "left":
            return node.left
        if kind == "right":
            return node.right
        if kind == "swap":
            return ast.BinOp(node.right, node.op, node.left)
        if kind == "negate":
            return ast.UnaryOp(ast.USub(), node)
        return ast.BinOp(node.left, self.random.choice([ast.Add(), ast.Sub(), ast.Mult(), ast.Div()]), node.right)

    def visit_Name(self, node):
        if node.id != "np" and self.chosen():
            return ast.Name(self.random.choice([name for name in self.letters if name != node.id]))
        return node

    def visit_Constant(self, node):
        if isinstance(node.value, int) and self.chosen():
            return ast.Constant(self.random.choice([0, 1, 2, 3]))
        return node

    def visit_Call(self, node):
        here = self.chosen()
        self.generic_visit(node)
        return node.args[0] if here else node


def mutants(text, many, seed, letters):
    source, found = random.Random(seed), {}  # noqa: S311 - mutants, not secrets
    for _ in range(60 * many):
        tree = ast.parse(text, mode="eval")
        for _ in range(source.choice([1, 1, 2])):
            tree = ast.fix_missing_locations(Mutate(source.randrange(14), source, letters).visit(tree))
        written = ast.unparse(tree)
        if written != text:
            found[written] = None
        if len(found) == many:
            break
    return list(found)


CASES = [(composition, quantity, text) for (composition, quantity), texts in RIGHT.items() for text in texts]


@pytest.mark.parametrize(("composition", "quantity", "text"), CASES)
def test_a_mutant_is_called_right_exactly_when_it_is(composition, quantity, text):
    known = read_composition(composition)
    has_loss = "+" in composition
    judged = 0
    # The letters are said, so that no mutant is read in another way than the oracle reads it.
    let = {"probabilities": "y", "logits": "z", **({"targets": "t"} if has_loss else {})}
    letters = "zyn" + ("t" if has_loss else "") + {"vjp": "g", "jvp": "v"}.get(quantity, "")
    for mutant in [text, *mutants(text, WANTED // len(CASES) + 40, len(text), letters)]:
        kinds = ("free", "sum-t-1", "t-binary", "t-one-hot") if has_loss else ("free",)
        expected = next((kind for kind in kinds if holds(mutant, composition, quantity, kind)), None)
        try:
            found = judge_formula(known, quantity, mutant, let, explain=False)
        except (FormulaError, IllFormedError):
            continue
        verdict = None if not found.is_right else "".join(found.assumptions) or "free"
        if found.verdict == "right" and expected != verdict and holds(mutant, composition, quantity, "free") is None:
            continue  # NumPy stumbles over it, as over a division by zero where a vector is 0
        assert verdict == expected, (mutant, found)
        judged += 1
    assert judged > 20  # a short formula has few different mutants
