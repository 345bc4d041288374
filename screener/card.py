"""The model card: what a model predicts, from what, how well, and on whose data. It travels inside the ONNX file.

Stored as string-to-string metadata with keys `screener.*`; `ModelCard.to_props` and `ModelCard.from_props` are inverse.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from screener.errors import ModelError

SCHEMA = 1
"""Version of the card's layout; another one is refused."""
PREFIX = "screener."

Tier = Literal["screen", "characterize"]
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
            ModelError: there is no card, or its schema or layout is not this one.
        """
        try:
            raw = {k[len(PREFIX) :]: json.loads(v) for k, v in props.items() if k.startswith(PREFIX)}
        except json.JSONDecodeError:
            raise ModelError("the model card is not readable", _REMEDY) from None
        if raw.pop("schema", None) != SCHEMA:
            raise ModelError(f"the file carries no model card of schema {SCHEMA}", _REMEDY)
        try:
            return cls(**(raw | _structured(raw)))
        except (TypeError, KeyError):
            raise ModelError("the model card is incomplete", _REMEDY) from None


_REMEDY = "export the model again with `training fit`"


def _structured(raw: Mapping[str, object]) -> dict[str, object]:
    """Rebuild the nested parts of a card from plain JSON values."""
    lists = {"conditions": Condition, "curve": OperatingPoint, "golden": Golden, "sources": Source}
    parts: dict[str, object] = {"target": Target(**_mapping(raw["target"]))}
    for name, maker in lists.items():
        items = raw[name]
        if not isinstance(items, list):
            raise TypeError(name)
        parts[name] = tuple(maker(**_mapping(item)) for item in items)
    for name in ("elements", "notes"):
        items = raw[name]
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise TypeError(name)
        parts[name] = tuple(items)
    return parts


def _mapping(value: object) -> dict[str, object]:
    """Return ``value`` if it is a JSON object."""
    if not isinstance(value, dict):
        raise TypeError("object expected")
    return value
