"""The unfinished runs of a folder: how far they are, and whether a process is at work on them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from screener.errors import InputError
from screener.runs.journal import LIST_KIND, LIST_VERSION, RUN_JSON, Entry, read_journal
from screener.runs.lock import is_held
from screener.runs.sealed import of_type, read_bytes, unseal


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that has left a journal.

    Attributes:
        named: what is typed after `--resume`.
        running: whether a process is at work on it.
        entry: its journal; None where it does not read.
        problem: why it does not read.
        lists: of a folder of lists, how many are scored, and of how many; None for a search.
    """

    named: Path
    running: bool
    entry: Entry | None
    problem: str = ""
    lists: tuple[int, int] | None = None

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        damaged = self.entry is None and self.lists is None
        state = "running" if self.running else "damaged" if damaged else "stopped"
        values: dict[str, object] = {"output": str(self.named), "state": state}
        if self.lists is not None:
            done, count = self.lists
            return values | {"share": round(done / max(1, count), 6), "lists": count}
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
            yield Unfinished(named, running, None, problem.message, _lists_of(path))
            continue
        if entry is not None or running:
            yield Unfinished(named, running, entry, "" if entry else "nothing is entered yet")


def folder_writing(output: Path) -> Path | None:
    """Find the folder of an unfinished run of ``--all`` whose best candidates go to a file.

    Looked for beside the file and in the current folder; None where there is none.
    """
    for near in dict.fromkeys((output.parent, Path())):
        for path in sorted(near.glob(f"*/{RUN_JSON}")):
            with suppress(InputError, OSError, ValueError):  # of another run, whatever it holds
                entry = read_journal(path)
                if entry is not None and entry.output and Path(entry.output).resolve() == output.resolve():
                    return path.parent
    return None


def _lists_of(path: Path) -> tuple[int, int] | None:
    """Tell how many lists of a folder are scored, and of how many; None for another journal, or a damaged one."""
    try:
        content = unseal(read_bytes(path, "", ""), LIST_KIND, LIST_VERSION, "", "")
        return len(of_type(content["done"], list)), of_type(content["lists"], int)
    except (InputError, KeyError, ValueError):
        return None


def _clock(seconds: float) -> str:
    """Write a time in UTC as ISO 8601 does."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
