"""The journal of a run: one file with all that another process needs to go on, replaced as a whole or not at all."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from screener import __version__
from screener.errors import InputError, OutputError
from screener.runs.lock import hold, lock
from screener.runs.recipe import Recipe, readable
from screener.runs.sealed import of_type, read_bytes, seal, unseal
from screener.runs.spans import Spans
from screener.sinks import atomic_file

KIND, VERSION = "screener journal", 1
LIST_KIND, LIST_VERSION = "screener list journal", 1
"""Of a folder of lists being scored."""
RUN_JSON = "run.json"
"""Name of the journal of a run that writes every candidate, in the folder of its shards."""
_LAST = 253_402_300_799.0
"""End of the year 9999, seconds since 1970."""


def journal_path(output: Path) -> Path:
    """Return where the journal of an output stands: ``OUT.run``, or ``DIR/run.json`` for a folder."""
    return output / RUN_JSON if output.is_dir() else output.with_name(f"{output.name}.run")


@dataclass(frozen=True, slots=True)
class Shard:
    """A file of candidates that is complete.

    Attributes:
        file: its name.
        start: first position.
        stop: position behind the last.
        rows: candidates in it.
        bytes: its size.
        sha256: its digest.
    """

    file: str
    start: int
    stop: int
    rows: int
    bytes: int
    sha256: str

    @classmethod
    def from_json(cls, value: object) -> Shard:
        """Read one.

        Raises:
            ValueError: it is something else.
        """
        given = of_type(value, dict)
        if set(given) != {each.name for each in fields(cls)}:
            raise ValueError("a shard with other parts")
        start, stop, rows, size = (of_type(given[name], int) for name in ("start", "stop", "rows", "bytes"))
        shard = cls(of_type(given["file"], str), start, stop, rows, size, of_type(given["sha256"], str))
        if not re.fullmatch(r"part-[0-9]{1,20}\.parquet", shard.file) or not 0 <= shard.start < shard.stop:
            raise ValueError(f"a shard `{shard.file}`")
        if not 0 <= shard.rows <= shard.stop - shard.start:
            raise ValueError(f"a shard of {shard.rows} rows")
        return shard


@dataclass(slots=True)
class Entry:
    """What a journal holds.

    Attributes:
        recipe: the question, as plain JSON values.
        output: file of the result as it was named; None for standard output.
        size: positions in all.
        models: digest of the folder of models.
        tables: digest of the element tables.
        version: version of this package.
        stages: what was kept of which positions, for every pass over the candidates.
        proof: open cells and candidates of an exact search.
        shards: complete files of candidates.
        started: when the run began, seconds since 1970.
        updated: when this was written.
    """

    recipe: Mapping[str, object]
    output: str | None
    size: int = 0
    models: str = ""
    tables: str = ""
    version: str = __version__
    stages: list[Mapping[str, object]] = field(default_factory=list)
    proof: Mapping[str, object] | None = None
    shards: list[Shard] = field(default_factory=list)
    started: float = field(default_factory=time.time)
    updated: float = 0.0

    @property
    def asked(self) -> dict[str, object]:
        """Everything that must not change between two parts of a run."""
        return {**self.recipe, "models": self.models, "tables": self.tables, "version": self.version}

    @property
    def share(self) -> float:
        """How much of the work is done, from 0 to 1; for a second pass, of that one."""
        if self.proof is not None:
            return of_type(self.proof.get("settled"), float)
        return Spans(intervals_of(self.stages[-1])).count / max(1, self.size) if self.stages else 0.0

    def to_bytes(self) -> bytes:
        """Write it as a file."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return seal(KIND, VERSION, values | {"shards": [asdict(shard) for shard in self.shards]})

    @classmethod
    def from_bytes(cls, raw: bytes, what: str) -> Entry:
        """Read one.

        Raises:
            InputError: it is damaged, or no journal of this version.
        """
        hint = f"remove {what} and start again without --resume"
        content = unseal(raw, KIND, VERSION, what, hint)
        try:
            return cls._checked(content)
        except ValueError as problem:
            raise InputError(f"{what} is damaged: it holds {problem}", hint) from None

    @classmethod
    def _checked(cls, content: Mapping[str, object]) -> Entry:
        """Take parts of the right types.

        Raises:
            ValueError: one of them is missing or something else.
        """
        if set(content) != {each.name for each in fields(cls)}:
            raise ValueError("other parts than a journal")
        entry = cls(
            recipe=of_type(content["recipe"], dict),
            output=None if content["output"] is None else of_type(content["output"], str),
            size=of_type(content["size"], int),
            stages=[of_type(each, dict) for each in of_type(content["stages"], list)],
            proof=None if content["proof"] is None else of_type(content["proof"], dict),
            shards=[Shard.from_json(each) for each in of_type(content["shards"], list)],
            started=of_type(content["started"], float),
            updated=of_type(content["updated"], float),
            **{name: of_type(content[name], str) for name in ("models", "tables", "version")},
        )
        if entry.job.job.candidates != entry.size:
            raise ValueError(f"{entry.size} candidates of a space of {entry.job.job.candidates}")
        for stage in entry.stages:
            if not Spans(intervals_of(stage)).fits(entry.size, entry.job.job.block):
                raise ValueError("positions outside the space")
        if entry.proof is not None:
            of_type(entry.proof.get("stages"), list)
        if not 0.0 <= entry.started <= _LAST or not 0.0 <= entry.updated <= _LAST:
            raise ValueError("a time that no clock shows")
        if not 0.0 <= entry.share <= 1.0:
            raise ValueError(f"a share of {entry.share}")
        return entry

    @property
    def job(self) -> Recipe:
        """The question, to be asked again.

        Raises:
            ValueError: it does not read.
        """
        return readable(self.recipe)


def intervals_of(stage: Mapping[str, object]) -> list[tuple[int, int]]:
    """Read the positions that a stage covers.

    Raises:
        ValueError: they are something else.
    """
    pairs = [of_type(each, list) for each in of_type(stage.get("spans"), list)]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("positions that are no pairs")
    return [(of_type(start, int), of_type(stop, int)) for start, stop in pairs]


def read_journal(path: Path) -> Entry | None:
    """Read a journal; None where there is none, or nothing was entered yet.

    Raises:
        InputError: it is damaged, of another version, or cannot be read.
    """
    if not path.exists():
        return None
    raw = read_bytes(path, f"`{path}`", "name the output of the run with --resume")
    return Entry.from_bytes(raw, f"`{path}`") if raw else None


class JournalFile:
    """The journal on disk, locked by the process that writes it.

    Args:
        path: where it stands.
        folder: folder to lock instead of the file; None locks the file.
    """

    def __init__(self, path: Path, folder: Path | None = None) -> None:
        self.path = path
        self._folder = folder
        self._held: int | None = None
        self.written = False

    def seize(self) -> None:
        """Lock what is there, so that no other process can go on with it.

        Raises:
            OutputError: another process holds it, or it cannot be opened.
        """
        place = self._folder or self.path
        if not place.exists():
            return
        try:
            self._held = hold(place)
        except OSError as error:
            raise OutputError(
                f"cannot write `{place}`: {(error.strerror or str(error)).lower()}", "name another output with -o"
            ) from None
        if self._held is None:
            raise _taken(place)
        for left in self.path.parent.glob(f".{self.path.name}.????????"):
            left.unlink(missing_ok=True)  # of a process that was killed while it wrote

    def write(self, entry: Entry) -> None:
        """Replace the journal.

        Raises:
            OutputError: the system refuses, or another run has begun one.
        """
        if self._held is None and self._folder is None:
            self._claim()
        with atomic_file(self.path) as file:
            file.write(entry.to_bytes())
            held = None if self._folder else os.dup(file.fileno())
            if held is not None:
                lock(held)
        if held is not None:
            self._release()
            self._held = held
        self.written = True

    def remove(self) -> None:
        """Take it away: the run is done."""
        with suppress(OSError):
            if self.written or self._held is not None:
                self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the lock; an empty journal goes as well."""
        with suppress(OSError):
            if self._held is not None and self._folder is None and self.path.stat().st_size == 0:
                self.path.unlink()
        self._release()

    def _claim(self) -> None:
        """Make an empty journal that stands for this run until there is something to enter."""
        try:
            held = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            raise _taken(self.path) from None
        except OSError as error:
            raise OutputError(f"cannot write `{self.path}`: {(error.strerror or str(error)).lower()}", "") from None
        lock(held)
        self._held = held

    def _release(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None


def _taken(place: Path) -> OutputError:
    return OutputError(f"another run is writing `{place}`", "wait for it to end, or name another output")
