"""Text that commands write into README files, so that every number in them comes from a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from screener.card import DistanceBin, ModelCard, Source
from screener.errors import InputError
from screener.model import Model
from training.publish import write_whole

TITLE = "# Models"


def replace_block(path: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->` in a file.

    Raises:
        InputError: the file is missing or has no such marks.
        OutputError: it cannot be written.
    """
    before, after = split_at_marks(path, name)
    write_whole(path, f"{before}\n{text.strip()}\n{after}".encode())


def split_at_marks(path: Path, name: str) -> tuple[str, str]:
    """Return what stands up to and including `<!-- name -->` in a file, and from `<!-- /name -->` on.

    Raises:
        InputError: the file is missing or has no such marks.
    """
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    try:
        old = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(f"cannot read `{path}`", f"name a file with the marks {start} and {end}") from None
    before, found, rest = old.partition(start)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise InputError(f"`{path.name}` has no marks {start} and {end}", "add both where the table is to stand")
    return before + start, end + after


def models_readme(models: Mapping[str, Model]) -> str:
    """Write the table of a folder of models: target, features, domain, honest scores, data and licences."""
    lines = [
        TITLE,
        "",
        "Written by `training fit`. Scores are out of fold, grouped by chemical system. Coverage of intervals and",
        "scores of flags are those of intervals and thresholds settled for each fold on the other folds. Every file",
        "carries its card; `screener models` prints them.",
        "",
        "| file | target | features | elements | grouped score | 90 % interval, flag | digest |",
        "|---|---|---|---:|---|---|---|",
    ]
    lines += [_line(name, model) for name, model in sorted(models.items())]
    lines += ["", *_distances(models)]
    lines += ["", "## Data", "", "| data set | rows | licence | citation |", "|---|---:|---|---|"]
    lines += [f"| {s.key} | {s.rows:,} | {s.licence} | {s.citation} |" for s in _sources(models)]
    return "\n".join(lines) + "\n"


def _distances(models: Mapping[str, Model]) -> list[str]:
    """Tabulate how the error of the precise models on held-out alloys grows with distance, and where the line is."""
    cards = [m.card for _, m in sorted(models.items()) if m.card.tier == "characterize" and m.card.distance]
    cards = [card for card in cards if _ends(card) == _ends(cards[0])]
    if not cards:
        return []
    limits = ("" if c.domain_limit is None else f" (limit {c.domain_limit:g} at.%)" for c in cards)
    heads = [f"{card.target.name}{limit}" for card, limit in zip(cards, limits, strict=True)]
    lines = [
        "## Error by distance",
        "",
        "Held-out chemical systems, by distance ½ Σ|Δc| to the nearest training alloy of the target: mean absolute",
        "error (squared error of a probability), half-width of the 90 % interval against that of the graph, rows.",
        "Beyond the limit an alloy counts as outside the domain.",
        "",
        "| up to, at.% | " + " | ".join(heads) + " |",
        "|---:|" + "---|" * len(cards),
    ]
    rows = zip(*(card.distance for card in cards), strict=True)
    return [*lines, *(f"| {bins[0].upto:g} | " + " | ".join(map(_bin, bins)) + " |" for bins in rows)]


def _ends(card: ModelCard) -> list[float]:
    """Upper ends of a card's distance bins."""
    return [found.upto for found in card.distance]


def _bin(found: DistanceBin) -> str:
    """One distance bin of one model."""
    if not found.rows:
        return "–"
    return f"{found.error:.3g}, × {found.widening:.2f}, {found.rows:,} rows"


def _sources(models: Mapping[str, Model]) -> list[Source]:
    """Add up the rows of every data set over the targets; both tiers of a target learn from the same ones."""
    rows: dict[str, dict[str, int]] = {}
    known: dict[str, Source] = {}
    for model in models.values():
        for source in model.card.sources:
            known[source.key] = source
            rows.setdefault(source.key, {})[model.card.target.name] = source.rows
    return [replace(known[key], rows=sum(rows[key].values())) for key in sorted(known)]


def _line(name: str, model: Model) -> str:
    """One model's line of the table; a score that its card does not have is a dash."""
    card, grouped = model.card, model.card.metrics.get("grouped", {})

    def shown(key: str, form: str = ".3f") -> str:
        return format(grouped[key], form) if key in grouped else "–"

    if card.target.kind == "classification":
        score = f"PR-AUC {shown('pr_auc')}, recall at precision 0.9 {shown('recall_at_precision_90')}"
        use = (
            "no flag"
            if card.threshold is None
            else (
                f"p ≥ {card.threshold:.2f}: recall {shown('recall_at_threshold')}, "
                f"precision {shown('precision_at_threshold')}, specificity {shown('specificity_at_threshold')}"
            )
        )
    else:
        score = f"R² {shown('r2')}, MAE {shown('mae', '.3g')} {card.target.unit}"
        use = f"{card.interval}; coverage {shown('coverage_90')}"
    return (
        f"| {name} | {card.target.name} | {card.features} | {len(card.elements)} | {score} | {use} | {model.digest} |"
    )
