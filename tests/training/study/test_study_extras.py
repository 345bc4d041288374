from __future__ import annotations

import numpy as np
import pytest

from screener.elements import element_symbols
from screener.errors import InputError
from tests.training.invented import write
from tests.training.study.invented_rows import invented, quick
from training.sources.collector import Collector
from training.study import extra_tables
from training.study.extended import extended_split, extended_splits, only
from training.study.extra_tables import CONDUCTIVITY, ELONGATION, ENTHALPY, EXTRA_TABLES, PROPERTIES, TENSILE, YIELD
from training.study.extras import ExtraRows, merged_extras, with_extras

ROWS = invented(300)


def some_extras(shared=20, seed=9):
    """Two properties of alloys of the rows, and of others."""
    others = invented(400, seed=seed, shares=(0.2, 0.4, 0.4))
    pick = np.concatenate([np.arange(shared), np.flatnonzero(~np.isin(others.key, ROWS.key)) + len(ROWS)])
    key, system, fractions = (
        np.concatenate([getattr(ROWS, name), getattr(others, name)])[pick] for name in ("key", "system", "fractions")
    )
    order = np.argsort(key)
    y = np.full((len(key), len(PROPERTIES)), np.nan)
    al = fractions[:, element_symbols().index("Al")]
    names = list(PROPERTIES)
    y[:, names.index(YIELD)] = 100.0 * np.exp(al)
    y[::2, names.index(TENSILE)] = 200.0 * np.exp(al[::2])
    y[::3, names.index(ENTHALPY)] = -al[::3]
    return ExtraRows(tuple(PROPERTIES), y[order], key[order], system[order], fractions[order])


def read(monkeypatch, tmp_path, source, text, encoding="utf-8"):
    """Read an invented file by the rules of a source's first table."""
    path = write(tmp_path / "table.csv", text, encoding)
    monkeypatch.setattr(extra_tables, "locate", lambda key: path)
    return extra_tables.read_table(next(table for table in EXTRA_TABLES if table.source == source))


def values(rows):
    """Task, key and value of every row."""
    return sorted(rows.frame.select("task", "key", "value").rows())


def test_tests_in_heat_are_left_out_and_untold_temperatures_kept(monkeypatch, tmp_path):
    names = "FORMULA,PROPERTY: YS (MPa),PROPERTY: UTS (MPa),PROPERTY: Elongation (%)"
    text = names + ",PROPERTY: Test temperature ($^\\circ$C)\nAlTi,300,,5,25\nAlTi,100,,,800\nAlFe,200,400,,\n"
    found = read(monkeypatch, tmp_path, "mpea_borg_2020", text)
    assert values(found) == [
        (ELONGATION, "Al50Ti50", 5.0),
        *((TENSILE, "Al50Fe50", 400.0), (YIELD, "Al50Fe50", 200.0), (YIELD, "Al50Ti50", 300.0)),
    ]
    assert found.dropped["not at room temperature, or no bulk glass"] == 1


def test_the_balance_of_weights_is_aluminium(monkeypatch, tmp_path):
    columns = "Alloy,Si,Fe,Cu,Mn,Mg,Cr,Zn,V,Ti,Zr,Li,Ni,Ga,Bi,Pb,B,Be,Sc,Al (min.),YTS,UTS,EL"
    text = f"{columns}\n1,,,,,,,,,,,,,,,,,,,99,30,70,40\n2,10,,,,,,,,,,,,,,,,,,89,90,,\n"
    found = values(read(monkeypatch, tmp_path, "aluminium_1150", text))
    assert (YIELD, "Al100", 30.0) in found
    silicon = 10 / 28.085 / (10 / 28.085 + 90 / 26.9815) * 100  # wt.% to at.%
    assert (YIELD, f"Al{100 - round(silicon, 1):g}Si{round(silicon, 1):g}", 90.0) in found


def test_a_table_without_a_column_is_refused(monkeypatch, tmp_path):
    with pytest.raises(InputError, match="the table of `steel_strength` has no column `elongation`") as caught:
        read(monkeypatch, tmp_path, "steel_strength", "formula,yield strength,tensile strength\nFe,1,2\n")
    assert caught.value.hint == "restore the file"


def test_values_are_medians_over_sources_and_impossible_ones_are_left_out():
    parts = []
    for source, strengths in (("a", (100.0, 400.0, 1e9)), ("b", (200.0,))):
        rows = Collector(source)
        for strength in strengths:
            rows.add(YIELD, rows.read("AlTi"), strength)
        rows.add(CONDUCTIVITY, rows.read("CuZr"), -1.0)
        parts.append(rows.finish())
    found = merged_extras(parts)
    assert found.key.tolist() == ["Al50Ti50"]
    assert found.y[0, found.tasks.index(YIELD)] == 200.0
    assert np.isnan(found.y).sum() == len(PROPERTIES) - 1


def test_nothing_to_merge_is_refused():
    rows = Collector("a")
    rows.add(YIELD, rows.read("AlTi"), -5.0)
    with pytest.raises(InputError, match="there are no further properties to learn from"):
        merged_extras([rows.finish()])


def test_further_properties_stand_in_the_rows_of_their_alloys():
    extra = some_extras()
    both = with_extras(ROWS, extra)
    n = len(ROWS)
    np.testing.assert_array_equal(both.key[:n], ROWS.key)
    np.testing.assert_array_equal(both.rows.known[:n, :3], ROWS.rows.known)
    np.testing.assert_allclose(both.rows.x[:n], ROWS.rows.x)
    assert len(np.unique(both.key)) == len(both.key) == len(set(ROWS.key) | set(extra.key))
    at = dict(zip(both.key.tolist(), range(len(both)), strict=True))
    column = both.tasks.index(YIELD)
    assert both.log[column]
    for key, value in zip(extra.key.tolist(), extra.y[:, extra.tasks.index(YIELD)], strict=True):
        assert both.physical(column, both.rows.y[at[key], column]) == pytest.approx(value)
    assert both.counts()[ENTHALPY] == int((~np.isnan(extra.y[:, extra.tasks.index(ENTHALPY)])).sum())
    assert len(with_extras(ROWS, extra, most=7)) == n + 7


def test_no_group_that_is_tested_on_is_learned_from():
    context, rows = quick(ROWS), with_extras(ROWS, some_extras())
    for split, seeds in extended_splits(context, rows):
        names = rows.system if split.kind == "grouped" else rows.key
        base = next(s for s in (context.paper, *context.grouped) if s.name == split.name)
        assert not set(names[split.test]) & set(names[np.concatenate([split.train, split.valid])])
        assert not set(names[split.train]) & set(names[split.valid])
        assert not set(split.train) & set(split.valid)
        np.testing.assert_array_equal(split.test, base.test)
        np.testing.assert_array_equal(split.train[: len(base.train)], base.train)
        assert len(split.train) > len(base.train)
        assert seeds


def test_hidden_labels_stay_hidden_beside_further_properties():
    context, rows = quick(ROWS), with_extras(ROWS, some_extras())
    split = extended_split(context.thinned, rows, len(ROWS))
    np.testing.assert_array_equal(split.hidden[: len(ROWS), :3], context.thinned.hidden)
    assert not split.hidden[:, 3:].any()
    assert not split.hidden[len(ROWS) :].any()


def test_only_keeps_tasks_and_places():
    rows = with_extras(ROWS, some_extras())
    kept = only(rows, (YIELD, "is_amorphous"), "two")
    assert kept.tasks == (YIELD, "is_amorphous")
    assert kept.rows.is_label.tolist() == [False, True]
    assert kept.log.tolist() == [True, False]
    assert len(kept) == len(rows)
    np.testing.assert_array_equal(kept.rows.known[:, 1], rows.rows.known[:, 2])


def test_every_table_is_in_the_catalogue_and_every_property_in_a_table():
    from training.catalogue import data_set

    for table in EXTRA_TABLES:
        assert data_set(table.source).files
    assert {task for table in EXTRA_TABLES for task in table.values} == set(PROPERTIES)
    assert all(each.low < each.high and (each.low > 0.0 or not each.log) for each in PROPERTIES.values())
