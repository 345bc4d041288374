"""Text that commands write into README files, so that every number in them comes from a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from screener.errors import InputError
from screener.model import Model


def replace_block(path: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->` in a file.

    Raises:
        InputError: the file is missing or has no such marks.
    """
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    try:
        old = path.read_text(encoding="utf-8")
    except OSError:
        raise InputError(f"cannot read `{path}`", f"name a file with the marks {start} and {end}") from None
    if start not in old or end not in old:
        raise InputError(f"`{path.name}` has no marks {start} and {end}", "add both where the table is to stand")
    before, rest = old.split(start, 1)
    path.write_text(f"{before}{start}\n{text.strip()}\n{rest[rest.index(end):]}", encoding="utf-8")


def models_readme(models: Mapping[str, Model]) -> str:
    """Write the table of a folder of models: target, features, domain, honest scores, data and licences."""
    lines = [
        "# Models", "",
        "Written by `training fit`. Scores are out of fold, grouped by chemical system; intervals are calibrated on",
        "held-out systems. Every file carries its card; `screener models` prints them.", "",
        "| file | target | features | elements | grouped score | 90 % interval, flag | digest |", "|---|---|---|---:|---|---|---|",
    ]
    lines += [_line(name, model) for name, model in models.items()]
    lines += ["", "## Data", "", "| data set | rows | licence | citation |", "|---|---:|---|---|"]
    sources = {s.key: s for m in models.values() for s in m.card.sources}
    lines += [f"| {s.key} | {s.rows:,} | {s.licence} | {s.citation} |" for _, s in sorted(sources.items())]
    return "\n".join(lines) + "\n"


def _line(name: str, model: Model) -> str:
    """One model's line of the table."""
    card, grouped = model.card, model.card.metrics.get("grouped", {})
    if card.target.kind == "classification":
        score = f"PR-AUC {grouped['pr_auc']:.3f}, recall at precision 0.9 {grouped['recall_at_precision_90']:.3f}"
        use = (f"p ≥ {card.threshold:.2f}: recall {grouped['recall_at_threshold']:.3f}, "
               f"precision {grouped['precision_at_threshold']:.3f}, specificity {grouped['specificity_at_threshold']:.3f}")
    else:
        score = f"R² {grouped['r2']:.3f}, MAE {grouped['mae']:.3g} {card.target.unit}"
        use = f"{card.interval}; coverage {grouped['coverage_90']:.3f}"
    return f"| {name} | {card.target.name} | {card.features} | {len(card.elements)} | {score} | {use} | {model.digest} |"
