from __future__ import annotations

import hashlib
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath

import pytest

from screener.errors import InputError
from training import catalogue as module
from training.catalogue import DataFile, DataSet, catalogue, data_digest, data_set, fetch, find, locate
from training.sources import LOADERS

CONTENT = b"composition,value\nAl50Ti50,1\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def places(tmp_path, monkeypatch):
    """An empty data folder and an empty cache, with a catalogue of two invented sets."""
    data, cache = tmp_path / "data", tmp_path / "cache"
    monkeypatch.setenv("SCREENER_DATA", str(data))
    monkeypatch.setattr(module, "cache_folder", lambda: cache)
    use_catalogue(monkeypatch, url=None)
    return data, cache


def use_catalogue(monkeypatch, url):
    files = (DataFile("set/table.csv", len(CONTENT), DIGEST, url), DataFile("set/notes.csv", 3, "0" * 64, None))
    entry = DataSet("invented", "title", files, 1, "MIT", "A. Body (2020)", "", "example.org @ 1", "none")
    monkeypatch.setattr(module, "catalogue", lambda: {"invented": entry})


def put(folder: Path, content: bytes = CONTENT) -> Path:
    path = folder / "set" / "table.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_catalogue_entries_are_complete():
    paths = [file.path for entry in catalogue().values() for file in entry.files]
    assert len(set(paths)) == len(paths) >= 35
    for entry in catalogue().values():
        assert entry.files
        assert entry.title
        assert entry.licence
        assert entry.citation
        assert entry.origin.startswith("https://github.com/")
        assert entry.doi == "" or re.fullmatch(r"10\.\d{4,9}/\S+", entry.doi)
        for file in entry.files:
            assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
            assert file.n_bytes > 0
            assert not PurePosixPath(file.path).is_absolute()
            assert ".." not in PurePosixPath(file.path).parts
            assert file.url is None or re.fullmatch(
                r"https://raw\.githubusercontent\.com/\S+/[0-9a-f]{40}/\S+", file.url
            )


def test_every_loader_has_an_entry():
    assert set(LOADERS) <= set(catalogue())


def test_named_folder_comes_before_the_cache(places):
    data, cache = places
    file = data_set("invented").files[0]
    assert find(file) == (None, "missing")
    in_cache = put(cache)
    assert find(file) == (in_cache, "cache")
    in_data = put(data)
    assert find(file) == (in_data, "SCREENER_DATA")
    assert locate("invented") == in_data


def test_without_the_variable_only_the_cache_counts(places, monkeypatch):
    data, _ = places
    put(data)
    monkeypatch.delenv("SCREENER_DATA")
    assert find(data_set("invented").files[0]) == (None, "missing")


def test_other_bytes_are_refused(places):
    path = put(places[0], CONTENT + b"\n")
    with pytest.raises(InputError) as refusal:
        locate("invented")
    digest = hashlib.sha256(CONTENT + b"\n").hexdigest()[:16]
    assert refusal.value.message == f"data file `{path}` is not the catalogued one (sha256 `{digest}…`)"
    assert refusal.value.hint == f"remove it and fetch it anew, or restore the file with sha256 {DIGEST[:16]}…"


def test_a_missing_file_without_url_says_where_to_put_it(places):
    with pytest.raises(InputError) as refusal:
        locate("invented", download=True)
    assert refusal.value.message == "data file `set/table.csv` is nowhere to be found"
    assert refusal.value.hint == (
        "no public copy of these bytes is known; put it at $SCREENER_DATA/set/table.csv (origin: example.org @ 1)"
    )


def test_a_missing_file_with_url_says_what_to_type(places, monkeypatch):
    use_catalogue(monkeypatch, "http://127.0.0.1:9/table.csv")
    with pytest.raises(InputError) as refusal:
        locate("invented")
    assert refusal.value.hint == "training data fetch invented, or set SCREENER_DATA to a folder that has it"


def test_unknown_names_suggest_the_nearest(places):
    with pytest.raises(InputError) as refusal:
        locate("inventde")
    assert (refusal.value.message, refusal.value.hint) == ("unknown data set `inventde`", "did you mean `invented`?")
    with pytest.raises(InputError) as refusal:
        locate("invented", "other.csv")
    assert refusal.value.message == "data set `invented` has no file `other.csv`"
    assert refusal.value.hint == "it has `table.csv`, `notes.csv`"


@pytest.fixture
def server(tmp_path):
    """A web server on this machine with one good and one damaged file."""
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "table.csv").write_bytes(CONTENT)
    (folder / "damaged.csv").write_bytes(CONTENT[:-1])
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_fetch_downloads_into_the_cache_once(places, monkeypatch, server):
    _, cache = places
    use_catalogue(monkeypatch, f"{server}/table.csv")
    assert fetch("invented") == [cache / "set" / "table.csv"]
    assert (cache / "set" / "table.csv").read_bytes() == CONTENT
    use_catalogue(monkeypatch, "http://127.0.0.1:9/gone.csv")
    assert fetch("invented") == [cache / "set" / "table.csv"]


def test_a_damaged_download_is_refused_and_not_kept(places, monkeypatch, server):
    _, cache = places
    use_catalogue(monkeypatch, f"{server}/damaged.csv")
    with pytest.raises(InputError) as refusal:
        fetch("invented")
    assert refusal.value.message == "data file `set/table.csv` cannot be downloaded: its digest differs"
    assert not (cache / "set" / "table.csv").exists()


def test_an_unreachable_server_is_named(places, monkeypatch):
    use_catalogue(monkeypatch, "http://127.0.0.1:9/table.csv")
    with pytest.raises(InputError) as refusal:
        fetch("invented")
    assert refusal.value.message == "data file `set/table.csv` cannot be downloaded: ConnectionError"
    assert "http://127.0.0.1:9/table.csv" in refusal.value.hint


def test_data_digest_ignores_order_and_repeats():
    assert data_digest(["ward_2018", "hea_bert"]) == data_digest(["hea_bert", "ward_2018", "hea_bert"])
    assert data_digest(["ward_2018"]) != data_digest(["hea_bert"])


@pytest.mark.data
def test_the_data_folder_holds_the_catalogued_bytes(data_variable):
    for key, entry in catalogue().items():
        for file in entry.files:
            path = locate(key, Path(file.path).name)
            assert path == data_variable / file.path
            assert path.stat().st_size == file.n_bytes
