from __future__ import annotations

import os
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.invented_tasks import GLASS, invented_rows
from training import cell_store
from training.cell_store import Answer, CellStore, answer_key, cell_folder, code_digest, rows_digest

numbers = st.lists(st.floats(allow_nan=True, width=64), max_size=30)


@pytest.fixture
def store(tmp_path):
    return CellStore(tmp_path / "cells")


@settings(deadline=None, max_examples=30)
@given(values=numbers, seconds=st.floats(0, 1e6))
def test_what_is_stored_comes_back_bit_by_bit(tmp_path_factory, values, seconds):
    store, column = CellStore(tmp_path_factory.mktemp("cells")), np.array(values, np.float64)
    store.save("ab12", Answer(column, seconds))
    found = store.load("ab12", len(column))
    assert found is not None
    assert found.values.tobytes() == column.tobytes()
    assert found.seconds == seconds


def test_other_keys_and_other_lengths_are_missing(store):
    store.save("ab12", Answer(np.arange(4.0), 1.0))
    assert store.load("ab13", 4) is None
    assert store.load("ab12", 5) is None


def test_a_file_under_another_name_is_missing(store):
    store.save("ab12", Answer(np.arange(4.0), 1.0))
    path = store.folder / "ab" / "ab12.npz"
    path.rename(path.with_name("ab13.npz"))
    assert store.load("ab13", 4) is None


def test_a_damaged_file_is_missing_wherever_it_is_damaged(store):
    store.save("ab12", Answer(np.arange(40.0), 1.0))
    path = store.folder / "ab" / "ab12.npz"
    whole = path.read_bytes()
    for at in range(0, len(whole), 37):
        path.write_bytes(whole[:at])
        assert store.load("ab12", 40) is None
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        found = store.load("ab12", 40)
        assert found is None or (found.values == np.arange(40.0)).all()
    path.write_bytes(b"PK\x03\x04 no archive")
    assert store.load("ab12", 40) is None


def test_saving_leaves_nothing_but_the_file(store):
    for _ in range(2):
        store.save("ab12", Answer(np.arange(4.0), 1.0))
    assert [path.name for path in store.folder.rglob("*") if path.is_file()] == ["ab12.npz"]


def test_the_folder_is_named_by_a_variable_or_lies_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SCREENER_CELLS", str(tmp_path))
    assert cell_folder() == tmp_path
    monkeypatch.setenv("SCREENER_CELLS", "")
    monkeypatch.setattr(cell_store.platformdirs, "user_cache_dir", lambda name, appauthor: os.fspath(tmp_path / name))
    assert cell_folder() == tmp_path / "alloy-screener" / "cells"


def test_rows_are_named_by_every_column_and_not_by_their_recipe():
    rows = invented_rows()
    name = rows_digest(rows)
    assert name == rows_digest(invented_rows())
    assert name == rows_digest(replace(rows, recipe=GLASS))
    changed = {
        "fractions": rows.fractions[::-1],
        "features": rows.features + 1,
        "y": rows.y + 1e-12,
        "trust": rows.trust * 2,
        "measured": ~rows.measured,
        "source": np.full(len(rows), "user:other"),
    }
    assert len({name, *(rows_digest(replace(rows, **{key: value})) for key, value in changed.items())}) == 7


def test_keys_change_with_all_that_decides_an_answer(monkeypatch):
    masks = [np.arange(9) < 4, np.arange(9) > 5]
    key = answer_key({"model": "ridge"}, masks, ("baselines",))
    assert key == answer_key({"model": "ridge"}, [mask.copy() for mask in masks], ("baselines",))
    others = [
        answer_key({"model": "nearest"}, masks, ("baselines",)),
        answer_key({"model": "ridge"}, masks[::-1], ("baselines",)),
        answer_key({"model": "ridge"}, [masks[0], masks[1][:8]], ("baselines",)),
        answer_key({"model": "ridge"}, masks, ("ensembles",)),
    ]
    monkeypatch.setattr(cell_store, "_versions", lambda: {"numpy": "0"})
    others.append(answer_key({"model": "ridge"}, masks, ("baselines",)))
    assert len({key, *others}) == 6


def test_code_reaches_what_a_module_imports_and_the_settings_beside_it(monkeypatch, tmp_path):
    for name, text in (
        ("first", "def f():\n    from training.second import g\n"),
        ("second", "from training import third\nfrom training.tasks import TaskRows\n"),
        ("third", "import numpy\n"),
        ("fourth", ""),
    ):
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(cell_store, "__file__", str(tmp_path / "cell_store.py"))
    names = []

    def digest():
        code_digest.cache_clear()
        names.append(code_digest(("first",)))

    digest()
    (tmp_path / "fourth.py").write_text("x = 1\n")
    digest()
    assert names[0] == names[1]
    for name in ("third.py", "second.toml"):
        (tmp_path / name).write_text("x = 1\n")
        digest()
    code_digest.cache_clear()
    assert len(set(names)) == 3


def test_contenders_begin_in_modules_that_exist():
    reached = {
        name: cell_store._reached((name,), cell_store.Path(cell_store.__file__).parent) for name in ("baselines",)
    }
    assert {"baselines", "ensembles", "trees"} <= reached["baselines"]
    assert not {"tasks", "recipes", "contenders", "distillation"} & reached["baselines"]
    assert sys.modules["training.cell_store"] is cell_store
