"""Whether a folder of candidates is whole: every file is there, as it was written, and nothing is missing or beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from screener.errors import InputError
from screener.runs.journal import RUN_JSON, Shard
from screener.runs.sealed import of_type, read_bytes, unseal
from screener.runs.shards import KIND, MANIFEST, VERSION, problem_with
from screener.runs.spans import Spans

_MADE_AGAIN = "write the candidates again into a new folder: the search gives the same bytes"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder of candidates should hold.

    Attributes:
        candidates: how many were scored.
        rows: how many of them are written.
        shards: the files.
    """

    candidates: int
    rows: int
    shards: tuple[Shard, ...]


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a folder.

    Raises:
        InputError: there is none, it is damaged, or contradicts itself.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise InputError(f"`{folder}` is not a folder", "name the folder that `--all` has written")
    if not path.exists() and (folder / RUN_JSON).exists():
        raise InputError(f"`{folder}` holds an unfinished run", f"go on with `screener enumerate --resume {folder}`")
    if not path.exists():
        raise InputError(f"there is no `{MANIFEST}` in `{folder}`", "name the folder that `--all` has written")
    content = unseal(read_bytes(path, f"`{path}`", _MADE_AGAIN), KIND, VERSION, f"`{path}`", _MADE_AGAIN)
    try:
        return _checked(content)
    except (KeyError, ValueError) as problem:
        raise InputError(f"`{path}` is damaged: it holds {problem}", _MADE_AGAIN) from None


def problems_of(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield what is wrong with the files of a folder, one fact each; nothing where all is well."""
    import polars

    listed = {shard.file for shard in manifest.shards}
    for path in sorted(folder.iterdir()):
        if path.name not in listed and path.name not in (MANIFEST, RUN_JSON):
            yield f"`{path.name}` is not in the manifest"
    for shard in manifest.shards:
        if problem := problem_with(folder, shard):
            yield problem
        elif (rows := polars.scan_parquet(folder / shard.file).select(polars.len()).collect().item()) != shard.rows:
            yield f"`{shard.file}` has {rows} rows where {shard.rows} were written"


def _checked(content: Mapping[str, object]) -> Manifest:
    """Take parts of the right types that agree with each other.

    Raises:
        KeyError: a part is missing.
        ValueError: one is something else.
    """
    shards = tuple(Shard.from_json(each) for each in of_type(content["shards"], list))
    manifest = Manifest(of_type(content["candidates"], int), of_type(content["rows"], int), shards)
    covered = Spans((shard.start, shard.stop) for shard in shards)
    if covered.count != manifest.candidates or (shards and covered.intervals() != [(0, manifest.candidates)]):
        raise ValueError("shards that leave candidates out")
    if sum(shard.rows for shard in shards) != manifest.rows:
        raise ValueError("shards with other rows")
    return manifest
