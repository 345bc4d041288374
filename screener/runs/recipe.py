"""What a run was asked, as plain JSON values: enough to ask it again, and to tell two questions apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar, cast

from screener.errors import ScreenerError
from screener.jobs import ClassifierChoice, Question, ScreenJob, SearchChoice, TierChoice
from screener.runs.sealed import of_type
from screener.space import CompositionSpace, GroupSum

V = TypeVar("V")
_OPTIONS = {
    "elements": "--elements",
    "units": "--step",
    "lower": "--bounds",
    "upper": "--bounds",
    "components": "--components",
    "groups": "--sum",
    "digest": "the numbering of the space",
    "sample": "--sample",
    "seed": "--seed",
    "written_units": "--units",
    "search": "--search",
    "diverse": "--diverse",
    "near": "--near",
    "all": "--all",
    "all_where": "--all-where",
    "conditions": "--condition",
    "models": "the models",
    "tables": "the element tables",
    "version": "the version of screener",
}
"""What people call the parts of a question whose names differ."""
_LARGEST_BLOCK = 1 << 22
_UNASKED = frozenset({"folder", "device", "max_candidates", "block"})
"""Parts that say where and how, not what."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A run that may be asked again.

    Attributes:
        job: the search.
        everything: whether every candidate is written.
        all_where: condition for those written; None for all.
    """

    job: ScreenJob
    everything: bool = False
    all_where: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return all of it as plain JSON values."""
        job, space = self.job, self.job.space
        return {
            "elements": list(space.elements),
            "units": space.units,
            "lower": list(space.lower),
            "upper": list(space.upper),
            "components": list(space.components),
            "groups": [[list(group.members), group.lower, group.upper] for group in space.groups],
            "digest": space.digest,
            "sample": job.sample,
            "seed": job.seed,
            "written_units": job.units,
            "search": job.search,
            "diverse": job.diverse,
            "near": job.near,
            "all": self.everything,
            "all_where": self.all_where,
            "question": _listed(job.question.as_json()),
            "folder": None if job.models is None else str(job.models.absolute()),
            "device": job.device,
            "max_candidates": min(job.max_candidates, 1 << 62),
            "block": job.block,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Recipe:
        """Read what ``as_json`` gave.

        Raises:
            ValueError: it is something else.
            ScreenerError: no run can be asked like that.
        """
        folder = _or_none(value["folder"], str)
        job = ScreenJob(
            _space(value),
            _question(of_type(value["question"], dict)),
            _or_none(value["sample"], int),
            of_type(value["seed"], int),
            "wt" if of_type(value["written_units"], str) == "wt" else "at",
            of_type(value["max_candidates"], int),
            None if folder is None else Path(folder),
            of_type(value["device"], str),
            of_type(value["block"], int),
            search=cast(SearchChoice, of_type(value["search"], str)),
            diverse=_or_none(value["diverse"], float),
            near=_or_none(value["near"], float),
        )
        recipe = cls(job, of_type(value["all"], bool), _or_none(value["all_where"], str))
        if not 1 <= job.block <= _LARGEST_BLOCK:
            raise ValueError(f"blocks of {job.block} candidates")
        if recipe.as_json() != value:
            raise ValueError("a question that reads back as another")
        return recipe


def differences(journal: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Name what differs between two questions, with both values where they are short."""
    before, after = _flat(journal), _flat(now)
    named: dict[str, str] = {}
    for name in [*after, *(each for each in before if each not in after)]:
        if name not in _UNASKED and before.get(name) != after.get(name):
            label = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
            named.setdefault(label, f"{label} ({_shown(before.get(name))}, now {_shown(after.get(name))})")
    if len(named) > 1:  # follows from any other change of the space
        named.pop(_OPTIONS["digest"], None)
    return list(named.values())


def _flat(value: Mapping[str, object]) -> dict[str, object]:
    """Put the parts of the question beside those of the space."""
    flat = {name: each for name, each in value.items() if name != "question"}
    question = value.get("question")
    return flat | (question if isinstance(question, dict) else {})


def _shown(value: object) -> str:
    """Write a value for people."""
    if value in (None, [], {}, ""):
        return "none"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"`{text}`" if len(text) <= 60 else f"`{text[:57]}…`"


def _listed(value: object) -> dict[str, object]:
    """Turn tuples into lists, as JSON does."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in cast(dict[str, object], value).items()}


def _space(value: Mapping[str, object]) -> CompositionSpace:
    """Rebuild a space and check that it is the recorded one."""
    elements = _texts(value["elements"])
    units = of_type(value["units"], int)
    lower, upper = _numbers(value["lower"]), _numbers(value["upper"])
    fewest, most = _numbers(value["components"])
    groups = []
    for group in of_type(value["groups"], list):
        members, low, high = of_type(group, list)
        groups.append(GroupSum(_numbers(members), of_type(low, int), of_type(high, int)))
    # The grid alone is built as people write it, which refuses unknown symbols and steps.
    plain = CompositionSpace.build(elements, f"{100 / units:.10g}" if units > 0 else "0")
    limits = [*lower, *upper, *(n for group in groups for n in (group.lower, group.upper))]
    inside = all(0 <= each <= units for each in limits) and 1 <= fewest <= most <= len(elements)
    known = all(0 <= place < len(elements) for group in groups for place in group.members)
    if plain.units != units or not len(lower) == len(upper) == len(elements) or not inside or not known:
        raise ValueError("limits outside the grid")
    space = CompositionSpace(plain.elements, units, lower, upper, (fewest, most), tuple(groups))
    if space.digest != value["digest"]:
        raise ValueError("a space of another digest")
    return space


def _question(value: Mapping[str, object]) -> Question:
    """Rebuild a question."""
    if set(value) != {field.name for field in fields(Question)}:
        raise ValueError("a question with other parts")
    conditions = of_type(value["conditions"], dict)
    return Question(
        _texts(value["maximize"]),
        _texts(value["minimize"]),
        _or_none(value["rank_by"], str),
        _or_none(value["where"], str),
        of_type(value["pareto"], bool),
        _or_none(value["top"], int),
        cast(TierChoice, of_type(value["tier"], str)),
        _or_none(value["recall"], float),
        _or_none(value["threshold"], float),
        tuple((of_type(name, str), of_type(each, float)) for name, each in conditions.items()),
        of_type(value["with_descriptors"], bool),
        of_type(value["strict"], bool),
        _or_none(value["process"], str),
        _or_none(value["prior"], float),
        cast(ClassifierChoice | None, _or_none(value["classifier"], str)),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(of_type(each, str) for each in of_type(value, list))


def _numbers(value: object) -> tuple[int, ...]:
    return tuple(of_type(each, int) for each in of_type(value, list))


def _or_none(value: object, kind: type[V]) -> V | None:
    return None if value is None else of_type(value, kind)


def readable(value: object) -> Recipe:
    """Read a recipe of a journal.

    Raises:
        ValueError: it is none.
    """
    try:
        return Recipe.from_json(of_type(value, dict))
    except KeyError as missing:
        raise ValueError(f"no part {missing}") from None
    except ScreenerError as problem:
        raise ValueError(problem.message) from None
