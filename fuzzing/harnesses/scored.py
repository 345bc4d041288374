"""Lists scored with the shipped models, as `screener score` does: every row is in the result or refused."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import polars

from fuzzing.harnesses import chosen, hold_to_manners, stored
from fuzzing.harnesses.alloy_list import TOKENS as OF_LISTS
from screener.errors import ScreenerError
from screener.formula import Units
from screener.jobs import TierChoice
from screener.scoring import score

TOKENS = (*OF_LISTS, "rank", "score", "p_amorphous", "row", "input_row", "in_domain")
_MODELS = Path(__file__).parents[2] / "models"
_UNITS: tuple[Units | None, ...] = (None, "at", "wt")
_TIERS: tuple[TierChoice, ...] = ("screen", "auto")


def check(data: bytes) -> None:
    """Score a list."""
    kind, rest = chosen(data, 6)
    with stored(rest, ".csv") as path, warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        try:
            found = score(path, models=_MODELS, device="cpu", units=_UNITS[kind % 3], tier=_TIERS[kind // 3])
        except ScreenerError as refused:
            hold_to_manners(refused)
            return
    _hold(found)


def _hold(found: polars.DataFrame) -> None:
    """Check what a result promises."""
    assert len(set(found.columns)) == found.width
    rows = found["row"].to_numpy()
    assert (np.diff(rows) > 0).all(), "rows out of order"
    assert found["rank"].n_unique() == found.height
    for name in ("score", "p_amorphous", "resistivity_uohm_cm", "hardness_gpa"):
        values = found[name].to_numpy()
        assert np.isfinite(values).all(), f"`{name}` of {values[~np.isfinite(values)]}"
    assert found["p_amorphous"].is_between(0, 1).all()
    for name in ("resistivity_uohm_cm", "hardness_gpa"):
        low, high = found[f"{name}_low"].to_numpy(), found[f"{name}_high"].to_numpy()
        assert (low <= high).all(), "an interval that is upside down"
    order = np.argsort(found["rank"].to_numpy())
    assert (np.diff(found["score"].to_numpy()[order]) <= 1e-9).all(), "ranks against scores"
