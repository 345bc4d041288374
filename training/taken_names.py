"""Names that targets of a user's own cannot have, because results, models or other targets have them already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from screener.card import ModelCard
from screener.card import Target as CardTarget
from screener.composition_columns import FORMULA_NAMES
from screener.descriptors.catalogue import catalogue as descriptors
from screener.elements import element_symbols
from screener.errors import InputError
from screener.list_results import OUR_COLUMNS
from screener.tier_models import target_columns
from training.file_names import standing_names
from training.recipes import Recipe, standing_recipes, user_recipe
from training.sources.table import CONDITIONS
from training.user_values import HARDNESS_HV

if TYPE_CHECKING:
    from training.declaration import Target

_ENDS: Mapping[str, str] = MappingProxyType(
    {
        "_low": "the lower end of an interval",
        "_high": "the upper end of an interval",
        "_screen": "a value of the fast models",
        "_logit": "a logit",
    }
)
_BEGINNINGS: Mapping[str, str] = MappingProxyType(
    {"input_": "a column of a list that was renamed", "nearest_": "what is said of training alloys"}
)
"""Of columns that results make beside others."""


def refuse_taken_names(targets: Sequence[Target]) -> None:
    """Check that the names of a user's targets, and the result columns they fill, are their own; case does not count.

    Args:
        targets: those that were declared, in their order.

    Raises:
        InputError: one is a column of every result, a descriptor, a condition, an element, an input or file of the
            standing models, a column of another target, or named like one that is derived.
    """
    taken = dict(_taken())
    for target in targets:
        columns = _columns(user_recipe(target.name, target.unit, target.kind, target.log))
        names = (*columns, target.name)
        found = next((name for name in names if name in taken), None)
        if found is not None:
            raise _refusal(target, found, taken[found])
        for name in (columns[0], target.name):
            if like := _likeness(name):
                raise _refusal(target, name, f"named like {like}")
        taken |= dict.fromkeys(names, f"a column of your target `{target.name}`")


def _refusal(target: Target, name: str, what: str) -> InputError:
    """Say which name of a target is taken, and by what."""
    message = f"target `{target.name}` would fill the column `{name}`, which is {what}"
    if name == target.name:
        message = f"`{name}` cannot name a target of your own: it is {what}"
    return InputError(message, f'choose another name, and write column = "{target.column}" to read the same column')


@cache
def _taken() -> Mapping[str, str]:
    """Say what every name is that is taken, by the name in lower case."""
    standing = standing_recipes()
    groups = (
        ("the key of compositions", ("key",)),
        ("a column of compositions", FORMULA_NAMES),
        ("hardness in HV", (HARDNESS_HV,)),
        ("the name of a file of the standing models", standing_names()),
        ("an input of every model", ("features", "conditions")),
        ("an element", element_symbols()),
        ("a descriptor", descriptors()),
        ("a condition", (*CONDITIONS, "process", *(c.name for r in standing.values() for c in r.conditions))),
        ("a column of results", OUR_COLUMNS),
        *((f"a column of the standing target `{t}`", _columns(recipe)) for t, recipe in standing.items()),
        ("a standing target", (name for t, recipe in standing.items() for name in (t, recipe.task))),
    )
    return {
        name.lower(): what if name == name.lower() else f"{what} but for its case, `{name}`"
        for what, names in groups
        for name in names
    }


def _likeness(name: str) -> str:
    """Say what a name ends or begins like; empty where it is like nothing that results derive."""
    ends = (what for end, what in _ENDS.items() if name.endswith(end))
    beginnings = (what for beginning, what in _BEGINNINGS.items() if name.startswith(beginning))
    return next(ends, "") or next(beginnings, "")


def _columns(recipe: Recipe) -> tuple[str, ...]:
    """Name the result columns of a target."""
    target = CardTarget(recipe.target, recipe.unit, recipe.kind, 0.0, 1.0)
    return target_columns(ModelCard("screen", target, "", "", (), threshold=0.5))
