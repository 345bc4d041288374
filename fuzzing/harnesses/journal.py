"""Journals of runs and of folders of lists, and manifests: also those with the right digest of a wrong content."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from fuzzing.harnesses import chosen, hold_to_manners
from screener.errors import ScreenerError
from screener.folder_scoring import _done
from screener.pareto import ParetoFront
from screener.ranking import Ranking
from screener.runs.journal import KIND, LIST_KIND, LIST_VERSION, VERSION, Entry, intervals_of
from screener.runs.kept_state import kept_of, merge_state, state_of
from screener.runs.listing import Unfinished, unfinished_runs
from screener.runs.recipe import differences
from screener.runs.sealed import of_type, unseal
from screener.runs.shards import KIND as MANIFEST_KIND
from screener.runs.shards import MANIFEST
from screener.runs.verifying import read_manifest

TOKENS = (
    *('"recipe"', '"output"', '"size"', '"models"', '"tables"', '"version"', '"stages"', '"proof"', '"shards"', "null"),
    *(
        '"started"',
        '"updated"',
        '"spans"',
        '"name"',
        '"best 20"',
        '"front max min"',
        '"seen"',
        '"nan_count"',
        '"index"',
    ),
    *(
        '"values"',
        '"type"',
        '"shape"',
        '"bytes"',
        '"int64"',
        '"float64"',
        '"settled"',
        '"question"',
        '"elements"',
        "[]",
    ),
    *(
        "NaN",
        "Infinity",
        "1e999",
        "-1",
        "9223372036854775807",
        "0.5",
        "true",
        "{}",
        '""',
        '"digest"',
        '"done"',
        "1e300",
    ),
)
_FOLDER = Path(tempfile.mkdtemp(prefix="fuzzing-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))


def check(data: bytes) -> None:
    """Read a journal or a manifest as it stands, or sealed as if a run had written it."""
    kind, rest = chosen(data, 6)
    sealed = rest if kind % 2 == 0 else _sealed(rest, (KIND, LIST_KIND, MANIFEST_KIND)[kind // 2])
    try:
        (_check_run, _check_lists, _check_manifest)[kind // 2](sealed)
    except ScreenerError as refused:
        hold_to_manners(refused)


def remove_folder() -> None:
    """Take away the folder that journals are put into."""
    shutil.rmtree(_FOLDER, ignore_errors=True)


def _sealed(body: bytes, kind: str) -> bytes:
    """Give a content the head that belongs to it."""
    digest = hashlib.sha256(body).hexdigest()
    return f'{{"format": "{kind} 1",\n "sha256": "{digest}",\n "content": '.encode() + body + b"}\n"


def _check_run(raw: bytes) -> None:
    """Read the journal of a run as `screener runs` and `--resume` do."""
    (_FOLDER / "out.csv.run").write_bytes(raw)
    for listed in unfinished_runs(_FOLDER):
        json.dumps(listed.as_json(), allow_nan=False)
    entry = Entry.from_bytes(raw, "`x.run`")
    again = Entry.from_bytes(entry.to_bytes(), "`x.run`")
    assert again == entry, "reads back as another"
    assert 0.0 <= entry.share <= 1.0
    assert entry.job.as_json() == entry.recipe
    assert not differences(entry.recipe, entry.job.as_json())
    json.dumps(Unfinished(Path("x"), False, entry).as_json(), allow_nan=False)
    for stage in entry.stages:
        _check_stage(stage, entry.size)


def _check_stage(stage: Mapping[str, object], size: int) -> None:
    """Take in what a pass kept, as a run that goes on does."""
    intervals_of(stage)
    try:
        kept = kept_of(of_type(stage.get("name"), str))
        merge_state(kept, stage, size)
    except ValueError:
        return
    index, values = kept.finish()
    assert len(index) == len(values)
    assert not len(index) or 0 <= index.min() <= index.max() < size
    assert kept.nan_count <= kept.seen
    same: Ranking | ParetoFront = kept_of(str(stage["name"]))
    merge_state(same, state_of(kept), size)
    assert state_of(same) == state_of(kept), "a pass that reads back as another"


def _check_lists(raw: bytes) -> None:
    """Read the journal of a folder of lists."""
    content = unseal(raw, LIST_KIND, LIST_VERSION, "`x.run`", "remove it")
    with suppress(KeyError, ValueError):  # which the reader turns into a refusal
        of_type(content["asked"], dict)
        for name, (digest, scored) in _done(content["done"]).items():
            assert isinstance(name, str)
            assert isinstance(digest, str)
            assert all(isinstance(count, int) for count in scored.counts.values())


def _check_manifest(raw: bytes) -> None:
    """Read the manifest of a folder of candidates."""
    folder = _FOLDER / "all"
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST).write_bytes(raw)
    manifest = read_manifest(folder)
    assert manifest.rows == sum(shard.rows for shard in manifest.shards)
    assert all(math.isfinite(shard.start) and ".." not in shard.file for shard in manifest.shards)


assert VERSION == LIST_VERSION == 1, "`_sealed` writes version 1"
