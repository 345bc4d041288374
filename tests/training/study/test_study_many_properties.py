from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.study.invented_rows import invented, quick
from tests.training.study.test_study_extras import some_extras
from training.study import base, clusters, extended, transfer
from training.study.clusters import EQUAL, PARTNERS, _as_few, cluster_verdict, overlap, run_clusters
from training.study.extended import extended_rows
from training.study.extra_tables import GLASS, TENSILE, YIELD
from training.study.pretrain import run_pretrain, targets_of
from training.study.table import Difference

ROWS = invented(300)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Two epochs, invented further properties."""
    monkeypatch.setattr(base, "QUICK_EPOCHS", 2)
    monkeypatch.setattr(transfer, "QUICK_TUNING", 3)
    extra = some_extras()
    y = extra.y.copy()
    y[:, extra.tasks.index(GLASS)] = 500.0 + 100.0 * np.arange(len(y)) / len(y)
    monkeypatch.setattr(extended, "extra_rows", lambda: replace(extra, y=y))


def test_pretraining_has_every_arm_and_counts_its_properties(tmp_path):
    context = quick(ROWS, tmp_path)
    result = run_pretrain(context)
    assert targets_of(context) == ("hardness_gpa",)
    assert targets_of(replace(context, quick=False)) == ("hardness_gpa", "is_amorphous")
    arms = [row["arm"] for row in result.sections[0].rows]
    assert arms == [
        *("scratch", "one other", "the other tasks", "every property", "every property, pulled"),
        *("every property, target too", "all at once"),
    ]
    labels = {row["task"]: row["labels"] for row in result.sections[2].rows}
    assert labels[YIELD] == extended_rows(context).counts()[YIELD]
    assert all(np.isfinite(score.values).all() for score in result.scores)
    assert len(result.findings) == 2


def test_clusters_compare_partners_of_both_kinds(tmp_path):
    result = run_clusters(quick(ROWS, tmp_path))
    arms = [row["arm"] for row in result.sections[0].rows]
    assert arms == [clusters.ALONE, *PARTNERS]
    assert {score.task for score in result.scores} == {"hardness_gpa"}
    assert len({score.rows for score in result.scores}) == 1
    assert len(result.findings) == 3


def test_resistivity_is_thinned_to_as_many_labels_as_strength():
    context = quick(ROWS)
    rows = extended_rows(context)
    at = {task: rows.tasks.index(task) for task in ("resistivity_uohm_cm", YIELD)}
    few = rows.rows.known.copy()
    few[::2, at[YIELD]] = False
    rows = replace(rows, rows=replace(rows.rows, known=few))
    split = extended.extended_split(context.paper, rows, len(ROWS))
    hidden = _as_few(split, rows).hidden
    for part in (split.train, split.valid):
        known = rows.rows.known[part]
        left = known[:, at["resistivity_uohm_cm"]] & ~hidden[part, 1]
        assert left.sum() == min(known[:, at[YIELD]].sum(), known[:, at["resistivity_uohm_cm"]].sum())
    assert not hidden[:, 0].any()
    assert not hidden[split.test].any()
    assert EQUAL in PARTNERS


def test_overlap_counts_common_alloys_and_correlates_ranks():
    rows = extended_rows(quick(ROWS))
    count, rank = overlap(rows, YIELD, TENSILE)
    assert count == rows.counts()[TENSILE]
    assert rank == pytest.approx(1.0)  # both rise with aluminium
    assert np.isnan(overlap(rows, YIELD, "conductivity_iacs")[1])


def gain(q, mean=0.2):
    return Difference("yield strength", "hardness_gpa", "r2", "grouped", "tiny", mean, mean - 0.1, mean + 0.1, q, q)


@pytest.mark.parametrize(
    ("alone", "fair", "rank", "verdict"),
    [
        (gain(0.01), gain(0.01), 0.3, "holds"),
        (gain(0.01), gain(0.01), 0.9, "explained otherwise"),
        (gain(0.01), gain(0.5), 0.3, "not decided"),
        (gain(0.01), gain(0.01, -0.2), 0.3, "does not hold"),
        (None, None, 0.3, "not decided"),
    ],
)
def test_a_second_reading_of_the_target_is_no_common_mechanism(alone, fair, rank, verdict):
    assert cluster_verdict(alone, fair, rank) == verdict
