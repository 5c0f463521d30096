"""The output languages: every module of this package that binds `target` adds one.

To add a target, add a module here and a folder of templates; nothing else names it.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from derive.targets.model import Target


@cache
def targets() -> Mapping[str, Target]:
    """Every target, by name."""
    found: dict[str, Target] = {}
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        target = getattr(importlib.import_module(f"{__name__}.{module}"), "target", None)
        if target is not None:
            found[target.name] = target
    return MappingProxyType(dict(sorted(found.items())))
