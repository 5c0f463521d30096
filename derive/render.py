"""The Jinja environment, and where the templates are."""

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket

from derive.cache import cache_folder
from derive.errors import OutputError

_PACKAGE = Path(__file__).resolve().parent
_LOCATIONS = (_PACKAGE / "templates", _PACKAGE.parent / "templates")
"""In an installed wheel, and in a checkout."""


def template_folder() -> Path:
    """The folder that holds one folder of templates for each target."""
    return next(folder for folder in _LOCATIONS if folder.is_dir())


SYNTAX = tuple(
    [f"{kind}_{end}_string" for kind in ("block", "variable", "comment") for end in ("start", "end")]
    + ["trim_blocks", "lstrip_blocks", "keep_trailing_newline", "autoescape"]
)
"""The settings of an environment on which the meaning of a template depends."""


class KeptTemplates(jinja2.FileSystemBytecodeCache):
    """Compiled templates, kept for later runs: to compile them is a quarter of what printing takes.

    What is kept is used for the same text, Jinja and Python only. Where nothing can be kept, nothing is.
    """

    def get_bucket(self, environment: jinja2.Environment, name: str, filename: str | None, source: str) -> Bucket:
        """Where one template is kept; what the environment makes of its text counts as text."""
        settings = (*(getattr(environment, name) for name in SYNTAX), environment.undefined.__name__)
        return super().get_bucket(environment, name, filename, f"{settings}{source}")

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep one template."""
        with suppress(OSError):
            super().dump_bytecode(bucket)


def _kept_templates() -> KeptTemplates | None:
    with suppress(OSError, OutputError):
        folder = cache_folder() / "templates"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return KeptTemplates(str(folder))
    return None


@cache
def environment(target: str) -> jinja2.Environment:
    """The environment for the templates of one target; a name that a template misspells is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_folder() / target),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - the output is source code, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=_kept_templates(),
    )


def render(target: str, template: str, **context: Any) -> str:
    """The text of `templates/<target>/<template>.j2` with `context` in place."""
    return environment(target).get_template(f"{template}.j2").render(**context)
