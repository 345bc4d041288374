from __future__ import annotations

import numpy as np
import pytest

from screener.errors import InputError
from tests.training.invented_tasks import USER_TOML, user_csv
from training import catalogue as catalogue_module
from training import measured
from training.crossval import FOLDS, SPLITS, check_folds, fold_rows
from training.fit import table_digest
from training.fit_command import describe
from training.measured import found_sources, load_measured
from training.sources import LOADERS


@pytest.fixture
def nothing_here(tmp_path, monkeypatch):
    monkeypatch.setenv("SCREENER_DATA", str(tmp_path / "none"))
    monkeypatch.setattr(catalogue_module, "cache_folder", lambda: tmp_path / "cache")


@pytest.fixture
def mine(tmp_path):
    """A user's table and its declaration."""
    (tmp_path / "mine.csv").write_text(user_csv(), encoding="utf-8")
    (tmp_path / "mine.toml").write_text(USER_TOML, encoding="utf-8")
    return tmp_path / "mine.csv", tmp_path / "mine.toml"


def refusal(*args, **options):
    with pytest.raises(InputError) as error:
        load_measured(*args, **options)
    return error.value.message, error.value.hint


def test_without_data_one_is_told_where_to_get_them(nothing_here):
    message, hint = refusal()
    assert message == f"{len(LOADERS)} measured data sets are not on this machine, `{next(iter(LOADERS))}` among them"
    assert hint == (
        "set $SCREENER_DATA to their folder, run `training data fetch --all`, or give a table with `--data`"
    )


def test_without_data_and_catalogue_there_is_nothing():
    assert refusal(with_catalogue=False) == (
        "there is nothing to learn from",
        "name a table with `--data`, or leave out `--no-catalogue`",
    )


def test_a_declaration_wants_a_table(mine):
    assert refusal(None, mine[1]) == (
        f"`{mine[1]}` declares targets of no table",
        "name your table with `--data`",
    )


def test_a_users_table_alone(mine, nothing_here):
    loaded = load_measured(*mine, with_catalogue=False)
    expected = ["resistivity_uohm_cm", "hardness_gpa", "p_amorphous", "mixing_kj_mol", "p_ductile"]
    assert list(loaded.tables) == expected
    counts = [int(rows.main.sum()) for rows in loaded.tables.values()]
    assert counts == [len(set(loaded.tables["hardness_gpa"].key))] * 5
    assert loaded.missing == ()
    assert loaded.tables["mixing_kj_mol"].y.min() < 0.0
    assert set(loaded.tables["p_ductile"].y) == {0.0, 1.0}
    assert all(set(rows.source) == {"user:mine"} for rows in loaded.tables.values())


def test_rows_with_elements_no_model_knows_are_counted(mine, nothing_here):
    table, declaration = mine
    table.write_text(user_csv() + "Os50Al50,5,100,0,1,no\n", encoding="utf-8")
    loaded = load_measured(table, declaration, with_catalogue=False)
    assert loaded.outside == 5
    assert describe(loaded).endswith("; 5 rows hold elements that the models do not know")
    table.write_text(user_csv(), encoding="utf-8")
    plain = load_measured(table, declaration, with_catalogue=False)
    assert plain.outside == 0
    rows = len(plain.tables["hardness_gpa"])
    assert describe(plain) == (
        f"resistivity_uohm_cm {rows} rows, hardness_gpa {rows} rows, p_amorphous {rows} rows, "
        f"mixing_kj_mol {rows} rows, p_ductile {rows} rows; 0 records left out (`training data check` says why)"
    )


def test_what_is_missing_beside_a_users_table_is_named(mine, nothing_here):
    loaded = load_measured(*mine)
    assert len(loaded.missing) == len(LOADERS)
    assert f"; {len(LOADERS)} measured data sets are not on this machine" in describe(loaded)


def test_data_sets_are_read_only_for_standing_targets(tmp_path, monkeypatch):
    (tmp_path / "mine.csv").write_text(user_csv().replace("hardness_gpa", "a").replace("resistivity_uohm_cm", "b"))
    text = (tmp_path / "mine.csv").read_text().replace("is_amorphous", "c")
    (tmp_path / "mine.csv").write_text(text)
    (tmp_path / "mine.toml").write_text(USER_TOML)
    monkeypatch.setattr(measured, "load_sources", lambda _: pytest.fail("loaded"))
    monkeypatch.setattr(measured, "found_sources", lambda: (("ward_2018",), ("matbench_glass",)))
    loaded = load_measured(tmp_path / "mine.csv", tmp_path / "mine.toml")
    assert list(loaded.tables) == ["mixing_kj_mol", "p_ductile"]
    assert loaded.missing == ()


def test_a_target_that_would_fill_a_column_of_results_is_refused(mine):
    table, declaration = mine
    declaration.write_text(USER_TOML.replace("[targets.ductile]", "[targets.formula]\ncolumn = 'ductile'"))
    assert refusal(table, declaration) == (
        "`formula` cannot name a target of your own: it is a column of results",
        'choose another name, and write column = "ductile" to read the same column',
    )
    declaration.write_text(USER_TOML.replace("[targets.mixing_kj_mol]", "[targets.vec]\ncolumn = 'mixing_kj_mol'"))
    assert refusal(table, declaration) == (
        "`vec` cannot name a target of your own: it is a descriptor",
        'choose another name, and write column = "mixing_kj_mol" to read the same column',
    )


def test_a_table_that_is_too_short_or_of_one_class(tmp_path):
    path = tmp_path / "short.csv"
    path.write_text("\n".join(user_csv().splitlines()[:21]), encoding="utf-8")
    message, hint = refusal(path, with_catalogue=False)
    assert message == "`resistivity_uohm_cm` has 20 usable rows"
    assert hint.startswith("at least 30 are needed")
    glass = ["alloy,is_amorphous", *(f"Al{20 + i}Ti{80 - i},1" for i in range(40))]
    path.write_text("\n".join(glass), encoding="utf-8")
    assert refusal(path, with_catalogue=False)[0] == "`is_amorphous` has labels of one class only"
    values = ["alloy,hardness_gpa", *(f"Al{20 + i}Ti{80 - i},4" for i in range(40))]
    path.write_text("\n".join(values), encoding="utf-8")
    assert refusal(path, with_catalogue=False)[0] == "`hardness_gpa` is 4 in every row"


def test_unknown_kinds_are_refused(mine):
    table, declaration = mine
    declaration.write_text(USER_TOML.replace('"classification"', '"ordinal"'))
    assert (
        refusal(table, declaration, with_catalogue=False)[0]
        == "target `ductile` has the kind `ordinal`, which there is not"
    )


@pytest.fixture(scope="module")
def everything(data_dir):
    """The three standing targets from the measured data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCREENER_DATA", str(data_dir))
        return load_measured()


@pytest.mark.data
def test_the_measured_data_give_the_standing_targets(everything):
    assert list(everything.tables) == ["p_amorphous", "p_bulk_glass", "resistivity_uohm_cm", "hardness_gpa"]
    assert everything.missing == ()
    least = {"resistivity_uohm_cm": 5000, "hardness_gpa": 1000, "p_amorphous": 10_000, "p_bulk_glass": 8000}
    for target, rows in everything.tables.items():
        assert rows.main.sum() > least[target]
        assert np.isfinite(rows.inputs).all()
        assert np.isfinite(rows.y).all()
        assert (rows.trust > 0.0).all()
        assert rows.fractions.sum(axis=1) == pytest.approx(np.ones(len(rows)))
    assert everything.tables["resistivity_uohm_cm"].y.min() > 0.0
    assert everything.tables["hardness_gpa"].y.min() > 0.0
    glass = everything.tables["p_amorphous"]
    assert set(glass.y) == {0.0, 1.0}
    assert not glass.y[glass.crystalline].any()
    assert 0 < glass.crystalline.sum() < glass.measured.sum() < len(glass)


@pytest.mark.data
def test_the_digest_of_the_rows_is_stable(everything, data_variable):
    again = load_measured()
    assert table_digest(again.tables) == table_digest(everything.tables)
    glass = everything.tables["p_amorphous"]
    fewer = {**everything.tables, "p_amorphous": glass.take(np.arange(len(glass) - 1))}
    assert table_digest(fewer) != table_digest(everything.tables)


@pytest.mark.data
@pytest.mark.parametrize("seed", [0, 1])
def test_no_fold_of_the_measured_data_leaks(everything, seed):
    tables = everything.tables
    for split in SPLITS:
        folds = fold_rows(tables, split, seed)
        check_folds(tables, folds)
        for fold in range(FOLDS):
            for name in ("key", "system") if split == "grouped" else ("key",):
                train = {v for t, rows in tables.items() for v in getattr(rows, name)[folds[t] != fold]}
                test = {v for t, rows in tables.items() for v in getattr(rows, name)[folds[t] == fold]}
                assert test
                assert not train & test


@pytest.mark.data
def test_a_users_rows_join_the_measured_ones(mine, data_variable, everything):
    loaded = load_measured(*mine)
    for target in ("hardness_gpa", "p_amorphous"):
        more = loaded.tables[target]
        own = np.array(["user:mine" in source.split("+") for source in more.source]) & more.main
        assert len(more) > len(everything.tables[target])
        assert 50 < own.sum() <= 84
    assert set(loaded.tables["mixing_kj_mol"].source) == {"user:mine"}
    present, missing = found_sources()
    assert set(LOADERS) < set(present)
    assert missing == ()
