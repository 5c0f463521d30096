"""Judge a Python function of the user's: run in a process of its own, at random points, compared numerically."""

import ast
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sympy import Symbol

from derive.calculus.engine import derive_quantity
from derive.catalogue.model import Assumption, Composition
from derive.checking import habits
from derive.checking.formula import FormulaError, IllFormedError
from derive.checking.judge import Court, Finding, Values
from derive.checking.roles import is_labelled, rank_of
from derive.checking.world import FREE, ONE_HOT, World, make_real_world
from derive.errors import DeriveError
from derive.notation import g, i, j, t, v, y, z

SECONDS = 10
CLASSES = (3, 4, 5)
ROWS = 4

_RUNNER = Path(__file__).with_name("runner.py")
_ARGUMENTS = {
    "logits": habits.LOGITS | {"x"},
    "probabilities": habits.PROBABILITIES | habits.Y | (habits.EITHER - {"x", "X", "u"}),
    "targets": habits.TARGETS - {"labels"} | {"T"},
    "upstream": habits.UPSTREAM,
    "direction": habits.DIRECTION,
    "label": {"labels", "label", "k", "c"},
    "log-probabilities": habits.LOG_PROBABILITIES,
}


@dataclass(frozen=True)
class Function:
    """A function in a file.

    Attributes:
        path: the file.
        name: the function.
        roles: the role of each argument, in order; a parameter's is its own name.
    """

    path: Path
    name: str
    roles: Mapping[str, str]


def read_function(place: str, composition: Composition, let: Mapping[str, str]) -> Function:
    """The function at `grad.py:function`, its arguments known by name or as `let` says; nothing is run.

    Raises:
        DeriveError: no such file or function, or an argument whose role is not known.
    """
    written, colon, name = place.rpartition(":")
    if not colon or not name.isidentifier():
        raise DeriveError(f"{place!r} names no function; write FILE.py:FUNCTION")
    path = Path(written)
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeriveError(f"cannot read {written}: {error.strerror}") from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        raise FormulaError(f"{written} is no Python{f', line {line}' if line else ''}: {error.args[0]}") from None
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if name not in functions:
        raise DeriveError(f"{written} has no function {name!r}; it has {', '.join(functions) or 'none'}")
    given = {symbol: role for role, symbol in let.items()}
    parameters = {parameter.name for parameter in composition.parameters}
    arguments = functions[name].args
    required = len(arguments.args) - len(arguments.defaults)
    roles: dict[str, str] = {}
    for number, argument in enumerate((*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)):
        role = given.get(argument.arg) or ("parameter" if argument.arg in parameters else _habit(argument.arg))
        if role is None and number >= required:
            continue
        if role is None:
            raise DeriveError(
                f"the argument {argument.arg!r} of {name} has no role; name it z, y, t, g, v or labels, or give it one "
                f"with --let ROLE={argument.arg}"
            )
        roles[argument.arg] = role
    return Function(path, name, roles)


def _habit(name: str) -> str | None:
    return next((role for role, names in _ARGUMENTS.items() if name in names), None)


def judge_function(
    composition: Composition, quantity: str, function: Function, n: int | None = None
) -> tuple[Finding, Court, "Runs"]:
    """What the function comes to, on single rows and on batches.

    Raises:
        IllFormedError: it raised, took too long, or returned something of another shape.
    """
    labelled = is_labelled(composition) or "label" in function.roles.values()
    classes = CLASSES if n is None else (n,)
    court = Court(composition, quantity, classes, labelled, make_real_world)
    runs = Runs(function, rank_of(composition, quantity))
    worlds = [make_real_world(composition, n, 0, name) for name in court.hypotheses for n in classes]
    batches = [
        [make_real_world(composition, n or 4, seed, name, seed % 4) for seed in range(1, ROWS + 1)]
        for name in court.hypotheses
    ]
    runs.run([[world] for world in worlds] + batches, batched=[False] * len(worlds) + [True] * len(batches))
    finding = court.judge(runs, [name for name, role in function.roles.items() if role == "parameter"])
    hypothesis = finding.assumptions[0] if finding.assumptions else (ONE_HOT if labelled else FREE)
    if finding.verdict not in ("right", "right-if"):
        return finding, court, runs
    batch = next(
        each for each in batches if each[0].values == make_real_world(composition, n or 4, 1, hypothesis, 1).values
    )
    return _judge_batch(finding, runs, quantity, batch), court, runs


def _judge_batch(finding: Finding, runs: "Runs", quantity: str, batch: list[World]) -> Finding:
    """What a function that is right on a row comes to on a batch."""
    found = runs.of(batch)
    truth = np.array([world.truth(quantity).astype(float) for world in batch])
    if found is not None and found.shape == truth.shape and np.allclose(found, truth, rtol=1e-7, atol=1e-9):
        return finding
    mean = truth.mean(axis=0) if quantity == "value" else truth / len(batch)
    if found is not None and found.shape == mean.shape and np.allclose(found, mean, rtol=1e-7, atol=1e-9):
        return replace(finding, verdict="off-by-factor", factor="1/B", cause=("factor",))
    return replace(finding, verdict="wrong", cause=("index-mixed-up",) if _mixes_rows(found, quantity, batch) else ())


def _mixes_rows(found: Any, quantity: str, batch: list[World]) -> bool:
    """Whether a batch comes out as one long row, or as its columns: batch for class."""
    if found is None or quantity == "hvp":
        return False
    first = batch[0]
    bases = [base for base in (z, y, t, g, v) if base != y or first.composition.activation.y is not None]
    rows = {base: np.array([world.vector(base) for world in batch]) for base in bases}
    for names in (bases, [base for base in bases if base != y]):
        flat = {base: list(rows[base].ravel()) for base in names}
        long = replace(first, n=rows[z].size, values={**first.values, **flat})
        if quantity in ("jacobian", "hessian"):
            expression = derive_quantity(first.composition, quantity).closed_form
            square = found.size == long.n**2 and long.array(expression, i, j).astype(float)
            return bool(np.size(square) == found.size and np.allclose(square, found.reshape(square.shape), atol=1e-9))
        columns = [
            replace(first, n=len(batch), values={**first.values, **{base: list(rows[base][:, c]) for base in names}})
            for c in range(first.n)
        ]
        candidates = []
        for assumptions in ((), first.composition.assumptions):
            candidates.append(_closed(long, quantity, assumptions))
            candidates.append(np.array([_closed(column, quantity, assumptions) for column in columns]).T)
        for candidate in candidates:
            if candidate.size == found.size and np.allclose(
                candidate.reshape(found.shape), found, rtol=1e-7, atol=1e-9
            ):
                return True
    return False


def _closed(world: World, quantity: str, assumptions: tuple[Assumption, ...]) -> Any:
    """The closed form at given probabilities, which need not be those of the logits."""
    expression = derive_quantity(world.composition, quantity, assumptions=assumptions).closed_form
    return (world.array(expression, j) if quantity != "value" else world.truth(quantity)).astype(float)


class Runs:
    """The results of a function, run once for all worlds in one process."""

    def __init__(self, function: Function, rank: int) -> None:
        self.function, self.rank = function, rank
        self.results: dict[int, Any] = {}
        self.kept: list[list[World]] = []
        """Worlds are known by their identity of values, so they are kept."""

    def run(self, batches: list[list[World]], batched: list[bool]) -> None:
        """Run the function on each batch; those of one world as a single row where not `batched`."""
        calls = [self.arguments(batch, stacked=stacked) for batch, stacked in zip(batches, batched, strict=True)]
        request = json.dumps({"path": str(self.function.path), "name": self.function.name, "calls": calls})
        with tempfile.TemporaryDirectory() as folder:
            answer = Path(folder) / "answer.json"
            command = [sys.executable, "-X", "utf8", str(_RUNNER), str(answer)]
            try:
                subprocess.run(command, input=request, text=True, capture_output=True, timeout=SECONDS, check=False)  # noqa: S603 - the user's own function
            except subprocess.TimeoutExpired:
                raise IllFormedError(f"{self.function.name} took longer than {SECONDS} seconds") from None
            if not answer.exists():
                raise IllFormedError(f"{self.function.name} ended its process")
            answers = json.loads(answer.read_text(encoding="utf-8"))
        refused = [each["error"] for each, batch in zip(answers, batches, strict=True)
                   if "error" in each and len(batch) == 1]  # fmt: skip
        if refused and not all(batched):  # it may take batches alone: a row is then a batch of one
            self.run(batches, [True] * len(batches))
            return
        if refused:
            raise IllFormedError(f"{self.function.name} raised {refused[0]}")
        for batch, each, stacked in zip(batches, answers, batched, strict=True):
            found = None if "error" in each else np.array(each["value"], dtype=float)
            alone = found is not None and stacked and len(batch) == 1 and found.shape[:1] == (1,)
            self.kept.append(batch)
            self.results[self.key(batch)] = found[0] if found is not None and alone else found

    def arguments(self, batch: list[World], *, stacked: bool) -> dict[str, Any]:
        """The keyword arguments of one call, as plain lists."""
        bases = {"logits": z, "targets": t, "upstream": g, "direction": v}
        found: dict[str, Any] = {}
        for name, role in self.function.roles.items():
            if role == "label":
                entries: list[Any] = [world.label for world in batch]
            elif role == "parameter":
                found[name] = float(batch[0].number(Symbol(name, real=True)))
                continue
            elif role == "classes":
                found[name] = batch[0].n
                continue
            elif role == "probabilities" and batch[0].composition.activation.y is None:
                entries = [world.truth("value").astype(float).tolist() for world in batch]
            else:
                base = bases.get(role, y)
                entries = [world.vector(base).astype(float).tolist() for world in batch]
                if role == "log-probabilities":
                    entries = np.log(entries).tolist()
            found[name] = entries if stacked else entries[0]
        return found

    def key(self, batch: list[World]) -> int:
        """What tells a batch from every other: its values."""
        return hash(tuple((world.n, world.label, repr(sorted(world.values.items(), key=str))) for world in batch))

    def of(self, batch: list[World]) -> Any:
        """The result on a batch; None where the function raised."""
        return self.results.get(self.key(batch))

    def __call__(self, world: World) -> Values:
        """The result on one row; raises IllFormedError where its shape is not that of the quantity."""
        if self.key([world]) not in self.results:
            self.run([[world]], [False])
        found = self.of([world])
        due = (world.n,) * self.rank
        found = found.reshape(()) if found.size == 1 and self.rank == 0 else found
        if found.shape != due:
            raise IllFormedError(f"{self.function.name} returns the shape {found.shape} for a row, and {due} is due")
        return Values(found.astype(object), np.ones(found.shape, dtype=bool))
