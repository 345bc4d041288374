"""`screener enumerate`: search a composition space."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, cast

import typer

from screener.cli import options
from screener.cli.engines import Engine
from screener.cli.lines import say, say_record
from screener.errors import CompositionError, OutputError
from screener.jobs import DEFAULT_TOP, MAX_CANDIDATES, Question, ScreenJob, SearchChoice, conditions_of

ENUMERATE_HELP = """Enumerate every alloy of some elements, predict, and keep the best.

Amounts are in at.%; --step, --bounds and --sum always are, whatever --units says. EXPR is SQL arithmetic and
conditions over predictions (p_amorphous, is_amorphous, hardness_gpa, ...), element symbols (at.%) and descriptors
(density_g_cm3, cost_usd_kg, vec, ...).

A run with -o or --all that lasts keeps a journal, OUT.run or DIR/run.json, and goes on from there with --resume after
it was stopped or killed; the result is the same, byte for byte. `screener runs` lists unfinished ones."""
ENUMERATE_EXAMPLES = """\b
Examples:
  screener enumerate --elements Al,Ti,Cr --top 50 -o best.csv
  screener enumerate --elements Fe,Co,Ni,Cr,Mn --components 5 --bounds Fe=5:35,Co=5:35 --maximize hardness_gpa
  screener enumerate --elements Cu,Zr,Al --where "is_amorphous and Cu > 40" --minimize density_g_cm3
  screener enumerate --elements Fe,Co,Ni,Cr,Al,Ti,Cu,Zr --maximize hardness_gpa --search exact --time-limit 600
  screener enumerate --elements Fe,Co,Ni,Cr,Al,Ti --all candidates --all-where "hardness_gpa > 8" -o best.csv
  screener enumerate --resume best.csv"""

_SPACE = "Composition space"


def enumerate_(
    context: typer.Context,
    elements: Annotated[
        str | None,
        typer.Option("--elements", metavar="A,B,...", help="Element symbols; their order is the column order."),
    ] = None,
    step: Annotated[
        str, typer.Option("--step", metavar="AT%", help="Grid step in at.%, 0.1 to 50; divides 100 exactly.")
    ] = "1",
    components: Annotated[
        str | None, typer.Option("--components", metavar="N[-M]", help="How many elements may be present.")
    ] = None,
    bounds: Annotated[
        list[str] | None, typer.Option("--bounds", metavar="A=LO:HI,...", help="Limits of elements in at.%.")
    ] = None,
    sums: Annotated[
        list[str] | None, typer.Option("--sum", metavar="A+B=LO:HI", help="Limits of a sum of elements in at.%.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", metavar="N", help="Evaluate N candidates drawn at random instead of all.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="S", help="Seed of --sample. Default: 0.")] = None,
    maximize: options.Maximize = None,
    minimize: options.Minimize = None,
    rank_by: options.RankBy = None,
    where: options.Where = None,
    pareto: options.Pareto = False,
    top: Annotated[int, typer.Option("--top", metavar="K", help="How many candidates to report.")] = DEFAULT_TOP,
    tier: options.Tier = "auto",
    recall: options.Recall = None,
    threshold: options.Threshold = None,
    process: options.Process = None,
    prior: options.Prior = None,
    classifier: options.Classifier = None,
    condition: options.ConditionValues = None,
    with_descriptors: options.WithDescriptors = False,
    units: Annotated[
        str, typer.Option("--units", metavar="at|wt", help="Unit of the element columns written, at.% or wt.%.")
    ] = "at",
    output: options.Output = None,
    everything: Annotated[
        Path | None,
        typer.Option("--all", metavar="DIR", help="Write every candidate as Parquet files into a new folder."),
    ] = None,
    all_where: Annotated[
        str | None,
        typer.Option("--all-where", metavar="EXPR", help="Of those for --all, write only what meets a condition."),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume",
            metavar="OUT",
            help="Go on with the unfinished run that writes OUT, a file of -o or a folder of --all.",
        ),
    ] = None,
    device: options.DeviceChoice = "auto",
    models: options.ModelsFolder = None,
    max_candidates: Annotated[
        int, typer.Option("--max-candidates", metavar="N", help="Refuse to score more candidates than this one by one.")
    ] = MAX_CANDIDATES,
    search: Annotated[
        str,
        typer.Option(
            "--search",
            metavar="auto|exhaustive|exact",
            help="exact: prove the best without scoring every candidate; auto: where that is possible and faster.",
        ),
    ] = "auto",
    time_limit: Annotated[
        float | None,
        typer.Option("--time-limit", metavar="S", help="Stop an exact search after S seconds with what it has."),
    ] = None,
    diverse: Annotated[
        float | None,
        typer.Option("--diverse", metavar="AT%", help="Winners differ by at least so much in one element (exact)."),
    ] = None,
    near: Annotated[
        float | None,
        typer.Option(
            "--near", metavar="AT%", help="Only within so much, in every element, of a measured alloy (exact)."
        ),
    ] = None,
    engine: options.EngineName = "local",
    ray_address: options.RayAddress = None,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
    as_json: options.ResultJson = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count the candidates and estimate time and memory; predict nothing.")
    ] = False,
) -> None:
    """Search a composition space and write its best candidates."""
    options.check_units(units)
    if elements is None and resume is None:
        raise CompositionError("missing option `--elements`", "name element symbols, e.g. `--elements Al,Ti,Cr`")
    if seed is not None and sample is None:
        raise CompositionError(f"--seed `{seed}` without `--sample`", "only a draw is random: add `--sample N`")
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

    from screener.cli.resuming import Asked, run
    from screener.cli.terminal import terminal
    from screener.estimate import estimate, estimate_record
    from screener.sinks import OutputTarget, check_output
    from screener.space import CompositionSpace

    check_all(everything, all_where, search, again=elements is None)
    cluster = Engine.named(engine, ray_address)
    check_output(OutputTarget.parse(output, as_json))
    with terminal(quiet) as told:
        if resume is not None and elements is None:
            run(Asked.again(context, resume, output, models, device, time_limit), told, cluster)
            return
        space = CompositionSpace.build(
            elements or "", step, components, ",".join(bounds) if bounds is not None else None, sums
        )
        job = ScreenJob(
            space,
            question,
            sample,
            seed or 0,
            "wt" if units == "wt" else "at",
            max_candidates,
            models,
            device,
            search=cast(SearchChoice, search),
            time_limit=time_limit,
            diverse=diverse,
            near=near,
        )
        if dry_run:
            if as_json:
                say_record(estimate_record(estimate(job)))
                return
            say(estimate(job))
            return
        asked = Asked.of(job, output, everything, all_where, resume)
        if as_json and asked.target.path is None:
            asked = replace(asked, target=OutputTarget.parse(None, as_json))
        run(asked, told, cluster)


def check_all(folder: Path | None, where: str | None, search: str, again: bool) -> None:
    """Refuse options that contradict each other, where they are not those of a journal.

    Raises:
        OutputError: they do.
    """
    if where is not None and folder is None and not again:
        raise OutputError("`--all-where` without `--all`", "name a folder with `--all DIR`")
    if folder is not None and search == "exact":
        raise OutputError("`--all` together with `--search exact`", "drop one: exact search scores few candidates")
