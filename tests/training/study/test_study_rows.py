from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.descriptors.specs import KANG_ELEMENTS
from screener.errors import InputError
from tests.training.study.invented_rows import invented, quick
from training.multitask.rows import LabelledRows
from training.study.data import fewer, merged_values, strata
from training.study.original import is_original, read_original
from training.study.splits import RATIOS, grouped_splits, paper_split, thinned_as_in_paper

ROWS = invented()


def parts(split):
    return split.train, split.valid, split.test


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_the_papers_split_takes_every_composition_once_and_keeps_shares_within_tasks(seed):
    split = paper_split(ROWS, seed)
    assert sorted(np.concatenate(parts(split))) == list(range(len(ROWS)))
    assert len(set(ROWS.key)) == len(ROWS)
    for task in range(3):
        counts = [int(ROWS.rows.known[part, task].sum()) for part in parts(split)]
        assert np.allclose(np.array(counts) / sum(counts), [0.7, 0.15, 0.15], atol=0.12)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_no_chemical_system_crosses_outer_folds_or_early_stopping(seed, folds):
    splits = grouped_splits(ROWS, folds, seed)
    assert sorted(np.concatenate([split.test for split in splits])) == list(range(len(ROWS)))
    for split in splits:
        systems = [set(ROWS.system[part]) for part in parts(split)]
        assert not systems[0] & systems[1]
        assert not systems[0] & systems[2]
        assert not systems[1] & systems[2]
        assert all(len(part) for part in parts(split))


def test_other_groupings_have_other_numbers_and_folds():
    context = quick(ROWS)
    splits = context.regrouped(3)
    assert [split.number for split in splits] == list(range(6))
    assert splits[:2] == context.grouped
    assert len({tuple(split.test) for split in splits}) == 6


def test_thinning_hides_labels_of_small_tasks_in_proportion_and_none_of_the_test_rows():
    rows = invented(6000, shares=(0.8, 0.1, 0.1))
    whole = paper_split(rows)
    split = thinned_as_in_paper(rows, whole, least=2)
    fold = split.fold(rows)
    for part, labelled in ((split.train, fold.train), (split.valid, fold.valid)):
        large = int(rows.rows.known[part, 0].sum())
        assert labelled.known[:, 0].sum() == large
        for task in (1, 2):
            assert labelled.known[:, task].sum() == max(2, round(large / RATIOS[task]))
        assert labelled.known.any(axis=1).all()
    assert not split.hidden[split.test].any()
    kept = fold.train.y[fold.train.known[:, 2], 2]
    assert 0 < kept.mean() < 1
    assert len(whole.fold(rows).train) == len(whole.train)


def test_a_task_without_labels_in_a_part_is_refused():
    y = ROWS.rows.y.copy()
    y[np.flatnonzero(ROWS.rows.known[:, 1])[1:], 1] = np.nan
    known = ~np.isnan(y)
    lonely = ROWS.with_rows(
        LabelledRows(ROWS.rows.x, y, known, ROWS.rows.is_label, ROWS.tasks), "lonely", ROWS.log, "abc"
    )
    with pytest.raises(InputError, match="task `hardness_gpa` has no label in the") as refused:
        paper_split(lonely)
    assert refused.value.hint == "leave the task out, or give more rows of it"
    with pytest.raises(InputError, match="task `hardness_gpa` has no label in the"):
        grouped_splits(lonely, 3)


def test_fewer_rows_keep_the_shares_of_tasks_and_classes():
    rows = invented(2000)
    less = fewer(rows, 200)
    assert len(less) <= 200
    full, part = (np.bincount(strata(each), minlength=27) / len(each) for each in (rows, less))
    assert np.abs(full - part).max() < 0.02
    assert fewer(less, 5000) is less


def test_repeats_become_medians_and_majorities_and_ties_nothing():
    place = np.array([3, 1, 3, 3, 1])
    where, value = merged_values(place, np.array([5.0, 1.0, 7.0, 100.0, 3.0]), label=False)
    assert (where.tolist(), value.tolist()) == ([1, 3], [2.0, 7.0])
    where, value = merged_values(place, np.array([1.0, 1.0, 0.0, 1.0, 0.0]), label=True)
    assert (where.tolist(), value.tolist()) == ([3], [1.0])


def test_physical_values_undo_logarithms():
    assert ROWS.physical(0, np.log([2.0, 3.0])) == pytest.approx([2.0, 3.0])
    assert ROWS.physical(1, np.array([2.0])) == pytest.approx([2.0])


def export(path, lines, header=(*KANG_ELEMENTS, "resistivity_uohm_cm", "hardness", "is_amorphous")):
    path.write_text("\n".join([",".join(header), *lines]) + "\n")
    return path


def line(al, ti, *targets):
    return ",".join([str(al), str(ti), *["0"] * 13, *map(str, targets)])


def enough(n=30, resistivity=100, hardness=5, label=None):
    """Rows of as many compositions as a target needs."""
    shares = [round(0.015 + 0.3 * k / n, 4) for k in range(n)]
    return [
        line(al, round(1 - al, 4), resistivity, hardness, k % 2 if label is None else label)
        for k, al in enumerate(shares)
    ]


def test_the_papers_export_is_read_row_by_composition(tmp_path):
    lines = [line(0.5, 0.5, 100, "", 1), line(0.5, 0.5, 300, 5.5, ""), line(0.2, 0.8, "", 4, 0), line(1, 0, 3, "", "")]
    path = export(tmp_path / "kang.csv", lines + enough())
    assert is_original(path)
    said = []
    rows = read_original(path, said.append)
    assert said == []
    assert rows.standard
    assert len(rows) == 33
    both = rows.key.tolist().index("Al50Ti50")
    assert np.exp(rows.rows.y[both, 0]) == pytest.approx(200.0)
    assert rows.rows.y[both, 1:].tolist() == [5.5, 1.0]
    assert rows.counts() == {"resistivity_uohm_cm": 32, "hardness_gpa": 32, "is_amorphous": 32}


def test_what_is_left_out_of_an_export_is_told(tmp_path):
    lines = [line(0.5, 0.5, "", 612, 1), line(0.5, 0.5, 3000, "", 0), line(0.5, 0.5, 100, "", "")]
    said = []
    rows = read_original(export(tmp_path / "kang.csv", lines + enough()), said.append)
    assert said == [
        "left out of your table: 1 × resistivity_uohm_cm outside 1 to 2000 µΩ·cm",
        "left out of your table: 1 × hardness_gpa outside 0.02 to 40 GPa",
        "1 compositions with as many labels for as against, left out",
    ]
    assert rows.counts() == {"resistivity_uohm_cm": 31, "hardness_gpa": 30, "is_amorphous": 30}


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        ([line(0.5, 0.2, 1, 1, 1)], "fractions in line 2 add up to `0.7`", "write atomic fractions that add up to 1"),
        ([line(0.5, 0.5, "x", 1, 1)], "`resistivity_uohm_cm` in line 2 is `x`", "write a number, or leave it empty"),
        ([line(0.5, 0.5, -1, 1, 1)], "`resistivity_uohm_cm` in line 2 is `-1`", "write values above 0"),
        ([line(0.5, 0.5, 1, 1, 2)], "`is_amorphous` in line 2 is `2`", "write labels as 0 or 1"),
        ([line(0.5, 0.5, 1, -5, 1)], "`hardness_gpa` in line 2 is `-5`", "write values above 0"),
        ([line(0.5, 0.5, 1, 0, 1)], "`hardness_gpa` in line 2 is `0`", "write values above 0"),
        ([line(0.5, 0.5, 0, 1, 1)], "`resistivity_uohm_cm` in line 2 is `0`", "write values above 0"),
        (
            enough(11),
            "`resistivity_uohm_cm` has 11 usable rows",
            "at least 12 are needed; left out: the table is short",
        ),
        (
            [*enough(40, hardness=""), *enough(11)],
            "`hardness_gpa` has 11 usable rows",
            "at least 12 are needed; left out: 40 × no hardness_gpa",
        ),
        (
            enough(hardness=612),
            "30 of 30 values of `hardness_gpa` lie outside 0.02 to 40 GPa",
            "write every value in GPa; 1 HV is 0.00981 GPa",
        ),
        (
            enough(resistivity=2e-6),
            "30 of 30 values of `resistivity_uohm_cm` lie outside 1 to 2000 µΩ·cm",
            "write every value in µΩ·cm; 1 Ω·m is 1e8 µΩ·cm",
        ),
        (
            enough(label=1),
            "`is_amorphous` has labels of one class only",
            "a classifier needs rows of both classes",
        ),
        ([line(0.5, 0.5, 1, "", 1)], "no row has a value of `hardness_gpa`", "fill in the column"),
        ([], "`kang.csv` has no rows", "write one alloy a line below the names of the columns"),
    ],
)
def test_a_broken_export_is_refused(tmp_path, lines, message, hint):
    with pytest.raises(InputError) as refused:
        read_original(export(tmp_path / "kang.csv", lines), print)
    assert (refused.value.message, refused.value.hint) == (message, hint)


def test_an_export_without_a_column_is_refused(tmp_path):
    path = export(tmp_path / "kang.csv", [], header=(*KANG_ELEMENTS[:-1], "resistivity", "hardness", "amorphous"))
    with pytest.raises(InputError, match=r"`kang\.csv` has no column `Ta`"):
        read_original(path, print)
    assert not is_original(export(tmp_path / "own.csv", [], header=("composition", *KANG_ELEMENTS)))
