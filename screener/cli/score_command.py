"""`screener score`: predict a list of alloys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from screener.cli import options
from screener.jobs import Question, ScoreJob, conditions_of

if TYPE_CHECKING:
    from screener.cli.terminal import Terminal
    from screener.sinks import OutputTarget

SCORE_HELP = """Predict every alloy of a CSV file.

The file has a header; formulas are in a column named composition, formula or alloy, or in the first column that reads
as alloys. All its columns come back unaltered. A column named like a condition (see `screener models`) sets that
condition row by row. Rows that cannot be read are listed with the reason, in OUT.rejects.csv where -o names a file.

Rows keep their order unless --top, --maximize, --minimize, --rank-by or --pareto is given. Lists of up to 20,000 rows
are characterized with the precise models; longer ones get screening values."""
SCORE_EXAMPLES = """\b
Examples:
  screener score alloys.csv -o predicted.csv
  screener score alloys.csv --where "in_domain and is_amorphous" --top 10
  screener score steels.csv --units wt --maximize hardness_gpa -o ranked.parquet"""
_LISTED = 10
"""Rejects listed on the terminal."""


def score(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV file with a header.")],
    units: options.ReadUnits = None,
    maximize: options.Maximize = None,
    minimize: options.Minimize = None,
    rank_by: options.RankBy = None,
    where: options.Where = None,
    pareto: options.Pareto = False,
    top: Annotated[
        int | None, typer.Option("--top", metavar="K", help="Report only the best K rows, best first.")
    ] = None,
    tier: options.Tier = "auto",
    recall: options.Recall = None,
    threshold: options.Threshold = None,
    process: options.Process = None,
    prior: options.Prior = None,
    classifier: options.Classifier = None,
    condition: options.ConditionValues = None,
    with_descriptors: options.WithDescriptors = False,
    output: options.Output = None,
    device: options.DeviceChoice = "auto",
    models: options.ModelsFolder = None,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
) -> None:
    """Predict a list of alloys and write it with its predictions."""
    options.check_units(units)
    question = Question(
        tuple(maximize or ()),
        tuple(minimize or ()),
        rank_by,
        where,
        pareto,
        top,
        cast(options.TierName, tier),
        recall,
        threshold,
        conditions_of(options.parse_conditions(condition or ())),
        with_descriptors,
        strict,
        process,
        prior,
        cast(options.ClassifierName | None, classifier),
    )

    from screener.cli.terminal import terminal
    from screener.scoring import run_score
    from screener.sinks import OutputTarget, check_output, write_result

    target = OutputTarget.parse(output)
    check_output(target)
    with terminal(quiet) as told:
        job = ScoreJob(file, question, cast(options.UnitsName, units), models, device)
        outcome = run_score(job, told)
        told.clear()
        _set_aside(outcome.rejects, target, told)
        write_result(outcome.frame, target, outcome.metadata)
        told.summary(outcome.summary)


def _set_aside(rejects: Sequence[tuple[int, str, str, str]], target: OutputTarget, told: Terminal) -> None:
    """Write what could not be read beside the result, or list the first of it."""
    from screener.sinks import write_rejects

    if target.path is not None:
        path = target.path.with_name(f"{target.path.name}.rejects.csv")
        if rejects:
            write_rejects(rejects, path)
            told.warn(f"{len(rejects)} rows could not be read: see `{path}`")
        else:
            path.unlink(missing_ok=True)  # of an earlier run: it would speak of other rows
        return
    for row, field, text, reason in rejects[:_LISTED]:
        told.warn(f"row {row}{', ' if field else ''}{field}: {reason}{'' if text in reason else f' (`{text[:60]}`)'}")
    if len(rejects) > _LISTED:
        told.warn(f"{len(rejects)} rows could not be read; -o FILE lists them all in FILE.rejects.csv")
