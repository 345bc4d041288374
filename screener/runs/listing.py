"""The unfinished runs of a folder: how far they are, and whether a process is at work on them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from screener.errors import InputError
from screener.runs.journal import RUN_JSON, Entry, read_journal
from screener.runs.lock import is_held


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that has left a journal.

    Attributes:
        named: what is typed after `--resume`.
        running: whether a process is at work on it.
        entry: its journal; None where it does not read.
        problem: why it does not read.
    """

    named: Path
    running: bool
    entry: Entry | None
    problem: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        values: dict[str, object] = {
            "output": str(self.named),
            "state": "running" if self.running else "damaged" if self.entry is None else "stopped",
        }
        if self.entry is None:
            return values | {"problem": self.problem}
        return values | {
            "share": round(self.entry.share, 6),
            "candidates": self.entry.size,
            "started": _clock(self.entry.started),
            "updated": _clock(self.entry.updated),
            "space": self.entry.job.job.space.describe(),
            "models": self.entry.models,
        }


def unfinished_runs(folder: Path) -> Iterator[Unfinished]:
    """Yield the unfinished runs whose output lies in a folder, by name.

    Raises:
        InputError: it is no folder.
    """
    if not folder.is_dir():
        raise InputError(f"`{folder}` is not a folder", "name the folder that outputs are written to")
    journals = [*folder.glob("*.run"), *folder.glob(RUN_JSON), *folder.glob(f"*/{RUN_JSON}")]
    for path in sorted(journals):
        whole = path.name == RUN_JSON
        named = path.parent if whole else path.with_suffix("")
        running = is_held(path.parent if whole else path)
        try:
            entry = read_journal(path)
        except InputError as problem:
            if is_of_lists(path):
                continue
            yield Unfinished(named, running, None, problem.message)
            continue
        if entry is not None or running:
            yield Unfinished(named, running, entry, "" if entry else "nothing is entered yet")


def is_of_lists(path: Path) -> bool:
    """Say whether a journal is that of many lists being scored, which goes on by itself."""
    with path.open("rb") as file:
        return file.read(64).startswith(b'{"format": "screener list journal ')


def _clock(seconds: float) -> str:
    """Write a time in UTC as ISO 8601 does."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
