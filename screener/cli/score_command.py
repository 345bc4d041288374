"""`screener score`: predict a list of alloys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from screener.cli import options
from screener.cli.engines import Engine
from screener.errors import InputError, OutputError
from screener.jobs import EncodingChoice, Question, ScoreJob, conditions_of

if TYPE_CHECKING:
    from screener.cli.terminal import Terminal
    from screener.reject_files import RejectSink

SCORE_HELP = """Predict every alloy of a list.

FILE is CSV with a header (comma, semicolon or tab), JSON lines or Parquet, plain or compressed with gzip or Zstandard;
`-` reads standard input. Formulas are in a column named composition, formula or alloy, else amounts are in columns
named like elements (also where the former does not read as alloys, or tells other ones), else formulas in the first
column that does. All columns come back unaltered, values of JSON as text. A column named like a condition (see
`screener models`) sets that condition row by row, one named process the route; `annealed` and its like may say yes or
no. Rows that cannot be read are listed with the reason, in OUT.rejects.csv where -o names a file.

Rows keep their order unless --top, --maximize, --minimize, --rank-by or --pareto is given. Lists of up to 20,000 rows
are characterized with the precise models and ranked; longer ones get screening values, block by block.

Of a folder, or a pattern in quotes, every list is scored by itself into the folder of -o, under its own name. A run
that was stopped goes on with the lists that are left when it is started again; --engine ray gives each to a worker."""
SCORE_EXAMPLES = """\b
Examples:
  screener score alloys.csv -o predicted.csv
  screener score alloys.csv --where "in_domain and is_amorphous" --top 10
  screener score steels.csv --units wt --maximize hardness_gpa -o ranked.parquet
  zcat many.csv.gz | screener score - --composition-column Alloy --rejects bad.csv -o predicted.parquet
  screener score lists -o predicted --engine ray"""


def score(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="List of alloys, `-` for standard input; or a folder.")],
    composition_column: Annotated[
        str | None, typer.Option("--composition-column", metavar="NAME", help="Column that holds formulas.")
    ] = None,
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
    with_elements: Annotated[
        bool, typer.Option("--with-elements", help="Add the at.% of every element; of all in lists above 20,000 rows.")
    ] = False,
    output: options.Output = None,
    rejects: Annotated[
        Path | None,
        typer.Option("--rejects", metavar="FILE", help="Write rows that cannot be read. Default: OUT.rejects.csv."),
    ] = None,
    encoding: Annotated[
        str, typer.Option("--encoding", metavar="utf-8|latin-1|cp1252", help="Encoding of a text file.")
    ] = "utf-8",
    device: options.DeviceChoice = "auto",
    models: options.ModelsFolder = None,
    engine: options.EngineName = "local",
    ray_address: options.RayAddress = None,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
    as_json: options.ResultJson = False,
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

    cluster = Engine.named(engine, ray_address)
    job = ScoreJob(
        file,
        question,
        cast(options.UnitsName, units),
        models,
        device,
        column=composition_column,
        encoding=cast(EncodingChoice, encoding),
        with_elements=with_elements,
    )

    from screener.cli.terminal import terminal
    from screener.folder_scoring import is_many
    from screener.list_files import check_files
    from screener.reject_files import open_rejects
    from screener.result_files import open_result
    from screener.scoring import stream_score
    from screener.sinks import OutputTarget

    if is_many(file) and as_json:
        raise InputError("`--json` with several lists", "each is written to a file of its own: leave `--json` out")
    if is_many(file):
        with terminal(quiet) as told:
            _score_many(job, output, rejects, cluster, told)
        return
    if cluster.ray:
        raise InputError(
            "`--engine ray` with one list", "a list is one task: name a folder or a pattern such as 'lists/*.csv'"
        )
    target = OutputTarget.parse(output, as_json)
    aside = check_files(file, target, rejects)
    with terminal(quiet) as told:
        with open_result(target, told.clear) as rows, open_rejects(aside, always=rejects is not None) as refused:
            scratch = None if target.path is None else target.path.parent
            finished = stream_score(job, told, rows, refused, scratch)
        told.clear()
        _tell(refused, aside, told)
        told.summary(finished.summary)


def _score_many(job: ScoreJob, output: str | None, rejects: Path | None, engine: Engine, told: Terminal) -> None:
    """Score every list of a folder and account for all rows.

    Raises:
        ScreenerError: a list cannot be read, or a result not be written.
    """
    from screener.folder_scoring import Folder, score_folder, score_here

    if rejects is not None:
        raise OutputError("`--rejects` with many lists", "leave it out: each result gets a file of its own rejects")
    folder = Folder.of(job, output)
    with engine.open(job.device) as cluster:
        total = score_folder(folder, score_here if cluster is None else cluster.score, told)
    told.clear()
    told.note(f"{len(folder.lists):,} lists; " + ", ".join(f"{count:,} {what}" for what, count in total.items()))


def _tell(rejects: RejectSink, path: Path | None, told: Terminal) -> None:
    """Say where what could not be read is written, or list the first of it."""
    if not rejects.count:
        return
    if path is not None:
        told.warn(f"{rejects.count} rows could not be read: see `{path}`")
        return
    for row, field, text, reason in rejects.first:
        told.warn(f"row {row}{', ' if field else ''}{field}: {reason}{'' if text in reason else f' (`{text[:60]}`)'}")
    if rejects.count > len(rejects.first):
        told.warn(f"{rejects.count} rows could not be read; -o FILE lists them all in FILE.rejects.csv")
