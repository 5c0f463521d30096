"""What the command line takes: formulas that begin with a minus sign, and names that the shell completes."""

import click
from click.shell_completion import CompletionItem

from derive.errors import DeriveError


class FormulaCommand(click.Command):
    """A command whose arguments may begin with a minus sign: `-sum(t[i]*log(y[i]) for i in range(n))` is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, with a space in front of each formula that would look like an option."""
        options = {name for parameter in self.get_params(ctx) for name in (*parameter.opts, *parameter.secondary_opts)}
        return super().parse_args(ctx, [f" {arg}" if _is_formula(arg, options) else arg for arg in args])


def _is_formula(arg: str, options: set[str]) -> bool:
    """Whether `arg` begins with a minus sign and is no option; a space in front then keeps it from being one."""
    word = arg.partition("=")[0]
    if not arg.startswith("-") or arg in ("-", "--") or word in options:
        return False
    return not (word.startswith("--") and word[2:].replace("-", "").isalpha())


class CompositionType(click.ParamType[str]):
    """The name of a composition, completed from the catalogue."""

    name = "composition"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """The compositions of the catalogue that begin with what was typed."""
        from derive.catalogue import activations, losses

        names = [*activations(), *(f"{activation}+{loss}" for activation in activations() for loss in losses())]
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class QuantityType(click.ParamType[str]):
    """A quantity, completed from those that the composition before it has."""

    name = "quantity"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """The quantities that begin with what was typed; none where the composition cannot be read."""
        from derive.catalogue import read_composition

        # click leaves all arguments unread after an option that has no value yet
        given = ctx.params.get("composition") or next(iter(ctx.args), "")
        try:
            composition = read_composition(given)
        except DeriveError:
            return []
        names = (*composition.quantities, *composition.further_quantities)
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]
