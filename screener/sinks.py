"""Where results go: files that are complete or absent, standard output, a table on the terminal."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Literal, TypeAlias

from screener.errors import OutputError

if TYPE_CHECKING:
    import polars

Format: TypeAlias = Literal["table", "csv", "parquet", "jsonl"]

METADATA_PREFIX = "screener."
REJECT_COLUMNS = ("row", "field", "text", "reason")

_SUFFIXES: dict[str, Format] = {".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl"}
_ROWS_A_WRITE = 65_536


@dataclass(frozen=True, slots=True)
class OutputTarget:
    """A place for a result.

    Attributes:
        path: the file; None for standard output.
        format: ``table`` and ``csv`` on standard output, else what the suffix says.
    """

    path: Path | None
    format: Format

    @classmethod
    def parse(cls, text: str | None) -> OutputTarget:
        """Read the value of ``-o``.

        Nothing means standard output, as a table on a terminal and as CSV in a pipe; ``-`` means CSV there.

        Raises:
            OutputError: the suffix names no format.
        """
        if text is None:
            return cls(None, "table" if sys.stdout.isatty() else "csv")
        if text == "-":
            return cls(None, "csv")
        suffix = Path(text).suffix.lower()
        if suffix not in _SUFFIXES:
            raise OutputError(f"unknown output format `{suffix or text}`", "end -o in .csv, .parquet or .jsonl")
        return cls(Path(text), _SUFFIXES[suffix])

    @property
    def metadata_path(self) -> Path | None:
        """Return the file beside the result that says how it was made; None where the result itself says so."""
        return None if self.path is None or self.format == "parquet" else meta_path(self.path)


def meta_path(path: Path) -> Path:
    """Return ``<out>.meta.json`` for ``<out>``."""
    return path.with_name(f"{path.name}.meta.json")


def check_output(target: OutputTarget) -> None:
    """Find out whether a result can be written, before any work is done for it.

    Raises:
        OutputError: the folder is missing, no folder, or refuses new files; or the target is itself a folder.
    """
    if target.path is None:
        return
    path, folder = target.path, target.path.parent
    if not folder.exists():
        raise OutputError(f"folder `{folder}` does not exist", f"create it: mkdir -p {folder}")
    if not folder.is_dir():
        raise OutputError(f"`{folder}` is not a folder", "name a file in an existing folder with -o")
    if path.is_dir():
        raise OutputError(f"`{path}` is a folder", f"name a file, for example -o {path / 'result'}{path.suffix}")
    # Permission bits do not tell (root, read-only mounts, quotas); creating a file does.
    probe = _beside(path)
    try:
        probe.touch(exist_ok=False)
    except OSError as error:
        raise _cannot_write(path, error) from None
    probe.unlink()


def write_result(frame: polars.DataFrame, target: OutputTarget, metadata: Mapping[str, str]) -> None:
    """Write a result with the metadata that says how it was made; complete, or not at all.

    Text is written as it came, floats in the shortest form that reads back the same. JSON has no NaN or infinity: they
    become null there. Parquet holds the metadata in the file. For the other formats it is in ``<out>.meta.json``; an
    earlier one is removed before the result is replaced, so no result stands beside the metadata of another.

    Args:
        frame: columns in the order they are written.
        target: where to; standard output carries no metadata.
        metadata: keys start with ``screener.``.

    Raises:
        OutputError: the system refuses, for example when the disk is full.
    """
    for key in metadata:
        if not key.startswith(METADATA_PREFIX):
            raise ValueError(f"metadata key {key!r} does not start with {METADATA_PREFIX!r}")
    if target.path is None:
        print_table(frame) if target.format == "table" else _write_stdout(frame)
    elif target.format == "parquet":
        with atomic_file(target.path) as file:
            frame.write_parquet(file, metadata=dict(metadata))
    else:
        _write_with_meta(frame, target.path, target.format, metadata)


def write_rejects(rows: Iterable[tuple[int, str, str, str]], path: Path) -> None:
    """Write what was refused as CSV: row (data record, from 1), field, text and reason; complete, or not at all.

    Raises:
        OutputError: the system refuses.
    """
    with atomic_file(path) as file, _text_layer(file) as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(REJECT_COLUMNS)
        writer.writerows(rows)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name, whole and on disk, when the block ends without an error.

    Until then it is a hidden file in the same folder, which any error or interrupt removes. A link is followed.

    Raises:
        OutputError: the system refuses.
    """
    final = Path(os.path.realpath(path))
    with _staged(final) as (file, stage):
        yield file
        stage()
"""
"""
