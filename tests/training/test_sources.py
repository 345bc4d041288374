from __future__ import annotations

import lzma

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.elements import element_symbols
from screener.errors import InputError
from tests.training.invented import sheet, write
from training.sources import (
    GENERATED,
    LOADERS,
    load_source,
)
from training.sources.benchmark import read_benchmark
from training.sources.collector import Collector, Conditions, Label, mend_formula
from training.sources.files import number, read_rows, records
from training.sources.table import (
    AMORPHOUS,
    COLUMNS,
    HARDNESS,
    KINDS,
    NON_METALS,
    RESISTIVITY,
    ROUTES,
    composition_keys,
    fractions_of,
)

# reading tables


def test_tables_read_alike_in_every_form(tmp_path):
    text = "a,b\nx,1\n,\ny,2.5\n"
    plain = write(tmp_path / "t.csv", text)
    packed = tmp_path / "t.csv.xz"
    packed.write_bytes(lzma.compress(text.encode()))
    book = sheet(tmp_path / "t.xlsx", [("a", "b"), ("x", 1), (None, None), ("y", 2.5)])
    with_mark = write(tmp_path / "mark.csv", "\ufeff" + text)
    semicolons = write(tmp_path / "semi.csv", text.replace(",", ";"))
    expected = [["1", "x"], ["2.5", "y"]]
    for path in (plain, packed, book, with_mark):
        assert list(records(path, ("b", "a"))) == expected
    assert list(records(semicolons, ("b", "a"), separator=";")) == expected


def test_a_missing_column_is_named(tmp_path):
    path = write(tmp_path / "t.csv", "a,b\n1,2\n")
    with pytest.raises(InputError) as refusal:
        list(records(path, ("a", "c")))
    assert (refusal.value.message, refusal.value.hint) == ("`t.csv` has no column `c`", "its columns are a, b")


@pytest.mark.parametrize("name", ["t.csv", "t.csv.xz", "t.xlsx"])
def test_bytes_that_are_no_table_are_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"\xff\xfe\x00not a table\x80")
    with pytest.raises(InputError, match="does not read as a table"):
        read_rows(path)


def test_no_such_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_rows(tmp_path / "gone.csv")


def test_numbers_are_finite_or_nothing():
    assert number("1e3") == 1000.0
    assert [number(text) for text in ("", "N/A", "nan", "inf", "-inf", "1,5")] == [None] * 6


# formulas and the long table


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("Al18.5Co 18.5 ", "Al18.5Co18.5"),
        ("[(Fe0.5Co0.5)0.75B0.2Si0.05]96Nb4", "((Fe0.5Co0.5)0.75B0.2Si0.05)96Nb4"),
        ("La62(Cu,Ni)24Al14", "La62(CuNi)24Al14"),
        ("F0B20Fe80", "B20Fe80"),
        ("F0.00B20Fe80", "B20Fe80"),
        ("Al0.3CoCrFeNi", "Al0.3CoCrFeNi"),
        ("Al05Fe95", "Al05Fe95"),
    ],
)
def test_mending(text, mended):
    assert mend_formula(text) == mended


def test_what_reads_as_written_is_not_mended():
    rows = Collector("invented")
    rows.read("Al0.5 Co1 Cr1")
    assert rows.finish().cleaned == 0
    rows.read("Al18.5Co 18.5")
    assert rows.finish().cleaned == 1


def test_unreadable_formulas_are_counted_by_reason():
    rows = Collector("invented")
    for text in ("Al50He50", "AlTi[", "Xx50Al50", "Yx50Al50", ""):
        assert rows.read(text) is None
    loaded = rows.finish()
    assert loaded.n_records == 5
    assert sum(loaded.dropped.values()) == 5
    assert loaded.dropped["no alloy data for `He`"] == 1
    assert loaded.dropped["unknown element …"] == 2


def test_the_long_table_has_its_documented_columns():
    rows = Collector("invented")
    alloy = rows.read("Ti20Al30Cr50")
    conditions = Conditions(100.0, 773.0, 4.9, "film")
    rows.add(RESISTIVITY, alloy, 120.0, weight=0.5, conditions=conditions, label=Label("glass", "hea", 2.0))
    rows.add(RESISTIVITY, alloy, None)
    rows.add(RESISTIVITY, alloy, float("nan"))
    loaded = rows.finish()
    assert loaded.frame.columns == list(COLUMNS)
    row = loaded.frame.row(0, named=True)
    fractions = row.pop("fractions")
    assert row == {
        "task": RESISTIVITY,
        "key": "Al30Cr50Ti20",
        "system": "Al-Cr-Ti",
        "value": 120.0,
        "source": "invented",
        "weight": 0.5,
        "film_thickness_nm": 100.0,
        "process_temperature_k": 773.0,
        "load_n": 4.9,
        "process_route": "film",
        "kind": "glass",
        "family": "hea",
        "dmax_mm": 2.0,
    }
    assert fractions[element_symbols().index("Cr")] == 0.5
    assert loaded.dropped == {f"no {RESISTIVITY}": 2}


def test_an_empty_source_gives_an_empty_table():
    frame = Collector("invented").finish().frame
    assert frame.columns == list(COLUMNS)
    assert fractions_of(frame).shape == (0, len(element_symbols()))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 2**31), st.randoms())
def test_keys_do_not_depend_on_order_or_scale(amounts, scale, random):
    symbols = random.sample(list(element_symbols()), len(amounts))
    parts = list(zip(symbols, amounts, strict=True))
    rows = Collector("invented")
    one = rows.read("".join(f"{s}{a}" for s, a in parts))
    random.shuffle(parts)
    factor = 1.0 + scale / 2**31
    other = rows.read("".join(f"{s}{a * factor:.12f}" for s, a in parts))
    for alloy in (one, other):
        rows.add(HARDNESS, alloy, 1.0)
    frame = rows.finish().frame
    assert frame["key"].n_unique() == 1
    assert frame["system"].n_unique() == 1
    exact = {s: round(1000 * a / sum(amounts), 6) for s, a in parts}
    system = frame["system"][0].split("-")
    assert system == sorted(s for s, thousandth in exact.items() if thousandth > 1.5 or round(thousandth) > 1)


def test_a_trace_belongs_to_the_key_but_not_to_the_system():
    fractions = np.zeros((1, len(element_symbols())))
    column = element_symbols().index
    fractions[0, column("Al")], fractions[0, column("Cu")], fractions[0, column("Fe")] = 0.9987, 0.001, 0.0003
    assert composition_keys(fractions) == (["Al99.9Cu0.1"], ["Al"])


# generated crystals


def test_pure_metals_are_all_metals():
    loaded = GENERATED["pure_metals"]()
    symbols = [key.removesuffix("100") for key in loaded.frame["key"]]
    assert sorted(symbols) == sorted(s for s in element_symbols() if s not in NON_METALS)
    assert {"Al", "Fe", "Pb", "U"} <= set(symbols)


def test_the_handbook_gives_metals_in_the_units_of_the_targets():
    frame = GENERATED["handbook_metals"]().frame
    found = {(row["task"], row["system"]): row["value"] for row in frame.to_dicts()}
    # CRC Handbook of Chemistry and Physics, 95th edition: resistivity of pure metals at 293 K
    for symbol, expected in {"Ag": 1.587, "Cu": 1.678, "Al": 2.650, "W": 5.28}.items():
        assert found[RESISTIVITY, symbol] == pytest.approx(expected, rel=0.01)
    assert found[HARDNESS, "Al"] < found[HARDNESS, "Cu"] < found[HARDNESS, "Ti"] < found[HARDNESS, "W"] < 5.0
    assert NON_METALS.isdisjoint(frame["system"])
    assert set(frame["kind"]) == {"handbook"}


def test_dilute_solutions_are_those_that_dissolve():
    frame = GENERATED["dilute_solutions"]().frame
    assert frame["key"].n_unique() == frame.height == 560
    assert {"Cu98Zn2", "Cr4V96", "Co0.5Ni99.5"} <= set(frame["key"])
    assert not {"Cu4Mg96", "Ag4Fe96", "Fe4Zr96"} & set(frame["key"])
    assert fractions_of(frame).max(axis=1).min() >= 0.96


def test_unknown_and_unread_sources_are_refused():
    with pytest.raises(InputError, match="unknown data set `nothing_of_the_kind`"):
        load_source("nothing_of_the_kind")


@pytest.mark.data
def test_a_catalogued_set_that_is_not_read_says_so(data_variable):
    with pytest.raises(InputError, match="data set `sisyphus_5915` is not read for training"):
        load_source("sisyphus_5915")


# the measured data themselves


@pytest.mark.data
def test_every_source_reads_as_many_records_as_catalogued(loaded_sources):
    from training.catalogue import data_set

    assert set(loaded_sources) == {*LOADERS, *GENERATED}
    for key in LOADERS:
        assert loaded_sources[key].n_records == data_set(key).n_records, key


@pytest.mark.data
def test_every_row_is_well_formed(loaded_sources):
    frame = pl.concat([table.frame for table in loaded_sources.values()])
    fractions = fractions_of(frame)
    assert np.abs(fractions.sum(axis=1) - 1.0).max() < 1e-9
    assert fractions.min() >= 0.0
    assert frame["value"].is_finite().all()
    assert frame["weight"].is_between(0.0, 1.0, closed="right").all()
    assert set(frame["process_route"].unique()) <= set(ROUTES)
    labels = frame.filter(pl.col("task") == AMORPHOUS)
    assert set(labels["kind"].unique()) == set(KINDS)
    assert set(labels["value"].unique()) == {0.0, 1.0}
    numbers = frame.filter(pl.col("task") != AMORPHOUS)
    of_kind = {kind: set(rows["source"]) for (kind,), rows in numbers.group_by("kind")}
    assert set(of_kind) == {"", "glass", "handbook"}
    assert (of_kind["glass"], of_kind["handbook"]) == ({"bajpai_glass_hardness"}, {"handbook_metals"})
    assert frame.filter(pl.col("system") == "").is_empty()


@pytest.mark.data
def test_counts_stated_by_the_publishers(loaded_sources):
    def of(key, task):
        return loaded_sources[key].frame.filter(pl.col("task") == task)

    films = loaded_sources["kim_lee_2025_films"]
    assert films.frame.height == 7161 - 46
    assert films.dropped["resistivity below that of any metal"] == 46
    assert films.n_records - films.dropped["composition not recovered"] - films.dropped["formula is empty"] == 7161
    assert films.frame["value"].max() == pytest.approx(517.83, abs=0.01)
    assert films.frame["system"].n_unique() >= 43
    assert of("you_2022_literature", RESISTIVITY).height == 379
    assert of("you_2022_literature", AMORPHOUS)["value"].sum() == 228
    benchmark = loaded_sources["matbench_glass"]
    assert (benchmark.n_records, benchmark.frame.height) == (5680, 5652)
    landolt = loaded_sources["landolt_ternary"]
    assert set(landolt.frame["key"]) == set(benchmark.frame["key"])
    assert of("hea_tanmay", HARDNESS).height == 960
    assert of("mpea_borg_2020", HARDNESS).height == 386 + 115
    assert of("hea_bert", HARDNESS)["process_route"].unique().to_list() == ["as_cast"]
    assert of("brgoch_hardness", HARDNESS).height == 135
    wafer = of("bajpai_glass_hardness", HARDNESS).filter(pl.col("weight") < 1.0)
    assert wafer.height == 259
    assert wafer["weight"].sum() == pytest.approx(20.0)
    copper = of("copper_gorsse_2023", HARDNESS)
    assert copper.height == 1614 - 12
    assert copper["value"].min() / 0.00980665 == pytest.approx(57)
    assert copper["value"].max() / 0.00980665 == pytest.approx(455)
    binary = of("sun_2017_binary", AMORPHOUS)
    assert 5483 - binary.height == loaded_sources["sun_2017_binary"].dropped["no alloy data for `Te`"]
    assert loaded_sources["cerebral_2022"].dropped["no label"] == 318


@pytest.mark.data
def test_the_official_folds(data_variable):
    from training.catalogue import locate

    benchmark = read_benchmark(locate("matbench_glass"), locate("matbench_glass", "matbench_glass_folds.json"))
    assert np.bincount(benchmark.fold).tolist() == [1136] * 5
    assert benchmark.is_glass.sum() == 4035
