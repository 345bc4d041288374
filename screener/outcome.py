"""A finished run: the table, what was done, and what a result file says about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from screener import __version__
from screener.run_models import RunModels
from screener.summary import Summary

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run.

    Attributes:
        frame: the result.
        summary: what was done.
        metadata: what a result file carries about itself, keys `screener.*`.
        rejects: rows that could not be read: number, field, text, reason.
        stopped: the signal that ended the search early, to be raised again once the result is written.
    """

    frame: polars.DataFrame
    summary: Summary
    metadata: Mapping[str, str]
    rejects: tuple[tuple[int, str, str, str], ...] = ()
    stopped: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished run whose result was handed on.

    Attributes:
        summary: what was done.
        metadata: what a result file carries about itself, keys `screener.*`.
    """

    summary: Summary
    metadata: Mapping[str, str]


def metadata_of(question: Mapping[str, object], models: RunModels, summary: Summary) -> dict[str, str]:
    """Describe a run for whoever finds its result: question, models with digests and thresholds, version, counts."""
    asked = {**question, "process": models.process()}
    used = {
        "folder": models.folder.name,
        "digest": models.digest,
        "tiers": {tier.tier: {model.name: model.digest for model in tier.models.values()} for tier in models.tiers()},
        "thresholds": {
            tier.tier: {target: flag.reported for target, flag in tier.flags.items()} for tier in models.tiers()
        },
        "conditions": models.conditions(),
    }
    return {
        "screener.question": json.dumps(asked, sort_keys=True, ensure_ascii=False),
        "screener.models": json.dumps(used, sort_keys=True),
        "screener.version": __version__,
        "screener.summary": json.dumps(summary.as_json(), sort_keys=True),
    }
