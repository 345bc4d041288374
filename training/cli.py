"""The `training` command: measured data, fitting, evaluation."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from screener.cli.errors import exit_code
from screener.errors import ScreenerError
from training.data_cli import data_app
from training.options import Units

app = typer.Typer(
    name="training",
    help="Fit, prove and export the models that screener serves.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
_EXTRA = "pip install 'alloy-screener[training]'"

Data = Annotated[Path | None, typer.Option("--data", help="Your own table: a composition column and target columns.")]
Targets = Annotated[Path | None, typer.Option("--targets", help="TOML file that declares targets of your own.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Workers = Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes, one thread each.")]


@app.command()
def fit(
    data: Data = None,
    targets: Targets = None,
    units: Units = None,
    catalogue: Annotated[
        bool, typer.Option("--catalogue/--no-catalogue", help="Learn from the measured data sets found here, too.")
    ] = True,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of models to write; your data folder if absent.")
    ] = None,
    workers: Workers = 2,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31, help="Seed of folds, learners and draws.")] = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="A fifth of the trees, a short lesson: a first look; the cards say so.")
    ] = False,
    methods: Annotated[
        Path | None,
        typer.Option("--methods", help="TOML file of multi-task methods: the screen tier is learned by them."),
    ] = None,
    gap: Annotated[
        float | None,
        typer.Option(
            "--gap",
            min=0.0,
            max=10.0,
            help="Weight of the penalty that makes screen nets quick to search exactly, from 0 to 10; 0 is none, 0.003 "
            "the default.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit both tiers of every target, prove them on held-out chemical systems, write the models.

    With --data only the targets of your table are fitted; the other models of the folder are kept or copied. With
    --methods the nets that screen are learned from measured rows, by the methods that `training study custom` compares.

    Example: training fit --data my.csv --targets my.toml --out my-models
    """
    from training.fit_command import FitRequest, run_fit

    run_fit(FitRequest(data, targets, units, catalogue, out, workers, seed, quick, methods, gap, as_json))


@app.command()
def evaluate(
    data: Data = None,
    targets: Targets = None,
    units: Units = None,
    catalogue: Annotated[
        bool, typer.Option("--catalogue/--no-catalogue", help="Learn from the measured data sets found here, too.")
    ] = True,
    repeats: Annotated[
        int | None,
        typer.Option(
            "--repeats", min=1, max=20, help="Regroupings to average over; 1, with --all 5.", show_default=False
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Baselines and the paper's nets only.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="The whole report: left-out families and sources, intervals, tiers.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write the scores as JSON.")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write the tables as Markdown.")] = None,
    readme: Annotated[
        Path | None, typer.Option("--readme", help="Replace the table between the evaluation marks of this file.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Folder of answers of earlier runs; your cache folder if absent.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Compute everything anew and keep nothing.")] = False,
    workers: Workers = 2,
    as_json: AsJson = False,
) -> None:
    """Cross-validate our models and five baselines, grouped by chemical system and at random; print one table a target.

    What was computed before, from the same rows, recipes and code, is looked up; a run that was stopped goes on.

    Example: training evaluate --all --out models/evaluation.json --report models/EVALUATION.md --readme README.md
    """
    from training.evaluate_command import EvaluateRequest, run_evaluate

    run_evaluate(
        EvaluateRequest(
            *(data, targets, units, catalogue, repeats, quick, everything),
            *(out, report, readme, cache, no_cache, workers, as_json),
        )
    )


@app.command()
def ablation(
    target: Annotated[
        list[str] | None, typer.Argument(help="Targets, e.g. hardness_gpa; every standing one if absent.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31, help="Grouping; scores elsewhere use 0 to 4.")] = 10,
    out: Annotated[Path | None, typer.Option("--out", help="Write the tables as Markdown.")] = None,
    workers: Workers = 2,
    as_json: AsJson = False,
) -> None:
    """Score the models without each group of descriptors, and every learner alone, on held-out chemical systems.

    Example: training ablation hardness_gpa
    """
    from training.ablation_command import AblationRequest, run_ablation

    run_ablation(AblationRequest(tuple(target or ()), seed, out, workers, as_json))


@app.command()
def benchmark(
    name: Annotated[str, typer.Argument(help="The benchmark: matbench_glass.", show_default=False)],
    only_benchmark: Annotated[
        bool, typer.Option("--only-benchmark", help="Learn from the benchmark's own training rows alone.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write the scores as JSON.")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write the table as Markdown.")] = None,
    workers: Workers = 2,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**31, help="Seed of inner folds and learners.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="A fifth of the trees: a first look.")] = False,
    as_json: AsJson = False,
) -> None:
    """Test the amorphous classifier's recipe on the official folds of a public benchmark, beside quoted entries.

    Beside the official training rows it learns from every other source, but from no row of these within 1 at.% of a
    tested one; with --only-benchmark from the official training rows alone.

    Example: training benchmark matbench_glass --out benchmark.json
    """
    from training.benchmark_command import BenchmarkRequest, run_benchmark_command

    run_benchmark_command(BenchmarkRequest(name, only_benchmark, out, report, workers, seed, quick, as_json))


@app.command()
def study(
    name: Annotated[list[str], typer.Argument(help="Studies, e.g. main; all runs every one.", show_default=False)],
    quick: Annotated[bool, typer.Option("--quick", help="Few rows, epochs, seeds and folds: a first look.")] = False,
    data: Annotated[
        Path | None, typer.Option("--data", help="Your own table of several targets, or the paper's export.")
    ] = None,
    targets: Targets = None,
    units: Units = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the reports; ./study if absent.")] = None,
    seeds: Annotated[
        str | None, typer.Option("--seeds", help="Seeds separated by commas; the paper's five if absent.")
    ] = None,
    workers: Workers = 2,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Folder of earlier fits; your cache folder if absent.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Fit everything anew and keep nothing.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file of methods, for the study `custom`.")
    ] = None,
    answer: Annotated[
        Path | None,
        typer.Option("--answer", help="Write which of the paper's findings hold, by all reports in --out."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document a line, one for each study.")] = False,
) -> None:
    """Ask what multi-task learning does: print the study's table beside the paper's figures, write CSV, report, plots.

    What was fitted before, from the same rows, methods and code, is looked up; a study that was stopped goes on.

    Example: training study main --quick
    """
    from training.study_command import StudyRequest, run_study

    run_study(
        StudyRequest(
            *(tuple(name), quick, data, targets, units, out, seeds, workers, cache, no_cache, config, answer, as_json),
        )
    )


@app.command()
def promote(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Targets or files, e.g. hardness_gpa or screen/hardness.onnx; all if absent."),
    ] = None,
    candidates: Annotated[
        Path | None, typer.Option("--from", help="Folder of new models, as `training fit --out` writes.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder of models in use; your data folder if absent.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Promote without being better or comparable; the journal says so.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Replace models in use by new ones that are better on the same folds beyond noise; keep what is replaced.

    Example: training promote --from my-models hardness_gpa
    """
    from training.promote_command import PromoteRequest, run_promote

    run_promote(PromoteRequest(candidates, to, tuple(names or ()), anyway, as_json))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 2 the user can mend it, 1 a bug, 130 or 143 stopped."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in ([], ["data"]) and "_TRAINING_COMPLETE" not in os.environ:
        given.append("--help")

    def run() -> None:
        missing = _missing_extra()
        if missing:
            raise ScreenerError(f"`training` needs the package `{missing}`", _EXTRA)
        command = typer.main.get_command(app)
        if "_TRAINING_COMPLETE" in os.environ:  # a shell asks what may come next
            command.main(given, prog_name="training")
        # Not through the command's own `main`, which turns an interrupt into a quiet success.
        with command.make_context("training", given) as context:
            command.invoke(context)

    return exit_code(run)


def _missing_extra() -> str:
    """Name a package of the training extra that is not installed, or nothing."""
    from importlib.util import find_spec

    return next(
        (p for p in ("torch", "sklearn", "lightgbm", "skl2onnx", "onnxmltools", "crepes") if find_spec(p) is None), ""
    )
