from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from screener.errors import InputError
from tests.training.study.invented_rows import invented, quick
from training.diagnostics.statistics import Equivalence
from training.study import base, curriculum, transfer
from training.study.arms import hard
from training.study.curriculum import run_curriculum
from training.study.curriculum_learners import InStages
from training.study.learners import Job
from training.study.table import Difference, find
from training.study.transfer import UTILITY, alike_verdict, run_transfer, sizes_of, target_of, tuning
from training.study.transfer_learners import ALL, LearningCurves, Transferred, grouped_fold, learnable, with_fewer
from training.transfer.strategies import STRATEGIES

ROWS = invented(300)
CONTEXT = quick(ROWS)
TARGET = "hardness_gpa"


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Two epochs, sizes that a tiny table has."""
    monkeypatch.setattr(base, "QUICK_EPOCHS", 2)
    monkeypatch.setattr(transfer, "QUICK_TUNING", 3)
    monkeypatch.setattr(transfer, "QUICK_SIZES", (10,))


def test_what_is_tested_on_is_named_by_composition_or_by_system():
    for split in (CONTEXT.paper, CONTEXT.grouped[0]):
        grouped, held_out = grouped_fold(Job(ROWS, split))
        names = ROWS.system if split.kind == "grouped" else ROWS.key
        assert set(held_out) == set(names[split.test])
        assert len(grouped.train) == len(grouped.fold.train)
        assert not set(grouped.train) & set(held_out)
    # A row of a tested system that strays into training is dropped.
    stray = replace(CONTEXT.grouped[0], train=np.append(CONTEXT.grouped[0].train, CONTEXT.grouped[0].test[0]))
    grouped, held_out = grouped_fold(Job(ROWS, stray))
    assert set(grouped.train) & set(held_out)
    assert not set(grouped.without(held_out).train) & set(held_out)


def test_subsamples_are_nested_and_leave_other_tasks_alone():
    grouped, _ = grouped_fold(Job(ROWS, CONTEXT.paper))
    before = grouped.fold.train.known
    few, more, every = with_fewer(grouped, 1, (5, 12, ALL), 3)
    assert few.fold.train.known[:, 1].sum() == 5
    assert more.fold.train.known[:, 1].sum() == 12
    np.testing.assert_array_equal(every.fold.train.known, before)
    assert not (few.fold.train.known & ~more.fold.train.known).any()
    for part in (few, more):
        np.testing.assert_array_equal(np.delete(part.fold.train.known, 1, 1), np.delete(before, 1, 1))
    assert few.fold.valid.known[:, 1].sum() == min(10, grouped.fold.valid.known[:, 1].sum())


def test_more_labels_than_there_are_is_refused():
    grouped, _ = grouped_fold(Job(ROWS, CONTEXT.paper))
    with pytest.raises(InputError, match="no `9999` rows among"):
        with_fewer(grouped, 1, (9999,), 0)


def test_scratch_does_not_depend_on_other_tasks():
    learner = Transferred(TARGET, hard(CONTEXT.training()), tuning(CONTEXT), "S0", ())
    y = ROWS.rows.y.copy()
    y[:, 0] *= 3.0
    other = ROWS.with_rows(replace(ROWS.rows, y=y), "other", ROWS.log.tolist(), ROWS.units)
    one, two = (learner.learn(Job(rows, CONTEXT.paper), (1,))[0] for rows in (ROWS, other))
    np.testing.assert_array_equal(one.joint[:, 1], two.joint[:, 1])
    assert np.isnan(np.delete(one.joint, 1, axis=1)).all()


def test_a_body_does_depend_on_what_it_has_learned():
    outcomes = [
        Transferred(TARGET, hard(CONTEXT.training()), tuning(CONTEXT), "S2", sources).learn(
            Job(ROWS, CONTEXT.paper), (1,)
        )[0]
        for sources in ((ROWS.tasks[0],), (ROWS.tasks[0], ROWS.tasks[2]))
    ]
    assert not np.array_equal(outcomes[0].joint[:, 1], outcomes[1].joint[:, 1])
    assert [float(outcome.extras["sources"][0]) for outcome in outcomes] == [1.0, 2.0]


def test_a_row_of_a_tested_system_that_strays_into_training_teaches_nothing():
    clean = CONTEXT.grouped[0]
    stray = replace(clean, train=np.append(clean.train, clean.test[:9]))
    body, tuned = hard(CONTEXT.training()), tuning(CONTEXT)
    for learner, read in (
        (Transferred(TARGET, body, tuned, "S7", ROWS.tasks), lambda o: o.joint[:, 1]),
        (LearningCurves(TARGET, body, tuned, "", ("S0", "S1", "S7"), (10,), 1), lambda o: o.extras["curves"]),
    ):
        one, two = (read(learner.learn(Job(ROWS, split), (1,))[0]) for split in (clean, stray))
        np.testing.assert_array_equal(one, two)


def test_pair_wise_strategies_learn_the_named_source():
    body, tuned = hard(CONTEXT.training()), tuning(CONTEXT)
    curves = {
        source: LearningCurves(TARGET, body, tuned, source, ("S1", "S6"), (10,), 1)
        .learn(Job(ROWS, CONTEXT.paper), (1,))[0]
        .extras["curves"]
        for source in ("", ROWS.tasks[0], ROWS.tasks[2])
    }
    np.testing.assert_array_equal(curves[""], curves[ROWS.tasks[0]])  # it has most labels
    assert not np.array_equal(curves[ROWS.tasks[0]][0], curves[ROWS.tasks[2]][0])
    np.testing.assert_array_equal(curves[ROWS.tasks[0]][1], curves[ROWS.tasks[2]][1])


def test_targets_and_sources_that_are_not_there_are_refused():
    learner = LearningCurves("density", hard(CONTEXT.training()), tuning(CONTEXT), "", ("S0",), (ALL,), 1)
    with pytest.raises(InputError, match="there is no task `density` to learn in the end"):
        learner.check(Job(ROWS, CONTEXT.paper))
    body = Transferred(TARGET, hard(CONTEXT.training()), tuning(CONTEXT), "S2", ("density",))
    with pytest.raises(InputError, match="strategy `S2` needs a pre-trained body"):
        body.learn(Job(ROWS, CONTEXT.paper), (1,))


def test_tasks_with_few_labels_or_one_class_are_not_learnable():
    fold = CONTEXT.paper.fold(ROWS)
    assert learnable(fold) == ROWS.tasks
    y = fold.train.y.copy()
    y[:, 2] = 1.0
    one_class = replace(fold, train=replace(fold.train, y=y))
    assert learnable(one_class) == ROWS.tasks[:2]
    assert learnable(replace(fold, train=fold.train.take(np.arange(5)))) == ()


def test_the_target_is_the_smallest_number():
    assert target_of(ROWS) == 1
    labels = ROWS.with_rows(replace(ROWS.rows, is_label=np.ones(3, bool)), "labels", [False] * 3, ROWS.units)
    with pytest.raises(InputError, match="there is no number to transfer to, only labels"):
        target_of(labels)


def difference(q, mean=0.1):
    return Difference("S1", TARGET, "r2", "grouped", "tiny", mean, mean - 0.2, mean + 0.2, q, q)


def test_a_large_p_is_not_equivalence():
    assert alike_verdict(difference(0.9), Equivalence(0.1, 0.02, 0.5, 0.0, 0.2)) == "not decided"
    assert alike_verdict(difference(0.9), Equivalence(0.0, 0.02, 0.01, -0.01, 0.01)) == "holds"
    assert alike_verdict(difference(0.01), Equivalence(0.1, 0.02, 0.9, 0.0, 0.2)) == "does not hold"
    assert alike_verdict(None, None) == "not decided"


def test_the_study_has_every_strategy_at_every_size(tmp_path):
    context = quick(ROWS, tmp_path)
    assert sizes_of(context, TARGET) == (10, ALL)
    result = run_transfer(context)
    for section in result.sections[:4]:
        arms = [row["arm"] for row in section.rows]
        assert arms == [name for name in STRATEGIES if name != "S0" or section.title.startswith("R²")]
    for score in result.scores:
        if score.metric == UTILITY:
            mae, base_mae = (find(result.scores, a, TARGET, "mae", score.split, score.rows) for a in (score.arm, "S0"))
            for utility, error, scratch in zip(score.values, mae.values, base_mae.values, strict=True):
                assert utility == pytest.approx(1.0 - error / scratch)
    assert len(result.findings) == 3
    assert len({difference.rows for difference in result.tested}) == 2


def test_stages_differ_by_order_and_replay(tmp_path):
    config = hard(CONTEXT.training())
    learners = [InStages(config), InStages(config, large_first=False), InStages(config, replay=False)]
    outcomes = [learner.learn(Job(ROWS, CONTEXT.paper), (1,))[0] for learner in learners]
    assert all(outcome.extras["stage_epochs"].shape == (3,) for outcome in outcomes)
    for one, two in ((0, 1), (0, 2), (1, 2)):
        assert not np.array_equal(outcomes[one].joint, outcomes[two].joint)
        assert learners[one].describe() != learners[two].describe()


def test_the_curriculum_has_controls_of_order_and_budget(tmp_path):
    result = run_curriculum(quick(ROWS, tmp_path))
    arms = [row["arm"] for row in result.sections[0].rows]
    assert arms == [
        *("all at once", "independent", "large first", "small first", "large first, no replay"),
        curriculum.BRIEF,
    ]
    assert len(result.findings) == 5
