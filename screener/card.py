"""The model card: what a model predicts, from what, how well, and on whose data. It travels inside the ONNX file.

Stored as string-to-string metadata with keys `screener.*`; `ModelCard.to_props` and `ModelCard.from_props` are inverse.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from screener._card_fields import REMEDY, Fields, parse_fields
from screener.elements import element_symbols
from screener.errors import ModelError

SCHEMA = 1
"""Version of the card's layout; another one is refused."""
PREFIX = "screener."
_COLUMN = "[a-z][a-z0-9_]{0,63}"
"""What can name a column of a result."""

Tier = Literal["screen", "characterize"]
TIERS: tuple[Tier, ...] = ("screen", "characterize")
TaskKind = Literal["regression", "classification"]


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
    """

    name: str
    unit: str
    reference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Out-of-fold precision, recall and specificity when flagging p ≥ threshold."""

    threshold: float
    precision: float
    recall: float
    specificity: float


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


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything a user or a loader must know about one model.

    Attributes:
        tier: `screen` (fast) or `characterize` (precise).
        target: what is predicted.
        features: name of the feature set.
        features_digest: its digest when the model was made.
        elements: training domain.
        conditions: inputs beside the composition, in input order.
        threshold: default flag threshold on the probability (classification).
        curve: out-of-fold operating points, thresholds ascending (classification).
        metrics: scores by split, e.g. {"grouped": {"r2": …}}.
        interval: how the 90 % interval was calibrated, for people.
        method: how the model was made, for people.
        notes: what not to trust.
        golden: compositions replayed at every load.
        sources: data sets.
        data_digest: digest of the training table.
        code_version: version of the package that made it.
        created: ISO date.
    """

    tier: Tier
    target: Target
    features: str
    features_digest: str
    elements: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    threshold: float | None = None
    curve: tuple[OperatingPoint, ...] = ()
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    interval: str = ""
    method: str = ""
    notes: tuple[str, ...] = ()
    golden: tuple[Golden, ...] = ()
    sources: tuple[Source, ...] = ()
    data_digest: str = ""
    code_version: str = ""
    created: str = ""

    def to_props(self) -> dict[str, str]:
        """Write the card as ONNX metadata."""
        values = {"schema": SCHEMA, **asdict(self)}
        return {PREFIX + key: json.dumps(value, sort_keys=True) for key, value in values.items()}

    @classmethod
    def from_props(cls, props: Mapping[str, str]) -> ModelCard:
        """Read a card from ONNX metadata.

        Raises:
            ModelError: there is no card, its schema is not this one, or a field is missing or not what it must be.
        """
        card = parse_fields(props, PREFIX)
        if "schema" not in card or card["schema"] != SCHEMA:
            raise ModelError(f"the file carries no model card of schema {SCHEMA}", REMEDY)
        scores = card.nested("metrics")
        return cls(
            tier=card.choice("tier", TIERS),
            target=_target(card.nested("target")),
            features=card.text("features"),
            features_digest=card.text("features_digest"),
            elements=_symbols(card, "elements"),
            conditions=tuple(_condition(item) for item in card.listed("conditions")),
            threshold=None if card["threshold"] is None else _threshold(card),
            curve=tuple(_point(item) for item in card.listed("curve")),
            metrics={split: _numbers(scores.nested(split)) for split in scores},
            interval=card.text("interval"),
            method=card.text("method"),
            notes=card.texts("notes"),
            golden=tuple(_golden(item) for item in card.listed("golden")),
            sources=tuple(_source(item) for item in card.listed("sources")),
            data_digest=card.text("data_digest"),
            code_version=card.text("code_version"),
            created=card.text("created"),
        )


def _symbols(fields: Fields, name: str) -> tuple[str, ...]:
    """Read a list of known elements, none twice."""
    symbols = fields.texts(name)
    if len(set(symbols)) < len(symbols) or not set(symbols) <= set(element_symbols()):
        fields.refuse(name)
    return symbols


def _target(fields: Fields) -> Target:
    """Read a target."""
    low, high = _range(fields)
    kinds: tuple[TaskKind, ...] = ("regression", "classification")
    return Target(fields.text("name", _COLUMN), fields.text("unit"), fields.choice("kind", kinds), low, high)


def _condition(fields: Fields) -> Condition:
    """Read a condition."""
    low, high = _range(fields)
    return Condition(fields.text("name", _COLUMN), fields.text("unit"), fields.number("reference"), low, high)


def _range(fields: Fields) -> tuple[float, float]:
    """Read the lowest and the highest value."""
    low = fields.number("low")
    return low, fields.number("high", low)


def _threshold(fields: Fields) -> float:
    """Read a flag threshold: 0 and 1 have no logit."""
    threshold = fields.number("threshold", 0.0, 1.0)
    if threshold in (0.0, 1.0):
        fields.refuse("threshold")
    return threshold


def _point(fields: Fields) -> OperatingPoint:
    """Read an operating point; without crystalline alloys the specificity is unknown."""
    return OperatingPoint(
        _threshold(fields),
        fields.number("precision", 0.0, 1.0, unknown=True),
        fields.number("recall", 0.0, 1.0),
        fields.number("specificity", 0.0, 1.0, unknown=True),
    )


def _golden(fields: Fields) -> Golden:
    """Read a golden row."""
    outputs = fields.nested("outputs")
    return Golden(fields.text("formula"), {name: outputs.number(name) for name in outputs})


def _source(fields: Fields) -> Source:
    """Read a data set."""
    rows = fields.number("rows", 0.0)
    if not rows.is_integer():
        fields.refuse("rows")
    return Source(fields.text("key"), fields.text("citation"), fields.text("licence"), int(rows))


def _numbers(fields: Fields) -> dict[str, float]:
    """Read scores by name; some scores are not defined for some data."""
    return {name: fields.number(name, unknown=True) for name in fields}
