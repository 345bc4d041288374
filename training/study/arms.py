"""Configurations that several studies share."""

from __future__ import annotations

from collections.abc import Mapping

from training.multitask.config import MultiTaskConfig
from training.multitask.config_parts import Balance, Method, Option, Training
from training.study.data import StudyRows
from training.study.learners import Alone


def method(name: str, **options: Option) -> Method:
    """Name a method with options."""
    return Method(name, options)


def paper_weights(rows: StudyRows) -> Method:
    """Return the weights (1, 65, 62) of the paper's main table; by inverse size for other tasks than its own."""
    return method("fixed", weights="paper" if rows.standard else "inverse_size")


def mitigation_weights(rows: StudyRows) -> Method:
    """Return the weights (1, 10, 10) of the paper's remedies; by inverse size for other tasks than its own."""
    return method("fixed", weights="mitigation" if rows.standard else "inverse_size")


def independent(training: Training) -> MultiTaskConfig:
    """Return one net per task, as in the paper."""
    return MultiTaskConfig(architecture=method("independent"), training=training)


def alone(training: Training, *, quick: bool) -> Alone:
    """Return one net per task, learned on its own rows; where a run is cut short, for as many steps as all others."""
    return Alone(independent(training), as_many_steps=quick)


def hard(
    training: Training,
    weighting: Method | None = None,
    aggregator: Method | None = None,
    *,
    sampler: str = "union",
    balance: Mapping[str, Balance] | None = None,
) -> MultiTaskConfig:
    """Return hard sharing with some methods."""
    return MultiTaskConfig(
        architecture=method("hard"),
        weighting=weighting,
        aggregator=aggregator,
        sampler=method(sampler),
        balance=balance or {},
        training=training,
    )
