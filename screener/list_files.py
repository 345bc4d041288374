"""Files of a run over a list: the list, its result and what lies beside it; none may take the place of another."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from screener.byte_source import STDIN
from screener.errors import OutputError
from screener.sinks import OutputTarget, check_output, meta_path

_OTHER_FORMATS = {".parquet", ".jsonl"}


def check_files(source: Path | None, target: OutputTarget, rejects: Path | None) -> Path | None:
    """Find out where rejects go, and that all files can be written without harm to another.

    Args:
        source: the list; None for a table in memory.
        target: where the result goes.
        rejects: the file asked for; None takes ``<out>.rejects.csv`` where the result is a file.

    Returns:
        The file for rejects, None for none.

    Raises:
        OutputError: two of them are the same, or one cannot be written, or not in that format.
    """
    check_output(target)
    beside = None if target.path is None else target.path.with_name(f"{target.path.name}.rejects.csv")
    aside = beside if rejects is None else rejects
    result = {} if target.path is None else {"the result": target.path}
    if target.path is not None and target.format != "parquet":
        result["the metadata of the result"] = meta_path(target.path)
    given = {"-o": result, "--rejects": {} if aside is None else {"the file of rejects": aside}}
    _check_apart({} if source is None else {"the list": source}, given)
    if rejects is not None:
        if rejects.suffix.lower() in _OTHER_FORMATS:
            raise OutputError(f"rejects cannot be written as `{rejects.suffix}`", "end --rejects in .csv")
        check_output(OutputTarget(rejects, "csv"))
    return aside


def _check_apart(source: Mapping[str, Path], given: Mapping[str, Mapping[str, Path]]) -> None:
    """Check that files are not one and the same.

    Raises:
        OutputError: two are.
    """
    named = [(what, path, "") for what, path in source.items()]
    named += [(what, path, option) for option, files in given.items() for what, path in files.items()]
    for (what, path, _), (other, later, option) in itertools.combinations(named, 2):
        if _same(path, later):
            raise OutputError(f"{other} `{later}` would replace {what}", f"name another file with {option}")


def _same(one: Path, other: Path) -> bool:
    """Say whether two paths lead to one file, which need not be there yet."""
    if os.path.realpath(one) == os.path.realpath(other) and one != STDIN:
        return True
    with suppress(OSError, ValueError):
        first = os.fstat(sys.stdin.fileno()) if one == STDIN else os.stat(one)
        return os.path.samestat(first, os.stat(other))
    return False
