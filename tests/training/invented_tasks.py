"""Invented alloys with invented properties: rows of tasks, and a user's table with every kind of target."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from screener.descriptors.featurizer import featurize
from screener.elements import element_symbols
from training.effort import Effort
from training.recipes import ConditionSpec, Member, Recipe
from training.sources.table import composition_keys
from training.students import Schedule
from training.tasks import TaskRows, alloy_spec

SYSTEMS = (
    *("Al-Ti", "Al-Cr", "Cr-Ti", "Al-Cr-Ti", "Fe-Ni", "Co-Fe", "Co-Fe-Ni", "Cu-Zr", "Al-Cu-Zr", "Nb-Ni", "Nb-Ni-Zr"),
    *("Cr-Fe-Ni", "Ti-Zr", "Nb-Ti-Zr"),
)
TINY = Effort(0.05, 400, Schedule(epochs=2, batch=64, widths=(16, 8)), 400)
"""Effort of tests that need every part of a fit and none of its quality."""
TREES = Member("extra_trees", 1.0, "all", {"n_estimators": 20, "min_samples_leaf": 2, "max_features": 0.5})
BOOSTED = Member("lightgbm", 1.0, "all", {"rounds": 30, "learning_rate": 0.1, "num_leaves": 7, "min_data_in_leaf": 5})
HARDNESS = Recipe("hardness_gpa", "hardness_gpa", "GPa", "regression", False, "relative", 50, (TREES,))
RESISTIVITY = Recipe(
    "resistivity_uohm_cm",
    "resistivity_uohm_cm",
    "µΩ·cm",
    "regression",
    True,
    "relative",
    50,
    (TREES,),
    (ConditionSpec("film_thickness_nm", "nm", 500.0),),
)
GLASS = Recipe("p_amorphous", "is_amorphous", "1", "classification", False, "none", 1000, (BOOSTED,), (), 60, 1.0, 0.02)
ENTHALPY = Recipe("mixing_kj_mol", "mixing_kj_mol", "kJ/mol", "regression", False, "absolute", 50, (TREES,))
RECIPES = {r.target: r for r in (HARDNESS, RESISTIVITY, GLASS, ENTHALPY)}


def drawn_alloys(n: int, seed: int) -> tuple[list[tuple[str, ...]], np.ndarray]:
    """Systems of ``n`` alloys in turn, and their fractions on the 1 at.% grid over all elements."""
    rng = np.random.default_rng(seed)
    column = {symbol: k for k, symbol in enumerate(element_symbols())}
    systems = [tuple(SYSTEMS[row % len(SYSTEMS)].split("-")) for row in range(n)]
    fractions = np.zeros((n, len(column)))
    for row, system in enumerate(systems):
        whole = rng.multinomial(100 - len(system), rng.dirichlet(np.full(len(system), 3.0))) + 1
        fractions[row, [column[s] for s in system]] = whole / 100
    return systems, fractions


def property_of(recipe: Recipe, fractions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An invented value of every alloy, some of it noise."""
    c = dict(zip(element_symbols(), fractions.T, strict=True))
    if recipe.kind == "classification":
        return ((c["Zr"] > 0.25) | (c["Nb"] > 0.35) ^ (rng.random(len(fractions)) < 0.05)).astype(np.float64)
    if recipe.target == "mixing_kj_mol":
        return 30.0 * c["Fe"] - 120.0 * c["Al"] * c["Ti"] - 60.0 * c["Cu"] * c["Zr"] + rng.normal(size=len(fractions))
    if recipe.log:
        return np.exp(4.0 + 1.5 * (1.0 - fractions.max(axis=1)) + c["Ti"] + 0.05 * rng.normal(size=len(fractions)))
    return 3.0 + 6.0 * c["Cr"] + 4.0 * c["Ti"] * (1.0 - c["Ti"]) + 2.0 * c["Nb"] + 0.1 * rng.normal(size=len(fractions))


def invented_rows(recipe: Recipe = HARDNESS, n: int = 84, seed: int = 0) -> TaskRows:
    """Rows of one task, featurized as measured ones are."""
    rng = np.random.default_rng(seed)
    _, fractions = drawn_alloys(n, seed)
    keys, systems = composition_keys(fractions)
    measured = np.ones(n, bool)
    return TaskRows(
        recipe,
        fractions,
        featurize(fractions, element_symbols(), alloy_spec()),
        rng.choice([100.0, 500.0, 900.0], (n, len(recipe.conditions))).astype(np.float32),
        property_of(recipe, fractions, rng),
        rng.choice([0.5, 1.0], n),
        np.array(systems),
        np.array(keys),
        np.full(n, "user:mine"),
        np.zeros(n, bool),
        measured,
        measured,
        np.full(n, np.nan, np.float32),
    )


def invented_tables(*targets: str, n: int = 84, seed: int = 0) -> dict[str, TaskRows]:
    """Rows of several tasks; alloys differ from task to task, systems do not."""
    return {target: invented_rows(RECIPES[target], n, seed + k) for k, target in enumerate(targets)}


def with_values(rows: TaskRows, y: np.ndarray) -> TaskRows:
    """The same alloys with other values."""
    return replace(rows, y=np.asarray(y, np.float64))


def user_csv(n: int = 84, seed: int = 3) -> str:
    """Text of a user's table: three standing columns, a regression and a yes/no column of the user's own."""
    _, fractions = drawn_alloys(n, seed)
    rng = np.random.default_rng(seed)
    columns = [property_of(RECIPES[t], fractions, rng) for t in ("hardness_gpa", "resistivity_uohm_cm")]
    glass, enthalpy = (property_of(RECIPES[t], fractions, rng) for t in ("p_amorphous", "mixing_kj_mol"))
    ductile = fractions.max(axis=1) > 0.5
    lines = ["composition,hardness_gpa,resistivity_uohm_cm,is_amorphous,mixing_kj_mol,ductile"]
    for row, formula in enumerate(formulas(fractions)):
        numbers = ",".join(f"{column[row]:.4f}" for column in columns)
        yes = "yes" if ductile[row] else "no"
        lines.append(f"{formula},{numbers},{int(glass[row])},{enthalpy[row]:.4f},{yes}")
    return "\n".join(lines) + "\n"


USER_TOML = """
[targets.mixing_kj_mol]
unit = "kJ/mol"
kind = "regression"

[targets.ductile]
kind = "classification"
"""


def formulas(fractions: np.ndarray) -> list[str]:
    """Compositions as text."""
    return composition_keys(fractions)[0]
