"""How a run that survives begins: anew, or where its journal ends; never where another run is at work."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from screener.errors import InputError, OutputError
from screener.runs.course import Course, Told, Workers, differing
from screener.runs.journal import RUN_JSON, Entry, JournalFile, journal_path, read_journal
from screener.runs.lock import is_held
from screener.runs.recipe import Recipe, differences
from screener.runs.shards import MANIFEST, problem_with
from screener.sinks import OutputTarget, meta_path


@dataclass(frozen=True, slots=True)
class Places:
    """Where a run writes.

    Attributes:
        output: file of the result; None where it goes to standard output or to no regular file.
        folder: folder of every candidate; None where only the best are kept.
    """

    output: Path | None
    folder: Path | None

    @classmethod
    def of(cls, target: OutputTarget, folder: Path | None) -> Places:
        """Take the places that can be gone on with."""
        regular = target.path is not None and (target.path.is_file() or not target.path.exists())
        return cls(target.path if regular else None, folder)

    @property
    def journal(self) -> Path | None:
        """Where the journal stands; None for a run that cannot be gone on with."""
        if self.folder is not None:
            return self.folder / RUN_JSON
        return None if self.output is None else journal_path(self.output)

    @property
    def named(self) -> str:
        """What is typed after `--resume`."""
        return str(self.folder or self.output)


def recorded(named: Path) -> Entry | None:
    """Read the journal of an output named after `--resume`; None where there is none.

    Raises:
        InputError: it is damaged.
        OutputError: another process is at work on it.
    """
    path = journal_path(named)
    if is_held(named if named.is_dir() else path):
        raise OutputError(f"another run is writing `{named}`", "wait for it to end, or name another output")
    return read_journal(path)


def check_same(entry: Entry, recipe: Recipe, path: Path) -> None:
    """Compare a question with that of a journal.

    Raises:
        InputError: they differ.
    """
    if changed := differences(entry.recipe, recipe.as_json()):
        raise differing(path, changed)


def is_complete(places: Places, asked: Mapping[str, object]) -> bool:
    """Say whether the result of a question is there already, whole; for a run without a journal.

    Raises:
        InputError: what is there answers another question.
    """
    result = places.output if places.folder is None else places.folder
    if result is None or not (result if places.folder is None else result / MANIFEST).exists():
        return False
    recorded = _question_in(result)
    # As JSON has it: without the difference of lists and tuples.
    now = json.loads(json.dumps({**asked, "process": None}))
    if recorded is None or {**recorded, "process": None} != now:
        raise InputError(
            f"`{result}` has no journal and answers another question",
            "leave --resume out to replace it" if places.folder is None else "name another folder with --all",
        )
    return True


@contextmanager
def open_course(
    recipe: Recipe, places: Places, entry: Entry | None, told: Told, workers: Workers | None = None
) -> Iterator[Course | None]:
    """Lock the places of a run and give its course; None where it needs none.

    Args:
        recipe: the question.
        places: where it writes.
        entry: the journal to go on from; None starts anew.
        told: hears of what happens.
        workers: other processes that evaluate candidates; None does it in this one.

    Raises:
        OutputError: another run is at work there, or has left something unfinished; or the system refuses.
    """
    path = places.journal
    if path is None:
        yield None if workers is None else Course(None, Entry(recipe.as_json(), None), "", told, recipe, None, workers)
        return
    made = places.folder is not None and _make(places.folder)
    journal = JournalFile(path, places.folder)
    try:
        journal.seize()
        if entry is None:
            _check_free(places, path)
            output = None if places.output is None else str(places.output)
            entry = Entry(recipe.as_json(), output)
        else:
            journal.written = True
            if places.folder is not None:
                _check_shards(places.folder, entry)
            told.note(f"going on at {entry.share:.0%} of {entry.size:,} candidates")
        yield from _told_to_end(Course(journal, entry, places.named, told, recipe, places.folder, workers))
    finally:
        journal.close()
        if made and places.folder is not None:
            with suppress(OSError):
                places.folder.rmdir()  # nothing came of it


def _told_to_end(course: Course) -> Iterator[Course]:
    """Give a course, and say how to go on where a signal ends it."""
    try:
        yield course
    except Exception:
        raise
    except BaseException:
        course.say_stopped()
        raise


def _check_free(places: Places, path: Path) -> None:
    """Refuse places where an earlier run has left something that nobody asked to go on with."""
    if (left := _unfinished(path)) is not None:
        raise OutputError(
            f"`{places.named}` has an unfinished run, {left.share:.0%} done",
            f"go on with `screener enumerate --resume {places.named}`, or remove `{path}` to start anew",
        )
    if places.folder is not None and (others := sorted(each.name for each in places.folder.iterdir())):
        what = "a finished run" if MANIFEST in others else f"`{others[0]}`"
        raise OutputError(f"folder `{places.folder}` holds {what}", "name a new or empty folder with --all")


def _check_shards(folder: Path, entry: Entry) -> None:
    """Remove what a killed process left half written, and refuse files that changed since.

    Raises:
        InputError: one did.
    """
    for left in (*folder.glob(".part-????????.parquet.????????"), *folder.glob(f".{MANIFEST}.????????")):
        left.unlink(missing_ok=True)
    for shard in entry.shards:
        if problem := problem_with(folder, shard):
            raise InputError(f"in `{folder}`, {problem}", f"remove `{folder}` and start again")


def _unfinished(path: Path) -> Entry | None:
    """Return the journal that an earlier run has left, if it holds anything."""
    try:
        return read_journal(path)
    except InputError as problem:
        raise OutputError(problem.message, f"remove `{path}` to start anew") from None


def _make(folder: Path) -> bool:
    """Make the folder of shards, and say whether it was not there.

    Raises:
        OutputError: the system refuses.
    """
    made = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError:
        raise OutputError(f"folder `{folder.parent}` does not exist", f"create it: mkdir -p {folder.parent}") from None
    except FileExistsError:
        raise OutputError(f"`{folder}` is not a folder", "name a new folder with --all") from None
    except OSError as error:
        raise OutputError(
            f"cannot write `{folder}`: {(error.strerror or str(error)).lower()}", "name another folder with --all"
        ) from None
    return made


def _question_in(output: Path) -> dict[str, object] | None:
    """Read the question that a result, a file or a folder, says it answers; None where it says nothing readable."""
    try:
        if output.is_dir():
            metadata: Mapping[str, object] = json.loads((output / MANIFEST).read_bytes())["content"]
        elif output.suffix.lower() == ".parquet":
            import polars

            metadata = polars.read_parquet_metadata(output)
        else:
            metadata = json.loads(meta_path(output).read_bytes())
        question = json.loads(str(metadata["screener.question"]))
    except Exception:  # a foreign file may fail in any way
        return None
    return question if isinstance(question, dict) else None
