"""Process routes of glasses: one cooling rate stands for each, and a label on one route teaches about the others.

A glass of a slow route is a glass of every faster one; an alloy that crystallised on a fast route does so on every
slower one. Rates are orders of magnitude: mould casting 10², melt spinning 10⁶, vapour quenching 10¹⁰ K/s
(Inoue 2000, doi:10.1016/S1359-6454(99)00300-6).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

COOLING_RATE = "cooling_rate_log10_k_s"
RATES: Mapping[str, float] = MappingProxyType({"bulk": 2.0, "ribbon": 6.0, "film": 10.0})
BULK_GLASS = "is_bulk_glass"
BULK_MM = 1.0
"""Critical diameter from which a glass counts as bulk."""
_RIBBON_ONLY = 0.5
"""Trust that a glass known as ribbon would crystallise in a mould: nobody may have tried."""
_PRESUMED = 0.2
"""Trust that a film does what a ribbon does: a glass stays one, a crystalline alloy of another field crystallises."""


def with_routes(labels: pl.DataFrame) -> pl.DataFrame:
    """Add the cooling rate and lesson rows on other routes to pooled labels.

    Args:
        labels: curated rows of ``is_amorphous``, one per composition.

    Returns:
        The rows (``main`` true, on the ribbon route unless reported as a film only), followed by lessons
        (``main`` false) whose weight says how far they are to be trusted.
    """
    film_only = pl.col("routes") == "film"
    main = labels.with_columns(
        pl.when(film_only).then(RATES["film"]).otherwise(RATES["ribbon"]).alias(COOLING_RATE),
        pl.lit(value=True).alias("main"),
    )
    known = pl.col("kind") != "inferred"
    glass, filmed = pl.col("value") > 0.5, pl.col("routes").str.contains("film")
    added = pl.col("kind").is_in(["crystalline_added", "crystalline_synthetic"])
    lessons = (
        _lesson(main.filter(_is_bulk()), "bulk", 1.0, 1.0),
        _lesson(main.filter(_is_ribbon_only()), "bulk", 0.0, _RIBBON_ONLY),
        _lesson(main.filter(known & ~glass), "bulk", 0.0, 1.0),
        _lesson(main.filter(filmed & ~film_only), "film", None, 1.0),
        _lesson(main.filter(known & glass & ~filmed), "film", 1.0, _PRESUMED),
        _lesson(main.filter(added), "film", 0.0, _PRESUMED),
    )
    return pl.concat([main, *lessons])


def bulk_labels(labels: pl.DataFrame) -> pl.DataFrame:
    """Turn pooled labels into those of bulk glasses: 1 from a critical diameter of 1 mm, 0 for what is known not to be.

    Args:
        labels: curated rows of ``is_amorphous``, one per composition.

    Returns:
        Rows of the task ``is_bulk_glass``; inferred labels and glasses of unknown route are left out.
    """
    crystalline = (pl.col("value") < 0.5) & (pl.col("kind") != "inferred")
    ribbon_only = _is_ribbon_only()
    trust = pl.when(ribbon_only & ~_is_bulk()).then(_RIBBON_ONLY).otherwise(1.0)
    return labels.filter(_is_bulk() | ribbon_only | crystalline).with_columns(
        pl.lit(BULK_GLASS).alias("task"),
        _is_bulk().cast(pl.Float64).alias("value"),
        (pl.col("weight") * trust).alias("weight"),
    )


def _is_bulk() -> pl.Expr:
    """A glass with a large critical diameter, or cast in bulk without one stated."""
    cast = pl.col("dmax_mm").is_null() & pl.col("routes").str.contains("bulk")
    return (pl.col("value") > 0.5) & ((pl.col("dmax_mm") >= BULK_MM).fill_null(value=False) | cast)


def _is_ribbon_only() -> pl.Expr:
    """A measured glass that is no bulk glass, by its diameter or because only a ribbon is reported."""
    thin = (pl.col("dmax_mm") < BULK_MM).fill_null(value=False)
    ribbon = pl.col("routes").str.contains("ribbon")
    return (pl.col("value") > 0.5) & (pl.col("kind") != "inferred") & ~_is_bulk() & (thin | ribbon)


def _lesson(rows: pl.DataFrame, route: str, value: float | None, trust: float) -> pl.DataFrame:
    """Repeat rows on another route, with a label of its own where one is given."""
    return rows.with_columns(
        pl.lit(RATES[route]).alias(COOLING_RATE),
        (pl.col("value") if value is None else pl.lit(value)).alias("value"),
        (pl.col("weight") * trust).alias("weight"),
        pl.lit(value=False).alias("main"),
    )
