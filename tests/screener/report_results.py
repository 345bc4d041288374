"""Results for tests of reports: invented values, hostile texts, all that a result file may carry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import polars

HOSTILE = "</script><script>window.broken=1</script>"
"""A text that must stay text wherever it is shown."""
QUESTION = {
    "elements": ["Al", "Ti", "Cr"],
    "step_at_percent": 10.0,
    "limits": "Al–Ti–Cr at 10 at.%, Al 0–60 at.%: 60 candidates",
    "maximize": ["hardness_gpa=2:8"],
    "minimize": ["resistivity_uohm_cm"],
    "process": "ribbon",
    "tier": "auto",
    "top": 20,
    "where": "Cr < 90",
}


def plain_rows(count: int = 40) -> polars.DataFrame:
    """Rows of an invented result, one of them outside the domain; no two values alike."""
    rows = range(count)
    formulas = [f"Al{10 + row % 50}Ti{40 - row % 20}Cr{50 - row % 50 + row % 20}" for row in rows]
    return polars.DataFrame(
        {
            "rank": [row + 1 for row in rows],
            "formula": formulas,
            "p_amorphous": [round(0.9 - 0.011 * row, 6) for row in rows],
            "is_amorphous": [row < count // 2 for row in rows],
            "resistivity_uohm_cm": [100.5 + (row * 37) % 101 for row in rows],
            "hardness_gpa": [3.25 + ((row * 13) % 41) / 8 for row in rows],
            "in_domain": [row != 3 for row in rows],
            "nearest_training_alloy": ["Al50Ti50" if row % 2 else "Cr70Fe30" for row in rows],
            "nearest_distance": [float(row % 7) for row in rows],
            "note": [HOSTILE if row == 1 else f'say "{row}", then go' for row in rows],
        }
    )


def write_result(path: Path, frame: polars.DataFrame, question: Mapping[str, object] | None = QUESTION) -> Path:
    """Write a result as CSV with what it says about itself, or without."""
    frame.write_csv(path)
    if question is not None:
        about = {
            "screener.question": json.dumps(question),
            "screener.models": json.dumps({"folder": "models", "digest": "0123456789abcdef"}),
            "screener.version": "0.1.0",
            "screener.summary": json.dumps({"candidates_screened": 60, "kept": frame.height}),
        }
        path.with_name(f"{path.name}.meta.json").write_text(json.dumps(about), encoding="utf-8")
    return path
