"""Measured values of training alloys, where `training data fetch --all` has left them; none are shipped."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from screener.errors import InputError

FILE = "measured_values.parquet"
"""Name of the file, in `$SCREENER_DATA` or the user's cache of data sets."""
COLUMNS = ("formula", "target", "value", "unit", "source")
_LISTED = 20
"""Values of one alloy that are read at most: some were measured at many loads."""


@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """What was measured on an alloy: target, value, its unit, and the data sets that hold it."""

    target: str
    value: float
    unit: str
    sources: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {"target": self.target, "value": self.value, "unit": self.unit, "sources": list(self.sources)}


def measured_file() -> Path | None:
    """Find the file of measured values."""
    from platformdirs import user_cache_path

    named = os.environ.get("SCREENER_DATA")
    folders = [*([Path(named)] if named else []), user_cache_path("alloy-screener", appauthor=False) / "data"]
    return next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)


def measured_values(path: Path, formulas: Collection[str]) -> dict[str, tuple[MeasuredValue, ...]]:
    """Look up what was measured on some alloys.

    Args:
        path: file of measured values.
        formulas: formulas as the index of training alloys writes them.

    Raises:
        InputError: the file is no such table.
    """
    import polars

    try:
        rows = (
            polars.scan_parquet(path)
            .select(*(polars.col(name).cast(polars.Float64 if name == "value" else polars.String) for name in COLUMNS))
            .filter(polars.col("formula").is_in(list(formulas)) & polars.col("value").is_finite())
            .collect()
            .rows()
        )
    except (polars.exceptions.PolarsError, OSError):
        raise InputError(
            f"`{path}` is no table of measured values", "write it again: `training data fetch --all`"
        ) from None
    found: dict[str, list[MeasuredValue]] = {formula: [] for formula in formulas}
    for formula, target, value, unit, source in rows:
        found[formula].append(MeasuredValue(str(target), value, str(unit), tuple(str(source).split("+"))))
    return {formula: tuple(values[:_LISTED]) for formula, values in found.items()}
