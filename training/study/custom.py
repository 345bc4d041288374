"""A user's own methods against the plain ones, on the user's own rows."""

from __future__ import annotations

from dataclasses import replace

from screener.errors import InputError
from training.multitask.config import MultiTaskConfig
from training.study.arms import hard, independent
from training.study.base import Study, StudyContext, StudyResult
from training.study.learners import Alone, Together
from training.study.measures import HEADLINE
from training.study.runs import Arm
from training.study.splits import GROUPED, PAPER
from training.study.table import arms_table, both_tests, ratio_of, scores_of

REFERENCE, SUM, OWN = "independent", "plain sum", "yours"


def run_custom(context: StudyContext) -> StudyResult:
    """Compare a configuration with independent nets and with hard sharing of the plain sum, trained alike.

    Raises:
        InputError: there is no configuration.
    """
    if context.config is None:
        raise InputError("the study `custom` has no configuration", "name a TOML file of methods with `--config`")
    config: MultiTaskConfig = context.config
    if context.quick:
        config = replace(config, training=context.training(config.training.batch))
    training = config.training
    arms = [
        Arm(REFERENCE, "one net per task", Alone(independent(training))),
        Arm(SUM, "hard sharing, losses added", Together(hard(training))),
        Arm(OWN, "the configuration", Together(config)),
    ]
    cells = context.run(context.asks(arms))
    scores = scores_of(cells)
    tasks = dict(zip(context.rows.tasks, context.rows.rows.is_label.tolist(), strict=True))
    metrics = {task: [HEADLINE[label], "recall" if label else "mae"] for task, label in tasks.items()}
    columns = [(task, metric) for task, chosen in metrics.items() for metric in chosen]
    tested = both_tests(scores, REFERENCE, metrics, ratio_of(cells, GROUPED))
    told = {PAPER: "One split at random, over seeds", GROUPED: "Outer folds by chemical system"}
    sections = [
        arms_table(
            *(f"custom-{split}", f"Your methods, split `{split}`", f"{words}; q against the independent nets."),
            *(scores, columns),
            split=split,
            rows=context.rows.name,
            tested=tested,
        )
        for split, words in told.items()
    ]
    return StudyResult("custom", "Your methods", tuple(sections), tuple(scores), tuple(tested))


CUSTOM = Study("custom", "do the methods of --config beat learning alone?", run_custom)
