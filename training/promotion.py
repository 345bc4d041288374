"""Candidates replace models in use only where the same folds say that they are better beyond noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from screener.card import ModelCard
from screener.device import Device
from screener.errors import InputError, ModelError
from screener.model import Model
from screener.model_set import SUMS, check_file, find_folder, recorded_digests
from training.comparison import PairedTest, better, compare_folds

HEADLINE: Mapping[str, str] = {"regression": "r2", "classification": "pr_auc"}
"""Score that decides, by kind of target; both are better the higher they are."""
MODEL = ".onnx"
_FIT = "fit both on the same data, or promote without a comparison with `--anyway`"


@dataclass(frozen=True, slots=True)
class InUse:
    """Where the models in use lie, and the recorded digest of every file of the folder by name."""

    folder: Path | None
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one candidate.

    Attributes:
        candidate: the new model.
        old: digest of the model in use, 16 hex digits; empty where there is none.
        score: name of the score compared; empty where nothing was.
        means: its mean over the folds, old and new; empty where nothing was compared.
        test: paired test of the folds; None where nothing was compared.
        promoted: whether it replaces the model in use.
        forced: promoted although the folds do not say that it is better.
    """

    candidate: Model
    old: str
    score: str
    means: tuple[float, ...]
    test: PairedTest | None
    promoted: bool
    forced: bool

    def told(self) -> str:
        """Say the numbers and the outcome on one line."""
        return f"{self.candidate.name}  {self.candidate.digest}  {self._reason()}"

    def _reason(self) -> str:
        """Say why."""
        if not self.old:
            return "promoted, the first of its name"
        if self.test is None:
            return "promoted without a comparison, as asked" if self.forced else "in use already"
        (before, after), test = self.means, self.test
        numbers = (
            f"{self.score} {before:.3f} → {after:.3f}, difference {test.mean:+.3f} "
            f"(95 % interval {test.low:+.3f} to {test.high:+.3f}), p {test.p:.3f}"
        )
        if self.forced:
            return f"{numbers}: not better beyond noise, promoted as asked"
        return f"{numbers}: {'better, promoted' if self.promoted else 'not better beyond noise, kept the old one'}"


def load_candidates(folder: Path, names: Sequence[str]) -> list[Model]:
    """Load and prove the candidates of a folder.

    Args:
        folder: as `training fit --out` writes.
        names: targets or files, such as `hardness_gpa` or `screen/hardness.onnx`; every model where empty.

    Raises:
        InputError: the folder holds no model of a name.
        ModelError: no models there, or one that is damaged or was made for other descriptors.
    """
    if not (folder / SUMS).is_file():
        raise ModelError(f"no models in `{folder}`", "name a folder with `--from`, as `training fit --out` writes")
    digests = recorded_digests(folder)
    found = [
        Model.load(check_file(folder, name, digest), Device("cpu"), name)
        for name, digest in sorted(digests.items())
        if name.endswith(MODEL)
    ]
    for name in names:
        if not any(name in (model.name, model.card.target.name) for model in found):
            targets = ", ".join(sorted({model.card.target.name for model in found})) or "none"
            raise InputError(f"`{folder}` holds no model `{name}`", f"it has models of {targets}")
    return [m for m in found if not names or m.name in names or m.card.target.name in names]


def find_in_use(folder: Path) -> InUse:
    """Find the models that candidates must beat: those of a folder, or while it has none, the installed ones.

    Raises:
        ModelError: the folder's list of digests is unreadable.
    """
    if (folder / SUMS).is_file():
        return InUse(folder, recorded_digests(folder))
    try:
        installed = find_folder()
    except ModelError:
        return InUse(None, {})
    return InUse(installed, recorded_digests(installed))


def decide(candidate: Model, in_use: InUse, *, anyway: bool = False) -> Decision:
    """Compare a candidate with the model in use on the folds of their cards.

    Raises:
        InputError: they cannot be compared, and ``anyway`` does not ask to promote all the same.
        ModelError: the model in use does not load, and ``anyway`` does not ask to promote all the same.
    """
    recorded = in_use.digests.get(candidate.name, "")
    old = recorded[: len(candidate.digest)]
    if in_use.folder is None or not recorded:
        return Decision(candidate, "", "", (), None, promoted=True, forced=False)
    if old == candidate.digest:
        return Decision(candidate, old, "", (), None, promoted=False, forced=False)
    try:
        path = check_file(in_use.folder, candidate.name, recorded)
        current = Model.load(path, Device("cpu"), candidate.name)
        score, before, after = paired_scores(current.card, candidate.card, candidate.name)
    except ModelError as problem:
        if not anyway:
            hint = "mend the model in use, or promote without a comparison with `--anyway`"
            raise ModelError(f"the model in use cannot be compared: {problem.message}", hint) from None
        return Decision(candidate, old, "", (), None, promoted=True, forced=True)
    except InputError:
        if not anyway:
            raise
        return Decision(candidate, old, "", (), None, promoted=True, forced=True)
    test = compare_folds(after, before)
    means = (math.fsum(before) / len(before), math.fsum(after) / len(after))
    return Decision(candidate, old, score, means, test, better(test) or anyway, forced=anyway and not better(test))


def paired_scores(old: ModelCard, new: ModelCard, name: str) -> tuple[str, Sequence[float], Sequence[float]]:
    """Give the name of the deciding score and its values of the same folds, old and new.

    Raises:
        InputError: another target or tier, other folds, or folds without a usable score.
    """
    if (old.target.name, old.target.unit, old.target.kind) != (new.target.name, new.target.unit, new.target.kind):
        raise InputError(
            f"`{name}` predicts `{new.target.name}` in {new.target.unit}, the model in use `{old.target.name}` in "
            f"{old.target.unit}",
            "rename one of them, or promote without a comparison with `--anyway`",
        )
    if old.tier != new.tier:
        raise InputError(f"`{name}` is of the {new.tier} tier, the model in use of the {old.tier} tier", _FIT)
    score = HEADLINE[new.target.kind]
    for card, which in ((new, f"`{name}`"), (old, f"the model in use of `{name}`")):
        if not card.folds or score not in card.fold_scores:
            raise InputError(f"the card of {which} has no {score} by fold", _FIT)
    before, after = old.fold_scores[score], new.fold_scores[score]
    if old.folds != new.folds or len(before) != len(after):
        raise InputError(f"`{name}` and the model in use were scored on other folds", _FIT)
    if len(after) < 2 or not all(map(math.isfinite, (*before, *after))):
        raise InputError(f"`{name}` or the model in use has no usable {score} in some fold", _FIT)
    return score, before, after
