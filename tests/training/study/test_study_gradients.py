from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from screener.errors import InputError
from tests.training.study.invented_rows import invented, quick
from training.study import gradients
from training.study.arms import hard
from training.study.gradient_probes import GradientLearner, small_batches
from training.study.gradients import orthogonality, run_gradients
from training.study.learners import Job

ROWS = invented(240)


def constant(direction):
    """A probe whose gradient does not depend on its rows."""
    return lambda rows: np.asarray(direction, float)


def test_small_batches_without_noise_show_the_true_cosines():
    known = np.ones((100, 3), bool)
    found = small_batches([constant(d) for d in ([1, 0], [0, 2], [-3, 0])], known, 5, 0)
    np.testing.assert_allclose(found["small_cosine"], [[1, 0, -1], [0, 1, 0], [-1, 0, 1]], atol=1e-12)
    np.testing.assert_array_equal(found["small_absent"], 0.0)
    assert found["small_projected"][0] == pytest.approx(2 / 6)  # of six ordered pairs, the two that oppose each other


def test_small_batches_of_pure_noise_have_a_task_at_odds_with_itself():
    rng = np.random.default_rng(0)
    found = small_batches([lambda rows: rng.normal(size=4000)] * 2, np.ones((200, 2), bool), 20, 0)
    assert np.abs(found["small_cosine"]).max() < 0.05


def test_small_batches_count_those_without_a_task():
    known = np.column_stack([np.ones(640, bool), np.arange(640) < 10])
    found = small_batches([constant([1.0, 0.0]), constant([0.0, 1.0])], known, 400, 1)
    assert found["small_absent"][0] == 0.0
    assert found["small_absent"][1] == pytest.approx((1 - 10 / 640) ** 32, abs=0.05)


@pytest.mark.parametrize(
    ("small", "floor", "low", "high", "verdict"),
    [
        (0.0, 0.9, -0.05, 0.05, "holds"),
        (0.02, 0.05, 0.2, 0.6, "explained otherwise"),
        (0.02, float("nan"), -0.2, 0.3, "explained otherwise"),
        (0.4, 0.9, 0.2, 0.6, "does not hold"),
        (0.02, 0.9, -0.2, 0.3, "not decided"),
        (0.02, 0.9, float("nan"), float("nan"), "not decided"),
    ],
)
def test_orthogonality_is_judged_by_the_noise_floor(small, floor, low, high, verdict):
    assert orthogonality(small, floor, low, high) == verdict


def test_the_study_measures_every_pair_on_every_split(tmp_path, monkeypatch):
    monkeypatch.setattr(gradients, "QUICK_CHECKPOINTS", (0, 1))
    context = quick(ROWS, tmp_path)
    result = run_gradients(context)
    names = ["gradients-noise", "gradients-paper", "gradients-grouped", "gradients-sizes"]
    assert [section.name for section in result.sections] == names
    assert len(result.sections[0].rows) == 3
    assert len(result.sections[1].rows) == len(result.sections[2].rows) == 9
    assert len(result.findings) == 3
    assert {plot.name for plot in result.plots} == {"corrected", "small-batches"}
    for score in result.scores:
        if score.metric.endswith("cosine") and np.isfinite(score.values).all() and "corrected" not in score.metric:
            assert all(-1.0 <= value <= 1.0 for value in score.values)


def test_a_task_too_rare_to_halve_is_refused():
    context = quick(ROWS)
    few = context.paper.train[ROWS.rows.known[context.paper.train, 1]][5:]
    hidden = np.zeros(ROWS.rows.known.shape, bool)
    hidden[few, 1] = True
    learner = GradientLearner(hard(context.training()), (0, 1))
    with pytest.raises(InputError, match="task `hardness_gpa` has 5 training labels, too few to halve") as caught:
        learner.check(Job(ROWS, replace(context.paper, hidden=hidden)))
    assert caught.value.hint == "give at least 8, or leave the task out"
