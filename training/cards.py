"""Cards of fitted models: what a file says of itself, from rows, proof and method."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from onnx import ModelProto

import screener
from screener.card import Classifier, Condition, ModelCard, Source, Target, Tier
from screener.descriptors.specs import feature_spec
from training import dates
from training.catalogue import catalogue
from training.effort import Effort
from training.file_names import file_name
from training.proof import Proof
from training.publish import sealed
from training.recipes import Recipe
from training.sources import handbook
from training.tasks import TaskRows, alloy_spec


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the screen nets of a target.

    Attributes:
        proof: what cross-validation says of it.
        alone: whether it shares no layers with regressors.
        name: kind of classifier where there are two.
        best: whether it is the default.
    """

    proof: Proof
    alone: bool
    name: Classifier = ""
    best: bool = True


def described_file(
    tier: Tier,
    rows: TaskRows,
    graph: ModelProto,
    proof: Proof,
    method: str,
    effort: Effort,
    data_digest: str,
    variant: Variant | None = None,
) -> dict[str, bytes]:
    """Describe and seal one model: file name within the folder of models → bytes."""
    spec = alloy_spec() if tier == "characterize" else feature_spec("screen")
    name = "" if variant is None else variant.name
    card = ModelCard(
        tier=tier,
        target=_target(rows),
        features=spec.name,
        features_digest=spec.digest,
        elements=rows.seen_elements(),
        conditions=_conditions(rows),
        threshold=proof.threshold,
        curve=proof.curve,
        metrics=proof.metrics,
        interval=proof.interval,
        method=method,
        notes=(*proof.notes, *((effort.note,) if effort.note else ())),
        sources=_sources(rows),
        data_digest=data_digest,
        code_version=screener.__version__,
        created=dates.today(),
        classifier=name,
        preferred=variant is None or variant.best,
        prior=proof.prior,
        interval_rule="" if rows.recipe.interval == "none" else rows.recipe.interval,
        interval_floor=proof.head.floor if rows.recipe.kind == "regression" else None,
        distance=proof.distance,
        domain_limit=proof.limit,
        folds=proof.folds,
        fold_scores=proof.fold_scores,
    )
    return {f"{tier}/{file_name(rows.recipe.target, name)}": sealed(graph, card)}


def _target(rows: TaskRows) -> Target:
    """Describe the target with the range of its training values."""
    recipe: Recipe = rows.recipe
    if recipe.kind == "classification":
        return Target(recipe.target, recipe.unit, "classification", 0.0, 1.0)
    low, high = np.quantile(rows.y, (0.05, 0.95))
    if low == high:
        low, high = rows.y.min(), rows.y.max()
    return Target(recipe.target, recipe.unit, "regression", float(low), float(high))


def _conditions(rows: TaskRows) -> tuple[Condition, ...]:
    """Describe the conditions with their training ranges."""
    return tuple(
        Condition(
            c.name,
            c.unit,
            c.reference,
            float(rows.conditions[:, k].min()),
            float(rows.conditions[:, k].max()),
            dict(c.levels),
        )
        for k, c in enumerate(rows.recipe.conditions)
    )


def _sources(rows: TaskRows) -> tuple[Source, ...]:
    """Cite every data set with the number of rows it has a part in."""
    counts: dict[str, int] = {}
    for keys in rows.source[rows.main]:
        for key in str(keys).split("+"):
            counts[key] = counts.get(key, 0) + 1
    cited = {
        k: Source(k, f"{entry.citation} {entry.doi}".strip(), entry.licence, 0) for k, entry in catalogue().items()
    }
    cited[handbook.KEY] = Source(handbook.KEY, f"{handbook.CITATION} {handbook.DOI}", handbook.LICENCE, 0)
    return tuple(replace(cited.get(k, Source(k, k, "own", 0)), rows=n) for k, n in sorted(counts.items()))
