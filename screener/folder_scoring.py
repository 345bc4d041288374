"""Many lists at once: every file of a folder is scored by itself, and a stopped run goes on with the next file."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from screener import __version__
from screener.elements import tables_digest
from screener.errors import InputError, OutputError, ScreenerError
from screener.jobs import ScoreJob
from screener.list_files import check_files
from screener.model_set import find_folder, recorded_digests
from screener.reject_files import open_rejects
from screener.result_files import open_result
from screener.runs.journal import LIST_KIND, LIST_VERSION, RUN_JSON
from screener.runs.lock import hold
from screener.runs.recipe import differences
from screener.runs.sealed import of_type, read_bytes, seal, unseal
from screener.scoring import stream_score
from screener.sinks import OutputTarget, atomic_file
from screener.summary import Watch

_LIST = re.compile(r"(?P<stem>.+)(?P<kind>\.(?:csv|tsv|txt|jsonl|ndjson|parquet))(?:\.(?:gz|zst))?", re.IGNORECASE)
_RESULTS = (".csv", ".parquet", ".jsonl")
_WRITTEN = {".parquet": ".parquet", ".jsonl": ".jsonl", ".ndjson": ".jsonl"}


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """What became of one list.

    Attributes:
        counts: rows read, written, left out and rejected.
        rejected: how many rows could not be read.
        warnings: what was said about it.
    """

    counts: Mapping[str, int]
    rejected: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Folder:
    """Lists and where their results go.

    Attributes:
        job: the question, and how lists are read.
        lists: the files, by name.
        output: folder of the results.
    """

    job: ScoreJob
    lists: tuple[Path, ...]
    output: Path

    @classmethod
    def of(cls, job: ScoreJob, output: str | None) -> Folder:
        """Find the lists of a folder or pattern and check where results go.

        Raises:
            InputError: there are no lists, or two whose results would have one name.
            OutputError: no folder is named for results, or that of the lists is.
        """
        source = Path(str(job.source))
        lists = lists_in(source)
        named_file = output is not None and Path(output).suffix.lower() in _RESULTS and not os.path.isdir(output)
        if output is None or output == "-" or named_file or os.path.isfile(output):
            raise OutputError("many lists have many results", "name a folder for them with -o")
        folder = cls(job, lists, Path(output))
        names: dict[str, Path] = {}
        for path in lists:
            other = names.setdefault(folder.target(path).name, path)
            if other is not path:
                raise InputError(f"`{other}` and `{path}` would have one result", "rename one, or score it by itself")
            if path.resolve().parent == folder.output.resolve():
                raise OutputError(f"`{output}` is the folder of the lists", "name another folder with -o")
        return folder

    def target(self, path: Path) -> Path:
        """Name the result of a list: the same name and kind, text as CSV, without compression."""
        match = _LIST.fullmatch(path.name)
        if match is None:
            return self.output / f"{path.name}.csv"
        return self.output / f"{match['stem']}{_WRITTEN.get(match['kind'].lower(), '.csv')}"


class ListJournal:
    """Which lists of a folder are done.

    Args:
        folder: lists and results.
    """

    def __init__(self, folder: Folder) -> None:
        self._path = folder.output / RUN_JSON
        self._folder = folder
        self._held: int | None = None
        self.done: dict[str, ScoredFile] = {}
        self._digests: dict[str, str] = {}

    def __enter__(self) -> ListJournal:
        """Make and lock the folder of results, and read what an earlier run has done.

        Raises:
            OutputError: another run is at work there, it holds something else, or the system refuses.
            InputError: the journal is damaged or of another question.
        """
        output = self._folder.output
        try:
            output.mkdir(exist_ok=True)
            self._held = hold(output)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(f"cannot write `{output}`: {reason}", "name another folder with -o") from None
        if self._held is None:
            raise OutputError(f"another run is writing `{output}`", "wait for it to end, or name another output")
        try:
            self._read()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def left(self) -> Iterator[Path]:
        """Yield the lists that are not done."""
        return (path for path in self._folder.lists if path.name not in self.done)

    def enter(self, path: Path, scored: ScoredFile) -> None:
        """Enter that a list is done.

        Raises:
            OutputError: the system refuses.
        """
        self.done[path.name] = scored
        self._digests[path.name] = digest_of(path)
        self._write()

    def finish(self) -> None:
        """Take the journal away: every list is done."""
        self._path.unlink(missing_ok=True)

    def _asked(self) -> dict[str, object]:
        """Everything that must not change between two parts of a run."""
        job = self._folder.job
        digests = sorted(recorded_digests(find_folder(job.models)).items())
        models = hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in digests).encode()).hexdigest()[:16]
        asked = {k: list(v) if isinstance(v, tuple) else v for k, v in job.as_json().items() if k != "list"}
        return {**asked, "models": models, "tables": tables_digest(), "version": __version__}

    def _write(self) -> None:
        files = [
            [
                name,
                self._digests[name],
                [list(pair) for pair in scored.counts.items()],
                scored.rejected,
                list(scored.warnings),
            ]
            for name, scored in self.done.items()
        ]
        with atomic_file(self._path) as file:
            file.write(
                seal(LIST_KIND, LIST_VERSION, {"asked": self._asked(), "done": files, "lists": len(self._folder.lists)})
            )

    def _read(self) -> None:
        output = self._folder.output
        if not self._path.exists():
            if others := sorted(each.name for each in output.iterdir()):
                raise OutputError(f"folder `{output}` holds `{others[0]}`", "name a new or empty folder with -o")
            self._write()
            return
        what, hint = f"`{self._path}`", f"remove `{output}` and start again"
        content = unseal(read_bytes(self._path, what, hint), LIST_KIND, LIST_VERSION, what, hint)
        try:
            asked, done = of_type(content["asked"], dict), _done(content["done"])
        except (KeyError, ValueError) as problem:
            raise InputError(f"{what} is damaged: it holds {problem}", hint) from None
        if changed := differences(asked, self._asked()):
            raise InputError(
                f"{what} is of another run: it differs in {'; '.join(changed)}",
                f"ask as it was asked, or name another folder with -o, or remove `{output}` to start anew",
            )
        for path in self._folder.lists:
            if path.name in done and self._folder.target(path).exists() and done[path.name][0] == digest_of(path):
                self._digests[path.name], self.done[path.name] = done[path.name]


Became = ScoredFile | InputError
"""What became of a list: its rows, or why it cannot be read."""
Score = Callable[[Folder, Iterable[Path]], Iterator[tuple[Path, Became]]]
"""Scores lists and yields what became of each, in any order."""


def score_folder(folder: Folder, score: Score, watch: Watch) -> dict[str, int]:
    """Score every list that is not done yet; return what became of all rows of all lists.

    Args:
        folder: lists and results.
        score: does it, here or elsewhere.
        watch: hears of progress and warnings.

    Raises:
        ScreenerError: a result cannot be written, or, when all others are done, that a list cannot be read; what is
            done stays done.
    """
    left_out: list[InputError] = []
    with ListJournal(folder) as journal:
        for path, scored in score(folder, list(journal.left())):
            if isinstance(scored, InputError):
                left_out.append(scored)
                watch.warn(f"left out: {scored.message}")
                continue
            journal.enter(path, scored)
            for warning in scored.warnings:
                watch.warn(f"`{path.name}`: {warning}")
            if scored.rejected:
                aside = f"{folder.target(path)}.rejects.csv"
                watch.warn(f"`{path.name}`: {scored.rejected} rows could not be read: see `{aside}`")
            watch.progress(len(journal.done), len(folder.lists))
        if left_out:
            raise _unread(left_out, len(folder.lists))
        journal.finish()
        total: Counter[str] = Counter()
        for scored in journal.done.values():
            total.update(scored.counts)
    return dict(total)


def _unread(problems: Sequence[InputError], lists: int) -> InputError:
    """Say that lists cannot be read, and why the first of them cannot."""
    first = min(problems, key=lambda problem: problem.message)
    many = "" if len(problems) == 1 else f"{len(problems)} of {lists} lists cannot be read, such as: "
    return InputError(many + first.message, _with_rest(first.hint))


def _with_rest(hint: str) -> str:
    """Add to a hint how to go on."""
    again = "mend or remove the list and give the command again: the other lists are done"
    return f"{hint}; {again}" if hint else again


def score_here(folder: Folder, lists: Iterable[Path]) -> Iterator[tuple[Path, Became]]:
    """Score lists in this process, one after the other."""
    for path in lists:
        yield path, score_file(folder.job, path, folder.target(path))


def score_file(job: ScoreJob, path: Path, output: Path) -> Became:
    """Score one list, as it would be by itself, or say why it cannot be read; with `--strict` that is raised.

    Raises:
        ScreenerError: the result cannot be written, or a question not be answered; the message names the list.
    """
    target, watch = OutputTarget.parse(str(output)), _Notes()
    try:
        aside = check_files(path, target, None)
        with open_result(target) as rows, open_rejects(aside, always=False) as refused:
            finished = stream_score(replace(job, source=path), watch, rows, refused, output.parent)
    except ScreenerError as problem:
        named = str(path) in problem.message
        told = type(problem)(problem.message if named else f"`{path}`: {problem.message}", problem.hint)
        if isinstance(told, InputError) and not job.question.strict:
            return told
        raise told from None
    return ScoredFile(dict(finished.summary.counts), refused.count, tuple(watch.warnings))


def is_many(source: Path) -> bool:
    """Say whether a path means many lists: a folder, or a pattern that is no file."""
    return source.is_dir() or (glob.has_magic(str(source)) and not source.exists())


def lists_in(source: Path) -> tuple[Path, ...]:
    """Find the lists of a folder, or those that a pattern fits, by name.

    Raises:
        InputError: there are none.
    """
    if source.is_dir():
        found = [path for path in source.iterdir() if _LIST.fullmatch(path.name) and path.is_file()]
    else:
        found = [Path(name) for name in glob.glob(str(source), recursive=True) if os.path.isfile(name)]
    if not found:
        raise InputError(
            f"there are no lists in `{source}`", "lists end in .csv, .jsonl or .parquet, perhaps with .gz or .zst"
        )
    return tuple(sorted(path for path in found if not path.name.startswith(".")))


def digest_of(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _done(value: object) -> dict[str, tuple[str, ScoredFile]]:
    """Read which lists were done: digest and account by name.

    Raises:
        ValueError: it is something else.
    """
    found = {}
    for each in of_type(value, list):
        name, digest, counts, rejected, warnings = of_type(each, list)
        numbers = {of_type(what, str): of_type(count, int) for what, count in of_type(counts, list)}
        texts = tuple(of_type(text, str) for text in of_type(warnings, list))
        found[of_type(name, str)] = (of_type(digest, str), ScoredFile(numbers, of_type(rejected, int), texts))
    return found


@dataclass(slots=True)
class _Notes:
    """Keeps what is said about one list."""

    warnings: list[str] = field(default_factory=list)

    def progress(self, done: int, total: int | None) -> None:
        """Stay silent: files are counted, not rows."""

    def warn(self, text: str) -> None:
        """Keep it."""
        self.warnings.append(text)
