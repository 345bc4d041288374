"""The model card: what a model predicts, from what, how well, and on whose data. It travels inside the ONNX file.

Stored as string-to-string metadata with keys `screener.*`; `ModelCard.to_props` and `ModelCard.from_props` are inverse.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from screener._card_fields import REMEDY, Fields, parse_fields
from screener._card_parts import (
    LARGEST_CONDITION,
    Condition,
    DistanceBin,
    Golden,
    OperatingPoint,
    Source,
    Target,
    TaskKind,
    read_condition,
    read_distance,
    read_golden,
    read_point,
    read_scores,
    read_source,
    read_symbols,
    read_target,
)
from screener.errors import ModelError

__all__ = [
    "CLASSIFIERS",
    "LARGEST_CONDITION",
    "PREFIX",
    "SCHEMA",
    "TIERS",
    "Classifier",
    "Condition",
    "DistanceBin",
    "Golden",
    "IntervalRule",
    "ModelCard",
    "OperatingPoint",
    "Source",
    "Target",
    "TaskKind",
    "Tier",
]

SCHEMA = 2
"""Version of the card's layout; another one is refused."""
PREFIX = "screener."

Tier = Literal["screen", "characterize"]
TIERS: tuple[Tier, ...] = ("screen", "characterize")
Classifier = Literal["", "mtl", "independent"]
CLASSIFIERS: tuple[Classifier, ...] = ("", "mtl", "independent")
IntervalRule = Literal["", "relative", "absolute"]
_RULES: tuple[IntervalRule, ...] = ("", "relative", "absolute")


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
        classifier: kind of classifier, `mtl` or `independent`; empty where there is no choice.
        preferred: whether it is the one used of several models of one tier and target.
        threshold: default flag threshold on the probability (classification).
        curve: out-of-fold operating points, thresholds ascending (classification).
        prior: share of positives that the calibrated probabilities assume (classification).
        metrics: scores by split, e.g. {"grouped": {"r2": …}}.
        interval: how the 90 % interval was calibrated, for people.
        interval_rule: `absolute` (v ± h), `relative` (v divided and multiplied by one factor); empty is told from
            the numbers.
        interval_floor: least lower limit the graph gives, in the unit of the target; None for no floor.
        distance: held-out error and widening by distance to the nearest training alloy of the target, ascending.
        domain_limit: distance in at.% beyond which an alloy is outside the domain.
        method: how the model was made, for people.
        notes: what not to trust.
        golden: compositions replayed at every load.
        sources: data sets.
        folds: digest of the folds that the scores come from.
        fold_scores: score of every fold, by name of the score.
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
    classifier: Classifier = ""
    preferred: bool = True
    prior: float | None = None
    interval_rule: IntervalRule = ""
    interval_floor: float | None = None
    distance: tuple[DistanceBin, ...] = ()
    domain_limit: float | None = None
    folds: str = ""
    fold_scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def flagged(self) -> bool:
        """Whether its probability is turned into a yes or no: there is a threshold, or a curve to choose one from."""
        return self.threshold is not None or bool(self.curve)

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
        scores, folds = card.nested("metrics"), card.nested("fold_scores")
        return cls(
            tier=card.choice("tier", TIERS),
            target=read_target(card.nested("target")),
            features=card.text("features"),
            features_digest=card.text("features_digest"),
            elements=read_symbols(card, "elements"),
            conditions=tuple(read_condition(item) for item in card.listed("conditions")),
            threshold=None if card["threshold"] is None else card.share("threshold"),
            curve=tuple(read_point(item) for item in card.listed("curve")),
            metrics={split: read_scores(scores.nested(split)) for split in scores},
            interval=card.text("interval"),
            method=card.text("method"),
            notes=card.texts("notes"),
            golden=tuple(read_golden(item) for item in card.listed("golden")),
            sources=tuple(read_source(item) for item in card.listed("sources")),
            data_digest=card.text("data_digest"),
            code_version=card.text("code_version"),
            created=card.text("created"),
            classifier=card.choice("classifier", CLASSIFIERS),
            preferred=card.truth("preferred"),
            prior=None if card["prior"] is None else card.share("prior"),
            interval_rule=card.choice("interval_rule", _RULES),
            interval_floor=None if card["interval_floor"] is None else card.number("interval_floor"),
            distance=read_distance(card),
            domain_limit=_limit(card),
            folds=card.text("folds"),
            fold_scores={name: folds.numbers(name) for name in folds},
        )


def _limit(card: Fields) -> float | None:
    """Read the distance that bounds the domain, if there is one; no two alloys are more than 100 at.% apart."""
    return None if card["domain_limit"] is None else card.number("domain_limit", 0.0, 100.0)
