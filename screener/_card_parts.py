"""The parts of a model card, and how each is read from the JSON of a file that may come from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from screener._card_fields import Fields
from screener.elements import element_symbols

_COLUMN = "[a-z][a-z0-9_]{0,63}"
"""What can name a column of a result."""
_FARTHEST = 100.0
"""Largest distance ½ Σ|Δc| between two alloys, at.%."""

LARGEST_CONDITION = 3.4028234663852886e38
"""Largest value of a condition: what float32, which models read, can hold."""
TaskKind = Literal["regression", "classification"]
_KINDS: tuple[TaskKind, ...] = ("regression", "classification")


@dataclass(frozen=True, slots=True)
class Target:
    """The property a model predicts.

    Attributes:
        name: result column; a probability starts with `p_`.
        unit: physical unit, `1` for probabilities.
        kind: `regression` or `classification`.
        low: 5 % quantile of the training values (0 for probabilities).
        high: 95 % quantile of the training values (1 for probabilities).
    """

    name: str
    unit: str
    kind: TaskKind
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Condition:
    """A measurement condition that is an input beside the composition.

    Attributes:
        name: name in `--condition NAME=VALUE`.
        unit: its unit.
        reference: value used when none is given.
        low: lowest value in the training data.
        high: highest value in the training data.
        levels: values by the name of a process, e.g. `ribbon`.
    """

    name: str
    unit: str
    reference: float
    low: float
    high: float
    levels: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_flag(self) -> bool:
        """Whether it says yes or no, 1 or 0."""
        return self.unit == "1" and (self.low, self.high) == (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Out-of-fold precision, recall and specificity when flagging p ≥ threshold."""

    threshold: float
    precision: float
    recall: float
    specificity: float


@dataclass(frozen=True, slots=True)
class DistanceBin:
    """How well held-out alloys are predicted at some distance from the nearest training alloy of the target.

    Attributes:
        upto: largest distance ½ Σ|Δc| of the bin, at.%.
        rows: held-out rows in it.
        error: their error, in the unit of the target; NaN where there are none.
        widening: factor on the half-width of the 90 % interval.
    """

    upto: float
    rows: int
    error: float
    widening: float


@dataclass(frozen=True, slots=True)
class Golden:
    """A composition and the outputs the model must reproduce: formula → {output name: value}."""

    formula: str
    outputs: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Source:
    """A data set behind the model: catalogue key, citation, licence, rows used."""

    key: str
    citation: str
    licence: str
    rows: int


def read_symbols(fields: Fields, name: str) -> tuple[str, ...]:
    """Read a list of known elements, none twice."""
    symbols = fields.texts(name)
    if len(set(symbols)) < len(symbols) or not set(symbols) <= set(element_symbols()):
        fields.refuse(name)
    return symbols


def read_target(fields: Fields) -> Target:
    """Read a target."""
    low, high = _range(fields)
    return Target(fields.text("name", _COLUMN), fields.text("unit"), fields.choice("kind", _KINDS), low, high)


def read_condition(fields: Fields) -> Condition:
    """Read a condition."""
    low, high = _range(fields)
    name, unit, reference = fields.text("name", _COLUMN), fields.text("unit"), fields.number("reference")
    levels = fields.nested("levels")
    return Condition(name, unit, reference, low, high, {level: levels.number(level) for level in levels})


def _range(fields: Fields) -> tuple[float, float]:
    """Read the lowest and the highest value."""
    low = fields.number("low")
    return low, fields.number("high", low)


def read_point(fields: Fields) -> OperatingPoint:
    """Read an operating point; without crystalline alloys the specificity is unknown."""
    return OperatingPoint(
        fields.share("threshold"),
        fields.number("precision", 0.0, 1.0, unknown=True),
        fields.number("recall", 0.0, 1.0),
        fields.number("specificity", 0.0, 1.0, unknown=True),
    )


def read_distance(fields: Fields) -> tuple[DistanceBin, ...]:
    """Read the bins of distance: together they reach as far as alloys can be apart, and never narrow an interval."""
    bins = []
    upto = widening = 0.0
    for item in fields.listed("distance"):
        # At.% have four decimals here: a bin ends beyond the one before, a factor is more than nothing.
        upto = item.number("upto", upto + 1e-4, _FARTHEST)
        widening = item.number("widening", max(widening, 1e-6))
        bins.append(DistanceBin(upto, item.count("rows"), item.number("error", 0.0, unknown=True), widening))
    if bins and upto != _FARTHEST:
        fields.refuse("distance")
    return tuple(bins)


def read_golden(fields: Fields) -> Golden:
    """Read a golden row."""
    outputs = fields.nested("outputs")
    return Golden(fields.text("formula"), {name: outputs.number(name) for name in outputs})


def read_source(fields: Fields) -> Source:
    """Read a data set."""
    return Source(fields.text("key"), fields.text("citation"), fields.text("licence"), fields.count("rows"))


def read_scores(fields: Fields) -> dict[str, float]:
    """Read scores by name; some scores are not defined for some data."""
    return {name: fields.number(name, unknown=True) for name in fields}
