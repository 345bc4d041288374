from __future__ import annotations

from dataclasses import replace

import numpy as np

from screener.formula import parse_formula
from screener.nearest import AlloyIndex
from tests.training.invented_tasks import GLASS, HARDNESS, formulas, invented_rows
from training.alloy_index import build_index, merge_indexes


def contents(index: AlloyIndex) -> dict[str, set[str]]:
    """Composition in alphabetical order → data sets."""
    found = {}
    for row in range(len(index)):
        composition = parse_formula(index.formula(row))
        pairs = sorted(zip(composition.symbols, composition.fractions, strict=True))
        found["".join(f"{s}{round(1000 * f) / 10:g}" for s, f in pairs)] = set(index.source_names(row))
    return found


def test_every_measured_composition_stands_once_with_its_sources(tmp_path):
    first, second = invented_rows(HARDNESS), invented_rows(GLASS)
    second = replace(second, source=np.full(84, "other+third"))
    index = build_index({"hardness_gpa": first, "p_amorphous": second})
    (tmp_path / "index.npz").write_bytes(index.to_bytes())
    expected = {key: {"user:mine", "other", "third"} for key in formulas(first.fractions)}
    assert contents(index) == expected
    assert contents(AlloyIndex.read(tmp_path / "index.npz")) == expected
    assert np.add.reduceat(index.permille, index.start[:-1]).tolist() == [1000] * len(index)


def held(index: AlloyIndex, target: str) -> set[str]:
    """Compositions that stand in the training of a target."""
    return set(contents(index.of_target(target)))


def test_every_composition_knows_the_targets_that_were_trained_on_it(tmp_path):
    hard, glass = invented_rows(HARDNESS, n=30, seed=1), invented_rows(GLASS, n=50, seed=2)
    index = build_index({"p_amorphous": glass, "hardness_gpa": hard})
    (tmp_path / "index.npz").write_bytes(index.to_bytes())
    again = AlloyIndex.read(tmp_path / "index.npz")
    for each in (index, again):
        assert each.target_names == ("hardness_gpa", "p_amorphous")
        assert held(each, "hardness_gpa") == set(formulas(hard.fractions))
        assert held(each, "p_amorphous") == set(formulas(glass.fractions))


def test_targets_of_models_that_stay_in_use_are_kept_and_those_fitted_again_told_anew():
    shipped = replace(invented_rows(GLASS, n=40, seed=1), source=np.full(40, "ward_2018"))
    earlier = build_index({"p_amorphous": shipped, "hardness_gpa": shipped})
    own = invented_rows(HARDNESS, n=40, seed=2)
    merged = build_index({"hardness_gpa": own}, earlier)
    assert held(merged, "p_amorphous") == set(formulas(shipped.fractions))
    assert held(merged, "hardness_gpa") == set(formulas(own.fractions))
    assert set(contents(merged)) == set(formulas(shipped.fractions)) | set(formulas(own.fractions))


def test_rows_nobody_measured_are_left_out():
    rows = invented_rows(HARDNESS, n=28)
    index = build_index({"hardness_gpa": replace(rows, measured=np.arange(28) < 14)})
    assert set(contents(index)) == set(formulas(rows.fractions[:14]))


def test_rounded_amounts_add_up():
    rows = invented_rows(HARDNESS, n=28)
    third = rows.fractions.copy()
    third[0] = 0.0
    third[0, :3] = 1.0 / 3.0
    index = build_index({"hardness_gpa": replace(rows, fractions=third)})
    assert np.add.reduceat(index.permille, index.start[:-1]).tolist() == [1000] * len(index)


def test_no_measured_value_is_in_the_index():
    rows = invented_rows(HARDNESS)
    other = replace(rows, y=rows.y + 1.0)
    assert build_index({"a": rows}).to_bytes() == build_index({"a": other}).to_bytes()


def test_the_alloys_of_models_that_stay_in_use_are_kept():
    shipped = replace(invented_rows(GLASS, n=40, seed=1), source=np.full(40, "ward_2018"))
    earlier = build_index({"p_amorphous": shipped})
    own = invented_rows(HARDNESS, n=40, seed=2)
    merged = contents(build_index({"hardness_gpa": own}, earlier))
    assert set(merged) == set(formulas(shipped.fractions)) | set(formulas(own.fractions))
    for key, sources in merged.items():
        assert ("ward_2018" in sources) == (key in formulas(shipped.fractions))
        assert ("user:mine" in sources) == (key in formulas(own.fractions))


def test_a_table_read_again_replaces_what_it_said_before():
    shipped = replace(invented_rows(GLASS, n=40, seed=1), source=np.full(40, "ward_2018"))
    old, new = invented_rows(HARDNESS, n=40, seed=2), invented_rows(HARDNESS, n=40, seed=3)
    first = build_index({"hardness_gpa": old}, build_index({"p_amorphous": shipped}))
    assert contents(build_index({"hardness_gpa": new}, first)) == contents(
        build_index({"hardness_gpa": new}, build_index({"p_amorphous": shipped}))
    )


def test_another_table_of_the_same_name_leaves_other_targets_their_alloys():
    hard, strong = invented_rows(HARDNESS, n=40, seed=1), invented_rows(HARDNESS, n=40, seed=2)
    index = build_index({"ys": strong}, build_index({"hardness_gpa": hard}))
    assert held(index, "hardness_gpa") == set(formulas(hard.fractions))
    assert held(index, "ys") == set(formulas(strong.fractions))


def test_alloys_that_no_model_in_use_has_seen_are_left_out():
    old, new = invented_rows(HARDNESS, n=40, seed=1), invented_rows(HARDNESS, n=40, seed=2)
    index = build_index({"hardness_gpa": new}, build_index({"hardness_gpa": old}))
    assert set(contents(index)) == set(formulas(new.fractions))
    assert all(index.targets_of(row) for row in range(len(index)))


def test_merged_indexes_keep_the_alloys_of_every_target():
    rows = [invented_rows(HARDNESS, n=30, seed=seed) for seed in range(5)]
    a, b, c, d, e = (set(formulas(each.fractions)) for each in rows)
    in_use = build_index({"hardness_gpa": rows[0], "p_amorphous": rows[1], "ys": rows[2]})
    fresh = build_index({"hardness_gpa": rows[3], "p_amorphous": rows[4], "uts": rows[4]})
    merged = merge_indexes(in_use, fresh, replaced={"hardness_gpa"}, joined={"p_amorphous"})
    assert [held(merged, name) for name in ("hardness_gpa", "p_amorphous", "ys")] == [d, b | e, c]
    assert "uts" not in merged.target_names
    assert set(contents(merged)) == b | c | d | e
    assert merge_indexes(in_use, in_use, {"ys"}, ()).to_bytes() == in_use.to_bytes()
    assert a - set(contents(merged)) == a - (b | c | d | e)
    assert merge_indexes(None, fresh, {"elsewhere"}, ()) is fresh
