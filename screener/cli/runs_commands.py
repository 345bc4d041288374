"""`screener runs` and `screener verify`: what is unfinished, and whether what is finished is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from screener.cli import options
from screener.cli.lines import say, say_record

if TYPE_CHECKING:
    from screener.runs.listing import Unfinished

RUNS_HELP = """List the unfinished runs of a folder, with progress.

A run of `screener enumerate` with -o or --all that lasts keeps a journal, OUT.run or DIR/run.json, until it is done.
Nothing is listed where every run has ended well."""
RUNS_EXAMPLES = """\b
Examples:
  screener runs
  screener runs results --json"""
VERIFY_HELP = """Check every candidate file that `screener enumerate --all DIR` has written.

The manifest in DIR holds rows and sha256 of each file. Exit code 0 where all are there and unchanged, 2 otherwise."""
VERIFY_EXAMPLES = """\b
Examples:
  screener verify candidates"""


def runs(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Folder of outputs. Default: the current one.")
    ] = Path(),
    as_json: options.Json = False,
) -> None:
    """List unfinished runs."""
    from screener.runs.listing import unfinished_runs

    for each in unfinished_runs(folder):
        if as_json:
            say_record(each.as_json())
        else:
            say([_line(each)])


def _line(run: Unfinished) -> str:
    """Write a run for people."""
    if run.lists is not None:
        state = "running" if run.running else "stopped, goes on when `screener score` is started again as it was"
        return f"{run.named}: {run.lists[0]:,} of {run.lists[1]:,} lists, {state}"
    if run.entry is None:
        return f"{run.named}: {run.problem}"
    said = run.as_json()
    state = "running" if run.running else f"stopped, go on with `screener enumerate --resume {run.named}`"
    return f"{run.named}: {run.entry.share:.1%} of {run.entry.size:,} at {said['updated']}, {state}; {said['space']}"


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that --all has written.")],
) -> None:
    """Check a folder of candidates."""
    from screener.errors import InputError
    from screener.runs.verifying import problems_of, read_manifest

    manifest = read_manifest(folder)
    found = list(problems_of(folder, manifest))
    say(found[:20])
    if found:
        raise InputError(
            f"{len(found)} of the files in `{folder}` are not as they were written",
            "write the candidates again into a new folder: the search gives the same bytes",
        )
    say([f"verified: {len(manifest.shards)} files with {manifest.rows:,} rows of {manifest.candidates:,} candidates"])
