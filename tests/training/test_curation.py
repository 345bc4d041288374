from __future__ import annotations

from itertools import groupby
from statistics import median

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.measurements import (
    labels,
    measurements,
    numbers,
    reports,
    shuffled,
    table,
)
from training.curation import check_ranges, curate, drop_copies, merge_repeats
from training.merging import CURATED_COLUMNS, Drop, join_sources, mean_fractions, run_starts, sum_drops
from training.sources.collector import Conditions, Label
from training.sources.table import AMORPHOUS, COLUMNS, HARDNESS, RESISTIVITY, composition_keys, fractions_of

# laws


@settings(deadline=None, max_examples=40)
@given(measurements, reports, st.integers(0, 10))
def test_the_order_of_rows_and_sources_does_not_matter(measured, reported, seed):
    first, second = table("one", [*measured, *reported]), table("two", [*reported[::-1], *measured[:7]])
    straight = curate([first, second])
    other = curate([shuffled(second, seed), shuffled(first, seed + 1)])
    assert straight.frame.equals(other.frame)
    assert straight.report.dropped == other.report.dropped
    assert straight.report.tied == other.report.tied


@settings(deadline=None, max_examples=40)
@given(measurements)
def test_merging_twice_changes_nothing(measured):
    once = merge_repeats(table("one", measured).frame)
    again = merge_repeats(once.select(COLUMNS))
    assert again.drop("n_repeat", "spread").equals(once.drop("n_repeat", "spread"))
    assert (again["n_repeat"] == 1).all()
    assert (again["spread"] == 0.0).all()


@settings(deadline=None, max_examples=40)
@given(measurements)
def test_medians_agree_with_a_plain_loop(measured):
    frame = table("one", measured).frame
    rows = sorted(frame.to_dicts(), key=group_of)
    expected = {what: [row["value"] for row in members] for what, members in groupby(rows, key=group_of)}
    merged = merge_repeats(frame)
    assert merged.height == len(expected)
    for row in merged.to_dicts():
        values = expected[group_of(row)]
        assert row["value"] == pytest.approx(median(values))
        assert row["n_repeat"] == len(values)
        assert row["spread"] == pytest.approx(max(values) - min(values))


def group_of(row):
    names = ("task", "key", "process_temperature_k", "load_n", "process_route")
    return tuple(str(row[name]) for name in names)


@settings(deadline=None, max_examples=40)
@given(measurements)
def test_a_merged_composition_keeps_the_key_of_its_members(measured):
    merged = merge_repeats(table("one", measured).frame)
    fractions = fractions_of(merged)
    keys, systems = composition_keys(fractions)
    assert keys == merged["key"].to_list()
    assert systems == merged["system"].to_list()
    assert np.allclose(fractions.sum(axis=1), 1.0, atol=1e-9)


@settings(deadline=None, max_examples=60)
@given(measurements, reports)
def test_every_row_is_kept_merged_or_counted(measured, reported):
    loaded = [table("hea_bert", measured), table("two", reported)]
    curated = curate(loaded)
    entered = sum(part.frame.height for part in loaded)
    left_out = sum(drop.count for drop in curated.report.dropped if drop.reason != "outvoted")
    assert curated.frame["n_repeat"].sum() + left_out == entered


def test_runs_and_their_means():
    frame = pl.DataFrame({"a": ["x", "x", "y"], "b": [None, None, 1.0]})
    starts = run_starts(frame, ["a", "b"])
    assert starts.tolist() == [0, 2]
    assert mean_fractions(np.array([[0.2, 0.8], [0.4, 0.6], [1.0, 0.0]]), starts).tolist() == [[0.3, 0.7], [1.0, 0.0]]


def test_sources_join_once_each():
    assert join_sources(["b+a", "c", "a"]) == "a+b+c"


def test_equal_drops_add_up():
    drops = [Drop("b", "t", "r", 1), Drop("a", "t", "r", 2), Drop("b", "t", "r", 3)]
    assert sum_drops(drops) == (Drop("a", "t", "r", 2), Drop("b", "t", "r", 4))


# numbers


def test_values_outside_the_physical_range_are_counted():
    frame = numbers("one", ("AlTi", 0.001), ("AlTi", 5.0), ("AlTi", 99.0)).frame
    kept, drops = check_ranges(frame)
    assert kept["value"].to_list() == [5.0]
    assert drops == [Drop("one", HARDNESS, "outside the physical range", 2)]
    own = numbers("one", ("AlTi", 1e9), task="grain_um").frame
    assert check_ranges(own)[0].height == 1


def test_films_of_other_process_temperatures_stay_apart():
    def film(nanometre, kelvin):
        return Conditions(nanometre, kelvin, process_route="film")

    rows = [("Al50Ti50", 100.0, film(80.0, 293.0)), ("Al50.04Ti49.96", 110.0, film(100.0, 293.0))]
    loaded = numbers("one", *rows, ("Al50Ti50", 60.0, film(90.0, 773.0)), task=RESISTIVITY)
    frame = curate([loaded]).frame
    assert frame.columns == list(CURATED_COLUMNS)
    picked = frame.select("value", "film_thickness_nm", "process_temperature_k", "n_repeat", "spread").rows()
    assert picked == [(105.0, 90.0, 293.0, 2, 10.0), (60.0, 90.0, 773.0, 1, 0.0)]


def test_a_copied_measurement_keeps_its_best_described_row():
    cast = Conditions(process_route="as_cast")
    original = numbers("mpea_borg_2020", ("AlCoCr", 5.0, cast))
    copies = numbers("hea_tanmay", ("Al33.33Co33.33Cr33.33", 5.04), ("AlCoCr", 6.0), ("AlCoCr", 6.01))
    curated = curate([copies, original])
    assert curated.frame.select("value", "process_route", "source", "n_repeat").rows() == [
        (5.0, "as_cast", "mpea_borg_2020", 1),
        (6.0, "unknown", "hea_tanmay", 1),
    ]
    assert curated.report.dropped == (Drop("hea_tanmay", HARDNESS, "copy of another row's measurement", 2),)


def test_sources_that_do_not_copy_keep_equal_values():
    loaded = numbers("copper_gorsse_2023", ("Cu98Zn2", 1.0), ("Cu98Zn2", 1.0))
    kept, drops = drop_copies(loaded.frame)
    assert kept.height == 2
    assert drops == []


METALS = {"Ni": 0.638, "Cu": 0.369, "Fe": 0.608, "Zr": 0.903}


def test_a_handbook_gives_way_to_measurements_and_makes_no_chemical_system():
    handbook = [(formula, HARDNESS, value, 0.1, Conditions(), Label("handbook")) for formula, value in METALS.items()]
    loaded = [
        numbers("one", ("Ni", 0.9), ("Cu", 0.4, Conditions(load_n=0.98)), ("Fe50Ni50", 1.5)),
        labels("two", ("Fe", 0.0, Label("crystalline_added", "pure"))),
        table("book", handbook),
    ]
    found = curate(loaded)
    told = {(row["key"], row["source"]): row["value"] for row in found.frame.filter(task=HARDNESS).to_dicts()}
    assert told == {
        ("Ni100", "one"): 0.9,
        ("Cu100", "one"): 0.4,
        ("Cu100", "book"): METALS["Cu"],
        ("Fe100", "book"): METALS["Fe"],
        ("Fe50Ni50", "one"): 1.5,
    }
    dropped = {(drop.source, drop.reason): drop.count for drop in found.report.dropped}
    assert dropped == {
        ("book", "measured under the same conditions"): 1,
        ("book", "no measured row of the chemical system"): 1,
    }


def test_other_stated_conditions_make_another_measurement():
    one, other = Conditions(process_route="as_cast"), Conditions(process_route="annealed")
    kept, _ = drop_copies(numbers("hea_bert", ("AlCo", 5.0, one), ("AlCo", 5.0, other)).frame)
    assert kept.height == 2


# the measured data themselves


@pytest.mark.data
def test_the_curated_data(curated_data):
    frame, report = curated_data.frame, curated_data.report
    sizes = dict(frame.group_by("task").len().rows())
    assert sizes[RESISTIVITY] > 7000
    assert sizes[HARDNESS] > 1700
    assert sizes[AMORPHOUS] > 17000
    merged_by = ["task", "key", "process_temperature_k", "load_n", "process_route"]
    assert frame.select(merged_by).is_duplicated().sum() == 0
    high_entropy = frame.filter((pl.col("task") == HARDNESS) & pl.col("source").str.contains("hea_|mpea_"))
    assert 700 <= high_entropy["key"].n_unique() <= 804
    copper = frame.filter((pl.col("task") == HARDNESS) & (pl.col("source") == "copper_gorsse_2023"))
    assert copper.height <= 104
    assert copper["weight"].to_list() == pytest.approx([0.3] * copper.height)
    amorphous = frame.filter(pl.col("task") == AMORPHOUS)
    assert amorphous["key"].n_unique() == amorphous.height
    assert not set(report.tied) & set(amorphous["key"])
    assert 0.35 < amorphous["value"].mean() < 0.55
