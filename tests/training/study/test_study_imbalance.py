from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.study.invented_rows import invented, quick
from training.comparison import PairedTest
from training.study import base
from training.study.arms import hard
from training.study.imbalance import _batches, at_equal_steps, chosen_tasks, ladder_of, run_imbalance, slope_verdict

ROWS = invented(300)
CONTEXT = quick(ROWS)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 99), ratios=st.lists(st.floats(0.1, 9.0), min_size=1, max_size=4))
def test_rungs_are_nested_and_hide_labels_of_the_large_task_in_training_rows_alone(seed, ratios):
    split = CONTEXT.paper
    rungs = ladder_of(ROWS, split, (0, 1), ratios, seed)
    sizes = [int((ROWS.rows.known & ~part.hidden)[split.train, 0].sum()) for _, part in rungs]
    assert sizes == sorted(set(sizes))
    unit = ROWS.rows.known[split.train, 1].sum()
    np.testing.assert_allclose([ratio for ratio, _ in rungs], np.array(sizes) / unit)
    assert max(sizes) <= ROWS.rows.known[split.train, 0].sum()
    for (_, small), (_, large) in itertools.pairwise(rungs):
        assert not (large.hidden & ~small.hidden).any()
    for _, part in rungs:
        assert not part.hidden[:, 1:].any()
        assert not part.hidden[np.concatenate([split.valid, split.test])].any()


def test_labels_hidden_before_stay_hidden():
    hidden = np.zeros(ROWS.rows.known.shape, bool)
    hidden[CONTEXT.paper.train[::2], 1] = True
    for _, part in ladder_of(ROWS, replace(CONTEXT.paper, hidden=hidden), (0, 1), (1.0, 9.0), 0):
        assert part.hidden[hidden].all()


@pytest.mark.parametrize("sampler", ["union", "per_task"])
def test_every_rung_has_as_many_steps_as_the_largest_to_within_an_epoch(sampler):
    config = hard(CONTEXT.training(), sampler=sampler)
    rungs = ladder_of(ROWS, CONTEXT.paper, (0, 1), (0.5, 1.0, 9.0), 0)
    wanted = config.training.epochs * _batches(config, ROWS, rungs[-1][1])
    for _, part in rungs:
        paced = at_equal_steps(config, ROWS, part, rungs[-1][1])
        each = _batches(paced, ROWS, part)
        assert wanted <= paced.training.epochs * each < wanted + each
        assert paced.training.patience == paced.training.epochs


def test_the_large_and_small_task_are_the_papers_or_those_with_most_and_fewest_labels():
    assert chosen_tasks(ROWS) == (0, 1)
    own = ROWS.with_rows(replace(ROWS.rows, tasks=("a", "b", "c")), "own", ROWS.log.tolist(), ROWS.units)
    counts = list(own.counts().values())
    assert chosen_tasks(own) == (int(np.argmax(counts)), int(np.argmin(counts)))


def slope(mean, p, low=-1.0, high=1.0):
    return PairedTest(mean, 0.0, p, low, high)


@pytest.mark.parametrize(
    ("fair", "confounded", "verdict"),
    [
        (slope(-0.1, 0.999), None, "holds"),
        (slope(0.1, 0.001), None, "does not hold"),
        (slope(0.0, 0.5), slope(-0.1, 0.999), "explained otherwise"),
        (slope(0.0, 0.5, -0.01, 0.01), slope(0.1, 0.001), "does not hold"),
        (slope(0.0, 0.5), None, "not decided"),
        (None, slope(-0.1, 0.999), "not decided"),
    ],
)
def test_falling_scores_are_imbalance_only_at_equal_steps(fair, confounded, verdict):
    assert slope_verdict(fair, confounded) == verdict


def test_the_study_has_all_arms_at_both_paces(tmp_path, monkeypatch):
    monkeypatch.setattr(base, "QUICK_EPOCHS", 2)
    result = run_imbalance(quick(ROWS, tmp_path))
    assert [section.name for section in result.sections] == ["imbalance-paper", "imbalance-grouped", "imbalance-slopes"]
    paper = {row["arm"].rpartition(", ")[0] for row in result.sections[0].rows}
    assert len(paper) == 6
    assert {row["arm"].rpartition(", ")[0] for row in result.sections[1].rows} == {a for a in paper if "steps" in a}
    assert len(result.findings) == 3
    ratios = [s for s in result.scores if s.metric == "ratio" and s.arm.startswith("weights of 10, equal steps")]
    assert all(value > 0.0 for score in ratios for value in score.values)
