"""The command line: options in, one library call, a table or a file out. Nothing heavy loads before a command runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from screener import __version__
from screener.cli.enumerate_command import ENUMERATE_EXAMPLES, ENUMERATE_HELP, enumerate_
from screener.cli.errors import exit_code
from screener.cli.explain_commands import (
    EXPLAIN_EXAMPLES,
    EXPLAIN_HELP,
    FEATURES_EXAMPLES,
    FEATURES_HELP,
    explain,
    features,
)
from screener.cli.models_commands import (
    CITE_EXAMPLES,
    CITE_HELP,
    MODELS_EXAMPLES,
    MODELS_HELP,
    cite,
    models,
)
from screener.cli.report_commands import PLOT_EXAMPLES, PLOT_HELP, REPORT_EXAMPLES, REPORT_HELP, plot, report
from screener.cli.runs_commands import RUNS_EXAMPLES, RUNS_HELP, VERIFY_EXAMPLES, VERIFY_HELP, runs, verify
from screener.cli.score_command import SCORE_EXAMPLES, SCORE_HELP, score
from screener.cli.serve_command import SERVE_EXAMPLES, SERVE_HELP, serve

__all__ = ["app", "main"]

app = typer.Typer(
    name="screener",
    help="Screen alloy compositions: enumerate, predict, rank, flag amorphous-formers.",
    epilog="Example: screener enumerate --elements Al,Ti,Cr --top 5",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Answer `--version`, or show the help where no command is given."""
    if version:
        typer.echo(f"screener {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


for name, command, text, examples in (
    ("enumerate", enumerate_, ENUMERATE_HELP, ENUMERATE_EXAMPLES),
    ("score", score, SCORE_HELP, SCORE_EXAMPLES),
    ("explain", explain, EXPLAIN_HELP, EXPLAIN_EXAMPLES),
    ("features", features, FEATURES_HELP, FEATURES_EXAMPLES),
    ("report", report, REPORT_HELP, REPORT_EXAMPLES),
    ("plot", plot, PLOT_HELP, PLOT_EXAMPLES),
    ("runs", runs, RUNS_HELP, RUNS_EXAMPLES),
    ("verify", verify, VERIFY_HELP, VERIFY_EXAMPLES),
    ("serve", serve, SERVE_HELP, SERVE_EXAMPLES),
    ("models", models, MODELS_HELP, MODELS_EXAMPLES),
    ("cite", cite, CITE_HELP, CITE_EXAMPLES),
):
    app.command(name, help=text, epilog=examples)(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 2 the user can mend it, 1 a bug, 130 or 143 stopped."""
    command = typer.main.get_command(app)
    given = list(sys.argv[1:] if arguments is None else arguments)

    def run() -> None:
        if "_SCREENER_COMPLETE" in os.environ:  # a shell asks what may come next
            command.main(given, prog_name="screener")
        # Not through the command's own `main`, which answers a closed pipe and an interrupt in its own way.
        with command.make_context("screener", given) as context:
            command.invoke(context)

    return exit_code(run)
