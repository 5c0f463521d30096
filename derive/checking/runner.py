"""Run a user's function on given arguments: a program of its own, which knows nothing of derive."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

MOST_NUMBERS = 100_000
"""What one call may return: more than any quantity has, and written in no time."""


def call(function: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """What one call returns, as plain lists: several values where it returns a tuple; or its error, in words."""
    # Numbers as entries of an array are: a label has a shape, which a function of a batch may ask for.
    arrays = {name: np.array(value)[()] for name, value in arguments.items()}
    try:
        found = function(**arrays)
        several = tuple(found.values()) if isinstance(found, dict) else found if isinstance(found, tuple) else (found,)
        if any(np.iscomplexobj(each) for each in several):
            return {"error": "no error, and returned complex numbers"}
        if (size := max(map(np.size, several))) > MOST_NUMBERS:
            return {"error": f"no error, and returned {size} numbers"}
        return {"values": [np.asarray(each, dtype=float).tolist() for each in several if each is not None]}
    except Exception as error:  # noqa: BLE001 - whatever the user's function raises is its result
        return {"error": f"{type(error).__name__}: {error}"[:300]}


def main() -> None:
    """Read a request from standard input; write the results to the file that is named on the command line."""
    request = json.loads(sys.stdin.read())
    path = Path(request["path"])
    sys.path.insert(0, str(path.parent))
    space: dict[str, Any] = {"__name__": path.stem, "__file__": str(path), "np": np}
    try:
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)  # noqa: S102 - the user's own file
        results = [call(space[request["name"]], arguments) for arguments in request["calls"]]
    except Exception as error:  # noqa: BLE001
        results = [{"error": f"{type(error).__name__}: {error}"[:300]} for _ in request["calls"]]
    answer = Path(sys.argv[1])
    own = answer.with_suffix(f".{os.getpid()}")  # a function that forks comes here twice
    own.write_text(json.dumps(results), encoding="utf-8")
    own.replace(answer)


if __name__ == "__main__":
    main()
