"""Run a user's function on given arguments: a program of its own, which knows nothing of derive."""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

MOST_NUMBERS = 100_000
"""What one call may return: more than any quantity has, and written in no time."""
DOUBLE_BITS, SINGLE_BITS = 53, 24
"""Bits of a number of either precision."""
_BELOW_SINGLE, _SEEN = 1 + 1e-10, 1 + 1e-3
"""What moves a number too little for single precision, and what moves it visibly."""


class UnfitError(Exception):
    """A result in which there are no numbers to judge; says what it is."""


def call(function: Any, arguments: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """What one call returns, as plain lists with their bits: several where it returns a tuple; or its error, in words.

    The words go on after the name of the function: `raised KeyError: 1 (line 7)`, `returned None`; the line is that of
    the file at `path`.
    """
    try:
        values = [_numbers(each) for each in _several(_apply(function, arguments))]
    except UnfitError as error:
        return {"error": f"returned {error}"}
    except Exception as error:  # noqa: BLE001 - whatever the user's function raises is its result
        return {"error": raised(error, path)}
    return {"values": [{"entries": each.astype(float).tolist(), "bits": _bits(each)} for each in values]}


def raised(error: Exception, path: str) -> str:
    """What was raised, in words, with the last line of the file at `path` on the way there."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == path]
    place = f" (line {lines[-1]} of {Path(path).name})" if lines else ""
    return f"raised {type(error).__name__}: {error}"[:300] + place


def _apply(function: Any, arguments: Mapping[str, Any]) -> Any:
    """What the function returns for arrays, or where it wants them and they can be made, for PyTorch's tensors."""
    # Numbers as entries of an array are: a label has a shape, which a function of a batch may ask for.
    arrays = {name: np.array(value)[()] for name, value in arguments.items()}
    try:
        return function(**arrays)
    except Exception:
        torch: Any = sys.modules.get("torch")
        if torch is None:
            raise
    return function(**{name: torch.from_numpy(np.array(value)) for name, value in arguments.items()})


def _several(found: Any) -> list[Any]:
    """The parts of what was returned that may be the result."""
    parts = list(found.values()) if isinstance(found, dict) else list(found) if isinstance(found, tuple) else [found]
    kept = [each for each in parts if each is not None and not isinstance(each, (str, bytes, dict))]
    if not kept:
        raise UnfitError(_describe(found))
    return kept


def _describe(found: Any) -> str:
    """What was returned instead of numbers."""
    if found is None:
        return "None"
    if isinstance(found, (tuple, dict)):
        return f"{'an empty' if not found else 'a'} {type(found).__name__}{' without numbers' if found else ''}"
    return f"the text {found!r}"[:80] if isinstance(found, str) else f"a value of the type {type(found).__name__}"


def _numbers(value: Any) -> "np.ndarray[Any, Any]":
    """A returned value as an array of numbers; a tensor leaves its graph and its device."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            raise UnfitError(f"numbers of 8 bits, too few to be judged (float32 has {SINGLE_BITS})")
    try:
        array = np.asarray(value)
    except ValueError:
        raise UnfitError("lists whose lengths differ") from None
    if array.size > MOST_NUMBERS:
        raise UnfitError(f"{array.size} numbers")
    if np.iscomplexobj(array):
        raise UnfitError("complex numbers")
    if (bits := _bits(array)) < SINGLE_BITS:
        raise UnfitError(f"numbers of {bits} bits, too few to be judged (float32 has {SINGLE_BITS})")
    try:
        array.astype(float)
    except (TypeError, ValueError):
        raise UnfitError(_describe(value)) from None
    return array


def _bits(array: "np.ndarray[Any, Any]") -> int:
    """How many bits a number has; whole numbers are exact."""
    return int(np.finfo(array.dtype).nmant) + 1 if array.dtype.kind == "f" else DOUBLE_BITS


def computes_in_single(function: Any, arguments: Mapping[str, Any]) -> bool:
    """Whether an argument that matters is rounded to single precision on its way, though the result is not.

    Moved by less than single precision holds it then changes nothing, where moved by more it does.
    """
    plain = call(function, arguments)
    for name, value in arguments.items():
        numbers = np.array(value)
        if numbers.dtype.kind != "f" or "error" in plain:
            continue
        moved, seen = (call(function, {**arguments, name: (numbers * by).tolist()}) for by in (_BELOW_SINGLE, _SEEN))
        if moved == plain and seen != plain:
            return True
    return False


def answer(function: Any, calls: list[dict[str, Any]], path: str) -> dict[str, Any]:
    """What each of the calls returns, and whether the function computes in single precision."""
    results = [call(function, arguments, path) for arguments in calls]
    works = next((arguments for arguments, found in zip(calls, results, strict=True) if "values" in found), None)
    return {"results": results, "single": works is not None and computes_in_single(function, works)}


def load(path: Path) -> dict[str, Any]:
    """The names that a user's file defines."""
    sys.path.insert(0, str(path.parent))
    space: dict[str, Any] = {"__name__": path.stem, "__file__": str(path), "np": np}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)  # noqa: S102 - the user's own file
    return space


def end_after(seconds: float) -> None:
    """End this process when so much time has gone by, even if whoever asked was killed meanwhile."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def main() -> None:
    """Read a request from standard input; write the results to the file that is named on the command line.

    The file is empty once the user's file is loaded, so that one sees in which of the two the time went by.
    """
    request = json.loads(sys.stdin.read())
    path, place = Path(request["path"]), Path(sys.argv[1])
    started = loaded = time.monotonic()
    try:
        end_after(request["loading"])
        space = load(path)
        loaded = time.monotonic()
        place.touch()
        end_after(request["running"])
        found = answer(space[request["name"]], request["calls"], str(path))
    except Exception as error:  # noqa: BLE001
        found = {"results": [{"error": raised(error, str(path))} for _ in request["calls"]], "single": False}
    found |= {"loading": loaded - started, "running": time.monotonic() - loaded}
    own = place.with_suffix(f".{os.getpid()}")  # a function that forks comes here twice
    own.write_text(json.dumps(found), encoding="utf-8")
    own.replace(place)


if __name__ == "__main__":
    main()
