"""The models of one run: the searching tier at once, everything for the survivors while the search runs."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from screener.binding import bind_tier
from screener.card import Tier
from screener.device import Device, choose_device
from screener.errors import ModelError
from screener.float64_net import Float64Net
from screener.jobs import Question, TierChoice
from screener.model import Model
from screener.model_set import ALLOY_INDEX, check_file, find_folder, load_models, recorded_digests
from screener.nearest import AlloyIndex
from screener.tier_models import TierModels


@dataclass(frozen=True, slots=True)
class Precise:
    """What survivors are looked at with.

    Attributes:
        models: the characterize tier; None where one tier serves throughout.
        index: training alloys; None where no neighbours are asked for.
        nets: networks of the searching tier in float64; empty for trees.
    """

    models: TierModels | None
    index: AlloyIndex | None
    nets: Mapping[str, Float64Net]


@dataclass(frozen=True, slots=True)
class RunModels:
    """Models of a run.

    Attributes:
        folder: where they came from.
        digest: digest of the folder.
        device: where they run.
        search: models that filter and rank.
        prior: share of amorphous-formers that was asked for.
        _precise: the rest, perhaps still loading.
    """

    folder: Path
    digest: str
    device: Device
    search: TierModels
    prior: float | None
    _precise: Future[Precise]

    def precise(self) -> Precise:
        """Wait for the rest of the models.

        Raises:
            ModelError: one of them is missing, damaged or does not fit the question.
        """
        return self._precise.result()

    def models(self) -> tuple[Model, ...]:
        """List every model of the run; waits for the rest."""
        precise = self.precise().models
        return (*self.search.models.values(), *(precise.models.values() if precise else ()))

    def tiers(self) -> tuple[TierModels, ...]:
        """List the tiers of the run, the one that describes survivors first; waits for the rest."""
        precise = self.precise().models
        return (self.search,) if precise is None else (precise, self.search)

    def reported(self) -> dict[str, Model]:
        """Give the model whose values stand in the plain columns, by target; waits for the rest."""
        return {name: model for tier in reversed(self.tiers()) for name, model in tier.models.items()}

    def conditions(self) -> dict[str, float]:
        """Give the condition values of the run by name, those of its process too; waits for the rest."""
        return {name: value for tier in self.tiers() for name, value in tier.conditions.items()}

    def process(self) -> str | None:
        """Name the process predictions are for, if a model knows it; waits for the rest."""
        return next((tier.process for tier in self.tiers() if tier.process), None)


@contextmanager
def run_models(
    question: Question, folder: Path | None, device: str, tier: TierChoice | None = None, *, nearest: bool = True
) -> Iterator[RunModels]:
    """Load the models of a run; the helper thread ends with the block.

    Args:
        question: settles flags and conditions.
        folder: folder of models; None looks them up.
        device: `auto`, `cpu`, `cuda` or `cuda:n`.
        tier: `auto` searches with the screen tier and characterizes survivors; None takes the question's.
        nearest: whether training alloys are asked for.

    Raises:
        ModelError: a model is missing, damaged or does not fit the question, or there is no such device.
    """
    tier = tier or question.tier
    place, found = choose_device(device), find_folder(folder)
    searching: Tier = "characterize" if tier == "characterize" else "screen"
    with ThreadPoolExecutor(1, "models") as pool:
        early = pool.submit(_import_writers)
        # Searching threads share the sessions, so that one block on one core is all a session must do.
        models = load_models(found, replace(place, threads=1), (searching,), question.classifier or "")
        search = bind_tier(searching, models.tiers[searching], question)
        rest = pool.submit(_load_precise, question, tier, found, place, search, nearest)
        try:
            yield RunModels(found, models.digest, place, search, question.prior, rest)
        finally:
            early.cancel()
            rest.cancel()


def read_index(folder: Path) -> AlloyIndex:
    """Read the index of training alloys of a folder of models.

    Raises:
        ModelError: it is missing, changed or damaged.
    """
    digests = recorded_digests(folder)
    if ALLOY_INDEX not in digests:
        raise ModelError(
            f"no index of training alloys in `{folder}`", f"run `training fit` to write `{ALLOY_INDEX}` with the models"
        )
    return AlloyIndex.read(check_file(folder, ALLOY_INDEX, digests[ALLOY_INDEX]))


def _import_writers() -> None:
    """Import what the result needs while the first models load: it takes as long as a small search."""
    importlib.import_module("polars")
    importlib.import_module("onnx")


def _load_precise(
    question: Question, tier: TierChoice, folder: Path, device: Device, search: TierModels, nearest: bool
) -> Precise:
    """Load what survivors need: networks in float64, the characterize tier, training alloys."""
    nets = {}
    if search.tier == "screen":
        nets = {name: Float64Net.read(model.content) for name, model in search.models.items()}
    models = None
    if tier == "auto":
        loaded = load_models(folder, device, ("characterize",), contents=False)
        models = bind_tier("characterize", loaded.characterize, question)
    return Precise(models, read_index(folder) if nearest else None, nets)
