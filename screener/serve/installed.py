"""The models a page speaks of: which elements and columns there are, and whether a question fits them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from screener.binding import bind_tier, check_conditions, known_conditions
from screener.candidates import Candidates, check_number
from screener.card import Tier
from screener.descriptors.catalogue import catalogue
from screener.descriptors.featurizer import compile_plan
from screener.device import choose_device
from screener.elements import element_symbols
from screener.exact.run import asked_for, may_be_exact
from screener.expression import BOOLEAN_COLUMNS
from screener.jobs import DEFAULT_PROCESS, Question, ScreenJob
from screener.model import Model
from screener.model_set import ModelSet, find_folder, load_models
from screener.plan import check_domain, known_columns, make_plan
from screener.report.column_words import SMALL_IS_BEAUTIFUL, unit_of, words_of


@dataclass(frozen=True)
class Installed:
    """Models that are installed.

    Attributes:
        folder: where they lie.
        device: where searches run.
        models: both tiers, loaded once to answer questions about them.
    """

    folder: Path
    device: str
    models: ModelSet

    @classmethod
    def load(cls, folder: Path | None, device: str) -> Installed:
        """Load the models.

        Raises:
            ModelError: there are none, they are damaged, or there is no such device.
        """
        choose_device(device)
        found = find_folder(folder)
        return cls(found, device, load_models(found, choose_device("cpu")))

    def elements(self) -> list[dict[str, object]]:
        """List the elements that can be chosen, and which models know them."""
        reported = self._described()
        return [
            {"symbol": symbol, "unknown_to": [name for name, each in reported.items() if symbol not in each]}
            for symbol in element_symbols()
        ]

    def columns(self) -> list[dict[str, object]]:
        """List the columns that filters and objectives may name, with words, unit and the better direction."""
        tier = bind_tier("screen", self.models.screen, Question())
        flags = BOOLEAN_COLUMNS | {flag.column for flag in tier.flags.values()}
        return [
            {
                "name": name,
                "words": words_of(name),
                "unit": unit_of(name),
                "kind": "flag" if name in flags else "number",
                "better": "min" if name in SMALL_IS_BEAUTIFUL else "max",
                "predicted": name not in catalogue(),
            }
            for name in known_columns(tier, ())
        ]

    def processes(self) -> list[str]:
        """List the processes that predictions can be for, the default first."""
        levels = {level for each in known_conditions(self._all()).values() for level in each.levels}
        return sorted(levels, key=lambda level: (level != DEFAULT_PROCESS, level))

    def check(self, job: ScreenJob) -> list[str]:
        """Check a question against the models, without running it, and return what to warn of.

        Raises:
            ScreenerError: it could not be answered.
        """
        for tier in ("screen", "characterize") if job.question.tier == "auto" else (job.question.tier,):
            bound = bind_tier(tier, self.models.tiers[tier], job.question)
            if tier == _searching(job):
                make_plan(job.question, bound, job.space.elements)
        for spec in {model.card.features: model.spec for model in self._all()}.values():
            compile_plan(spec.descriptors, job.space.elements)
        warnings = check_conditions(job.question, self._all())
        warnings += check_domain(job.space.elements, self._all(), job.question.strict)
        if may_be_exact(job):
            Candidates.of(job, capped=False)
        elif not asked_for(job):
            check_number(job)
            if job.sample is None:
                Candidates.of(job)
        return [*job.space.notes, *warnings]

    def _all(self) -> list[Model]:
        """List the models of both tiers that a run would use."""
        return [model for tier in self.models.tiers.values() for model in tier.values()]

    def _described(self) -> dict[str, tuple[str, ...]]:
        """Give the training elements of the precise models by target."""
        return {target: model.card.elements for target, model in self.models.characterize.items()}


def _searching(job: ScreenJob) -> Tier:
    """Name the tier that filters and ranks."""
    return "characterize" if job.question.tier == "characterize" else "screen"
