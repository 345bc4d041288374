"""Recipes: what is learned for each target, from which columns, with which learners and settings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal

from screener.errors import InputError

Scalar = float | int | str
LEARNERS = ("extra_trees", "lightgbm", "committee")
"""What a member can be: randomised trees, boosted trees, or a committee of nets."""
TARGET_OF_TASK = {"is_amorphous": "p_amorphous", "is_bulk_glass": "p_bulk_glass"}
"""Result column of a task whose label is not its result."""


@dataclass(frozen=True, slots=True)
class ConditionSpec:
    """An input beside the composition.

    Attributes:
        name: column of the data, or `cooling_rate_log10_k_s`, which follows from the process route.
        unit: its unit.
        reference: value taken where it is not stated.
        levels: values with a name of their own.
        increasing: whether the result can only grow with it.
        indicates: route of ``process_route`` that this condition marks with 1.
    """

    name: str
    unit: str
    reference: float
    levels: Mapping[str, float] = field(default_factory=dict)
    increasing: bool = False
    indicates: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One learner of an ensemble.

    Attributes:
        learner: one of ``LEARNERS``.
        weight: share in the blend; shares of a recipe add up to 1.
        columns: `all` descriptors, or `plain`: fractions and the six scalars of `kang21`.
        options: the learner's settings.
        log: learn the logarithm; None for what the recipe says. Blending is in physical units.
    """

    learner: str
    weight: float
    columns: Literal["all", "plain"]
    options: Mapping[str, Scalar]
    log: bool | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """Another target's probability as an input: measured samples say it, new alloys have it predicted.

    Attributes:
        target: classification target.
        member: position of the member of its ensemble that predicts it.
    """

    target: str
    member: int


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
        weak_negatives: random compositions far from any glass that count as weakly crystalline, at most.
        weak_share: and at most this many for each measured row.
        weak_weight: weight of each of them.
        gate: another target's probability that is an input.
        crowding: weight of a row falls with this power of the alloys of its chemical system.
        residual: learns from every row what the blend leaves unexplained, as a factor where the recipe takes
            logarithms; None for nothing.
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
    weak_share: float = 0.0
    weak_weight: float = 0.0
    gate: Gate | None = None
    crowding: float = 0.5
    residual: Member | None = None


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
    classes = kind == "classification"
    standing = standing_recipes()
    pattern = standing["p_amorphous" if classes else "hardness_gpa"]
    return Recipe(
        target=f"p_{name.removeprefix('is_')}" if classes else name,
        task=name,
        unit="1" if classes else unit,
        kind=pattern.kind,
        log=log,
        interval="none" if classes else "relative" if log else "absolute",
        rows_per_system=pattern.rows_per_system,
        members=pattern.members,
        crowding=pattern.crowding,
        residual=None if classes else standing["resistivity_uohm_cm"].residual,
    )


def thinned(recipe: Recipe, share: float) -> Recipe:
    """Return the recipe with a share of its trees, at least a dozen a learner."""

    def fewer(member: Member) -> Member:
        given = member.options.items()
        counts = {k: max(_LEAST, round(share * float(v))) for k, v in given if k in _TREE_COUNTS}
        return replace(member, options={**member.options, **counts})

    residual = None if recipe.residual is None else fewer(recipe.residual)
    return replace(recipe, members=tuple(fewer(member) for member in recipe.members), residual=residual)


def sized(recipe: Recipe, rows: int) -> Recipe:
    """Return the recipe for a table of so many rows: on a short one committees take small steps, and enough of them."""

    def stepping(options: Mapping[str, Scalar]) -> dict[str, Scalar]:
        batch = min(int(options.get("batch", 256)), max(_SMALL_BATCH, rows // _BATCHES))
        epochs = max(int(options.get("epochs", 30)), -(-_LEAST_STEPS * batch // rows))
        return {**options, "batch": batch, "epochs": epochs}

    def fits(member: Member) -> bool:
        o = member.options
        enough = int(o.get("epochs", 30)) * rows >= _LEAST_STEPS * int(o.get("batch", 256))
        return member.learner != "committee" or enough

    members = (m if fits(m) else replace(m, options=stepping(m.options)) for m in recipe.members)
    return replace(recipe, members=tuple(members))


_TREE_COUNTS = ("n_estimators", "rounds", "epochs")
_SMALL_BATCH, _BATCHES, _LEAST_STEPS = 32, 16, 400
"""Least rows of a step, steps of an epoch to aim at, and least steps altogether of a committee's training."""
_LEAST = 12
"""Fewest trees or epochs: the schedule of a net needs more than ten steps."""


def _recipe(target: str, body: Mapping[str, object]) -> Recipe:
    """Read one table of the TOML file."""
    fields = dict(body)
    members = fields.pop("members")
    conditions = fields.pop("conditions", [])
    gate, residual = fields.pop("gate", None), fields.pop("residual", None)
    assert isinstance(members, list)
    assert isinstance(conditions, list)
    assert gate is None or isinstance(gate, dict)
    assert residual is None or isinstance(residual, dict)
    return Recipe(
        target=target,
        members=tuple(Member(**m) for m in members),
        conditions=tuple(ConditionSpec(**c) for c in conditions),
        gate=None if gate is None else Gate(**gate),
        residual=None if residual is None else Member(weight=1.0, **residual),
        **fields,  # type: ignore[arg-type]
    )
