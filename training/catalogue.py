"""Where the measured data sets are: names, files, digests, licences, citations, and how each is found."""

from __future__ import annotations

import difflib
import hashlib
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import platformdirs

from screener.errors import InputError

DATA_VARIABLE = "SCREENER_DATA"

Place = Literal["SCREENER_DATA", "cache", "missing"]


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of a data set.

    Attributes:
        path: place inside a data folder, with forward slashes.
        n_bytes: size.
        sha256: digest of its bytes, hexadecimal.
        url: where the same bytes can be downloaded, or None.
    """

    path: str
    n_bytes: int
    sha256: str
    url: str | None


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set as published or collected.

    Attributes:
        key: short name, the source column of every table made from it.
        title: what was measured on what.
        files: its files; the first is the one that is read.
        n_records: records in the first file.
        licence: as stated by the publisher of the copy.
        citation: authors and journal.
        doi: of the publication, empty where it has none.
        origin: repository and commit of the copy.
        remark: what to know before trusting it.
    """

    key: str
    title: str
    files: tuple[DataFile, ...]
    n_records: int
    licence: str
    citation: str
    doi: str
    origin: str
    remark: str


@cache
def catalogue() -> Mapping[str, DataSet]:
    """Return every data set by key, in the order of the catalogue file."""
    text = Path(__file__).with_name("catalogue.toml").read_text(encoding="utf-8")
    return MappingProxyType({key: _data_set(key, entry) for key, entry in tomllib.loads(text).items()})


def data_set(key: str) -> DataSet:
    """Return the entry of one data set.

    Raises:
        InputError: no data set has this key.
    """
    known = catalogue()
    if key not in known:
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean `{close[0]}`?" if close else "training data list shows the keys"
        raise InputError(f"unknown data set `{key}`", hint)
    return known[key]


def cache_folder() -> Path:
    """Return the folder that holds downloaded data sets, whether or not it exists."""
    return Path(platformdirs.user_cache_dir("alloy-screener", appauthor=False)) / "data"


def find(file: DataFile) -> tuple[Path | None, Place]:
    """Return where a file lies now and which folder that is; its digest is not checked here."""
    named = os.environ.get(DATA_VARIABLE)
    if named and (path := Path(named) / file.path).is_file():
        return path, "SCREENER_DATA"
    if (path := cache_folder() / file.path).is_file():
        return path, "cache"
    return None, "missing"


def locate(key: str, name: str | None = None, *, download: bool = False) -> Path:
    """Return the verified path of one file of a data set.

    Args:
        key: data set.
        name: file name; the first file of the set where None.
        download: fetch the file into the cache if it is nowhere and a URL is known.

    Raises:
        InputError: unknown key or name, file nowhere to be found, or other bytes than catalogued.
    """
    entry = data_set(key)
    file = entry.files[0] if name is None else _named(entry, name)
    path, _ = find(file)
    if path is None:
        if not (download and file.url):
            raise InputError(f"data file `{file.path}` is nowhere to be found", _how_to_get(entry, file))
        path = _download(file)
    _verify(file, path)
    return path


def fetch(key: str) -> list[Path]:
    """Find or download every file of a data set and return their verified paths.

    Files other than the first are skipped where they have neither a copy nor a URL.

    Raises:
        InputError: as `locate`.
    """
    entry = data_set(key)
    wanted = [file for file in entry.files[1:] if file.url or find(file)[0] is not None]
    return [locate(key, Path(file.path).name, download=True) for file in (entry.files[0], *wanted)]


def data_digest(keys: Iterable[str]) -> str:
    """Name the bytes behind a set of keys by 16 hexadecimal digits, whatever their order."""
    lines = sorted(f"{key} {data_set(key).files[0].sha256}" for key in set(keys))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _data_set(key: str, entry: dict[str, object]) -> DataSet:
    files = entry["files"]
    assert isinstance(files, list)
    rows = entry["rows"]
    assert isinstance(rows, int)
    text = {name: str(entry[name]) for name in ("title", "licence", "citation", "doi", "origin", "remark")}
    return DataSet(key=key, files=tuple(_data_file(file) for file in files), n_records=rows, **text)


def _data_file(file: Mapping[str, object]) -> DataFile:
    url = file.get("url")
    return DataFile(str(file["path"]), int(str(file["bytes"])), str(file["sha256"]), None if url is None else str(url))


def _named(entry: DataSet, name: str) -> DataFile:
    for file in entry.files:
        if Path(file.path).name == name:
            return file
    names = ", ".join(f"`{Path(file.path).name}`" for file in entry.files)
    raise InputError(f"data set `{entry.key}` has no file `{name}`", f"it has {names}")


def _how_to_get(entry: DataSet, file: DataFile) -> str:
    """Say what to type or where to put the file."""
    if file.url:
        return f"training data fetch {entry.key}, or set {DATA_VARIABLE} to a folder that has it"
    return f"no public copy of these bytes is known; put it at ${DATA_VARIABLE}/{file.path} (origin: {entry.origin})"


def _download(file: DataFile) -> Path:
    """Download one file into the cache; only bytes with the catalogued digest are kept."""
    import pooch

    target = cache_folder() / file.path
    try:
        pooch.retrieve(
            file.url, known_hash=f"sha256:{file.sha256}", fname=target.name, path=target.parent, progressbar=False
        )
    except (OSError, ValueError) as error:
        reason = "its digest differs" if isinstance(error, ValueError) else type(error).__name__
        raise InputError(
            f"data file `{file.path}` cannot be downloaded: {reason}",
            f"download {file.url} yourself and put it at ${DATA_VARIABLE}/{file.path}",
        ) from None
    return target


def _verify(file: DataFile, path: Path) -> None:
    """Refuse a file whose bytes are not the catalogued ones."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != file.sha256:
        raise InputError(
            f"data file `{path}` is not the catalogued one (sha256 `{digest[:16]}…`)",
            f"remove it and fetch it anew, or restore the file with sha256 {file.sha256[:16]}…",
        )
