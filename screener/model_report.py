"""What the installed models are: a table, a replay, and whom to cite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from screener import __version__
from screener.card import Source
from screener.descriptors.catalogue import catalogue
from screener.model import Model
from screener.model_set import ModelSet, check_file, recorded_digests

SOFTWARE = f"alloy-screener {__version__}: high-throughput screening of alloy compositions, MIT licence"
METHOD = (
    "Kang (2025), independent models for precise characterization, multi-task models for high-throughput screening, "
    "arXiv:2512.22740, doi:10.48550/arXiv.2512.22740"
)


def model_record(model: Model) -> dict[str, object]:
    """Return one model as plain JSON values."""
    card = model.card
    return {
        "name": model.name,
        "target": card.target.name,
        "unit": card.target.unit,
        "tier": card.tier,
        "features": card.features,
        "elements": list(card.elements),
        "conditions": [
            {"name": c.name, "unit": c.unit, "reference": c.reference, "low": c.low, "high": c.high}
            for c in card.conditions
        ],
        "threshold": card.threshold,
        "metrics": {split: dict(scores) for split, scores in card.metrics.items()},
        "interval": card.interval,
        "method": card.method,
        "notes": list(card.notes),
        "sources": [{"key": s.key, "citation": s.citation, "licence": s.licence, "rows": s.rows} for s in card.sources],
        "size_bytes": len(model.content),
        "digest": model.digest,
        "created": card.created,
        "code_version": card.code_version,
    }


def model_lines(models: ModelSet) -> list[str]:
    """Write the models of a folder for people."""
    lines = [f"{models.folder} (digest {models.digest})"]
    rows = [("model", "target", "features", "elements", "grouped validation", "size", "digest")]
    rows += [
        (
            model.name,
            model.card.target.name,
            model.card.features,
            str(len(model.card.elements)),
            _headline(model),
            f"{len(model.content) / 1e6:.2f} MB",
            model.digest,
        )
        for model in models
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    conditions = {c.name: c for model in models for c in model.card.conditions}
    lines += [
        f"condition {c.name}: {c.low:g} to {c.high:g} {c.unit}, reference {c.reference:g}" for c in conditions.values()
    ]
    lines += [f"data {s.key}: {s.rows:,} rows, {s.licence}" for s in sources_of(models).values()]
    return lines


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


def _headline(model: Model) -> str:
    """Give the scores from folds grouped by chemical system in a few words."""
    scores: Mapping[str, float] = model.card.metrics.get("grouped", {})
    return ", ".join(f"{name} {value:.3g}" for name, value in list(scores.items())[:3]) or "–"


def _other_files(folder: Path) -> list[tuple[str, str]]:
    """Check the files of a folder that are not models."""
    digests = {n: d for n, d in recorded_digests(folder).items() if not n.endswith(".onnx")}
    for name, digest in digests.items():
        check_file(folder, name, digest)
    return [(name, digest[:16]) for name, digest in digests.items()]
