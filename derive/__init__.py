"""derive: from the definition of a loss to a checked derivation, its closed form, and kernels.

The names below are loaded when they are first used, so that `derive --help` does not wait for SymPy.
"""

from typing import TYPE_CHECKING, Any

from derive.version import __version__

if TYPE_CHECKING:
    from derive.api import Derivation, build, check, derive, load
    from derive.errors import DeriveError

__all__ = ["Derivation", "DeriveError", "__version__", "build", "check", "derive", "load"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'derive' has no attribute {name!r}")
    from derive import api, errors  # noqa: PLC0415 - the import that is put off

    return getattr(errors if name == "DeriveError" else api, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
