"""The Jinja environment, and where the templates are."""

from pathlib import Path
from typing import Any

import jinja2

_PACKAGE = Path(__file__).resolve().parent
_LOCATIONS = (_PACKAGE / "templates", _PACKAGE.parent / "templates")
"""In an installed wheel, and in a checkout."""


def template_folder() -> Path:
    """The folder that holds one folder of templates for each target."""
    return next(folder for folder in _LOCATIONS if folder.is_dir())


def environment(target: str) -> jinja2.Environment:
    """The environment for the templates of one target; a name that a template misspells is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_folder() / target),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - the output is source code, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(target: str, template: str, **context: Any) -> str:
    """The text of `templates/<target>/<template>.j2` with `context` in place."""
    return environment(target).get_template(f"{template}.j2").render(**context)
