"""Right formulas, the truth in floating point, and what changes one into a mutant."""

import ast
import random
import warnings
from dataclasses import dataclass

import numpy as np

STEP = 1e-30
"""Of complex-step differences, which have no cancellation."""
SECOND_STEP = 1e-5
"""Of the central differences of those; their error is about its square."""
LOSSES = {
    "softmax+cross-entropy": lambda y, t: -np.sum(t * np.log(y)),
    "softmax+mse": lambda y, t: np.mean((y - t) ** 2),
    "softmax+sum(abs(y - t))": lambda y, t: np.sum(np.where(np.real(y) > t, y - t, t - y)),
    "log-softmax+-sum(t*y)": lambda y, t: -np.sum(t * np.log(y)),
}
"""Of the probabilities, whatever the output is."""


@dataclass(frozen=True)
class Seed:
    """A right formula, as NumPy would evaluate it; `latex` says that it is judged as LaTeX."""

    composition: str
    quantity: str
    text: str
    latex: bool = False

    @property
    def letters(self):
        """The letters that a mutant may put in the place of another."""
        vector = {"vjp": "g", "jvp": "v", "hvp": "v"}.get(self.quantity, "")
        return "zyn" + ("t" if "+" in self.composition else "") + vector

    def written(self, text):
        """`text` as it is given to the checker."""
        return to_latex(ast.parse(text, mode="eval").body) if self.latex else text


_FORMULAS = {
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
    ("softmax+cross-entropy", "hvp"): ["np.sum(t)*y*(v - np.sum(v*y))", "y*v - y*(y @ v)"],
    ("softmax+mse", "gradient"): [
        "2/n*y*(y - t - np.sum(y*(y - t)))",
        "2*(y*(y - t) - y*np.sum(y*y) + y*np.sum(y*t))/n",
    ],
    ("softmax+mse", "value"): ["np.sum((y - t)**2)/n", "(np.sum(y*y) - 2*np.sum(y*t) + np.sum(t**2))/n"],
    ("softmax+mse", "hessian"): [
        (
            "2/n*(np.diag(y*(2*y - t - np.sum(y*(y - t)))) - np.outer(y, y)*(2*y[:, None] - t[:, None] + 2*y - t"
            " - np.sum(y*(3*y - 2*t))))"
        )
    ],
    ("softmax+mse", "hvp"): [
        (
            "2/n*y*((2*y - t - np.sum(y*(y - t)))*v - np.sum(v*y)*(2*y - t - np.sum(y*(3*y - 2*t)))"
            " - np.sum(v*y*(2*y - t)))"
        )
    ],
    ("softmax+sum(abs(y - t))", "value"): ["np.sum(np.abs(y - t))", "np.sum(np.sqrt((y - t)**2))"],
    ("softmax+sum(abs(y - t))", "gradient"): [
        "y*(np.sign(y - t) - np.sum(y*np.sign(y - t)))",
        "y*np.abs(y - t)/(y - t) - y*np.sum(y*(y - t)/np.abs(y - t))",
    ],
    ("log-softmax+-sum(t*y)", "value"): ["-np.sum(t*(z - np.log(np.sum(np.exp(z)))))"],
    ("log-softmax+-sum(t*y)", "gradient"): ["y*np.sum(t) - t"],
}
_IN_LATEX = {
    ("softmax", "vjp"): ["y*(g - np.sum(g*y))"],
    ("softmax", "value"): ["np.exp(z)/np.sum(np.exp(z))"],
    ("log-softmax", "jvp"): ["v - np.sum(y*v)"],
    ("softmax+cross-entropy", "gradient"): ["y*np.sum(t) - t"],
    ("softmax+cross-entropy", "value"): ["-np.sum(t*np.log(y))"],
    ("softmax+mse", "gradient"): ["2/n*y*(y - t - np.sum(y*(y - t)))"],
}
SEEDS = [Seed(*key, text) for key, texts in _FORMULAS.items() for text in texts] + [
    Seed(*key, text, latex=True) for key, texts in _IN_LATEX.items() for text in texts
]


def to_latex(node):
    """A formula without matrices, entry by entry, in LaTeX."""
    match node:
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return rf"\frac{{{to_latex(left)}}}{{{to_latex(right)}}}"
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return rf"\left({to_latex(left)}\right)^{{{to_latex(right)}}}"
        case ast.BinOp(left=left, op=operator, right=right):
            sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: r"\odot"}[type(operator)]
            return rf"\left({to_latex(left)} {sign} {to_latex(right)}\right)"
        case ast.UnaryOp(operand=operand):
            return rf"\left(-{to_latex(operand)}\right)"
        case ast.Call(func=ast.Attribute(attr=name), args=[argument]):
            return rf"\left(\{name} \left({to_latex(argument)}\right)\right)"
        case ast.Name(id=name):
            return name
        case ast.Constant(value=value):
            return str(value)
    raise TypeError(ast.dump(node))


def softmax(z):
    e = np.exp(z)
    return e / e.sum()


def slopes(function, z):
    """d function / dz, the logit last."""
    columns = [np.imag(function(z + 1j * STEP * unit)) / STEP for unit in np.eye(len(z))]
    return np.stack(columns, axis=-1)


def truth(composition, quantity, at):
    """The quantity from the definition: derivatives are differences, of the first order exact to the last digits."""
    z, t = at["z"], at["t"]
    if composition in LOSSES:
        loss = LOSSES[composition]

        def gradient(x):
            return slopes(lambda w: loss(softmax(w), t), x)

        if quantity in ("value", "gradient"):
            return loss(softmax(z), t) if quantity == "value" else gradient(z)
        steps = SECOND_STEP * np.eye(len(z))
        hessian = np.stack([(gradient(z + step) - gradient(z - step)) / (2 * SECOND_STEP) for step in steps], axis=-1)
        return hessian if quantity == "hessian" else hessian @ at["v"]

    def output(x):
        return np.log(softmax(x)) if composition == "log-softmax" else softmax(x)

    jacobian = slopes(output, z)
    found = {"value": output(z), "jacobian": jacobian, "vjp": at["g"] @ jacobian, "jvp": jacobian @ at["v"]}
    return found[quantity]


def point(n, seed, targets):
    """Where a formula is evaluated."""
    draw = np.random.default_rng(seed)
    t = draw.uniform(0.1, 1.0, n)
    t = {"free": t, "sum-t-1": t / t.sum(), "t-binary": (np.arange(n) <= seed) * 1.0, "t-one-hot": np.eye(n)[1]}[
        targets
    ]
    z = draw.uniform(-1, 1, n)
    return {"z": z, "y": softmax(z), "t": t, "g": draw.uniform(-1, 1, n), "v": draw.uniform(-1, 1, n), "n": n}


def holds(text, seed, targets):
    """Whether the formula is the truth in floating point; None where it cannot be evaluated."""
    for n, number in ((3, 1), (3, 2), (4, 1), (4, 2), (4, 0)):
        at = point(n, number, targets)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = eval(text, {"np": np, **at})  # noqa: S307 - our own text
        except (ValueError, IndexError, TypeError, ZeroDivisionError, np.linalg.LinAlgError):
            return None
        right = truth(seed.composition, seed.quantity, at)
        if np.shape(theirs) != np.shape(right):
            return None
        exact = seed.quantity not in ("hessian", "hvp")
        if not np.allclose(theirs, right, rtol=1e-9 if exact else 1e-6, atol=1e-11 if exact else 1e-8):
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


def mutants(seed, many):
    """Up to `many` different formulas, each one or two changes away from the right one."""
    source, found = random.Random(len(seed.text)), {}  # noqa: S311 - mutants, not secrets
    places = sum(1 for _ in ast.walk(ast.parse(seed.text)))
    for _ in range(60 * many):
        tree = ast.parse(seed.text, mode="eval")
        for _ in range(source.choice([1, 1, 2])):
            change = Mutate(source.randrange(places), source, seed.letters)
            tree = ast.fix_missing_locations(change.visit(tree))
        written = ast.unparse(tree)
        if written != seed.text:
            found[written] = None
        if len(found) == many:
            break
    return list(found)
