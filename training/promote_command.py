"""`training promote`: candidates take the place of models in use where they are better; every outcome is said."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from screener.device import Device
from screener.errors import InputError, ModelError
from screener.model import Model
from screener.model_set import ALLOY_INDEX, check_file, recorded_digests, user_folder
from screener.nearest import AlloyIndex
from training import dates
from training.alloy_index import merge_indexes
from training.promotion import MODEL, Decision, InUse, decide, find_in_use, load_candidates
from training.publish import check_writable, publish, write_whole
from training.readme import TITLE, models_readme

PREVIOUS = "previous"
"""Folder, inside the folder of models, of the files that were replaced."""
JOURNAL = "promotions.jsonl"


@dataclass(frozen=True, slots=True)
class PromoteRequest:
    """What `training promote` was asked for.

    Attributes:
        candidates: folder of new models.
        to: folder of the models in use; the user's data folder where None.
        names: targets or files; every candidate where empty.
        anyway: promote without being better, or without a comparison.
        as_json: print one JSON document in the place of lines.
    """

    candidates: Path | None = None
    to: Path | None = None
    names: tuple[str, ...] = ()
    anyway: bool = False
    as_json: bool = False


def run_promote(request: PromoteRequest) -> None:
    """Compare every candidate with the model in use, print the numbers, and put the better ones in place.

    All or nothing: where one candidate cannot be compared, none is promoted.

    Raises:
        InputError: candidates that cannot be compared or named.
        ModelError: no candidates, or models that are damaged.
        OutputError: the folder cannot be written.
    """
    folder = request.to or user_folder()
    if request.candidates is None:
        raise InputError(
            "no folder of new models is named", "name a folder with `--from`, as `training fit --out` writes"
        )
    if request.candidates.resolve() == folder.resolve():
        raise InputError(f"`{folder}` cannot replace itself", "name another folder with `--from` or `--to`")
    check_writable(folder)
    candidates = load_candidates(request.candidates, request.names)
    in_use = find_in_use(folder)
    decisions = [decide(candidate, in_use, anyway=request.anyway) for candidate in candidates]
    today = dates.today()
    if any(decision.promoted for decision in decisions):
        replace_models(folder, request.candidates, in_use, [d for d in decisions if d.promoted], today)
    if request.as_json:
        told = [{**_entry(d, today), "promoted": d.promoted, "said": d.told()} for d in decisions]
        print(json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False))
        return
    for decision in decisions:
        print(decision.told())


def replace_models(folder: Path, candidates: Path, in_use: InUse, promoted: Sequence[Decision], today: str) -> None:
    """Keep what is replaced, publish the whole folder, and record what was done.

    A folder that holds no models yet also gets those in use, so that it serves every target. In the index of training
    alloys, targets keep the alloys of the models that serve them.
    """
    replaced = {decision.candidate.name for decision in promoted}
    files: dict[str, bytes] = {}
    if in_use.folder not in (None, folder):
        files |= {name: _recorded(in_use, name) for name in in_use.digests if name not in replaced}
    if ALLOY_INDEX in (digests := recorded_digests(candidates)):
        fresh = AlloyIndex.read(check_file(candidates, ALLOY_INDEX, digests[ALLOY_INDEX]))
        files[ALLOY_INDEX] = _joint_index(fresh, in_use, promoted)
    files |= {decision.candidate.name: decision.candidate.content for decision in promoted}
    for decision in promoted:
        if decision.old and (content := _content(in_use, decision.candidate.name)):
            write_whole(folder / PREVIOUS / f"{hashlib.sha256(content).hexdigest()[:16]}{MODEL}", content)
    publish(folder, files)
    _write_readme(folder)
    _record(folder, promoted, today)


def _joint_index(fresh: AlloyIndex, in_use: InUse, promoted: Sequence[Decision]) -> bytes:
    """Join the alloys of the promoted models with those of the models that stay in use."""
    new = {decision.candidate.card.target.name for decision in promoted}
    joined = new & _targets_kept(in_use, {decision.candidate.name for decision in promoted})
    return merge_indexes(_index_in_use(in_use), fresh, new - joined, joined).to_bytes()


def _index_in_use(in_use: InUse) -> AlloyIndex | None:
    """Read the index of the models in use; None where there is none that reads."""
    if in_use.folder is None or ALLOY_INDEX not in in_use.digests:
        return None
    try:
        return AlloyIndex.read(check_file(in_use.folder, ALLOY_INDEX, in_use.digests[ALLOY_INDEX]))
    except ModelError:
        return None


def _targets_kept(in_use: InUse, replaced: Collection[str]) -> set[str]:
    """Targets of models that stay in use; one that does not load has none."""
    kept: set[str] = set()
    for name in in_use.digests:
        if name.endswith(MODEL) and name not in replaced and in_use.folder is not None:
            with suppress(ModelError):
                path = check_file(in_use.folder, name, in_use.digests[name])
                kept.add(Model.load(path, Device("cpu"), name).card.target.name)
    return kept


def _recorded(in_use: InUse, name: str) -> bytes:
    """Read a file in use whose bytes are the recorded ones."""
    assert in_use.folder is not None
    return check_file(in_use.folder, name, in_use.digests[name]).read_bytes()


def _content(in_use: InUse, name: str) -> bytes:
    """Read a file that is replaced, whatever its state; nothing where it is gone."""
    assert in_use.folder is not None
    path = in_use.folder / name
    return path.read_bytes() if path.is_file() else b""


def _write_readme(folder: Path) -> None:
    """Write the folder's table of models again, unless the file there is the user's own."""
    readme = folder / "README.md"
    if readme.exists() and not readme.read_text(encoding="utf-8", errors="replace").startswith(TITLE):
        return
    names = sorted(name for name in recorded_digests(folder) if name.endswith(MODEL))
    try:
        models = {name: Model.load(folder / name, Device("cpu"), name) for name in names}
    except ModelError:
        return  # a model that was not replaced does not load, and `screener models` says which
    write_whole(readme, models_readme(models).encode())


def _record(folder: Path, promoted: Sequence[Decision], today: str) -> None:
    """Add a line for every promotion to the folder's journal."""
    journal = folder / JOURNAL
    earlier = journal.read_bytes() if journal.is_file() else b""
    lines = [json.dumps(_entry(d, today), ensure_ascii=False, allow_nan=False) for d in promoted]
    if earlier and not earlier.endswith(b"\n"):
        earlier += b"\n"
    write_whole(journal, earlier + "".join(f"{line}\n" for line in lines).encode())


def _entry(decision: Decision, today: str) -> dict[str, object]:
    """Describe one promotion; an infinite t is null."""
    card, test = decision.candidate.card, decision.test
    entry: dict[str, object] = {
        "date": today,
        "file": decision.candidate.name,
        "target": card.target.name,
        "tier": card.tier,
        "old": decision.old or None,
        "new": decision.candidate.digest,
        "forced": decision.forced,
        "test": None,
    }
    if test is not None:
        before, after = decision.means
        numbers = {"old": before, "new": after, "difference": test.mean, "t": test.t, "p": test.p}
        numbers |= {"low": test.low, "high": test.high}
        finite = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        entry["test"] = {"score": decision.score, "folds": card.folds, **finite}
    return entry
