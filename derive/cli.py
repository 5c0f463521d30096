"""The command line: parse, call the API, print. No mathematics.

Everything that needs SymPy is imported inside the commands, so that help and completion answer at once.
"""

import gc
import json
import re
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from derive.cli_types import CompositionType, FormulaCommand, QuantityType
from derive.errors import DeriveError, KernelError, ProofError
from derive.progress import silently
from derive.version import __version__

if TYPE_CHECKING:
    from derive.progress import Track
    from derive.verification.compilation import Compilers

DONE, NEGATIVE, BAD_INPUT = 0, 1, 2
INTERRUPTED = 128 + signal.SIGINT


composition_argument = click.argument("composition", type=CompositionType())
where_option = click.option(
    "--where", default="", metavar="RANGES", help="Ranges of a definition's parameters: '0 < a < 1, b >= 0'."
)
name_option = click.option("--name", default="", metavar="NAME", help="The name of a loss that is defined on the spot.")
n_option = click.option("--n", "n", metavar="N", help="A given number of classes; any number without it.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="derive")
def cli() -> None:
    """Derive softmax and its losses, check every step, and generate LaTeX, NumPy and C from the result.

    A COMPOSITION is an activation, or an activation, a plus sign, and a loss. A loss is named, or defined on the spot,
    "softmax+sum(t[i]*y[i]**3 for i in range(n))" or "softmax+-sum(t*log(y))", or in a file: softmax+my_loss.py.
    """


@cli.command("list", short_help="List activations, losses and closed forms.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option(
    "--activation",
    metavar="ACTIVATION",
    default="softmax",
    show_default=True,
    help="Whose closed forms to derive: its Jacobian, and the gradient of every loss over it.",
)
@click.option("--definitions", is_flag=True, help="Leave the closed forms out: they are derived anew, in seconds.")
def list_command(as_json: bool, activation: str, definitions: bool) -> None:
    """List activations and losses with definitions, sources and closed forms; compositions, assumptions, targets."""
    from derive import tables
    from derive.api import first_derivatives

    with _progress() as track:
        closed_forms = () if definitions else first_derivatives(activation, track)
    if as_json:
        click.echo(json.dumps(tables.listing(closed_forms), indent=2, ensure_ascii=False))
    else:
        _print(*tables.list_tables(closed_forms))


@cli.command("show", cls=FormulaCommand, short_help="Print a derivation, step by step.")
@composition_argument
@click.option(
    "--quantity",
    type=QuantityType(),
    metavar="Q",
    help="What to derive; the Jacobian or gradient without it. "
    "Of an activation: value, jacobian, vjp, jvp. Of a loss: loss, gradient, hessian, hvp, gauss-newton, gnvp, and "
    "gradient:t or gradient:PARAMETER, the derivative with respect to the targets or a parameter.",
)
@n_option
@where_option
@name_option
@click.option("--assume", metavar="ID", multiple=True, help="An assumption that may be used; `none` for none at all.")
@click.option(
    "--format", "form", type=click.Choice(["text", "latex", "markdown", "json"]), default="text", show_default=True
)
@click.option("--layer", is_flag=True, help="Put Z = X W + b in front, and derive the gradients by X, W and b.")
@click.option(
    "--reduction", type=click.Choice(["mean", "sum"]), help="How --layer takes the rows of a batch together; the mean."
)
def show_command(
    composition: str,
    quantity: str | None,
    n: str | None,
    where: str,
    name: str,
    assume: tuple[str, ...],
    form: str,
    layer: bool,
    reduction: str | None,
) -> None:
    """Print the derivation of one quantity of COMPOSITION, step by step; or that of a layer before it."""
    from derive.api import derive
    from derive.targets import layer_report, report

    if layer and quantity is not None:
        raise click.UsageError("--layer derives the gradients by X, W and b at once; leave --quantity out")
    if reduction is not None and not layer:
        raise click.UsageError("--reduction is over the rows of a layer's batch; it needs --layer")
    reports = {
        "text": report.report_text,
        "latex": report.report_latex,
        "markdown": report.report_markdown,
        "json": report.report_json,
    }
    if "none" in assume and len(assume) > 1:
        others = ", ".join(each for each in assume if each != "none")
        raise DeriveError(f"--assume none stands alone; it was given with {others or 'itself'}")
    allowed = [each for each in assume if each != "none"] if assume else None
    derivation = derive(composition, n, allowed, where=where, name=name)
    if layer:
        layer_reports = {
            "text": layer_report.layer_text,
            "latex": layer_report.layer_latex,
            "markdown": layer_report.layer_markdown,
            "json": layer_report.layer_json,
        }
        click.echo(layer_reports[form](derivation.layer(reduction or "mean")))
        return
    click.echo(reports[form]([derivation.result(quantity)]))


@cli.command("build", cls=FormulaCommand, short_help="Write LaTeX, NumPy and C.")
@click.argument("named", metavar="[COMPOSITION]...", nargs=-1, type=CompositionType())
@n_option
@click.option(
    "--composition", "compositions", type=CompositionType(), multiple=True, help="The same as COMPOSITION; repeatable."
)
@click.option("--all", "all_of_them", is_flag=True, help="Build every composition of the catalogue that can be built.")
@where_option
@name_option
@click.option(
    "--quantity",
    "quantities",
    metavar="Q",
    multiple=True,
    help="Build this derivative besides: gradient:t, gradient:gamma, gauss-newton, gnvp; repeatable.",
)
@click.option("--target", "targets", metavar="TARGET", multiple=True, help="Write only this language; repeatable.")
@click.option("--out", default="generated", show_default=True, help="The folder that holds the build folders.")
@click.option("--layer", is_flag=True, help="Write Z = X W + b before each loss besides: LaTeX, and NumPy kernels.")
@click.option("--check", is_flag=True, help="Write nothing; show how the files differ, and exit 1 where they do.")
@click.option("--allow-unsafe", is_flag=True, help="Write kernels that break at some finite inputs; they say where.")
@click.option("--verify", "and_verify", is_flag=True, help="Compile and test what was written besides, as verify does.")
def build_command(
    named: tuple[str, ...],
    n: str | None,
    compositions: tuple[str, ...],
    all_of_them: bool,
    where: str,
    name: str,
    quantities: tuple[str, ...],
    targets: tuple[str, ...],
    out: str,
    layer: bool,
    check: bool,
    allow_unsafe: bool,
    and_verify: bool,
) -> int:
    """Write derivations and kernels of each COMPOSITION into OUT/any, or with --n N into OUT/nN.

    Without one, those of softmax and of some of its losses are written. The folder then holds what was asked for and
    nothing of an earlier build; files that are not ours stay.
    """
    from derive import tables
    from derive.api import build
    from derive.compiler import find_compiler
    from derive.verification.compilation import compilers

    compositions = (*named, *compositions)
    if check and and_verify:
        raise click.UsageError("--check writes nothing that --verify could test; leave one of them out")
    if and_verify and (not targets or "c" in targets):
        find_compiler()  # without one there is nothing to verify, which is better said before the work
    with compilers() if and_verify else nullcontext() as at_work:
        with _progress() as track:
            made = build(
                n,
                out,
                compositions,
                targets,
                all_of_them=all_of_them,
                where=where,
                name=name,
                dry=check,
                layer=layer,
                allow_unsafe=allow_unsafe,
                quantities=quantities,
                track=track,
                printed=at_work.start if at_work else None,
            )
        if not check:
            _print(
                tables.build_table(made),
                *tables.refusals(made),
                *tables.parameters_taken(made),
                tables.build_summary(made),
            )
            return _verify(made.folder, at_work) if at_work else DONE
    for change in made.changes:
        _print(tables.diff(change))
    again = _again(n, compositions, targets, out, all_of_them, where, name, layer, quantities)
    _print(tables.drift_summary(made, again))
    return NEGATIVE if made.changes else DONE


@cli.command("check", cls=FormulaCommand, short_help="Judge a formula of yours, and name its mistake.")
@composition_argument
@click.argument("quantity", type=QuantityType())
@click.argument("formula", required=False)
@click.option("--let", "let", metavar="ROLE=SYMBOL", multiple=True, help="What a symbol stands for; repeatable.")
@click.option("--file", "place", metavar="F.py:FUNCTION", help="A function to run and judge, instead of FORMULA.")
@n_option
@where_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def check_command(
    composition: str,
    quantity: str,
    formula: str | None,
    let: tuple[str, ...],
    place: str | None,
    n: str | None,
    where: str,
    as_json: bool,
) -> int:
    """Judge FORMULA, a formula for a QUANTITY of COMPOSITION, and name the mistake if there is one.

    FORMULA is Python, NumPy, LaTeX or plain text. Equals signs make a chain, whose first wrong link is named. Nothing
    of it is executed; a function that --file names is run, as your own code.

    \b
      derive check softmax jacobian "np.diag(y) - np.outer(y, y)"
      derive check softmax vjp "\\sum_i g_i y_i (\\delta_{ij} - y_j)"
      derive check softmax+cross-entropy gradient "q - p" --let targets=p
      derive check softmax vjp --file grad.py:backward

    The roles of --let are logits, probabilities, targets, upstream, direction, label, log-probabilities,
    label-probability, classes, parameter, and each parameter of the definition: --let alpha=a.

    Exit status: 0 right, also under an assumption; 1 any other verdict; 2 what cannot be read.
    """  # noqa: D301 - \b keeps lines apart
    # Not by the public API: it imports the kernels too, which is a tenth of the time of a verdict.
    from derive.catalogue import read_composition
    from derive.checking.report import verdict_json, verdict_report
    from derive.checking.verdict import check
    from derive.request import read_class_count

    if (formula is None) == (place is None):
        raise click.UsageError("give a formula, or --file F.py:FUNCTION")
    pairs = dict(_role_and_symbol(each) for each in let)
    known, classes, is_file = read_composition(composition, where), read_class_count(n), place is not None
    verdict = check(known, quantity, formula or place or "", pairs, classes, in_file=is_file)
    if as_json:
        click.echo(json.dumps(verdict_json(verdict), indent=2, ensure_ascii=False))
    else:
        _print(*verdict_report(verdict, formula or place or ""))
    return DONE if verdict.is_right else NEGATIVE


def _role_and_symbol(text: str) -> tuple[str, str]:
    role, equals, symbol = text.partition("=")
    if not equals:
        raise click.UsageError(f"--let {text} is not ROLE=SYMBOL, such as probabilities=p")
    return role.strip(), symbol.strip()


@cli.command("verify", short_help="Prove and test what was written, on this machine.")
@click.argument("folder", metavar="[DIR]", default="generated", type=click.Path(path_type=Path))
def verify_command(folder: Path) -> int:
    """Prove every derivation of DIR again, compile its C, and test every kernel against its definition."""
    return _verify(folder)


def _verify(folder: Path, at_work: "Compilers | None" = None) -> int:
    from derive.verification import verify

    with _progress() as track:
        findings = verify(folder, track, at_work)
    from derive import tables  # not before: it loads SymPy, and the compiler works meanwhile

    _print(tables.verification_table(findings), tables.verification_summary(findings))
    return DONE if all(finding.passed for finding in findings) else NEGATIVE


def _again(
    n: str | None,
    compositions: Sequence[str],
    targets: Sequence[str],
    out: str,
    all_of_them: bool,
    where: str,
    name: str,
    layer: bool,
    quantities: Sequence[str],
) -> str:
    """The command that brings the files up to date."""
    words = ["derive", "build", *(["--n", n] if n else []), *([] if out == "generated" else ["--out", out])]
    words += [*(["--all"] if all_of_them else []), *(["--where", where] if where else [])]
    words += [*(["--name", name] if name else []), *(["--layer"] if layer else [])]
    chosen = [*compositions, *(word for each in quantities for word in ("--quantity", each))]
    return shlex.join([*words, *chosen, *(word for each in targets for word in ("--target", each))])


def _print(*parts: Any) -> None:
    """Print rich text and tables; piped output is as wide as it needs and has neither colour nor trailing spaces."""
    from rich.console import Console
    from rich.text import Text

    piped = not sys.stdout.isatty()
    console = Console(markup=False, emoji=False, highlight=False, width=160 if piped else None)
    with console.capture() as printed:
        for part in parts:
            console.print(part, soft_wrap=piped and isinstance(part, Text))  # a command stays one line
    click.echo(re.sub(" +$", "", printed.get(), flags=re.MULTILINE) if piped else printed.get(), nl=False)


@contextmanager
def _progress() -> Iterator["Track"]:
    """A progress bar on a terminal's standard error; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield silently
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        yield lambda items, description: progress.track(items, description=description)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 done, 1 a negative answer, 2 bad usage or input.

    A mistake of the user is one sentence on standard error, and with `--json` or `--format json` also
    `{"error": ...}` on standard output.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    # SymPy makes many small objects, nearly all of which stay: looking through them for cycles is a tenth of the time.
    gc.set_threshold(100_000, 50, 50)
    if argv is None and hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `derive list | head` ends quietly, as other programs do
    try:
        status = cli.main(arguments, prog_name="derive", standalone_mode=False)
        return status if isinstance(status, int) else DONE
    except click.exceptions.NoArgsIsHelpError as help_text:
        click.echo(help_text.format_message(), err=True)
        return BAD_INPUT
    except click.ClickException as error:
        return _report(error.format_message(), arguments, BAD_INPUT)
    except DeriveError as error:
        return _report(str(error), arguments, BAD_INPUT)
    except (ProofError, KernelError) as error:
        return _report(f"a check failed, which is a fault of derive: {error}", arguments, NEGATIVE)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED


def _report(message: str, arguments: Sequence[str], status: int) -> int:
    sentence = message.strip().rstrip(".")
    if "--json" in arguments or "--format=json" in arguments or ("--format", "json") in pairwise(arguments):
        click.echo(json.dumps({"error": sentence}, ensure_ascii=False))
    click.echo(f"derive: {sentence}", err=True)
    return status
