"""One task's rows as arrays: features, conditions, values, weights, groups."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import DOMAIN, FeatureSpec, feature_spec
from screener.elements import element_symbols
from screener.errors import InputError
from training.catalogue import catalogue
from training.recipes import Recipe, sized
from training.sources.table import AMORPHOUS, HANDBOOK, fractions_of

if TYPE_CHECKING:
    import polars as pl

MIN_ROWS = 30
UNMEASURED = ("inferred", "crystalline_synthetic", HANDBOOK)
"""Kinds of rows that train but are not scored: no sample was made and measured for them."""


@dataclass(frozen=True, slots=True)
class TaskRows:
    """Rows of one task.

    Attributes:
        recipe: what is learned.
        fractions: atomic fractions over ``element_symbols()``, shape (n, d).
        features: `alloy` features, shape (n, f).
        conditions: conditions in the recipe's order, references where not stated, shape (n, k).
        y: values or labels, shape (n,).
        trust: weight of each row from its source, shape (n,).
        system: chemical system, shape (n,).
        key: composition rounded to 0.1 at.%, shape (n,).
        source: catalogue keys joined by `+`, shape (n,).
        crystalline: alloys of families known to be crystalline, on which the specificity of a flag is stated, shape
            (n,).
        measured: rows that count in scores, shape (n,).
        main: one row per alloy and condition; the others only teach how it fares on another process route, shape (n,).
        glassy: whether the sample was a glass, 0 or 1, NaN where nobody said, shape (n,).
    """

    recipe: Recipe
    fractions: NDArray[np.float64]
    features: NDArray[np.float32]
    conditions: NDArray[np.float32]
    y: NDArray[np.float64]
    trust: NDArray[np.float64]
    system: NDArray[np.str_]
    key: NDArray[np.str_]
    source: NDArray[np.str_]
    crystalline: NDArray[np.bool_]
    measured: NDArray[np.bool_]
    main: NDArray[np.bool_]
    glassy: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.y)

    @property
    def inputs(self) -> NDArray[np.float32]:
        """Features and conditions side by side, shape (n, f + k)."""
        return np.hstack([self.features, self.conditions])

    def take(self, rows: NDArray[np.integer]) -> TaskRows:
        """Select rows."""
        return TaskRows(
            self.recipe,
            self.fractions[rows],
            self.features[rows],
            self.conditions[rows],
            self.y[rows],
            self.trust[rows],
            self.system[rows],
            self.key[rows],
            self.source[rows],
            self.crystalline[rows],
            self.measured[rows],
            self.main[rows],
            self.glassy[rows],
        )

    def seen_elements(self, least: int = 3) -> tuple[str, ...]:
        """Name the elements that occur in at least ``least`` rows above 0.5 at.%."""
        counts = (self.fractions[self.main] > 0.005).sum(axis=0)
        return tuple(s for s, n in zip(element_symbols(), counts, strict=True) if n >= least)


def joined(first: TaskRows, second: TaskRows) -> TaskRows:
    """Lay the rows of one task below each other; the recipe is that of the first."""
    names = [field.name for field in fields(TaskRows) if field.name != "recipe"]
    columns = {name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names}
    return replace(first, **columns)  # type: ignore[arg-type]


def alloy_spec() -> FeatureSpec:
    """Feature set of the precise tier."""
    return feature_spec("alloy")


def task_rows(curated: pl.DataFrame, recipe: Recipe, *, foreign: bool = False) -> TaskRows:
    """Pick one task's rows out of a curated table and featurize them.

    Args:
        curated: rows of every task.
        recipe: of the task.
        foreign: keep rows with elements that are no inputs of the models, too, if those can be described.

    Raises:
        InputError: fewer than 30 rows, labels of one class only, or one value throughout.
    """
    frame = frame_of(curated, recipe)
    frame = frame if foreign else within_domain(frame)
    main = frame["main"].to_numpy()
    if main.sum() < MIN_ROWS:
        raise InputError(
            f"`{recipe.task}` has {main.sum()} usable rows", f"at least {MIN_ROWS} are needed to fit and to test"
        )
    y = frame["value"].to_numpy().astype(np.float64)
    if len(np.unique(y[main])) < 2:
        if recipe.kind == "classification":
            raise InputError(f"`{recipe.task}` has labels of one class only", "a classifier needs rows of both classes")
        raise InputError(f"`{recipe.task}` is {y[0]:g} in every row", "a regressor needs values that differ")
    recipe = sized(recipe, int(main.sum()))
    fractions, measured = fractions_of(frame), main & ~frame["kind"].is_in(UNMEASURED).to_numpy()
    return TaskRows(
        recipe,
        fractions,
        featurize(fractions, element_symbols(), alloy_spec()),
        _conditions(frame, recipe),
        y,
        frame["weight"].to_numpy().astype(np.float64),
        frame["system"].to_numpy().astype(np.str_),
        frame["key"].to_numpy().astype(np.str_),
        frame["source"].to_numpy().astype(np.str_),
        measured & (frame["family"] != "").to_numpy() & (y < 0.5),
        measured,
        main,
        _glassy(frame),
    )


def frame_of(curated: pl.DataFrame, recipe: Recipe) -> pl.DataFrame:
    """Pick one task's rows, with lessons on other process routes where the recipe asks for the cooling rate."""
    import polars as pl

    from training.routes import BULK_GLASS, COOLING_RATE, bulk_labels, with_routes

    task = AMORPHOUS if recipe.task == BULK_GLASS else recipe.task
    frame = curated.filter(pl.col("task") == task)
    if recipe.task == BULK_GLASS:
        frame = bulk_labels(frame)
    if any(c.name == COOLING_RATE for c in recipe.conditions):
        return with_routes(frame)
    return frame.with_columns(pl.lit(value=True).alias("main"))


def within_domain(frame: pl.DataFrame) -> pl.DataFrame:
    """Keep rows whose elements are all inputs of the models."""
    import polars as pl

    known = np.isin(np.array(element_symbols()), DOMAIN)
    fractions = fractions_of(frame)
    return frame.filter(pl.Series(fractions[:, ~known].max(axis=1, initial=0.0) == 0.0))


def _conditions(frame: pl.DataFrame, recipe: Recipe) -> NDArray[np.float32]:
    """Lay out the recipe's conditions, references where a row does not state them, shape (n, k)."""
    block = np.empty((frame.height, len(recipe.conditions)), np.float32)
    for k, condition in enumerate(recipe.conditions):
        if condition.indicates:
            block[:, k] = frame["process_route"] == condition.indicates
        else:
            block[:, k] = frame[condition.name].fill_null(condition.reference).to_numpy()
    return block


def _glassy(frame: pl.DataFrame) -> NDArray[np.float32]:
    """Say whether samples were glasses: collections of glasses are marked, all else but a user's own holds crystals."""
    known = set(catalogue())
    catalogued = np.array([known.issuperset(source.split("+")) for source in frame["source"]], bool)
    crystalline = catalogued | (frame["kind"] == HANDBOOK).to_numpy()
    return np.where(frame["kind"] == "glass", 1.0, np.where(crystalline, 0.0, np.nan)).astype(np.float32)
