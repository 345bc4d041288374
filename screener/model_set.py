"""The models of one folder: where they are looked up, which tier serves which target."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from screener.card import TIERS, Classifier, Tier
from screener.device import Device
from screener.errors import ModelError
from screener.freed_memory import give_back
from screener.model import Model

SUMS = "SHA256SUMS"
MODEL = ".onnx"
MAX_LIST_BYTES = 1_000_000
"""Longer lists of digests are not read: those of this package have a thousand bytes."""
_LINE = re.compile(r"(?P<digest>[0-9a-fA-F]{64})[ \t]+\*?(?P<name>\S(?:.*\S)?)")
"""A line as `sha256sum` writes it."""
ALLOY_INDEX = "training_alloys.npz"
"""Compositions behind the models, with source keys and no measured values."""
STANDING_TARGETS = ("p_amorphous", "p_bulk_glass", "resistivity_uohm_cm", "hardness_gpa")
"""Targets that come first, in this order; a user's own follow by name."""
_CHOICE = "p_amorphous"
"""Target of which the screen tier may hold several classifiers to choose from."""
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
        ModelError: the folder named holds no models, a file of it is missing or not on record, or there are no models
            anywhere.
    """
    for source, folder in (("--models", explicit), ("$SCREENER_MODELS", os.environ.get("SCREENER_MODELS"))):
        if folder:
            if not _has_list(Path(folder)):
                raise ModelError(
                    f"no models in `{folder}`",
                    f"{source} must name a folder with a {SUMS} file, as `training fit --out` writes",
                )
            return _complete(Path(folder))
    for folder in (user_folder(), *packaged_folders()):
        if _has_list(folder):
            return _complete(folder)
    raise ModelError("no models are installed", "run `training fit`, or name a folder with `--models`")


def user_folder() -> Path:
    """Folder that `training fit` writes when no other is named."""
    from platformdirs import user_data_path

    return user_data_path("alloy-screener", appauthor=False) / "models"


def packaged_folders() -> tuple[Path, Path]:
    """Folders of the shipped models: inside the package, or beside it in a source checkout."""
    package = Path(__file__).resolve().parent
    return package / "models", package.parent / "models"


def _has_list(folder: Path) -> bool:
    """Say whether a folder has a list of digests; a folder that cannot be entered has an unreadable one."""
    try:
        return (folder / SUMS).is_file()
    except OSError as problem:
        raise _unreadable(folder, problem) from None


def _unreadable(path: Path, problem: OSError) -> ModelError:
    """Say why the system does not let a file or folder be read."""
    reason = os.strerror(problem.errno).lower() if problem.errno else type(problem).__name__
    return ModelError(f"cannot read `{path}`: {reason}", "name a folder that you can read with `--models`")


def _complete(folder: Path) -> Path:
    """Return a folder whose list and files go together.

    Raises:
        ModelError: a file that the list names is missing, or a model is not on the list.
    """
    digests = recorded_digests(folder)
    for name in digests:
        _present(folder, name)
    for tier in TIERS:
        _check_listed(folder, tier, digests)
    return folder


def _check_listed(folder: Path, tier: Tier, digests: Collection[str]) -> None:
    """Refuse a folder with a model that is not on record: nobody can say whose it is."""
    try:
        found = sorted(f"{tier}/{entry.name}" for entry in os.scandir(folder / tier) if entry.name.endswith(MODEL))
    except OSError:
        return  # no folder, no models; those on the list are missed by name
    for name in found:
        if name not in digests:
            raise ModelError(f"`{name}` is not listed in `{folder / SUMS}`", f"take the file away, or {_MADE_AGAIN}")


def recorded_digests(folder: Path) -> dict[str, str]:
    """Read the folder's list of files and sha256 digests.

    Raises:
        ModelError: the list is missing or unreadable, or names a file twice or outside the folder.
    """
    try:
        with (folder / SUMS).open("rb") as stream:
            content = stream.read(MAX_LIST_BYTES + 1)
        lines = content.decode().split("\n") if len(content) <= MAX_LIST_BYTES else ["too long"]
        pairs = [_LINE.fullmatch(line.rstrip()) for line in lines if line.strip()]
    except (OSError, ValueError):
        pairs = [None]
    digests: dict[str, str] = {}
    for pair in pairs:
        if pair is None or not pair["name"].isprintable():
            raise ModelError(f"cannot read `{folder / SUMS}`", _MADE_AGAIN)
        name = pair["name"]
        if name in digests:
            raise ModelError(f"`{folder / SUMS}` lists `{name}` twice", _MADE_AGAIN)
        _inside(folder, name)
        digests[name] = pair["digest"].lower()
    return digests


def check_file(folder: Path, name: str, digest: str) -> Path:
    """Return the path of a recorded file whose content is as recorded.

    Raises:
        ModelError: it is missing, outside the folder or changed.
    """
    path = _present(folder, name)
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as problem:
        raise _unreadable(path, problem) from None
    if found != digest:
        raise ModelError(f"`{name}` does not match its recorded digest", _remedy(name))
    return path


def _present(folder: Path, name: str) -> Path:
    """Return the path of a recorded file that is there."""
    path = _inside(folder, name)
    try:
        there = path.is_file()
    except OSError as problem:
        raise _unreadable(path, problem) from None
    if not there:
        raise ModelError(f"the model file `{name}` is missing from `{folder}`", _remedy(name))
    return path


def _inside(folder: Path, name: str) -> Path:
    """Return the path of a recorded file; neither its name nor a link leads out of the folder."""
    path = folder / name
    try:
        plain = all(part not in ("", ".", "..") for part in name.split("/"))
        if plain and "\0" not in name and path.resolve().is_relative_to(folder.resolve()):
            return path
    except (OSError, RuntimeError):  # links in a circle, names longer than the system has them
        pass
    raise ModelError(f"`{name}` in {SUMS} lies outside `{folder}`", _remedy(name))


def _remedy(name: str) -> str:
    return f"restore `{name}`, or {_MADE_AGAIN}"


def load_models(
    folder: Path,
    device: Device,
    tiers: tuple[Tier, ...] = ("screen", "characterize"),
    classifier: Classifier = "",
    *,
    contents: bool = True,
) -> ModelSet:
    """Load and prove every model of the tiers asked for.

    Args:
        folder: folder of models.
        device: where they run.
        tiers: which of them.
        classifier: kind of the screen tier's amorphous classifier; empty takes the preferred one.
        contents: whether to keep the files' bytes, which only readers of graphs need.

    Raises:
        ModelError: a file is missing, changed or unusable, a tier is empty, or there is no such classifier.
    """
    digests = recorded_digests(folder)
    for tier in tiers:
        _check_listed(folder, tier, digests)
    names = sorted(n for n in digests if n.endswith(MODEL) and n.split("/")[0] in tiers)
    paths = [_present(folder, name) for name in names]
    # one after the other: each takes about eight times its size for a moment
    models = [_load(path, device, name, digests[name], contents) for path, name in zip(paths, names, strict=True)]
    by_tier = {tier: _by_target(tier, folder, models, classifier if tier == "screen" else "") for tier in tiers}
    chosen = {model.name for found in by_tier.values() for model in found.values()}
    text = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return ModelSet(folder, by_tier, digest, tuple(model for model in models if model.name not in chosen))


def _load(path: Path, device: Device, name: str, digest: str, contents: bool) -> Model:
    """Load a model, with its file's bytes or without; what reading a large one took is given back at once."""
    model = Model.load(path, device, name, digest)
    large = len(model.content) > _LARGE
    if not contents:
        model = replace(model, content=b"")
    if large:
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
