"""A user's own methods against the plain ones, on the user's own rows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from screener.errors import InputError
from training.multitask.config import MultiTaskConfig
from training.study.arms import alone, hard
from training.study.base import Study, StudyContext, StudyResult
from training.study.learners import Together
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
        Arm(REFERENCE, "one net per task", alone(training, quick=context.quick)),
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
    notes = _notes(context, context.config, config)
    return StudyResult("custom", "Your methods", tuple(sections), tuple(scores), tuple(tested), notes=notes)


def _notes(context: StudyContext, given: MultiTaskConfig, used: MultiTaskConfig) -> tuple[str, ...]:
    """Say what the user's methods are, and what a quick look has changed of them."""
    place = f" of `{context.config_name}`" if context.config_name else ""
    settings = "; ".join(f"`{_key(key)} = {_toml(value)}`" for key, value in given.table().items())
    said = f"`{OWN}` is the configuration{place}: {settings}."
    if used.training == given.training:
        return (said,)
    return (said, f"A quick look replaces `[training]`{place} by `{_toml(used.table()['training'])}`, for all arms.")


def _toml(value: object) -> str:
    """Write a value as TOML, tables on one line."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(key)} = {_toml(each)}' for key, each in value.items())} }}"
    return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    """Write a key of TOML, in quotes where it needs them."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


CUSTOM = Study("custom", "do the methods of --config beat learning alone?", run_custom)
