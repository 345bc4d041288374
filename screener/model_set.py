"""The models of one folder: where they are looked up, which tier serves which target."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from screener.card import Tier
from screener.device import Device
from screener.errors import ModelError
from screener.model import Model

SUMS = "SHA256SUMS"
ALLOY_INDEX = "training_alloys.npz"
"""Compositions behind the models, with source keys and no measured values."""
_ORDER = ("p_amorphous", "resistivity_uohm_cm", "hardness_gpa")


@dataclass(frozen=True, slots=True)
class ModelSet:
    """Loaded models of one tier or two.

    Attributes:
        folder: where they came from.
        tiers: tier → target name → model, targets in column order.
        digest: sha256 of the folder's list of digests, 16 hex digits.
    """

    folder: Path
    tiers: Mapping[Tier, Mapping[str, Model]]
    digest: str

    @property
    def screen(self) -> Mapping[str, Model]:
        """Fast models by target."""
        return self.tiers["screen"]

    @property
    def characterize(self) -> Mapping[str, Model]:
        """Precise models by target."""
        return self.tiers["characterize"]

    def __iter__(self) -> Iterator[Model]:
        for models in self.tiers.values():
            yield from models.values()


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
        raise ModelError(f"cannot read `{folder / SUMS}`", "run `training fit` to make the models again") from None


def check_file(folder: Path, name: str, digest: str) -> Path:
    """Return the path of a recorded file whose content is as recorded.

    Raises:
        ModelError: it is missing, outside the folder or changed.
    """
    path = folder / name
    remedy = f"restore `{name}`, or run `training fit` to make the models again"
    if "\0" in name or not path.resolve().is_relative_to(folder.resolve()):
        raise ModelError(f"`{name}` in {SUMS} lies outside `{folder}`", remedy)
    if not path.is_file():
        raise ModelError(f"the model file `{name}` is missing from `{folder}`", remedy)
    with path.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != digest:
            raise ModelError(f"`{name}` does not match its recorded digest", remedy)
    return path


def load_models(folder: Path, device: Device, tiers: tuple[Tier, ...] = ("screen", "characterize")) -> ModelSet:
    """Load and prove every model of the tiers asked for.

    Raises:
        ModelError: a file is missing, changed or unusable, or a tier is empty.
    """
    digests = recorded_digests(folder)
    names = sorted(n for n in digests if n.endswith(".onnx") and n.split("/")[0] in tiers)
    paths = [check_file(folder, name, digests[name]) for name in names]
    with ThreadPoolExecutor(max_workers=4) as pool:
        models = list(pool.map(lambda pair: Model.load(pair[0], device, pair[1]), zip(paths, names, strict=True)))
    by_tier = {tier: _by_target(tier, folder, models) for tier in tiers}
    text = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    return ModelSet(folder, by_tier, hashlib.sha256(text.encode()).hexdigest()[:16])


def _by_target(tier: Tier, folder: Path, models: Iterable[Model]) -> dict[str, Model]:
    """Take the models of one tier by target name, in column order."""
    found: dict[str, Model] = {}
    for model in models:
        if model.name.split("/")[0] == tier:
            name = model.card.target.name
            if model.card.tier != tier:
                problem = f"`{model.name}` holds a model of the {model.card.tier} tier"
                raise ModelError(problem, "run `training fit` to make the models again")
            if name in found:
                problem = f"`{found[name].name}` and `{model.name}` both predict `{name}`"
                raise ModelError(problem, f"take one of them out of {SUMS}")
            found[name] = model
    if not found:
        raise ModelError(f"no models of the {tier} tier in `{folder}`", "run `training fit` to make them")
    return {name: found[name] for name in sorted(found, key=_column_order)}


def _column_order(target: str) -> tuple[int, str]:
    """Sort key: the three standing targets first, then the user's by name."""
    return (_ORDER.index(target) if target in _ORDER else len(_ORDER), target)
