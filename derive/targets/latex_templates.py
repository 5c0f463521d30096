"""The templates of the LaTeX target, whose braces are LaTeX's: what Jinja replaces stands in angle brackets."""

from functools import cache
from typing import Any

from jinja2 import Environment

from derive.render import environment


def render_latex(template: str, **context: Any) -> str:
    """The text of `templates/latex/<template>.j2` with `context` in place of << >>, and <% %> for what it does."""
    return _in_angle_brackets().get_template(f"{template}.j2").render(**context)


@cache
def _in_angle_brackets() -> Environment:
    return environment("latex").overlay(
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
