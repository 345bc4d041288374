"""Which rows are learned from: the measured data sets, a user's own table, or both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from screener.errors import InputError
from training.catalogue import DATA_VARIABLE, find
from training.catalogue import catalogue as data_sets
from training.curation import Curated, CurationReport, curate
from training.recipes import Recipe, standing_recipes, user_recipe
from training.sources import GENERATED, LOADERS, load_sources
from training.tasks import TaskRows, task_rows, within_domain
from training.user_table import UserTable, read_user_table


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows by target, how they were curated, and what was not found.

    Attributes:
        tables: target → rows.
        report: curation report.
        missing: data sets that would have been learned from and are not on this machine.
        outside: curated rows left out because of elements that are no inputs of the models.
        notes: what to know of a user's table.
    """

    tables: Mapping[str, TaskRows]
    report: CurationReport
    missing: tuple[str, ...]
    outside: int = 0
    notes: tuple[str, ...] = ()


def require_table(data: Path | None, declaration: Path | None, units: str | None) -> None:
    """Refuse what is said about a user's table where none is given.

    Args:
        data: the table.
        declaration: TOML file that declares targets of the user's own.
        units: how formulas of the table are meant.

    Raises:
        InputError: there is no table, but one of the others.
    """
    if data is None and declaration is not None:
        raise InputError(f"`{declaration}` declares targets of no table", "name your table with `--data`")
    if data is None and units is not None:
        raise InputError(f"`--units {units}` is said of no table", "name your table with `--data`, or leave it out")


def load_measured(
    data: Path | None = None,
    declaration: Path | None = None,
    *,
    units: Literal["at", "wt"] | None = None,
    with_catalogue: bool = True,
) -> Measured:
    """Load and curate what models are to be fitted on.

    Args:
        data: a user's table; only its targets are learned.
        declaration: TOML file that declares targets of the user's own.
        units: how formulas of the user's table are meant.
        with_catalogue: learn from the measured data sets that are found, too.

    Raises:
        InputError: nothing to learn from, or a table or declaration that cannot be used.
    """
    require_table(data, declaration, units)
    if data is None and not with_catalogue:
        raise InputError("there is nothing to learn from", "name a table with `--data`, or leave out `--no-catalogue`")
    present, missing = found_sources() if with_catalogue else ((), ())
    if data is None:
        if missing:
            raise InputError(
                f"{len(missing)} measured data sets are not on this machine, `{missing[0]}` among them",
                f"set ${DATA_VARIABLE} to their folder, run `training data fetch --all`, or give a table with `--data`",
            )
        curated = curate(load_sources(present))
        return _measured(curated, standing_recipes().values(), ())
    own = read_user_table(data, declaration, units=units)
    recipes = _recipes_of(own)
    standing = any(recipe.target in standing_recipes() for recipe in recipes)
    catalogued = load_sources(present) if present and standing else []
    curated = curate([*catalogued, own.rows], label_tasks=own.label_tasks)
    return replace(_measured(curated, recipes, missing if standing else ()), notes=own.notes)


def _measured(curated: Curated, recipes: Iterable[Recipe], missing: tuple[str, ...]) -> Measured:
    """Lay out the rows of every recipe."""
    tables = {recipe.target: task_rows(curated.frame, recipe) for recipe in recipes}
    measured = curated.frame.filter(curated.frame["task"].is_in([rows.recipe.task for rows in tables.values()]))
    outside = measured.height - within_domain(measured).height
    return Measured(tables, curated.report, missing, outside)


def rows_alone(own: UserTable, curated: Curated) -> dict[str, TaskRows]:
    """Lay out the rows of a user's table, curated without any other, by target.

    Raises:
        InputError: a target has too few rows, or rows of one class only.
    """
    return {recipe.target: task_rows(curated.frame, recipe) for recipe in _recipes_of(own)}


def found_sources() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split the data sets that training reads into those on this machine (with the generated ones) and the others."""
    here = [key for key in LOADERS if find(data_sets()[key].files[0])[0] is not None]
    missing = tuple(key for key in LOADERS if key not in here)
    return ((*here, *GENERATED) if here else (), missing)


def _recipes_of(own: UserTable) -> list[Recipe]:
    """Choose the standing recipe of a standing target and make one for each of the user's own."""
    by_task = {r.task: r for r in standing_recipes().values()}
    return [by_task.get(t.name) or user_recipe(t.name, t.unit, t.kind, t.log) for t in own.targets]
