"""A Python function of the user's: what its arguments are, and what it returns, run in a process of its own."""

import ast
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sympy import IndexedBase, Symbol

from derive.catalogue.model import Composition
from derive.checking.formula import FormulaError, IllFormedError
from derive.checking.habits import BATCH, LABELS, OUTPUTS, Y, assign, plain
from derive.checking.runner import DOUBLE_BITS
from derive.checking.values import Values
from derive.checking.world import DOUBLE, SINGLE, World
from derive.errors import DeriveError
from derive.notation import g, t, v, y, z

LOADING, RUNNING = 60, 10
"""Seconds that a file may take to load, with what it imports, and a function's calls, in all readings together."""
_AFTERWARDS = 2
"""Seconds later a process ends by itself, should nobody be left to end it."""
_LOOK = 0.1
"""Seconds from one look at a process to the next, while it runs."""

_RUNNER = Path(__file__).with_name("runner.py")
_BASES = {"logits": z, "targets": t, "upstream": g, "direction": v, "probabilities": y, "log-probabilities": y}
_INPUTS = ("x", "X")
"""What a function of one input calls it; a formula may mean its output."""
_CACHES = ("cache", "activationcache", "ctx")
"""What was kept of the way forward: logits to some, probabilities to others."""


@dataclass(frozen=True)
class Function:
    """A function in a file, in one reading of its arguments.

    Attributes:
        path: the file.
        name: the function.
        roles: the role of each argument that is given, in order.
        spelled: the parameters of the definition by the arguments that are called otherwise.
    """

    path: Path
    name: str
    roles: Mapping[str, str]
    spelled: Mapping[str, str] = field(default_factory=dict)

    def describe(self) -> dict[str, str]:
        """How each argument was taken."""
        return {
            name: f"parameter {self.spelled[name]}" if name in self.spelled else role
            for name, role in self.roles.items()
        }

    def differing_from(self, other: "Function") -> dict[str, str]:
        """What `--let` must say to have this reading and not the other: symbols by role."""
        return {role: name for name, role in self.roles.items() if other.roles.get(name) != role}


def read_functions(place: str, composition: Composition, quantity: str, let: Mapping[str, str]) -> tuple[Function, ...]:
    """The function at `grad.py:function` in each reading of its arguments, the most usual first; nothing is run.

    Raises:
        DeriveError: no such file or function, or an argument whose role is not known.
    """
    path, name, arguments = _find(place)
    given = {symbol: role for role, symbol in let.items()}
    parameters = {parameter.name for parameter in composition.parameters}
    spelled = {symbol: role for symbol, role in given.items() if role in parameters and symbol != role}
    known = {symbol: "parameter" if role in parameters else role for symbol, role in given.items()}
    optional = arguments.args[len(arguments.args) - len(arguments.defaults) :]
    required = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args) if argument not in optional]
    required += [
        each.arg for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None
    ]
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    roles = _assign(composition, quantity, names, known)
    unknown = [each for each in names if roles[each] == "parameter" and each not in parameters and each not in given]
    left = [each for each in parameters if each not in names and each not in spelled.values()]
    free = [each for each in unknown if each not in BATCH]
    if len(left) == len(free) == 1:
        spelled[free[0]] = left[0]
        unknown.remove(free[0])
    for each in unknown:
        if each in required:
            raise DeriveError(
                f"the argument {each!r} of {name} has no role; name it z, y, t, g, v or labels, or give it one "
                f"with --let ROLE={each}"
            )
    taken = {each: roles[each] for each in names if each not in unknown}
    return tuple(Function(path, name, variant, spelled) for variant in _variants(taken, given))


def _find(place: str) -> tuple[Path, str, ast.arguments]:
    """The file, the name and the arguments of a function."""
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
    return path, name, functions[name].args


def _assign(composition: Composition, quantity: str, names: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """The role of each argument by habit; y beside something else is what the loss compares it with."""
    roles = assign(composition, quantity, (), names, given)
    free = [name for name in names if name not in given]
    for name in free:
        if name in _INPUTS or plain(name) in _CACHES:
            roles[name] = "logits"
        if plain(name) in LABELS:
            roles[name] = "label"
    ours = [name for name in names if roles[name] in ("logits", "probabilities", "log-probabilities")]
    if composition.loss is not None and len(ours) > 1 and not {"targets", "label"} & set(roles.values()):
        for name in free:
            if name in Y:
                roles[name] = "targets"
    return roles


def _variants(roles: Mapping[str, str], given: Mapping[str, str]) -> list[Mapping[str, str]]:
    """The roles, and what else habit allows: labels as numbers or one-hot, a cache or an output of probabilities."""
    found = [roles]
    exchanged = {"targets": "label", "label": "targets"}
    for name, role in roles.items():
        if name in given:
            continue
        if role in exchanged:
            found += [{**each, name: exchanged[role]} for each in found]
        elif plain(name) in _CACHES or name in _INPUTS or (name in OUTPUTS and role == "log-probabilities"):
            found += [{**each, name: "probabilities"} for each in found]
    return found


@dataclass
class Allowance:
    """The seconds that are left to a function in all readings together: for loading its file, and for running it."""

    loading: float = LOADING
    running: float = RUNNING


class Runs:
    """The results of a function, run in one process for all worlds that are known beforehand."""

    def __init__(self, function: Function, rank: int, allowance: Allowance) -> None:
        self.function, self.rank, self.allowance = function, rank, allowance
        self.results: dict[tuple[int, ...], Any] = {}
        self.errors: dict[tuple[int, ...], str] = {}
        self.kept: list[Sequence[World]] = []
        """Worlds are known by their identity, so they are kept."""
        self.stacked = False
        self.precision = DOUBLE
        """The coarsest in which results were worked out."""

    def run(self, rows: Sequence[World], batches: Sequence[Sequence[World]] = ()) -> None:
        """Run the function on each row, or where it takes batches alone on batches of one, and on each batch."""
        given = [*([row] for row in rows), *batches]
        stacked = [self.stacked] * len(rows) + [True] * len(batches)
        answers = self._answers([self.arguments(each, stacked=flag) for each, flag in zip(given, stacked, strict=True)])
        refused = [answer["error"] for answer in answers[: len(rows)] if "error" in answer]
        if refused and not self.stacked:
            self.stacked = True
            self.run(rows, batches)
            return
        if refused:
            due = f", where {due_shape(self.rank)} is due" if refused[0].startswith("returned") else ""
            raise IllFormedError(f"{self.function.name} {refused[0]}{due}")
        for worlds, answer in zip(given, answers, strict=True):
            key = tuple(map(id, worlds))
            self.kept.append(worlds)
            if "error" in answer:
                self.errors[key] = answer["error"]
            else:
                self.results[key] = self._value(answer["values"], worlds)

    def _answers(self, calls: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """What the function returns for each call; notes the precision in which it works."""
        left, name, path = self.allowance, self.function.name, self.function.path
        if min(left.loading, left.running) <= 0:
            raise IllFormedError(f"{name} has taken too long in another reading of its arguments")
        limits = {"loading": left.loading + _AFTERWARDS, "running": left.running + _AFTERWARDS}
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            request, answer = Path(folder) / "request.json", Path(folder) / "answer.json"
            request.write_text(
                json.dumps({"path": str(path), "name": name, "calls": calls, **limits}), encoding="utf-8"
            )
            late = not _ends_in_time(request, answer, left)
            if late and not answer.exists():
                left.loading = 0
                raise IllFormedError(f"{path.name} took longer than {LOADING} seconds to load")
            if late:
                left.running = 0
                raise IllFormedError(f"{name} took longer than {RUNNING} seconds")
            written = answer.read_text(encoding="utf-8") if answer.exists() else ""
        if not written:
            raise IllFormedError(f"{name} ended its process")
        found = json.loads(written)
        left.loading -= found["loading"]
        left.running -= found["running"]
        self.precision = SINGLE if found["single"] else self.precision
        results: list[dict[str, Any]] = found["results"]
        return results

    def _value(self, values: Sequence[Mapping[str, Any]], worlds: Sequence[World]) -> Any:
        """Of what a call returns, the value of the shape that is due; else the last."""
        row = (worlds[0].n,) * self.rank
        arrays = [(np.array(value["entries"], dtype=float), value["bits"]) for value in values]
        wanted = [row] if len(worlds) == 1 and not self.stacked else [(len(worlds), *row), row]
        fitting = [each for shape in wanted for each in arrays if each[0].shape == shape]
        found, bits = (fitting or arrays[-1:])[0]
        self.precision = SINGLE if bits < DOUBLE_BITS else self.precision
        return found[0] if self.stacked and len(worlds) == 1 and found.shape[:1] == (1,) else found

    def arguments(self, batch: Sequence[World], *, stacked: bool) -> dict[str, Any]:
        """The keyword arguments of one call, as plain lists."""
        found: dict[str, Any] = {}
        for name, role in self.function.roles.items():
            if role == "classes":
                found[name] = batch[0].n
            elif role == "parameter":
                found[name] = _parameter(batch[0], self.function.spelled.get(name, name))
            else:
                entries = [_entries(world, role) for world in batch]
                found[name] = entries if stacked else entries[0]
        return found

    def of(self, batch: Sequence[World]) -> Any:
        """The result on a batch; None where the function raised."""
        return self.results.get(tuple(map(id, batch)))

    def refusal(self, batch: Sequence[World]) -> str:
        """What the function raised or returned on a batch, as a sentence; empty where that is an array."""
        error = self.error(batch)
        return error and f"it is right on a single row, and on a batch {self.function.name} {error}"

    def error(self, batch: Sequence[World]) -> str:
        """What is wrong with what the function does on a batch, `raised KeyError: 1`; empty where nothing is."""
        return self.errors.get(tuple(map(id, batch)), "")

    def __call__(self, world: World) -> Values:
        """The result on one row; raises IllFormedError where its shape is not that of the quantity."""
        if (id(world),) not in self.results:
            self.run([world])
        found = self.of([world])
        due = (world.n,) * self.rank
        found = found.reshape(()) if found.size == 1 and self.rank == 0 else found
        if found.shape != due:
            raise IllFormedError(f"{self.function.name} returns the shape {found.shape} for a row, and {due} is due")
        return Values(np.array(found, dtype=object), np.ones(np.shape(found), dtype=bool), self.precision)


def due_shape(rank: int) -> str:
    """What a function is to return for a row, in words."""
    return ("a number", "an array of the shape (n,)", "an array of the shape (n, n)")[rank]


def _ends_in_time(request: Path, answer: Path, left: Allowance) -> bool:
    """Let a process answer a request, and say whether it loads its file in time, which makes `answer`, and then ends.

    It may do anything: what it prints is lost, and what it started ends with it.
    """
    with request.open(encoding="utf-8") as given, subprocess.Popen(  # noqa: S603 - the user's own function
        [sys.executable, "-X", "utf8", str(_RUNNER), str(answer)],
        stdin=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            until, is_loaded = time.monotonic() + left.loading, False
            while process.poll() is None:
                if not is_loaded and answer.exists():
                    until, is_loaded = time.monotonic() + left.running, True
                if time.monotonic() > until:
                    return False
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=_LOOK)
            return True
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)


def _parameter(world: World, name: str) -> Any:
    """The value of a parameter: one number, or one for each class."""
    if any(parameter.name == name and parameter.per_class for parameter in world.composition.parameters):
        return world.vector(IndexedBase(name)).astype(float).tolist()
    return float(world.number(Symbol(name, real=True)))


def _entries(world: World, role: str) -> Any:
    """What an argument is for one row."""
    if role == "label":
        return world.label
    if role == "probabilities" and world.composition.activation.y is None:
        return world.alone.truth("value").astype(float).tolist()
    entries = world.vector(_BASES[role]).astype(float).tolist()
    return np.log(entries).tolist() if role == "log-probabilities" else entries
