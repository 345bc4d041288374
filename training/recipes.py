"""Recipes: what is learned for each target, from which columns, with which learners and settings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from screener.errors import InputError

Scalar = float | int | str
TARGET_OF_TASK = {"is_amorphous": "p_amorphous"}
"""Result column of a task whose label is not its result."""


@dataclass(frozen=True, slots=True)
class ConditionSpec:
    """A condition column of the data and the value taken where it is not stated."""

    name: str
    unit: str
    reference: float


@dataclass(frozen=True, slots=True)
class Member:
    """One learner of an ensemble.

    Attributes:
        learner: `extra_trees` or `lightgbm`.
        weight: share in the blend; shares of a recipe add up to 1.
        columns: `all` descriptors, or `plain`: fractions and the six scalars of `kang21`.
        options: the learner's settings.
    """

    learner: str
    weight: float
    columns: Literal["all", "plain"]
    options: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one target is learned.

    Attributes:
        target: result column.
        task: task of the data.
        unit: physical unit.
        kind: `regression` or `classification`.
        log: learn the logarithm.
        interval: `relative`, `absolute` or `none`.
        rows_per_system: at most this many rows of one chemical system in training.
        members: the precise tier's ensemble.
        conditions: inputs beside the composition.
        weak_negatives: random compositions far from any glass that count as weakly crystalline.
        weak_weight: weight of each of them.
    """

    target: str
    task: str
    unit: str
    kind: Literal["regression", "classification"]
    log: bool
    interval: Literal["relative", "absolute", "none"]
    rows_per_system: int
    members: tuple[Member, ...]
    conditions: tuple[ConditionSpec, ...] = ()
    weak_negatives: int = 0
    weak_weight: float = 0.0


@cache
def standing_recipes() -> Mapping[str, Recipe]:
    """Return the recipes of the three standing targets by target name."""
    text = Path(__file__).with_name("recipes.toml").read_text(encoding="utf-8")
    return {name: _recipe(name, body) for name, body in tomllib.loads(text).items()}


def user_recipe(name: str, unit: str, kind: str, log: bool) -> Recipe:
    """Make the recipe of a user's own target after the pattern of a standing one.

    Raises:
        InputError: the kind is neither `regression` nor `classification`.
    """
    if kind not in ("regression", "classification"):
        raise InputError(f"target `{name}` has the unknown kind `{kind}`", "write `regression` or `classification`")
    pattern = standing_recipes()["p_amorphous" if kind == "classification" else "hardness_gpa"]
    target = f"p_{name.removeprefix('is_')}" if kind == "classification" else name
    return Recipe(
        target, name, unit, pattern.kind, log, "none" if kind == "classification" else "relative" if log else "absolute",
        pattern.rows_per_system, pattern.members,
    )


def _recipe(target: str, body: Mapping[str, object]) -> Recipe:
    """Read one table of the TOML file."""
    fields = dict(body)
    members = fields.pop("members")
    conditions = fields.pop("conditions", [])
    assert isinstance(members, list)
    assert isinstance(conditions, list)
    return Recipe(
        target=target, members=tuple(Member(**m) for m in members),
        conditions=tuple(ConditionSpec(**c) for c in conditions), **fields,  # type: ignore[arg-type]
    )
