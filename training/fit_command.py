"""`training fit`: load, fit, write; then say what was made."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from screener.device import Device
from screener.errors import ModelError
from screener.model import Model
from screener.model_set import ALLOY_INDEX, check_file, find_folder, recorded_digests, user_folder
from training.alloy_index import build_index
from training.fit import fit_models, table_digest
from training.measured import Measured, load_measured
from training.publish import publish, write_whole
from training.readme import models_readme


def run_fit(data: Path | None, targets: Path | None, units: Literal["at", "wt"], catalogue: bool, out: Path | None,
            workers: int, seed: int) -> None:
    """Fit models and publish them.

    Raises:
        InputError: data that cannot be learned from.
        ModelError: a fitted model that does not prove itself.
    """
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - start:7.0f} s  {text}", file=sys.stderr, flush=True)

    folder = out or user_folder()
    measured = load_measured(data, targets, units=units, with_catalogue=catalogue)
    say(describe(measured))
    files = fit_models(measured.tables, table_digest(measured.tables), workers, say, seed)
    files |= _others(folder, files)
    if data is None or ALLOY_INDEX not in files:
        files[ALLOY_INDEX] = build_index(measured.tables).to_bytes()
    publish(folder, files)
    models = {name: Model.load(folder / name, Device("cpu"), name) for name in sorted(files) if name.endswith(".onnx")}
    write_whole(folder / "README.md", models_readme(models).encode())
    for name, model in models.items():
        print(f"{name}  {model.digest}  {headline(model)}")
    say(f"wrote {len(models)} models to {folder}")


def describe(measured: Measured) -> str:
    """Say how many rows every target has."""
    counts = ", ".join(f"{target} {len(rows):,} rows" for target, rows in measured.tables.items())
    dropped = sum(drop.count for drop in measured.report.dropped)
    return f"{counts}; {dropped:,} records left out (`training data check` says why)"


def headline(model: Model) -> str:
    """The grouped scores of a model on one line."""
    grouped = model.card.metrics.get("grouped", {})
    shown = ("r2", "mae", "coverage_90", "pr_auc", "threshold", "recall_at_threshold", "specificity_at_threshold")
    return "  ".join(f"{key} {grouped[key]:.3f}" for key in shown if key in grouped)


def _others(folder: Path, fitted: Mapping[str, bytes]) -> dict[str, bytes]:
    """Copy the files of the models in use for everything not fitted now, so that the folder is complete."""
    try:
        source = folder if (folder / "SHA256SUMS").is_file() else find_folder()
    except ModelError:
        return {}
    kept = {}
    for name, digest in recorded_digests(source).items():
        if name not in fitted:
            kept[name] = check_file(source, name, digest).read_bytes()
    return kept
