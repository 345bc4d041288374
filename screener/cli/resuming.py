"""Running an enumeration that survives: where it writes, what it goes on from, how it ends."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from screener.cli.engines import Engine
from screener.cli.terminal import Terminal
from screener.errors import InputError, OutputError
from screener.jobs import ScreenJob
from screener.pipeline import run_screen
from screener.result_files import write_result
from screener.runs.journal import RUN_JSON, Entry
from screener.runs.listing import folder_writing
from screener.runs.opening import Places, check_same, is_complete, open_course, recorded
from screener.runs.recipe import Recipe
from screener.runs.shards import MANIFEST
from screener.sinks import OutputTarget, check_output

_FREE = frozenset({"resume", "output", "device", "models", "quiet", "time_limit", "engine", "ray_address"})
"""Options that may stand beside `--resume` where the question is taken from the journal."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An enumeration to run.

    Attributes:
        recipe: the question.
        target: where the result goes.
        places: what a later process can go on with.
        entry: the journal to go on from.
        complete: whether all is written already.
        anew: whether there was nothing to go on from.
    """

    recipe: Recipe
    target: OutputTarget
    places: Places
    entry: Entry | None = None
    complete: bool = False
    anew: bool = False

    @classmethod
    def of(
        cls, job: ScreenJob, output: str | None, folder: Path | None, where: str | None, resume: Path | None
    ) -> Asked:
        """Take a question that was asked in full, perhaps for a second time.

        Raises:
            InputError: the journal is damaged or of another run.
            OutputError: another run is at work there, or `--resume` names something else than is written.
        """
        if resume is not None and not output and folder is None and _plain(resume).is_dir():
            folder = _plain(resume)
        target = OutputTarget.parse(output if output or folder or resume is None else str(_plain(resume)))
        asked = cls(Recipe(job, folder is not None, where), target, Places.of(target, folder))
        if resume is None:
            return asked
        named = _plain(resume)
        if asked.places.journal is None or not any(_same(named, each) for each in (target.path, folder)):
            raise OutputError(
                f"--resume `{named}` is not what this run writes", "name the file of -o or the folder of --all"
            )
        entry = recorded(Path(asked.places.named))
        if entry is None:
            return replace(asked, complete=is_complete(asked.places, job.as_json()), anew=True)
        recipe = replace(asked.recipe, job=replace(job, block=entry.job.job.block))
        check_same(entry, recipe, asked.places.journal)
        return replace(asked, recipe=recipe, entry=entry)

    @classmethod
    def again(
        cls,
        context: typer.Context,
        resume: Path,
        output: str | None,
        models: Path | None,
        device: str,
        time_limit: float | None,
    ) -> Asked | None:
        """Take the question from a journal; None where the run has ended well.

        Raises:
            InputError: there is no journal, it is damaged, or options came with it that need all others.
            OutputError: another run is at work on it.
        """
        given = [name for name in context.params if _is_given(context, name)]
        if others := [name for name in given if name not in _FREE]:
            raise InputError(
                f"`{_option(context, others[0])}` together with `--resume` but without `--elements`",
                "leave it out, or ask the whole question again",
            )
        named = _plain(resume)
        entry = recorded(named)
        if entry is None and not named.is_dir() and (whole := folder_writing(named)) is not None:
            named, entry = whole, recorded(whole)
        folder = named if named.is_dir() else None
        if entry is None:
            if not (named if folder is None else folder / MANIFEST).exists():
                raise InputError(
                    f"there is no journal of a run that writes `{named}`",
                    "`screener runs` lists unfinished runs, those of --all by folder; where nothing was entered yet, "
                    "ask the question again",
                )
            return None
        recipe = entry.job
        job = replace(
            recipe.job,
            time_limit=time_limit,
            models=models or recipe.job.models,
            device=device if "device" in given else recipe.job.device,
        )
        text = output or (entry.output if folder is not None else str(named))
        target = OutputTarget.parse(text)
        if folder is None and not _same(named, target.path):
            raise OutputError(f"--resume `{named}` is not what this run writes", f"leave -o out or write `-o {named}`")
        check_output(target)
        return cls(replace(recipe, job=job), target, Places.of(target, folder), entry)


def run(asked: Asked | None, told: Terminal, engine: Engine) -> None:
    """Run an enumeration and write its result; None is a run that has ended well.

    Raises:
        ScreenerError: the question cannot be answered or the result not be written.
    """
    if asked is None or asked.complete:
        told.note("the run is complete: there is nothing to go on with")
        return
    if asked.anew:
        told.note("there is no journal yet: starting from the beginning")
    job = asked.recipe.job
    if job.search == "auto" and asked.recipe.everything:
        job = replace(job, search="exhaustive")
    with ExitStack() as stack:
        workers = stack.enter_context(engine.open(job.device))
        course = stack.enter_context(open_course(asked.recipe, asked.places, asked.entry, told, workers))
        outcome = run_screen(job, told, course)
        told.clear()
        write_result(outcome.frame, asked.target, outcome.metadata)
        told.summary(outcome.summary)
        if outcome.stopped is not None:
            raise outcome.stopped
        if course is not None:
            course.finish(outcome.metadata)


def _plain(named: Path) -> Path:
    """Take an output also where its journal was named."""
    if named.name == RUN_JSON:
        return named.parent
    return named.with_suffix("") if named.suffix == ".run" else named


def _same(one: Path, other: Path | None) -> bool:
    return other is not None and one.resolve() == other.resolve()


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _option(context: typer.Context, name: str) -> str:
    """Name an option as it is typed."""
    return next(each.opts[0] for each in context.command.params if each.name == name)
