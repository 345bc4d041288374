"""Amorphous labels of many sources, pooled into one per composition.

A source has one vote per composition, decided by its own reports; sources then vote with the trust of their reports.
Collections of glasses that copy one handbook are not independent, so a majority is a convention, not a proof.
Precedence: reports of studies of glass formation, then alloys known to be crystalline, then inferred labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.sources.table import CONDITIONS, fractions_dtype, fractions_of

REPORTED = ("glass", "crystalline_literature", "partly_crystalline")
ADDED = ("crystalline_added", "crystalline_synthetic")
SAME_REPORTS = {"matbench_glass": "landolt_ternary"}  # the benchmark repeats the handbook, conflicts set to glass
LEAST_DISTANCE = 0.03  # ½Σ|Δc| to a known glass below which a crystalline alloy of another field is no evidence
_TIE = 1e-9
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PooledLabels:
    """One label per composition.

    Attributes:
        frame: curated rows.
        dropped: (source, reason, count) of rows left out.
        tied: compositions dropped because votes are even.
        contradicted: compositions kept with votes against.
    """

    frame: pl.DataFrame
    dropped: tuple[tuple[str, str, int], ...]
    tied: tuple[str, ...]
    contradicted: tuple[str, ...]


def pool_labels(frame: pl.DataFrame, *, by_route: bool = False) -> PooledLabels:
    """Pool the labels of a long table by composition key, or by key and process route.

    The result does not depend on the order of rows.
    """
    dropped: list[tuple[str, str, int]] = []
    frame = _without_repeated_reports(frame, dropped)
    by = ["key", "process_route"] if by_route else ["key"]
    reports = frame.filter(pl.col("kind").is_in(REPORTED))
    votes = _majority(reports, by)
    tied = votes.filter(pl.col("value").is_null())
    _count(reports.join(tied.select(by), on=by, how="semi"), "votes are even", dropped)
    decided = votes.filter(pl.col("value").is_not_null())
    _count(_against(reports, decided, by), "outvoted", dropped)

    added = frame.filter(pl.col("kind").is_in(ADDED))
    known_crystals = added.group_by("key").agg(pl.col("family").min().alias("_family"))
    added = _without(added, reports, "reported by a study of glass formation", dropped)
    added = _away_from_glasses(added, decided.filter(pl.col("value") == 1.0), dropped)
    inferred = frame.filter(pl.col("kind") == "inferred")
    inferred = _without(inferred, reports, "reported by a study of glass formation", dropped)
    inferred = _without(inferred, added, "known to be crystalline", dropped)

    families = decided.join(known_crystals, on="key", how="left", maintain_order="left")
    crystal = (pl.col("value") == 0.0) & pl.col("_family").is_not_null()
    decided = families.with_columns(pl.when(crystal).then("_family").otherwise("family").alias("family")).drop("_family")
    others = [_majority(part, by).filter(pl.col("value").is_not_null()) for part in (added, inferred)]
    return PooledLabels(
        frame=pl.concat([decided, *others]),
        dropped=tuple(dropped),
        tied=tuple(sorted(set(tied["key"].to_list()))),
        contradicted=tuple(sorted(set(decided.filter(pl.col("spread") > 0.0)["key"].to_list()))),
    )


def known_distance(fractions: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the composition distance ½Σ|Δc| of each row [n, d] to the nearest of the others [m, d]; inf for none."""
    from scipy.spatial.distance import cdist

    if not len(others):
        return np.full(len(fractions), np.inf)
    blocks = [cdist(block, others, "cityblock").min(axis=1) for block in np.array_split(fractions, len(fractions) // 256 + 1)]
    return np.asarray(0.5 * np.concatenate(blocks))


def _majority(reports: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Vote by composition: within a source by summed trust, between sources by the best trust of each; null if even."""
    from training.curation import CURATED_COLUMNS, joined_sources, mean_fractions

    ordered = reports.sort([*by, "source", "value", "weight"])
    strength = ordered.group_by([*by, "source", "value"]).agg(pl.col("weight").sum().alias("_sum"), pl.col("weight").max().alias("_best"))
    side = pl.col("value") * 2.0 - 1.0
    ballots = strength.group_by([*by, "source"]).agg(
        (side * pl.col("_sum")).sum().alias("_margin"),
        pl.col("_best").filter(pl.col("value") == 1.0).max().alias("_yes"),
        pl.col("_best").filter(pl.col("value") == 0.0).max().alias("_no"),
    )
    yes = pl.when(pl.col("_margin") > _TIE).then("_yes").otherwise(0.0)
    no = pl.when(pl.col("_margin") < -_TIE).then("_no").otherwise(0.0)
    result = ballots.group_by(by).agg(yes.sum().alias("_for"), no.sum().alias("_against"), yes.max().alias("_top_yes"), no.max().alias("_top_no"))
    even = (pl.col("_for") - pl.col("_against")).abs() <= _TIE
    glass = pl.col("_for") > pl.col("_against")
    result = result.with_columns(
        pl.when(even).then(None).when(glass).then(1.0).otherwise(0.0).alias("_label"),
        pl.when(glass).then("_top_yes").otherwise("_top_no").alias("_trust"),
        (pl.min_horizontal("_for", "_against") / pl.max_horizontal("_for", "_against")).fill_nan(0.0).alias("_share"),
    )
    joined = ordered.join(result, on=by, how="left", maintain_order="left")
    wins = (pl.col("value") == pl.col("_label")).fill_null(value=False)
    routes = pl.col("process_route").filter(wins & (pl.col("process_route") != _UNKNOWN)).unique()
    merged = joined.group_by(by, maintain_order=True).agg(
        pl.col("task").first(),
        pl.col("system").first(),
        pl.col("_label").first().alias("value"),
        joined_sources(),
        pl.col("_trust").first().alias("weight"),
        *(pl.lit(None, pl.Float64).alias(name) for name in CONDITIONS if name != "process_route"),
        *(() if "process_route" in by else (pl.when(routes.len() == 1).then(routes.first()).otherwise(pl.lit(_UNKNOWN)).alias("process_route"),)),
        pl.col("kind").filter(wins).min(),
        pl.col("family").min(),
        pl.col("dmax_mm").filter(wins).max(),
        pl.len().cast(pl.Int64).alias("n_repeat"),
        pl.col("_share").first().alias("spread"),
    )
    return merged.with_columns(mean_fractions(joined, by)).select(CURATED_COLUMNS)
