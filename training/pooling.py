"""Amorphous labels of many sources, pooled into one per composition.

A source has one vote per composition, decided by its own reports; sources then vote with the trust of their reports.
Collections of glasses copy the same handbook, so a majority is a convention, not a proof.
Precedence: reports of studies of glass formation, then alloys known to be crystalline, then inferred labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.merging import CURATED_COLUMNS, Drop, count_drops, join_sources, mean_fractions, run_starts
from training.sources.table import fractions_dtype, fractions_of

_PARTLY = "partly_crystalline"
REPORTED = ("glass", "crystalline_literature", _PARTLY)
ADDED = ("crystalline_added", "crystalline_synthetic")
INFERRED = ("inferred",)
SAME_REPORTS = {"matbench_glass": "landolt_ternary"}  # the benchmark repeats the handbook, conflicts set to glass
LEAST_DISTANCE = 0.03  # ½Σ|Δc| to a glass: closer, a crystalline alloy of another field is no evidence
_EVEN = 1e-9
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Vote:
    """Outcome for one composition: label (None if even), best trust behind it, share of the votes against it."""

    label: float | None
    trust: float
    against: float


@dataclass(frozen=True, slots=True)
class PooledLabels:
    """One label per composition in ``CURATED_COLUMNS``, and what was left out.

    Attributes:
        frame: curated rows.
        dropped: rows left out.
        tied: keys of compositions whose votes are even.
        contradicted: keys of compositions kept with votes against.
    """

    frame: pl.DataFrame
    dropped: tuple[Drop, ...]
    tied: tuple[str, ...]
    contradicted: tuple[str, ...]


def pool_labels(frame: pl.DataFrame, *, by_route: bool = False) -> PooledLabels:
    """Pool the labels of a long table by composition, or by composition and process route.

    The order of the rows does not matter.
    """
    by = ["key", "process_route"] if by_route else ["key"]
    frame, drops = _without_repeated_reports(frame)
    reports, added, inferred = (frame.filter(pl.col("kind").is_in(kinds)) for kinds in (REPORTED, ADDED, INFERRED))
    decided = vote_on(reports, by)
    families = dict(added.group_by("key").agg(pl.col("family").min()).iter_rows())
    added = _without(added, reports, "reported by a study of glass formation", drops)
    inferred = _without(inferred, reports, "reported by a study of glass formation", drops)
    added = _away_from(
        added, pl.concat([part.select("value", "fractions") for part in (decided.frame, inferred)]), drops
    )
    inferred = _without(inferred, added, "known to be crystalline", drops)
    known, guessed = vote_on(added, by), vote_on(inferred, by)
    return PooledLabels(
        frame=pl.concat([_with_families(decided.frame, families), known.frame, guessed.frame]),
        dropped=(*drops, *decided.dropped, *known.dropped, *guessed.dropped),
        tied=decided.tied + known.tied + guessed.tied,
        contradicted=decided.contradicted + known.contradicted + guessed.contradicted,
    )


def vote_on(frame: pl.DataFrame, by: Sequence[str]) -> PooledLabels:
    """Vote on every group of reports that share the columns ``by``, one of which is the composition key."""
    columns = ["source", "value", "weight", "process_route", "kind", "family", "dmax_mm"]
    ordered = frame.sort([*by, *columns])
    starts = run_starts(ordered, by)
    stops = np.append(starts[1:], ordered.height)[: len(starts)]
    reports = ordered.select(columns).rows()
    groups = [reports[start:stop] for start, stop in zip(starts, stops, strict=True)]
    votes = [vote([report[:3] for report in group]) for group in groups]
    label = np.repeat([np.nan if verdict.label is None else verdict.label for verdict in votes], stops - starts)
    even = pl.Series(np.isnan(label), dtype=pl.Boolean)
    outvoted = pl.Series(~np.isnan(label) & (label != ordered["value"].to_numpy()), dtype=pl.Boolean)
    rows = [_pooled_row(verdict, group) for verdict, group in zip(votes, groups, strict=True)]
    pooled = ordered.select("task", "key", "system")[starts.tolist()].with_columns(
        pl.Series("fractions", mean_fractions(fractions_of(ordered), starts), dtype=fractions_dtype()),
        *(pl.lit(None, pl.Float64).alias(name) for name in ("film_thickness_nm", "process_temperature_k", "load_n")),
    )
    pooled = pooled.hstack(pl.DataFrame(rows, schema=_POOLED, orient="row")).select(CURATED_COLUMNS)
    return PooledLabels(
        frame=pooled.filter(pl.col("value").is_not_null()),
        dropped=(
            *count_drops(ordered.filter(even), "votes are even"),
            *count_drops(ordered.filter(outvoted), "outvoted"),
        ),
        tied=tuple(pooled.filter(pl.col("value").is_null())["key"].unique().sort()),
        contradicted=tuple(
            pooled.filter(pl.col("value").is_not_null() & (pl.col("spread") > 0.0))["key"].unique().sort()
        ),
    )


def vote(ballots: Sequence[tuple[str, float, float]]) -> Vote:
    """Decide one composition from (source, label, trust) of its reports.

    A source says what its summed trust says, with the best trust behind that side; an evenly split source abstains.
    """
    margins: dict[str, float] = {}
    for source, label, trust in ballots:
        margins[source] = margins.get(source, 0.0) + (trust if label else -trust)
    best: dict[tuple[str, bool], float] = {}
    for source, label, trust in ballots:
        side = (source, bool(label))
        best[side] = max(best.get(side, 0.0), trust)
    glass = [best[source, True] for source, margin in margins.items() if margin > _EVEN]
    crystal = [best[source, False] for source, margin in margins.items() if margin < -_EVEN]
    yes, no = sum(sorted(glass)), sum(sorted(crystal))
    if abs(yes - no) <= _EVEN:
        return Vote(None, 0.0, 0.5)
    winners = glass if yes > no else crystal
    return Vote(float(yes > no), max(winners), min(yes, no) / (yes + no))


def nearest_distance(fractions: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the composition distance ½Σ|Δc| of each row [n, d] to the nearest of the others [m, d]; inf for none."""
    from scipy.spatial.distance import cdist

    if not len(others) or not len(fractions):
        return np.full(len(fractions), np.inf)
    blocks = np.array_split(fractions, len(fractions) // 256 + 1)
    return np.asarray(0.5 * np.concatenate([cdist(block, others, "cityblock").min(axis=1) for block in blocks]))


_POOLED = {
    "value": pl.Float64,
    "source": pl.String,
    "weight": pl.Float64,
    "process_route": pl.String,
    "kind": pl.String,
    "family": pl.String,
    "dmax_mm": pl.Float64,
    "n_repeat": pl.Int64,
    "spread": pl.Float64,
    "routes": pl.String,
}


def _pooled_row(verdict: Vote, reports: Sequence[tuple[object, ...]]) -> tuple[object, ...]:
    """Describe a pooled label by the reports that agree with it; partly crystalline is what any one of them says."""
    agreeing = [report for report in reports if report[1] == verdict.label]
    routes = {str(report[3]) for report in agreeing} - {_UNKNOWN}
    kinds = {str(report[4]) for report in agreeing}
    diameters = [float(str(report[6])) for report in agreeing if report[6] is not None]
    return (
        verdict.label,
        join_sources(str(report[0]) for report in agreeing),
        verdict.trust,
        next(iter(routes)) if len(routes) == 1 else _UNKNOWN,
        _PARTLY if _PARTLY in kinds else min(kinds, default=""),
        min((str(report[5]) for report in agreeing), default=""),
        max(diameters, default=None),
        len(reports),
        verdict.against,
        join_sources(routes) or _UNKNOWN,
    )


def _without_repeated_reports(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Drop]]:
    """Drop sources that repeat the reports of another one that is present."""
    drops: list[Drop] = []
    present = set(frame["source"].unique())
    for source, original in SAME_REPORTS.items():
        if source in present and original in present:
            drops += count_drops(frame.filter(pl.col("source") == source), f"same reports as {original}")
            frame = frame.filter(pl.col("source") != source)
    return frame, drops


def _without(frame: pl.DataFrame, known: pl.DataFrame, reason: str, drops: list[Drop]) -> pl.DataFrame:
    """Drop rows whose composition is among the known ones."""
    drops += count_drops(frame.join(known.select("key"), on="key", how="semi"), reason)
    return frame.join(known.select("key"), on="key", how="anti")


def _away_from(added: pl.DataFrame, labelled: pl.DataFrame, drops: list[Drop]) -> pl.DataFrame:
    """Drop crystalline alloys that lie closer than 3 at.% to a reported or inferred glass."""
    glasses = labelled.filter(pl.col("value") == 1.0)
    distance = nearest_distance(fractions_of(added), fractions_of(glasses))
    far = pl.Series(distance >= LEAST_DISTANCE - _EVEN, dtype=pl.Boolean)
    drops += count_drops(added.filter(~far), "closer than 3 at.% to a glass")
    return added.filter(far)


def _with_families(decided: pl.DataFrame, families: dict[str, str]) -> pl.DataFrame:
    """Name the alloy family of a composition that glass studies and another field both found crystalline."""
    family = pl.col("key").replace_strict(families, default=pl.col("family"), return_dtype=pl.String)
    named = pl.when(pl.col("value") == 0.0).then(family).otherwise("family")
    return decided.with_columns(named.alias("family"))
