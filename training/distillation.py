"""Distillation: screen-tier nets learn what the precise ensembles answer on random alloys of the domain.

The multi-task student shares its two hidden layers over every target that has a teacher; independent students stand
alone. Both hear the teacher's answers for the measured rows, too.
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
from training.ensembles import Ensemble, at_references
from training.nets import Layer, run_layers
from training.students import Schedule, fit_layers
from training.tasks import TaskRows, alloy_spec
from training.tightness import Boxes, make_boxes

Array = NDArray[np.floating]
LOGIT_LIMIT = 16.0
"""Teacher logits are learned within ±16: beyond that a probability is settled."""
_BLOCK = 50_000
"""Rows a teacher answers at once."""
_BOXES = 20_000
"""Alloys of a lesson around which boxes are laid."""
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
class Taught:
    """What a student hears: the lesson, then the measured rows, m together.

    Attributes:
        x: screen features and conditions, shape (m, g + k).
        y: the teacher's answers, shape (m,).
        boxes: around alloys of the lesson, where bounds of the student are to be tight.
    """

    x: NDArray[np.float32]
    y: Array
    boxes: Boxes


@dataclass(frozen=True, slots=True)
class Student:
    """A distilled net for one target.

    Attributes:
        layers: dense layers on screen features and conditions.
        log: whether the net gives the logarithm of the value.
    """

    layers: Sequence[Layer]
    log: bool

    def predict(self, inputs: Array) -> Array:
        """Predict values in physical units or uncalibrated logits, shape (b, g + k) → (b,)."""
        raw = run_layers(self.layers, inputs)
        return np.exp(raw) if self.log else raw

    def answer(self, rows: TaskRows) -> Array:
        """Predict measured rows, shape (n,)."""
        return self.predict(screen_inputs(rows))


def make_lesson(fractions: NDArray[np.float64], n: int, seed: int) -> Lesson:
    """Draw a lesson of ``n`` alloys near and beyond the measured compositions ``fractions`` (m, d)."""
    present = np.flatnonzero(fractions.max(axis=0) > 0)
    symbols = [element_symbols()[i] for i in present]
    drawn = student_alloys(n, np.ascontiguousarray(fractions[:, present]), np.random.default_rng(seed))
    dense = np.zeros((n, fractions.shape[1]))
    dense[:, present] = drawn
    return Lesson(dense, featurize(drawn, symbols, alloy_spec()), featurize(drawn, symbols, feature_spec("screen")))


def screen_inputs(rows: TaskRows) -> NDArray[np.float32]:
    """Screen features of measured rows, with their conditions, shape (n, g + k)."""
    return np.hstack([featurize(rows.fractions, element_symbols(), feature_spec("screen")), rows.conditions])


def taught(rows: TaskRows, teacher: Ensemble, lesson: Lesson, seed: int) -> Taught:
    """Lay out what a student of one target reads and hears.

    Half of the lesson stands at the reference conditions, half at conditions drawn from the measured rows.

    Args:
        rows: measured rows.
        teacher: precise ensemble.
        lesson: random alloys.
        seed: of the draw.
    """
    rng, n = np.random.default_rng(seed), len(lesson.alloy)
    drawn = rows.conditions[rng.integers(len(rows), size=n)]
    conditions = np.where(rng.random((n, 1)) < 0.5, at_references(rows.recipe, n), drawn)
    answers = _answer(rows, teacher, np.hstack([lesson.alloy, conditions]))
    x = np.vstack([np.hstack([lesson.screen, conditions]), screen_inputs(rows)])
    around = lesson.fractions[:_BOXES]
    boxes = make_boxes(around, element_symbols(), feature_spec("screen"), x[: len(around)])
    return Taught(x, np.concatenate([answers, _answer(rows, teacher, rows.inputs)]), boxes)


def distill(rows: TaskRows, heard: Taught, schedule: Schedule) -> Student:
    """Train an independent student of one target."""
    return Student(fit_layers(heard.x, heard.y[:, None], schedule, boxes=heard.boxes)[0], takes_log(rows))


def distill_shared(
    rows: TaskRows,
    others: Mapping[str, TaskRows],
    teachers: Mapping[str, Ensemble],
    lesson: Lesson,
    heard: Taught,
    schedule: Schedule,
) -> Student:
    """Train the multi-task student and return its classifier.

    The trunk is shared by the classifier and every regressor; the classifier's conditions are inputs, a regressor's
    teacher answers at its reference conditions and only where it knows all elements.

    Args:
        rows: of the classifier.
        others: rows of the regressors, by target.
        teachers: precise ensembles of the regressors, by target.
        lesson: random alloys.
        heard: what the classifier's teacher says of them and of ``rows``.
        schedule: training settings.
    """
    fractions = np.vstack([lesson.fractions, rows.fractions])
    alloy = np.vstack([lesson.alloy, rows.features])
    answers = (_known_answer(table, teachers[name], fractions, alloy) for name, table in others.items())
    columns = [heard.y, *(column for column in answers if np.isfinite(column).any())]
    return Student(fit_layers(heard.x, np.stack(columns, axis=1), schedule, boxes=heard.boxes)[0], log=False)


def takes_log(rows: TaskRows) -> bool:
    """Whether a student learns logarithms: of every quantity that is always positive."""
    return rows.recipe.kind == "regression" and float(rows.y.min()) > 0.0


def _known_answer(rows: TaskRows, teacher: Ensemble, fractions: Array, alloy: Array) -> Array:
    """What a regressor's student learns at reference conditions, NaN where an element is unknown to its teacher."""
    unknown = ~np.isin(np.array(element_symbols()), rows.seen_elements())
    known = fractions[:, unknown].max(axis=1, initial=0.0) == 0.0
    out = np.full(len(alloy), np.nan)
    if known.any():
        inputs = np.hstack([alloy[known], at_references(rows.recipe, int(known.sum()))])
        out[known] = _answer(rows, teacher, inputs)
    return out


def _answer(rows: TaskRows, teacher: Ensemble, inputs: Array) -> Array:
    """What the student is to give: a value or its logarithm, or a logit within its limits."""
    raw = np.concatenate([teacher.predict(block) for block in np.array_split(inputs, len(inputs) // _BLOCK + 1)])
    if rows.recipe.kind == "classification":
        return np.asarray(np.clip(raw, -LOGIT_LIMIT, LOGIT_LIMIT))
    return np.asarray(np.log(np.maximum(raw, LEAST_SHARE * rows.y.min())) if takes_log(rows) else raw)
