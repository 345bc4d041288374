"""`training fit`: load, fit, write; then say what was made."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from screener.card import CLASSIFIERS, TIERS
from screener.device import Device
from screener.errors import ModelError
from screener.model import Model
from screener.model_set import ALLOY_INDEX, SUMS, check_file, find_folder, recorded_digests, user_folder
from screener.nearest import AlloyIndex
from training.alloy_index import USER, build_index
from training.cell_store import CellStore, cell_folder
from training.effort import FULL, QUICK
from training.file_names import file_name
from training.fit import fit_models, table_digest
from training.given_files import require_readable
from training.measured import Measured, load_measured
from training.merging import Drop
from training.multitask.config import read_config
from training.proof import WEAK
from training.publish import check_writable, publish, write_whole
from training.readme import TITLE, models_readme


@dataclass(frozen=True, slots=True)
class FitRequest:
    """What `training fit` was asked for.

    Attributes:
        data: a user's table.
        targets: TOML file with targets of the user's own.
        units: how formulas of the table are meant.
        catalogue: learn from the measured data sets that are found, too.
        out: folder of models; the user's data folder where None.
        workers: processes for cross-validation.
        seed: of folds, learners and draws.
        quick: fewer trees and a short lesson.
        methods: TOML file of multi-task methods to learn the screen tier by.
        gap: weight of the relaxation gap of distilled nets; None for the usual one.
        as_json: print one JSON document in the place of lines.
    """

    data: Path | None = None
    targets: Path | None = None
    units: Literal["at", "wt"] | None = None
    catalogue: bool = True
    out: Path | None = None
    workers: int = 2
    seed: int = 0
    quick: bool = False
    methods: Path | None = None
    gap: float | None = None
    as_json: bool = False


def run_fit(request: FitRequest) -> None:
    """Fit models and publish them; what they predict is printed on standard output, progress on standard error.

    Raises:
        InputError: data that cannot be learned from.
        ModelError: a fitted model, or one that stays in the folder, does not prove itself.
        OutputError: the folder cannot be written.
    """
    say, folder = clock(), request.out or user_folder()
    if request.methods is not None:
        require_readable(request.methods, "TOML")
    methods = None if request.methods is None else read_config(request.methods)
    check_writable(folder)
    measured = load_measured(request.data, request.targets, units=request.units, with_catalogue=request.catalogue)
    say(describe(measured))
    kept = files_in_use(folder, measured.tables, say)
    effort = QUICK if request.quick else FULL
    if request.gap is not None:
        effort = replace(effort, schedule=replace(effort.schedule, gap=request.gap))
    store = CellStore(cell_folder())
    digest = table_digest(measured.tables)
    files = fit_models(measured.tables, digest, request.workers, say, request.seed, effort, store, methods)
    files |= {name: path.read_bytes() for name, path in kept.items() if name != ALLOY_INDEX}
    earlier = AlloyIndex.read(kept[ALLOY_INDEX]) if ALLOY_INDEX in kept else None
    files[ALLOY_INDEX] = build_index(measured.tables, earlier).to_bytes()
    models = publish(folder, files)
    readme = folder / "README.md"
    if not readme.exists() or readme.read_text(encoding="utf-8", errors="replace").startswith(TITLE):
        write_whole(readme, models_readme(models).encode())
    print(_document(folder, models) if request.as_json else _lines(models))
    for name in sorted(models):
        if WEAK in models[name].card.notes and name not in kept:
            say(f"warning: {name} is {WEAK}")
    say(f"wrote {len(models)} models to {folder}")


def _lines(models: Mapping[str, Model]) -> str:
    """One line a model: name, digest, grouped scores."""
    return "\n".join(f"{name}  {models[name].digest}  {headline(models[name])}" for name in sorted(models))


def _document(folder: Path, models: Mapping[str, Model]) -> str:
    """Everything that the lines say as JSON; a score that cannot be had is null."""
    told = []
    for name, model in sorted(models.items()):
        grouped = model.card.metrics.get("grouped", {})
        scores = {key: value if math.isfinite(value) else None for key, value in grouped.items()}
        about = {"file": name, "digest": model.digest, "target": model.card.target.name, "tier": model.card.tier}
        told.append({**about, "weak": WEAK in model.card.notes, "grouped": scores})
    return json.dumps({"folder": str(folder), "models": told}, ensure_ascii=False, indent=1, allow_nan=False)


def clock() -> Callable[[str], None]:
    """Start a clock and return what prints a line with its time on standard error."""
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - start:7.0f} s  {text}", file=sys.stderr, flush=True)

    return say


def describe(measured: Measured) -> str:
    """Say how many rows every target has, what was left out and what was not found."""
    counts = ", ".join(f"{target} {int(rows.main.sum()):,} rows" for target, rows in measured.tables.items())
    dropped, told = sum(drop.count for drop in measured.report.dropped), list(measured.notes)
    text = f"{counts}; {dropped:,} records left out (`training data check` says why)"
    own = [drop for drop in measured.report.dropped if drop.source.startswith(USER)]
    if own:
        told.insert(0, "left out of your table: " + ", ".join(_reason(drop) for drop in own))
    if measured.report.tied:
        told.append(f"{len(measured.report.tied)} compositions with as many labels for as against, left out")
    if measured.report.scattered:
        told.append(f"{len(measured.report.scattered)} repeated compositions with numbers far apart, median kept")
    text += "".join(f"; {what}" for what in told)
    if measured.outside:
        text += f"; {measured.outside:,} rows hold elements that the models do not know"
    if measured.missing:
        text += (
            f"; {len(measured.missing)} measured data sets are not on this machine, {measured.missing[0]} among them"
        )
    return text


def _reason(drop: Drop) -> str:
    """Say how many rows were left out and why, with the target where the reason does not name it."""
    return f"{drop.count} × {drop.reason}" + (f" ({drop.task})" if drop.task else "")


def headline(model: Model) -> str:
    """Give the grouped scores of a model on one line."""
    grouped = model.card.metrics.get("grouped", {})
    shown = ("r2", "mae", "coverage_90", "pr_auc", "threshold", "recall_at_threshold", "specificity_at_threshold")
    return "  ".join(f"{key} {grouped[key]:.3f}" for key in shown if key in grouped)


def files_in_use(folder: Path, fitted: Iterable[str], say: Callable[[str], None]) -> dict[str, Path]:
    """Find the models in use for everything that is not fitted now, so that the folder is complete.

    Args:
        folder: where models are to be written; models already there come before installed ones.
        fitted: targets whose models are replaced.
        say: told why installed models are left out.

    Returns:
        Path by name relative to the folder; the index of training alloys only beside a model that stays in use.

    Raises:
        ModelError: a model of the folder that stays in use is damaged or was made for other descriptors.
    """
    there = (folder / SUMS).is_file()
    try:
        source = folder if there else find_folder()
    except ModelError:
        return {}
    replaced = {f"{tier}/{file_name(t, kind)}" for tier in TIERS for t in fitted for kind in CLASSIFIERS}
    digests = {n: d for n, d in recorded_digests(source).items() if n not in replaced and (source / n).is_file()}
    if not any(name.endswith(".onnx") for name in digests):
        return {}
    try:
        kept = {name: check_file(source, name, digest) for name, digest in digests.items()}
        for name, path in kept.items():
            if name.endswith(".onnx"):
                Model.load(path, Device("cpu"), name)
    except ModelError as problem:
        if there:
            raise ModelError(problem.message, "remove that file, or name another folder with `--out`") from None
        say(f"left out the models in {source}: {problem.message}")
        return {}
    return kept
