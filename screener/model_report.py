"""What the installed models are: a table, a replay, and whom to cite."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from screener import __version__
from screener.card import Condition, Source
from screener.descriptors.catalogue import catalogue
from screener.errors import ModelError
from screener.model import Model
from screener.model_set import ModelSet, check_file, recorded_digests

SOFTWARE = f"alloy-screener {__version__}: high-throughput screening of alloy compositions, MIT licence"
METHOD = (
    "Kang (2025), independent models for precise characterization, multi-task models for high-throughput screening, "
    "arXiv:2512.22740, doi:10.48550/arXiv.2512.22740"
)

_HEADLINE = ("r2", "mae", "pr_auc", "recall_at_precision_90", "auroc", "balanced_accuracy")
"""Scores worth a place in the table, the first two that a card has."""


def model_record(model: Model) -> dict[str, object]:
    """Return one model as plain JSON values."""
    card = asdict(model.card)
    target, golden, curve = card.pop("target"), card.pop("golden"), card.pop("curve")
    record = {"name": model.name, "target": target["name"], "unit": target["unit"], "tier": card.pop("tier"), **card}
    record |= {"operating_points": len(curve), "golden_alloys": len(golden)}
    return _plain(record | {"size_bytes": len(model.content), "digest": model.digest})


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    """Turn numbers that are not known into null, which JSON has."""

    def plain(value: object) -> object:
        if isinstance(value, Mapping):
            return _plain(value)
        if isinstance(value, list | tuple):
            return [plain(each) for each in value]
        return None if isinstance(value, float) and math.isnan(value) else value

    return {name: plain(value) for name, value in values.items()}


def model_lines(models: ModelSet) -> list[str]:
    """Write the models of a folder for people: honest scores first, those of random splits beside them."""
    lines = [f"{models.folder} (digest {models.digest})"]
    rows: list[tuple[str, ...]] = [
        ("model", "target", "grouped by system", "random", "coverage", "limit", "elements", "rows", "digest")
    ]
    rows += [_row(model) for model in models]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for model in models.screen.values():
        lines += _preferred_lines(model, models.others)
    conditions = {c.name: c for model in models for c in model.card.conditions}
    lines += [_condition_line(condition) for condition in conditions.values()]
    lines += [_source_line(source) for source in sources_of(models).values()]
    return [*lines, f"the whole card of a model: screener models {next(iter(models)).name}"]


def named_models(models: ModelSet, names: Iterable[str]) -> list[Model]:
    """Pick models by file name or target.

    Raises:
        ModelError: no model has a name.
    """
    picked = []
    for name in names:
        found = [m for m in models if name in (m.name, m.name.removesuffix(".onnx"), m.card.target.name)]
        if not found:
            close = difflib.get_close_matches(name, [n for m in models for n in (m.name, m.card.target.name)], n=1)
            hint = f"did you mean `{close[0]}`?" if close else "`screener models` lists them"
            raise ModelError(f"no model `{name}` in `{models.folder}`", hint)
        picked += [model for model in found if model not in picked]
    return picked


def card_lines(model: Model) -> list[str]:
    """Write the whole card of one model for people."""
    card = model.card
    unit = "" if card.target.unit == "1" else f" {card.target.unit}"
    lines = [f"{model.name} (digest {model.digest}, {len(model.content) / 1e6:.2f} MB)"]
    span = f"{card.target.low:.4g} to {card.target.high:.4g} in training"
    lines.append(f"  predicts {card.target.name}{unit and f' in{unit}'}, {span}")
    if card.classifier:
        lines.append(f"  classifier: {card.classifier}, {'preferred' if card.preferred else 'not preferred'}")
    lines += [f"  {split}: {_scores(card.metrics[split])}" for split in sorted(card.metrics, key=_honest_first)]
    lines += [f"  folds {card.folds}"] if card.folds else []
    lines += [f"  interval: {card.interval}"] if card.interval else []
    for each in card.distance:
        error = "unknown" if math.isnan(each.error) else f"{each.error:.3g}{unit}"
        lines.append(
            f"  up to {each.upto:g} at.% from its training alloys: held-out error {error}, {each.rows:,} rows, "
            f"interval times {each.widening:.3g}"
        )
    lines.append(f"  domain limit: {_limit(model)}")
    lines += [f"  threshold: p ≥ {card.threshold:.4g}"] if card.threshold is not None else []
    lines += [f"  share of positives assumed: {card.prior:.4g}"] if card.prior is not None else []
    lines.append(f"  features {card.features}; {len(card.elements)} elements: {' '.join(card.elements)}")
    lines += [f"  {_condition_line(condition)}" for condition in card.conditions]
    lines += [f"  method: {card.method}"] if card.method else []
    lines += [f"  note: {note}" for note in card.notes]
    lines += [f"  {_source_line(source)}" for source in card.sources]
    return [*lines, f"  made {card.created} by {card.code_version} from data {card.data_digest}"]


def sources_of(models: Iterable[Model]) -> dict[str, Source]:
    """Collect the data sets behind some models, by key, each with the most rows any model used."""
    found: dict[str, Source] = {}
    for model in models:
        for source in model.card.sources:
            if source.key not in found or source.rows > found[source.key].rows:
                found[source.key] = source
    return dict(sorted(found.items()))


def check_lines(models: ModelSet) -> list[str]:
    """Replay golden rows and compare digests of everything in the folder.

    Raises:
        ModelError: a file is missing or changed, or a model does not reproduce its golden rows.
    """
    lines = []
    for model in models:
        model.replay()
        lines.append(f"OK {model.name}: digest {model.digest}, {len(model.card.golden)} golden alloys reproduced")
    return lines + [f"OK {name}: digest {digest}" for name, digest in _other_files(models.folder)]


def cite_lines(models: ModelSet | None) -> list[str]:
    """Say what to cite: this software, the method, the data behind the models, the formulas behind the descriptors."""
    lines = ["software", f"  {SOFTWARE}", "method", f"  {METHOD}", "data behind the installed models"]
    if models is None:
        lines.append("  no models are installed")
    else:
        lines += [f"  {s.key}: {s.citation} ({s.licence})" for s in sources_of(models).values()]
    by_source: dict[str, list[str]] = {}
    for each in catalogue().values():
        by_source.setdefault(each.source, []).append(each.name)
    lines.append("formulas and tables behind the descriptors")
    return lines + [f"  {source}: {', '.join(names)}" for source, names in sorted(by_source.items())]


def _row(model: Model) -> tuple[str, ...]:
    """Describe one model in the cells of the table."""
    card = model.card
    grouped, random = (card.metrics.get(split, {}) for split in ("grouped", "random"))
    shown = [name for name in _HEADLINE if name in grouped][:2] or list(grouped)[:2]
    return (
        model.name,
        card.target.name,
        ", ".join(f"{name} {grouped[name]:.3g}" for name in shown) or "–",
        ", ".join(f"{random[name]:.3g}" for name in shown if name in random) or "–",
        f"{grouped['coverage_90']:.1%}" if "coverage_90" in grouped else "–",
        _limit(model),
        str(len(card.elements)),
        f"{sum(source.rows for source in card.sources):,}",
        model.digest,
    )


def _preferred_lines(model: Model, others: Sequence[Model]) -> list[str]:
    """Say which of several classifiers is preferred, and what its card notes."""
    beside = [f"`{m.name}` ({m.card.classifier})" for m in others if m.card.target.name == model.card.target.name]
    if not beside:
        return []
    line = f"preferred for {model.card.target.name}: `{model.name}` ({model.card.classifier}) over {', '.join(beside)}"
    return [line, *(f"  {note}" for note in model.card.notes)]


def _limit(model: Model) -> str:
    """Write the domain limit."""
    return "–" if model.card.domain_limit is None else f"{model.card.domain_limit:g} at.%"


def _condition_line(condition: Condition) -> str:
    """Write a condition with its range, and its value for each process."""
    line = f"condition {condition.name}: {condition.low:g} to {condition.high:g} {condition.unit}"
    levels = sorted(condition.levels.items(), key=lambda level: (level[1], level[0]))
    told = "".join(f", {name} {value:g}" for name, value in levels)
    return f"{line}, reference {condition.reference:g}" + (f"; --process{told[1:]}" if told else "")


def _source_line(source: Source) -> str:
    """Write a data set with its licence and whom to cite."""
    return f"data {source.key}: {source.rows:,} rows, {source.licence}, {source.citation}"


def _scores(scores: Mapping[str, float]) -> str:
    """Write every score."""
    return ", ".join(f"{name} {value:.3g}" for name, value in scores.items()) or "–"


def _honest_first(split: str) -> tuple[int, str]:
    """Sort key: folds grouped by chemical system first, then random ones, then others."""
    order = ("grouped", "random")
    return (order.index(split) if split in order else len(order), split)


def _other_files(folder: Path) -> list[tuple[str, str]]:
    """Check the files of a folder that are not models."""
    digests = {n: d for n, d in recorded_digests(folder).items() if not n.endswith(".onnx")}
    for name, digest in digests.items():
        check_file(folder, name, digest)
    return [(name, digest[:16]) for name, digest in digests.items()]
