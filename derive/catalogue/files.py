"""Read a definition file: a Python file that holds one `Loss(...)`, one `Activation(...)`, or one of each.

The file is parsed, never run: only a docstring, imports (which are not followed) and calls of `Loss` and `Activation`
with literal arguments are taken.
"""

import ast
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from derive.catalogue.model import ASSUMPTIONS, Activation, Loss
from derive.errors import DefinitionError, UnknownNameError

SUFFIX = ".py"
"""What the name of a definition file ends with."""
LARGEST_FILE = 100_000
"""Bytes of a definition file that are read; a definition is a few lines."""

_KINDS: dict[str, type[Activation] | type[Loss]] = {"Loss": Loss, "Activation": Activation}
_EXPLANATION = "it holds imports, a docstring, and Loss(...) or Activation(...) with literal arguments"


@dataclass(frozen=True)
class DefinitionFile:
    """What a file defines: a loss, an activation, or both."""

    activation: Activation | None = None
    loss: Loss | None = None


def read_file(name: str) -> DefinitionFile:
    """The definitions in the file `name`.

    Raises:
        DefinitionError: there is no such file, or it holds something else; says the line, and what would be right.
        UnknownNameError: an assumption that does not exist.
    """
    found: dict[str, Any] = {}
    for statement in _parse(name).body:
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
                continue
            case (
                ast.Assign(value=ast.Call(func=ast.Name(id=kind)) as call)
                | ast.AnnAssign(value=ast.Call(func=ast.Name(id=kind)) as call)
                | ast.Expr(value=ast.Call(func=ast.Name(id=kind)) as call)
            ) if kind in _KINDS:
                if kind.lower() in found:
                    raise DefinitionError(f"{name}, line {statement.lineno}: a second {kind}; a file holds one")
                found[kind.lower()] = _read_call(name, call, _KINDS[kind])
            case _:
                raise DefinitionError(
                    f"{name}, line {statement.lineno} is no part of a definition file; {_EXPLANATION}"
                )
    if not found:
        raise DefinitionError(f"{name} defines nothing; {_EXPLANATION}")
    return DefinitionFile(**found)


def _parse(name: str) -> ast.Module:
    path = Path(name)
    try:
        if not path.is_file():
            raise DefinitionError(f"there is no file {name!r}; a definition file is a Python file, {_EXPLANATION}")
        if path.stat().st_size > LARGEST_FILE:
            raise DefinitionError(f"{name} has more than {LARGEST_FILE} bytes; {_EXPLANATION}")
        return ast.parse(path.read_bytes().decode())
    except OSError as error:
        raise DefinitionError(f"cannot read {name!r}: {error.strerror}") from None
    except SyntaxError as error:
        raise DefinitionError(f"{name}, line {error.lineno or 1} is no Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise DefinitionError(f"{name!r} is no Python file in UTF-8; {_EXPLANATION}") from None


def _read_call(name: str, call: ast.Call, kind: type[Activation] | type[Loss]) -> Activation | Loss:
    """The definition that a call writes, its arguments literals of the right types."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    values: dict[str, Any] = {}
    where = f"{name}, line {call.lineno}"
    if call.args:
        raise DefinitionError(f"{where}: {kind.__name__} takes keyword arguments: {', '.join(fields)}")
    for keyword in call.keywords:
        if keyword.arg not in fields:
            raise UnknownNameError.of(f"argument of {kind.__name__}", str(keyword.arg), fields)
        values[keyword.arg] = _read_literal(keyword.value, fields[keyword.arg].type, f"{name}, line {keyword.lineno}")
    for field in fields.values():
        if field.name not in values and field.default is dataclasses.MISSING:
            raise DefinitionError(f"{where}: {kind.__name__} has no {field.name}; it needs one")
    for assumption in values.get("assumes", ()):
        if assumption not in ASSUMPTIONS:
            raise UnknownNameError.of("assumption", assumption, ASSUMPTIONS)
    return kind(**values)


_TYPES = {str: "a string", str | None: "a string or None", bool: "True or False", tuple[str, ...]: "a tuple of strings"}


def _read_literal(node: ast.expr, kind: Any, where: str) -> Any:
    match node:
        case ast.Tuple(elts=elements) | ast.List(elts=elements) if kind == tuple[str, ...]:
            return tuple(_read_literal(element, str, where) for element in elements)
        case ast.Constant(value=value) if kind != tuple[str, ...] and isinstance(value, kind):
            return value
    raise DefinitionError(f"{where}: {ast.unparse(node)[:60]!r} is not {_TYPES[kind]}, written out")
