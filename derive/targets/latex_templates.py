"""The templates of the LaTeX target, whose braces are LaTeX's: what Jinja replaces stands in angle brackets."""

from typing import Any

from derive.render import environment


def render_latex(template: str, **context: Any) -> str:
    """The text of `templates/latex/<template>.j2` with `context` in place of << >>, and <% %> for what it does."""
    brackets = environment("latex").overlay(
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    return brackets.get_template(f"{template}.j2").render(**context)
