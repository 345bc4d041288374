from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from screener.errors import InputError
from tests.training.study.invented_rows import invented, quick
from training.multitask.config import MultiTaskConfig
from training.multitask.config_parts import Method
from training.study.arms import alone, hard, independent, paper_weights
from training.study.code import code_digest
from training.study.learners import Alone, Job, Learner, Outcome, SeedsTogether, Together
from training.study.measures import cell_scores, recall_at_precision
from training.study.runs import Arm, Ask, run
from training.study.splits import grouped_splits, paper_split
from training.study.store import OutcomeStore, study_digest

ROWS = invented()
SPLIT = paper_split(ROWS)
CALLS: list[int] = []


@dataclass(frozen=True, slots=True)
class Told(Learner):
    """Predicts the truth plus an offset, and counts its calls."""

    offset: float = 0.0

    def describe(self):
        return {"learner": "told", "offset": self.offset}

    def learn(self, job, seeds):
        CALLS.append(seeds[0])
        y = np.nan_to_num(job.rows.rows.y)
        y[:, 2] = 8.0 * (y[:, 2] - 0.5)
        y = y + self.offset
        test, valid = y[job.split.test], y[job.split.valid]
        return [
            Outcome(test, test, valid, valid, np.zeros((2, 3)), np.ones((2, 3)), {"seed": np.array([float(s)])})
            for s in seeds
        ]


def told(offset=0.0, name="told"):
    return Arm(name, "", Told(offset))


def silent(_):
    return None


def test_cells_come_in_order_and_a_stopped_run_goes_on_where_it_was(tmp_path):
    store, asks = OutcomeStore(tmp_path), [Ask(ROWS, SPLIT, told(), (1, 2, 3))]
    CALLS.clear()
    first = run(asks[:1], 1, store, silent)
    assert [cell.seed for cell in first] == [1, 2, 3] == CALLS
    again = run([*asks, Ask(ROWS, SPLIT, told(), (3, 4))], 1, store, silent)
    assert CALLS == [1, 2, 3, 4]
    assert [cell.outcome.extras["seed"][0] for cell in again] == [1, 2, 3, 3, 4]
    for cell, twin in zip(first, again, strict=False):
        assert np.array_equal(cell.outcome.joint, twin.outcome.joint)
    run(asks, 1, None, silent)
    assert len(CALLS) == 7


def test_other_rows_splits_settings_and_labels_are_other_answers(tmp_path):
    store = OutcomeStore(tmp_path)
    other = grouped_splits(ROWS, 2)
    hidden = replace(SPLIT, hidden=np.zeros((len(ROWS), 3), bool))
    less = ROWS.take(np.arange(len(ROWS) - 1))
    asks = [
        Ask(ROWS, SPLIT, told(), (1,)),
        Ask(ROWS, SPLIT, told(1.0, "offset"), (1,)),
        *(Ask(ROWS, split, told(), (1,)) for split in (*other, hidden)),
        Ask(less, paper_split(less), told(), (1,)),
    ]
    CALLS.clear()
    run(asks, 1, store, silent)
    assert len(CALLS) == len(asks)
    assert len({study_digest(ROWS), study_digest(less)}) == 2


def test_a_damaged_answer_is_learned_again(tmp_path):
    store, ask = OutcomeStore(tmp_path), Ask(ROWS, SPLIT, told(), (1,))
    run([ask], 1, store, silent)
    (path,) = tmp_path.rglob("*.npz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    CALLS.clear()
    (cell,) = run([ask], 1, store, silent)
    assert CALLS == [1]
    assert np.isfinite(cell.outcome.joint).all()


def test_the_digest_of_code_follows_imports_through_packages():
    assert code_digest(("study.learners",)) != code_digest(("study.plots",))
    from training.study import code

    reached = {path.name for path in code._reached(("study.learners",))}
    assert {"learners.py", "loop.py", "famo.py", "fds.py", "structured.py", "union_nets.py"} <= reached
    assert not {"recipes.py", "measured.py", "main.py"} & reached


def test_perfect_predictions_score_one_and_offsets_do_not():
    good, off = run([Ask(ROWS, SPLIT, told(), (1,)), Ask(ROWS, SPLIT, told(0.5, "off"), (1,))], 1, None, silent)
    scores = cell_scores(good)
    assert scores["resistivity_uohm_cm"]["r2"] == scores["hardness_gpa"]["r2"] == 1.0
    assert scores["resistivity_uohm_cm"]["r2_physical"] == pytest.approx(1.0)
    assert (
        scores["is_amorphous"]["pr_auc"]
        == scores["is_amorphous"]["f1"]
        == scores["is_amorphous"]["recall_at_rule"]
        == 1.0
    )
    assert recall_at_precision(good, 2, 1.0) == 1.0
    known = ROWS.rows.known[SPLIT.test, 0]
    values = np.exp(ROWS.rows.y[SPLIT.test, 0][known])
    assert cell_scores(off)["resistivity_uohm_cm"]["mae_physical"] == pytest.approx(np.mean(values * (np.exp(0.5) - 1)))
    assert cell_scores(off)["hardness_gpa"]["r2"] < 1.0


def test_learners_of_nets_predict_all_rows_and_keep_their_history():
    context = quick(ROWS)
    training = replace(context.training(), epochs=3)
    weights = paper_weights(ROWS)
    learners = {
        "alone": Alone(independent(training)),
        "together": Together(hard(training, weights)),
        "structured": Together(MultiTaskConfig(architecture=Method("structured"), training=training)),
        "seeds": SeedsTogether(replace(hard(training, weights), absent="zero")),
        "seeds alone": SeedsTogether(independent(training), each=True),
    }
    asks = [Ask(ROWS, SPLIT, Arm(name, "", learner), (1, 2)) for name, learner in learners.items()]
    cells = run(asks, 1, None, silent)
    assert len(cells) == 10
    for cell in cells:
        out = cell.outcome
        assert out.joint.shape == out.task.shape == (len(SPLIT.test), 3)
        assert out.valid_joint.shape == (len(SPLIT.valid), 3)
        assert out.train.shape == out.valid.shape == (3, 3)
        assert np.isfinite(out.joint).all()
    assert cells[4].outcome.extras["relations"].shape == (3, 3)
    assert not np.array_equal(cells[2].outcome.joint, cells[3].outcome.joint)
    assert np.array_equal(cells[0].outcome.joint, cells[0].outcome.task)


def test_nets_alone_take_as_many_steps_where_a_run_is_cut_short():
    training = replace(quick(ROWS).training(), epochs=3)
    learners = [alone(training, quick=True), alone(training, quick=False), Together(hard(training))]
    asks = [Ask(ROWS, SPLIT, Arm(str(k), "", learner), (1,)) for k, learner in enumerate(learners)]
    fitted, own, joint = run(asks, 1, None, silent)
    steps = -(-len(SPLIT.train) // training.batch)
    assert len(joint.outcome.train) == len(own.outcome.train) == 3
    for task in range(3):
        labels = int(ROWS.rows.known[SPLIT.train, task].sum())
        epochs = int(np.isfinite(fitted.outcome.train[:, task]).sum())
        assert epochs * -(-labels // training.batch) >= 3 * steps
        assert (epochs - 1) * -(-labels // training.batch) < 3 * steps


def test_a_net_that_diverges_is_told_and_has_no_score():
    training, said = replace(quick(ROWS).training(), epochs=2), []
    weighting = Method("dwa", {"temperature": 1e-300})
    arm = Arm("broken", "", Together(hard(training, weighting)))
    (cell,) = run([Ask(ROWS, SPLIT, arm, (1,))], 1, None, said.append)
    if np.isfinite(cell.outcome.valid).all():
        pytest.fail("the net did not diverge: choose a worse option")
    assert np.isnan(cell.outcome.joint).all()
    assert cell_scores(cell) == {task: {} for task in ROWS.tasks}
    assert any("`broken`" in line and "no epoch ended with a finite loss, no score" in line for line in said)


def test_what_cannot_be_learned_is_refused_before_anything_is(tmp_path):
    y = ROWS.rows.y.copy()
    y[SPLIT.train[ROWS.rows.known[SPLIT.train, 1]][0], 1] = np.inf
    broken = ROWS.with_rows(replace(ROWS.rows, y=y), "broken", ROWS.log, ROWS.units)
    good, bad = Ask(ROWS, SPLIT, told(), (1,)), Arm("hard", "", Together(hard(quick(ROWS).training())))
    CALLS.clear()
    with pytest.raises(InputError, match="task `hardness_gpa` has the value `inf` in 1 training rows"):
        run([good, Ask(broken, SPLIT, bad, (1,))], 1, OutcomeStore(tmp_path), silent)
    assert not CALLS
    single = replace(ROWS, rows=ROWS.rows.take(np.arange(len(ROWS))))
    with pytest.raises(InputError, match="architecture `hard` has a single task to share"):
        bad.learner.check(OneTask(single, SPLIT))


class OneTask(Job):
    """A job that shows one task only."""

    @property
    def fold(self):
        return self.split.fold(self.rows).only(("hardness_gpa",))
