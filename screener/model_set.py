"""The models of one folder: where they are looked up, which tier serves which target."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from screener.card import Classifier, Tier
from screener.device import Device
from screener.errors import ModelError
from screener.freed_memory import give_back
from screener.model import Model

SUMS = "SHA256SUMS"
ALLOY_INDEX = "training_alloys.npz"
"""Compositions behind the models, with source keys and no measured values."""
STANDING_TARGETS = ("p_amorphous", "p_bulk_glass", "resistivity_uohm_cm", "hardness_gpa")
"""Targets that come first, in this order; a user's own follow by name."""
_CHOICE = "p_amorphous"
"""Target of which the screen tier may hold several classifiers to choose from."""
_LOADED_AT_ONCE = 1
"""Models loaded side by side: each takes about eight times its size for a moment."""
_LARGE = 1_000_000
"""Bytes from which on the memory that reading a model took is given back."""
_MADE_AGAIN = "run `training fit` to make the models again"


@dataclass(frozen=True, slots=True)
class ModelSet:
    """Loaded models of one tier or two.

    Attributes:
        folder: where they came from.
        tiers: tier → target name → model, targets in column order.
        digest: sha256 of the folder's list of digests, 16 hex digits.
        others: classifiers that were not chosen.
    """

    folder: Path
    tiers: Mapping[Tier, Mapping[str, Model]]
    digest: str
    others: tuple[Model, ...] = ()

    @property
    def screen(self) -> Mapping[str, Model]:
        """Fast models by target."""
        return self.tiers["screen"]

    @property
    def characterize(self) -> Mapping[str, Model]:
        """Precise models by target."""
        return self.tiers["characterize"]

    def __iter__(self) -> Iterator[Model]:
        for tier, models in self.tiers.items():
            for target, model in models.items():
                yield model
                yield from (m for m in self.others if (m.card.tier, m.card.target.name) == (tier, target))


def find_folder(explicit: Path | None = None) -> Path:
    """Find the folder of models: the one given, `$SCREENER_MODELS`, the user's data folder, the packaged copy.

    Raises:
        ModelError: the folder named holds no models, or there are none anywhere.
    """
    for source, folder in (("--models", explicit), ("$SCREENER_MODELS", os.environ.get("SCREENER_MODELS"))):
        if folder:
            if not (Path(folder) / SUMS).is_file():
                raise ModelError(
                    f"no models in `{folder}`",
                    f"{source} must name a folder with a {SUMS} file, as `training fit --out` writes",
                )
            return Path(folder)
    for folder in (user_folder(), *packaged_folders()):
        if (folder / SUMS).is_file():
            return folder
    raise ModelError("no models are installed", "run `training fit`, or name a folder with `--models`")


def user_folder() -> Path:
    """Folder that `training fit` writes when no other is named."""
    from platformdirs import user_data_path

    return user_data_path("alloy-screener", appauthor=False) / "models"


def packaged_folders() -> tuple[Path, Path]:
    """Folders of the shipped models: inside the package, or beside it in a source checkout."""
    package = Path(__file__).resolve().parent
    return package / "models", package.parent / "models"


def recorded_digests(folder: Path) -> dict[str, str]:
    """Read the folder's list of files and sha256 digests.

    Raises:
        ModelError: the list is missing or unreadable.
    """
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        pairs = [line.split(maxsplit=1) for line in lines if line.strip()]
        return {name.strip(): digest for digest, name in pairs}
    except (OSError, ValueError, UnicodeDecodeError):
        raise ModelError(f"cannot read `{folder / SUMS}`", _MADE_AGAIN) from None


def check_file(folder: Path, name: str, digest: str) -> Path:
    """Return the path of a recorded file whose content is as recorded.

    Raises:
        ModelError: it is missing, outside the folder or changed.
    """
    path = folder / name
    remedy = f"restore `{name}`, or {_MADE_AGAIN}"
    if "\0" in name or not path.resolve().is_relative_to(folder.resolve()):
        raise ModelError(f"`{name}` in {SUMS} lies outside `{folder}`", remedy)
    if not path.is_file():
        raise ModelError(f"the model file `{name}` is missing from `{folder}`", remedy)
    with path.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != digest:
            raise ModelError(f"`{name}` does not match its recorded digest", remedy)
    return path


def load_models(
    folder: Path,
    device: Device,
    tiers: tuple[Tier, ...] = ("screen", "characterize"),
    classifier: Classifier = "",
) -> ModelSet:
    """Load and prove every model of the tiers asked for.

    Args:
        folder: folder of models.
        device: where they run.
        tiers: which of them.
        classifier: kind of the screen tier's amorphous classifier; empty takes the preferred one.

    Raises:
        ModelError: a file is missing, changed or unusable, a tier is empty, or there is no such classifier.
    """
    digests = recorded_digests(folder)
    names = sorted(n for n in digests if n.endswith(".onnx") and n.split("/")[0] in tiers)
    paths = [check_file(folder, name, digests[name]) for name in names]
    with ThreadPoolExecutor(_LOADED_AT_ONCE) as pool:
        models = list(pool.map(lambda path, name: _load(path, device, name), paths, names))
    by_tier = {tier: _by_target(tier, folder, models, classifier if tier == "screen" else "") for tier in tiers}
    chosen = {model.name for found in by_tier.values() for model in found.values()}
    text = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return ModelSet(folder, by_tier, digest, tuple(model for model in models if model.name not in chosen))


def _load(path: Path, device: Device, name: str) -> Model:
    """Load a model; what reading a large one took is given back at once."""
    model = Model.load(path, device, name)
    if len(model.content) > _LARGE:
        give_back()
    return model


def _by_target(tier: Tier, folder: Path, models: Iterable[Model], classifier: Classifier) -> dict[str, Model]:
    """Take the models of one tier by target name, in column order."""
    found: dict[str, list[Model]] = {}
    for model in models:
        if model.name.split("/")[0] == tier:
            if model.card.tier != tier:
                raise ModelError(f"`{model.name}` holds a model of the {model.card.tier} tier", _MADE_AGAIN)
            found.setdefault(model.card.target.name, []).append(model)
    if not found:
        raise ModelError(f"no models of the {tier} tier in `{folder}`", "run `training fit` to make them")
    chosen = {name: _preferred(found[name]) for name in sorted(found, key=column_order)}
    if classifier:
        chosen[_CHOICE] = _of_kind(found.get(_CHOICE, []), classifier)
    return chosen


def _preferred(models: Sequence[Model]) -> Model:
    """Take the one model of a target, or the preferred of several classifiers of different kinds."""
    for model, other in itertools.combinations(models, 2):
        names, target = f"`{model.name}` and `{other.name}`", model.card.target.name
        if model.card.classifier == other.card.classifier:
            raise ModelError(f"{names} both predict `{target}`", f"take one of them out of {SUMS}")
        if model.card.preferred and other.card.preferred:
            raise ModelError(f"{names} are both preferred for `{target}`", _MADE_AGAIN)
    preferred = [model for model in models if model.card.preferred or len(models) == 1]
    if not preferred:
        raise ModelError(f"no model is preferred for `{models[0].card.target.name}`", _MADE_AGAIN)
    return preferred[0]


def _of_kind(models: Sequence[Model], classifier: Classifier) -> Model:
    """Take the classifier of the kind asked for."""
    for model in models:
        if model.card.classifier == classifier:
            return model
    kinds = " and ".join(f"`{model.card.classifier}`" for model in models if model.card.classifier)
    raise ModelError(
        f"there is no `{classifier}` classifier among the models",
        f"leave `--classifier` out: the models have {kinds or 'none to choose from'}",
    )


def column_order(target: str) -> tuple[int, str]:
    """Sort key: the standing targets first, then the user's by name."""
    return (STANDING_TARGETS.index(target) if target in STANDING_TARGETS else len(STANDING_TARGETS), target)
