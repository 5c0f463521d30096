"""Where what one run has compiled is kept for the next."""

import os
from pathlib import Path

from derive.errors import OutputError


def cache_folder() -> Path:
    """Where what is compiled is kept: `derive` in $XDG_CACHE_HOME, or in .cache of the home directory.

    Raises:
        OutputError: there is neither.
    """
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if named.is_absolute():  # the specification has any other ignored
        return named / "derive"
    try:
        return Path.home() / ".cache" / "derive"
    except RuntimeError:
        raise OutputError("there is no home directory to keep compiled kernels in; set XDG_CACHE_HOME") from None
