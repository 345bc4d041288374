"""Distillation: screen-tier nets learn what the precise ensembles answer on random alloys of the domain.

The multi-task student shares its two hidden layers over every target that has a teacher; independent students stand
alone. Both learn the measured labels beside the teacher's logits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from screener.descriptors.featurizer import featurize
from screener.descriptors.specs import feature_spec
from screener.elements import element_symbols
from training.draws import student_alloys
from training.ensembles import Ensemble
from training.nets import Layer, run_layers
from training.students import Schedule, fit_layers
from training.tasks import TaskRows, alloy_spec

Array = NDArray[np.floating]
LOGIT_LIMIT = 8.0
"""Teacher logits are learned within ±8: beyond that a probability is settled."""
LEAST_SHARE = 0.1
"""A positive quantity is taught down to this share of its least measured value; teachers may extrapolate below zero."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """Random alloys a student learns from.

    Attributes:
        fractions: over ``element_symbols()``, shape (n, d).
        alloy: the teacher's features, shape (n, f).
        screen: the student's features, shape (n, g).
    """

    fractions: NDArray[np.float64]
    alloy: NDArray[np.float32]
    screen: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Student:
    """A distilled net for one target.

    Attributes:
        layers: dense layers on screen features and conditions.
        log: whether the net gives the logarithm of the value.
        conditions: whether the net reads the recipe's conditions beside the features.
    """

    layers: Sequence[Layer]
    log: bool
    conditions: bool = True

    def predict(self, inputs: Array) -> Array:
        """Predict values in physical units or uncalibrated logits, shape (b, g + k) → (b,)."""
        raw = run_layers(self.layers, inputs)
        return np.exp(raw) if self.log else raw

    def answer(self, rows: TaskRows) -> Array:
        """Predict measured rows, shape (n,)."""
        return self.predict(screen_inputs(rows, conditions=self.conditions))


def make_lesson(fractions: NDArray[np.float64], n: int, seed: int) -> Lesson:
    """Draw a lesson of ``n`` alloys near and beyond the measured compositions ``fractions`` (m, d)."""
    present = np.flatnonzero(fractions.max(axis=0) > 0)
    symbols = [element_symbols()[i] for i in present]
    drawn = student_alloys(n, np.ascontiguousarray(fractions[:, present]), np.random.default_rng(seed))
    dense = np.zeros((n, fractions.shape[1]))
    dense[:, present] = drawn
    return Lesson(dense, featurize(drawn, symbols, alloy_spec()), featurize(drawn, symbols, feature_spec("screen")))


def screen_inputs(rows: TaskRows, *, conditions: bool = True) -> NDArray[np.float32]:
    """Screen features of measured rows, with their conditions, shape (n, g + k)."""
    features = featurize(rows.fractions, element_symbols(), feature_spec("screen"))
    return np.hstack([features, rows.conditions]) if conditions else features


def distill(rows: TaskRows, teacher: Ensemble, lesson: Lesson, schedule: Schedule) -> Student:
    """Train an independent student of one target; conditions are drawn from the measured ones."""
    rng = np.random.default_rng(schedule.seed)
    conditions = rows.conditions[rng.integers(len(rows), size=len(lesson.alloy))]
    answers = _answer(rows, teacher, np.hstack([lesson.alloy, conditions]))
    x = np.vstack([np.hstack([lesson.screen, conditions]), screen_inputs(rows)])
    y = np.concatenate([answers, _answer(rows, teacher, rows.inputs)])[:, None]
    classes = rows.recipe.kind == "classification"
    labels = np.concatenate([np.full(len(answers), np.nan), rows.y]) if classes else None
    return Student(fit_layers(x, y, schedule, labels=labels)[0], takes_log(rows))


def distill_shared(
    tasks: Mapping[str, TaskRows], teachers: Mapping[str, Ensemble], lesson: Lesson, schedule: Schedule
) -> Student:
    """Train the multi-task student and return its classifier.

    The trunk is shared by the classifier (first of ``tasks``) and every regressor; a regressor's teacher answers only
    where it knows all elements, at its reference conditions.
    """
    main, *others = tasks
    rows = tasks[main]
    extra = screen_inputs(rows, conditions=False)
    x = np.vstack([lesson.screen, extra])
    fractions = np.vstack([lesson.fractions, rows.fractions])
    alloy = np.vstack([lesson.alloy, rows.features])
    columns = [_answer(rows, teachers[main], alloy)]
    answers = (_known_answer(tasks[name], teachers[name], fractions, alloy) for name in others)
    columns += [column for column in answers if np.isfinite(column).any()]
    labels = np.concatenate([np.full(len(lesson.screen), np.nan), rows.y])
    return Student(fit_layers(x, np.stack(columns, axis=1), schedule, labels=labels)[0], False, conditions=False)


def takes_log(rows: TaskRows) -> bool:
    """Whether a student learns logarithms: of every quantity that is always positive."""
    return rows.recipe.kind == "regression" and float(rows.y.min()) > 0.0


def _known_answer(rows: TaskRows, teacher: Ensemble, fractions: Array, alloy: Array) -> Array:
    """What a regressor's student learns at reference conditions, NaN where an element is unknown to its teacher."""
    unknown = ~np.isin(np.array(element_symbols()), rows.seen_elements())
    known = fractions[:, unknown].max(axis=1, initial=0.0) == 0.0
    references = np.array([c.reference for c in rows.recipe.conditions], np.float32)
    out = np.full(len(alloy), np.nan)
    if known.any():
        inputs = np.hstack([alloy[known], np.tile(references, (int(known.sum()), 1))])
        out[known] = _answer(rows, teacher, inputs)
    return out


def _answer(rows: TaskRows, teacher: Ensemble, inputs: Array) -> Array:
    """What the student is to give: a value or its logarithm, or a logit within its limits."""
    raw = teacher.predict(inputs)
    if rows.recipe.kind == "classification":
        return np.clip(raw, -LOGIT_LIMIT, LOGIT_LIMIT)
    return np.log(np.maximum(raw, LEAST_SHARE * rows.y.min())) if takes_log(rows) else raw
