"""Tables of a report: one value that is written as Markdown for readers and as JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

DASH = "–"


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation over ``n`` repeats."""

    mean: float
    sd: float = 0.0
    n: int = 1


Value = str | int | float | Spread | None


@dataclass(frozen=True, slots=True)
class Section:
    """One table.

    Attributes:
        name: key in the JSON document.
        title: heading.
        caption: what was held out, and what is counted.
        columns: key and heading of every column; texts come first.
        rows: value by key; a key that is missing is a dash.
    """

    name: str
    title: str
    caption: str
    columns: tuple[tuple[str, str], ...]
    rows: Sequence[Mapping[str, Value]]

    def markdown(self) -> str:
        """Write heading, caption and table."""
        texts = {key for key, _ in self.columns if any(isinstance(row.get(key), str) for row in self.rows)}
        heads = "| " + " | ".join(head for _, head in self.columns) + " |\n"
        rule = "|" + "".join("---|" if key in texts else "---:|" for key, _ in self.columns)
        lines = ["| " + " | ".join(written(row.get(key)) for key, _ in self.columns) + " |" for row in self.rows]
        return "\n".join([f"## {self.title}\n", f"{self.caption}\n", heads + rule, *lines, ""])

    def document(self) -> dict[str, object]:
        """Give caption and rows as JSON knows them; a number that cannot be had is null."""
        rows = [{key: _plain(value) for key, value in row.items()} for row in self.rows]
        return {"title": self.title, "caption": self.caption, "rows": rows}


def spread(values: Sequence[float]) -> Spread:
    """Mean and standard deviation of repeats that have a finite value; NaN without any."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return Spread(math.nan, 0.0, 0)
    return Spread(float(np.mean(finite)), float(np.std(finite)), len(finite))


def spreads(each: Sequence[Mapping[str, float]]) -> dict[str, Value]:
    """Mean and standard deviation of every score over repeats."""
    return {key: spread([scores[key] for scores in each]) for key in (each[0] if each else ())}


def written(value: Value) -> str:
    """Write one value: counts with thousands, numbers with three digits, a mean of several with its spread."""
    if value is None or isinstance(value, str):
        return value or DASH
    if isinstance(value, int):
        return f"{value:,}"
    told = value if isinstance(value, Spread) else Spread(value)
    if not math.isfinite(told.mean):
        return DASH
    digits = 3 if abs(told.mean) < 10 else 1
    return f"{told.mean:.{digits}f}" + (f" ± {told.sd:.{digits}f}" if told.n > 1 or told.sd > 0 else "")


def _plain(value: Value) -> object:
    """Turn a value into what JSON knows."""
    if isinstance(value, Spread):
        return {"mean": _plain(value.mean), "sd": value.sd, "n": value.n}
    return None if isinstance(value, float) and not math.isfinite(value) else value
