"""Rows of a user's own: a table as `training fit --data` reads it, or an export of the paper's table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from screener.errors import InputError
from training.fit_command import describe
from training.measured import load_measured
from training.study.data import StudyRows, rows_of_tables
from training.study.original import is_original, read_original
from training.union import STANDARD_TASKS


def user_rows(
    data: Path,
    declaration: Path | None = None,
    *,
    units: Literal["at", "wt"] | None = None,
    say: Callable[[str], None],
) -> StudyRows:
    """Load a user's own table as `training fit --data` reads it, or an export of the paper's table.

    Args:
        data: the table.
        declaration: TOML file with targets of the user's own.
        units: how formulas of the table are meant.
        say: told what was left out.

    Raises:
        InputError: a table or declaration that cannot be used, or units of a table whose columns are atomic fractions.
    """
    if declaration is None and is_original(data):
        if units is not None:
            raise InputError(f"`{data.name}` has atomic fractions in columns, no formulas", "leave out `--units`")
        return read_original(data, say)
    measured = load_measured(data, declaration, units=units, with_catalogue=False)
    say(describe(measured))
    named = {rows.recipe.task: rows for rows in measured.tables.values()}
    ordered = {task: named[task] for task in (*STANDARD_TASKS, *named) if task in named}
    return rows_of_tables(ordered, "own", f"`{data.name}`, one row per composition")
