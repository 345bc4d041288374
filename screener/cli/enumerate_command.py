"""`screener enumerate`: search a composition space."""

from __future__ import annotations

from typing import Annotated, cast

import typer

from screener.cli import options
from screener.errors import CompositionError
from screener.jobs import DEFAULT_TOP, MAX_CANDIDATES, Question, ScreenJob, SearchChoice, conditions_of

ENUMERATE_HELP = """Enumerate every alloy of some elements, predict, and keep the best.

Amounts are in at.%; --step, --bounds and --sum always are, whatever --units says. EXPR is SQL arithmetic and
conditions over predictions (p_amorphous, is_amorphous, hardness_gpa, ...), element symbols (at.%) and descriptors
(density_g_cm3, cost_usd_kg, vec, ...)."""
ENUMERATE_EXAMPLES = """\b
Examples:
  screener enumerate --elements Al,Ti,Cr --top 50 -o best.csv
  screener enumerate --elements Fe,Co,Ni,Cr,Mn --components 5 --bounds Fe=5:35,Co=5:35 --maximize hardness_gpa
  screener enumerate --elements Cu,Zr,Al --where "is_amorphous and Cu > 40" --minimize density_g_cm3
  screener enumerate --elements Fe,Co,Ni,Cr,Al,Ti,Cu,Zr --maximize hardness_gpa --search exact --time-limit 600"""

_SPACE = "Composition space"


def enumerate_(
    elements: Annotated[
        str, typer.Option("--elements", metavar="A,B,...", help="Element symbols; their order is the column order.")
    ],
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
    strict: options.Strict = False,
    quiet: options.Quiet = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count the candidates and estimate time and memory; predict nothing.")
    ] = False,
) -> None:
    """Search a composition space and write its best candidates."""
    options.check_units(units)
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

    from screener.cli.terminal import terminal
    from screener.estimate import estimate
    from screener.pipeline import run_screen
    from screener.result_files import write_result
    from screener.sinks import OutputTarget, check_output
    from screener.space import CompositionSpace

    target = OutputTarget.parse(output)
    check_output(target)
    with terminal(quiet) as told:
        space = CompositionSpace.build(
            elements, step, components, ",".join(bounds) if bounds is not None else None, sums
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
            for line in estimate(job):
                typer.echo(line)
            return
        outcome = run_screen(job, told)
        told.clear()
        write_result(outcome.frame, target, outcome.metadata)
        told.summary(outcome.summary)
        if outcome.stopped is not None:
            raise outcome.stopped
