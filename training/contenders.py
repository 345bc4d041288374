"""What competes in a table: our tiers, the paper's nets, and the baselines, each fitted on one fold's training rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from training.baselines import BASELINES
from training.distillation import distill, distill_shared, make_lesson, screen_inputs
from training.ensembles import Ensemble, fit_ensemble
from training.students import Schedule
from training.tasks import TaskRows
from training.union_nets import UnionRows, fit_union_net

Array = NDArray[np.floating]
PRECISE = "precise"
SCREEN = "screen"
SCREEN_ALONE = "screen_alone"
NET = "net_128_64"
SHARED_NET = "shared_net"
OURS = (PRECISE, SCREEN, SCREEN_ALONE, NET, SHARED_NET)
LOGIT_MODELS = frozenset(OURS)
"""Contenders whose classifiers answer with logits; baselines answer with probabilities."""
LESSON_ROWS = 150_000
SCHEDULE = Schedule(epochs=30)


def answer(
    train: Mapping[str, TaskRows], test: Mapping[str, TaskRows], models: tuple[str, ...], seed: int
) -> dict[tuple[str, str], Array]:
    """Fit the models asked for and predict the test rows: (target, model) → predictions."""
    answers: dict[tuple[str, str], Array] = {}
    for target, rows in train.items():
        for name in models:
            if name in BASELINES:
                answers[target, name] = BASELINES[name](rows, test[target])
    if {PRECISE, SCREEN, SCREEN_ALONE} & set(models):
        teachers = {target: fit_ensemble(rows, seed) for target, rows in train.items()}
        for target in train:
            answers[target, PRECISE] = teachers[target].predict(test[target].inputs)
        answers |= _students(train, test, teachers, models, seed)
    answers |= _paper_nets(train, test, models, seed)
    return answers


def _students(
    train: Mapping[str, TaskRows], test: Mapping[str, TaskRows], teachers: Mapping[str, Ensemble],
    models: tuple[str, ...], seed: int,
) -> dict[tuple[str, str], Array]:
    """Screen-tier answers: independent regressors; the classifier shared (`screen`) and alone (`screen_alone`)."""
    answers: dict[tuple[str, str], Array] = {}
    for target, rows in train.items():
        classifier = rows.recipe.kind == "classification"
        wanted = SCREEN_ALONE if classifier and len(train) > 1 else SCREEN
        if wanted in models:
            lesson = make_lesson(rows.fractions, LESSON_ROWS, seed)
            student = distill(rows, teachers[target], lesson, SCHEDULE)
            answers[target, wanted] = student.predict(screen_inputs(test[target]))
        if classifier and len(train) > 1 and SCREEN in models:
            ordered = {target: rows, **{t: r for t, r in train.items() if r.recipe.kind == "regression"}}
            lesson = make_lesson(rows.fractions, LESSON_ROWS, seed)
            shared = distill_shared(ordered, teachers, lesson, SCHEDULE)
            answers[target, SCREEN] = shared.predict(screen_inputs(test[target]))
    return answers


def _paper_nets(
    train: Mapping[str, TaskRows], test: Mapping[str, TaskRows], models: tuple[str, ...], seed: int
) -> dict[tuple[str, str], Array]:
    """The paper's independent and hard-sharing nets on the fractions of the domain and its six descriptors."""
    from training.baselines import plain

    answers: dict[tuple[str, str], Array] = {}
    learned = {t: np.log(r.y) if r.recipe.log else r.y for t, r in train.items()}

    def given(target: str, raw: Array) -> Array:
        return np.exp(raw) if train[target].recipe.log else raw

    if NET in models:
        for target, rows in train.items():
            one = UnionRows(plain(rows), learned[target][:, None], np.array([rows.recipe.kind == "classification"]))
            raw = fit_union_net(one, shared=False, seed=seed).predict(plain(test[target]))[:, 0]
            answers[target, NET] = given(target, raw)
    if SHARED_NET in models and len(train) > 1:
        together = union_rows(train, learned)
        net = fit_union_net(together, shared=True, seed=seed)
        for column, target in enumerate(train):
            answers[target, SHARED_NET] = given(target, net.predict(plain(test[target]))[:, column])
    return answers


def union_rows(tables: Mapping[str, TaskRows], learned: Mapping[str, Array]) -> UnionRows:
    """Lay the tasks' rows below each other with one target column per task, equal compositions merged."""
    from training.baselines import plain

    keys = np.concatenate([t.key for t in tables.values()])
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    y = np.full((len(first), len(tables)), np.nan)
    start = 0
    for column, (target, rows) in enumerate(tables.items()):
        y[place[start : start + len(rows)], column] = learned[target]
        start += len(rows)
    x = np.vstack([plain(t) for t in tables.values()])[first]
    return UnionRows(x, y, np.array([t.recipe.kind == "classification" for t in tables.values()]))
