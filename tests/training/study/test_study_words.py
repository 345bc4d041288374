from __future__ import annotations

import json

import numpy as np
import pytest

from tests.training.study.invented_rows import invented, quick
from training.report_tables import Section
from training.study.arms import hard
from training.study.base import Effort, StudyContext, StudyResult, alone_note, training_note
from training.study.comparing import compare
from training.study.entries import Entry
from training.study.fds import learned_units
from training.study.gradients import run_gradients
from training.study.imbalance import run_imbalance, why_no_slope
from training.study.learners import Together
from training.study.main_tables import synergy_table
from training.study.measures import MATCHED, task_scores
from training.study.report import Stamp, markdown, one_line, printed
from training.study.runs import Arm
from training.study.splits import GROUPED, PAPER
from training.study.table import Score
from training.study.transfer import blown_up

ROWS = invented(300)
FULL = Stamp("2026-01-01", "rows", "seeds 1, 2", 1.5, Effort(2, 45.0))
QUICK = Stamp("2026-01-01", "rows", "seeds 1, 2; a quick look, not to be quoted", 1.5, Effort(2, 45.0))
RESULT = StudyResult("main", "Main", (Section("t", "Table", "A caption.", (("arm", "arm"),), ()),))


def score(values, arm="hard", task="hardness_gpa", metric="r2", split=GROUPED, rows="full"):
    return Score(rows, split, arm, task, metric, values)


def test_a_quick_look_is_called_so_before_its_tables():
    lines = printed(RESULT, QUICK).splitlines()
    assert lines[0] == "A quick look, not to be quoted."
    assert lines[2] == QUICK.line()
    assert "quick" not in printed(RESULT, FULL)
    assert printed(RESULT, FULL).splitlines()[0] == FULL.line()
    told = [json.loads(one_line(RESULT, stamp)) for stamp in (QUICK, FULL)]
    assert [each["quick"] for each in told] == [True, False]
    assert told[1]["stamp"]["how"] == "seeds 1, 2"


def test_fits_are_not_spoken_of_where_nothing_is_fitted():
    assert FULL.line() == "2026-01-01; rows; seeds 1, 2; 2 fits of 0.8 min of one processor in all, 1.5 min here " + (
        "beside what was looked up."
    )
    assert Stamp("2026-01-01", "rows", "seeds 1", 0.1, Effort()).line() == "2026-01-01; rows; seeds 1; 0.1 min."


@pytest.mark.parametrize(
    ("scores", "stamp", "said"),
    [
        (
            [score((0.1,) * 15), score((0.1,) * 5, split=PAPER)],
            FULL,
            "15 outer folds in 3 groupings of 5 with one seed",
        ),
        ([score((0.1,) * 5)], FULL, "Means are over 5 outer folds with one seed each (split `grouped`)."),
        ([score((0.1,) * 5, split=PAPER)], FULL, "Means are over 5 seeds (split `paper`)."),
        ([score((0.1, 0.2))], QUICK, "Means are over 2 outer folds with one seed each"),
        ([score((0.1,), split=PAPER)], Stamp("", "", "", 0.0, Effort()), "Means are over one value (split `paper`)."),
    ],
)
def test_a_report_says_over_how_many_seeds_or_folds_its_means_are(scores, stamp, said):
    assert said in markdown(StudyResult("main", "Main", (), tuple(scores)), stamp)
    assert "Means" not in markdown(RESULT, stamp)


def test_training_is_told_as_it_was():
    full, few = StudyContext(ROWS, (1, 2)), quick(ROWS)
    assert training_note(full).startswith("Batches of 256, at most 100 epochs, early stopping after 15 without ")
    assert training_note(few) == "Batches of 64, at most 10 epochs, no early stopping; all arms alike."
    counts = ROWS.rows.known[full.paper.train].sum(axis=0)
    assert counts.max() <= 256  # one batch each
    assert "at most 100 for" in alone_note(full)
    assert "as many more epochs in a quick look" in alone_note(few)


def test_a_gain_over_nearly_nothing_is_no_gain():
    labels = {"resistivity_uohm_cm": False, "hardness_gpa": False}
    scores = [
        *(score((0.8,), arm, "resistivity_uohm_cm") for arm in ("hard", "structured")),
        score((0.5,), "independent", "resistivity_uohm_cm"),
        *(score((0.57,), arm) for arm in ("hard", "structured")),
        score((0.025,), "independent"),
    ]
    references = dict.fromkeys(("independent", "hard", "structured"), "independent")
    (row, _) = synergy_table(scores, labels, references, (GROUPED,)).rows
    assert row["mean"] == row["resistivity_uohm_cm"] == pytest.approx(0.6)
    section = synergy_table(scores, labels, references, (GROUPED,))
    assert "fewer steps" in section.caption
    assert "fewer steps" not in synergy_table(scores, labels, references, (GROUPED,), as_many_steps=True).caption
    assert "| grouped | hard | 0.600 | – | 0.600 |" in section.markdown()
    assert "fewer steps" in section.caption
    (alone,) = synergy_table(scores[3:], {"hardness_gpa": False}, references, (GROUPED,)).rows[:1]
    assert alone["mean"] is None


def test_precision_is_not_told_where_nothing_is_flagged():
    split = quick(ROWS).paper
    column = ROWS.tasks.index("is_amorphous")
    valid = np.zeros(len(split.valid))
    none = task_scores(ROWS, split, column, np.full(len(split.test), -9.0), valid)
    every = task_scores(ROWS, split, column, np.full(len(split.test), 9.0), valid)
    assert np.isnan(none["precision"])
    assert none["recall"] == none["f1"] == 0.0
    assert 0.0 < every["precision"] < 1.0


def test_means_that_one_net_rules_are_named():
    values = (0.4, 0.3, -1073.0, 0.5, 0.2)
    scores = [
        score(values, "S0", rows="full, 50 labels"),
        score(values, "S0", metric="mae", rows="full, 50 labels"),
        score((0.4, -0.9), "S1", rows="full, 50 labels"),
    ]
    (note,) = blown_up(scores, "hardness_gpa")
    assert "S0 with 50 labels on split `grouped` (lowest -1,073.0, mean -214.320, median 0.300)." in note
    assert not list(blown_up(scores[1:], "hardness_gpa"))


def test_units_as_learned_are_named():
    assert learned_units(quick(ROWS)) == "ln µΩ·cm, GPa, logit"


def test_recall_at_matched_precision_is_explained_where_it_stands():
    context = quick(ROWS)
    training = context.training()
    arms = [Arm("hard", "", Together(hard(training)))]
    for section in compare(context, "x", arms, "hard", matched="hard").sections:
        assert f"`{MATCHED}`: the highest recall at the precision that `hard` of the same split" in section.caption
    assert MATCHED not in compare(context, "x", arms, "hard").sections[0].caption


def test_one_ratio_gives_no_slope_and_says_so(monkeypatch):
    entries = [Entry("own", "paper", unit, "a", "b", {"ratio": 1.25}) for unit in (1, 2)]
    assert "with at most 1.25 times as many training labels of resistivity as of b" in why_no_slope(
        entries, "resistivity_uohm_cm", "b"
    )
    assert not why_no_slope([*entries, Entry("own", "paper", 1, "a", "b", {"ratio": 9.0})], "c", "b")
    monkeypatch.setattr("training.study.imbalance.QUICK_RATIOS", (1.8,))
    monkeypatch.setattr("training.study.base.QUICK_EPOCHS", 2)
    result = run_imbalance(quick(ROWS))
    assert result.plots == ()
    assert "there is a single ratio" in result.sections[-1].caption


def test_intervals_of_cosines_say_how_few_resamples_made_them(monkeypatch):
    monkeypatch.setattr("training.study.gradients.QUICK_CHECKPOINTS", (0, 1))
    result = run_gradients(quick(ROWS))
    assert "quantiles of only 8 resamples" in result.sections[1].caption
