"""The models behind a result, as far as they are installed here, and their cards in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from screener.card import Classifier, ModelCard, Tier
from screener.device import choose_device
from screener.errors import ModelError
from screener.model import Model
from screener.model_set import find_folder, load_models
from screener.nearest import AlloyIndex
from screener.report.column_words import words_of
from screener.report.result_file import ResultFile
from screener.run_models import read_index

_TIERS: Mapping[str, tuple[Tier, ...]] = {"screen": ("screen",), "characterize": ("characterize",)}
_BOTH: tuple[Tier, ...] = ("characterize", "screen")
_SCORES = {
    "mae": "mean absolute error {value:.3g} {unit}",
    "r2": "R² {value:.2f}",
    "pr_auc": "area under the precision–recall curve {value:.2f}",
    "recall_at_precision_90": "finds {percent:.0f} % at a precision of 90 %",
    "balanced_accuracy": "balanced accuracy {percent:.0f} %",
}
_SPLITS = {"grouped": "chemical systems held out", "random": "random split, optimistic"}


@dataclass(frozen=True, slots=True)
class UsedModels:
    """Models to speak of in a report.

    Attributes:
        folder: where they lie; None where there are none.
        models: by tier and target, the tier that gave the plain columns first.
        index: training alloys.
        same: whether they are the ones that made the result.
        note: what a reader must know about them; empty where they are the ones.
    """

    folder: Path | None = None
    models: tuple[Model, ...] = ()
    index: AlloyIndex | None = None
    same: bool = False
    note: str = ""

    def reported(self, result: ResultFile) -> dict[str, ModelCard]:
        """Give the cards behind the plain columns of a result, by target."""
        found: dict[str, ModelCard] = {}
        for model in self.models:
            target = model.card.target.name
            if model.card.tier == reported_tier(result) and target in result.columns:
                found[target] = model.card
        return found


def reported_tier(result: ResultFile) -> Tier:
    """Say which tier gave the plain columns: screen values stand beside those of the precise one."""
    if result.question.get("tier") == "characterize" or any(name.endswith("_screen") for name in result.columns):
        return "characterize"
    return "screen"


def used_models(result: ResultFile, folder: Path | None) -> UsedModels:
    """Load the models that a result names, or those installed with a note that they are others.

    Raises:
        ModelError: the folder given holds no models, or they are damaged.
    """
    try:
        found = find_folder(folder)
    except ModelError:
        if folder is not None:
            raise
        return UsedModels(note="No models are installed here, so their errors and limits cannot be shown.")
    asked = result.question
    tiers = _TIERS.get(str(asked.get("tier")), _BOTH)
    kind: Classifier = {"mtl": "mtl", "independent": "independent"}.get(str(asked.get("classifier")), "")  # type: ignore[assignment]
    loaded = load_models(found, choose_device("cpu"), tiers, kind if "screen" in tiers else "")
    shown = tuple(m for tier in tiers for m in loaded.tiers[tier].values() if m.card.target.name in result.columns)
    recorded = result.models.get("digest")
    note = ""
    if recorded is None:
        note = "The result does not say which models made it. These are the ones installed here."
    elif recorded != loaded.digest:
        note = (
            f"The result was made by other models (digest {recorded}) than those installed here (digest "
            f"{loaded.digest}), which are shown; the errors of the others may differ."
        )
    return UsedModels(found, shown, read_index(found), not note, note)


def card_rows(used: UsedModels) -> list[dict[str, object]]:
    """Write each card as the cells of a table: honest scores first."""
    return [_card_row(model) for model in used.models]


def _card_row(model: Model) -> dict[str, object]:
    """Write one card."""
    card = model.card
    unit = "" if card.target.unit == "1" else card.target.unit
    coverage = card.metrics.get("grouped", {}).get("coverage_90")
    return {
        "name": model.name,
        "predicts": words_of(card.target.name),
        "unit": unit,
        "tier": "precise" if card.tier == "characterize" else "fast",
        "splits": [(said, _scores(card.metrics.get(split, {}), unit)) for split, said in _SPLITS.items()],
        "coverage": "" if coverage is None else f"{100 * coverage:.0f} % of held-out values fall in the 90 % interval",
        "rows": f"{sum(source.rows for source in card.sources):,}",
        "elements": " ".join(card.elements),
        "limit": "" if card.domain_limit is None else f"{card.domain_limit:g} at.%",
        "notes": [*card.notes, *([card.interval] if card.interval else [])],
        "method": card.method,
    }


def _scores(scores: Mapping[str, float], unit: str) -> str:
    """Write the scores worth a place, or whatever there is."""
    said = [
        text.format(value=scores[name], percent=100 * scores[name], unit=unit).strip()
        for name, text in _SCORES.items()
        if name in scores
    ]
    return ", ".join(said or (f"{name} {value:.3g}" for name, value in scores.items())) or "not measured"
