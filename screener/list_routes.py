"""A column of a list that names how each alloy is made, such as `ribbon` or `bulk`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from screener._card_parts import Condition

if TYPE_CHECKING:
    import polars

_NAME = "process"


@dataclass(frozen=True, slots=True)
class RouteColumn:
    """A column that names the process of each row.

    Attributes:
        name: of the column.
        levels: value of every condition that a process settles, by process, by the name of the condition.
    """

    name: str
    levels: Mapping[str, Mapping[str, float]]

    def read(self, cells: polars.Series, given: Mapping[str, float]) -> dict[str, NDArray[np.float64]]:
        """Return the conditions of some rows (n,) by name; text that names no process leaves what is given, or NaN."""
        import polars

        words = cells.cast(polars.String, strict=False).fill_null("").str.strip_chars().str.to_lowercase()
        return {
            name: words.replace_strict(
                dict(levels), default=given.get(name, math.nan), return_dtype=polars.Float64
            ).to_numpy()
            for name, levels in self.levels.items()
        }

    def note(self, other: str | None, columns: Iterable[str]) -> str:
        """Say how the column is read.

        Args:
            other: the process of rows whose text names none.
            columns: conditions that have columns of their own.
        """
        names = ", ".join(sorted({process for levels in self.levels.values() for process in levels}))
        before = "".join(f"; a number in `{name}` goes before" for name in columns if name in self.levels)
        return (
            f"the process of each row is read from column `{self.name}`: {names}; any other text means {other}{before}"
        )


def find_routes(header: Sequence[str], known: Iterable[Condition]) -> RouteColumn | None:
    """Find the column `process`, where models know processes.

    Args:
        header: names of the columns.
        known: conditions that the models take.
    """
    levels = {each.name: each.levels for each in known if each.levels}
    name = next((name for name in header if name.strip().casefold() == _NAME), None)
    return RouteColumn(name, levels) if name is not None and levels else None
