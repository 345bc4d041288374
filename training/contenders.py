"""What competes in a table: our tiers, the paper's nets, and the baselines, each fitted on one fold's training rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from training.baselines import BASELINES, plain
from training.classroom import Classroom, shares_with
from training.effort import FULL, Effort
from training.ensembles import fit_ensembles
from training.routes import BULK_GLASS
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


def answer(
    train: Mapping[str, TaskRows],
    test: Mapping[str, TaskRows],
    models: tuple[str, ...],
    seed: int,
    effort: Effort = FULL,
) -> dict[tuple[str, str], Array]:
    """Fit the models asked for and predict the test rows: (target, model) → predictions.

    Args:
        train: rows to learn from, by target.
        test: rows to predict, by target; a target that is missing here is only learned for the others' sake.
        models: contenders.
        seed: of learners, lessons and nets.
        effort: how much work goes into our tiers.
    """
    answers: dict[tuple[str, str], Array] = {}
    plainly = {target: rows.take(np.flatnonzero(rows.main)) for target, rows in train.items()}
    for target, rows in test.items():
        answers |= {(target, n): BASELINES[n](plainly[target], rows) for n in models if n in BASELINES}
    if {PRECISE, SCREEN, SCREEN_ALONE} & set(models):
        teachers = fit_ensembles(train, seed)
        classroom = Classroom(train, teachers, seed, effort)
        for target, rows in test.items():
            if PRECISE in models:
                answers[target, PRECISE] = teachers[target].predict(rows.inputs)
            for name in wanted_students(train, target, models):
                answers[target, name] = classroom.student(target, alone=name == SCREEN_ALONE).answer(rows)
    answers |= _paper_nets(plainly, test, models, seed)
    return answers


def wanted_students(tables: Mapping[str, TaskRows], target: str, models: tuple[str, ...]) -> tuple[str, ...]:
    """Name the students of a target that were asked for; one that shares nothing has no single-task twin."""
    names = (SCREEN, SCREEN_ALONE) if shares_with(tables, target) else (SCREEN,)
    return tuple(name for name in names if name in models)


def _paper_nets(
    train: Mapping[str, TaskRows], test: Mapping[str, TaskRows], models: tuple[str, ...], seed: int
) -> dict[tuple[str, str], Array]:
    """The paper's independent and hard-sharing nets on the fractions of the domain and its six descriptors."""
    answers: dict[tuple[str, str], Array] = {}
    learned = {t: np.log(r.y) if r.recipe.log else r.y for t, r in train.items()}

    def given(target: str, raw: Array) -> Array:
        return np.exp(raw) if train[target].recipe.log else raw

    if NET in models:
        for target, rows in test.items():
            is_label = np.array([rows.recipe.kind == "classification"])
            one = UnionRows(plain(train[target]), learned[target][:, None], is_label)
            raw = fit_union_net(one, shared=False, seed=seed).predict(plain(rows))[:, 0]
            answers[target, NET] = given(target, raw)
    sharing = {target: rows for target, rows in train.items() if rows.recipe.task != BULK_GLASS}
    if SHARED_NET in models and len(sharing) > 1:
        net = fit_union_net(union_rows(sharing, learned), shared=True, seed=seed)
        for target in sharing.keys() & test.keys():
            raw = net.predict(plain(test[target]))[:, list(sharing).index(target)]
            answers[target, SHARED_NET] = given(target, raw)
    return answers


def union_rows(tables: Mapping[str, TaskRows], learned: Mapping[str, Array]) -> UnionRows:
    """Lay the tasks' rows below each other with one target column per task.

    Rows of one composition become one row with the mean of its values: these nets know no conditions.
    """
    keys = np.concatenate([t.key for t in tables.values()])
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    y = np.full((len(first), len(tables)), np.nan)
    start = 0
    for column, (target, rows) in enumerate(tables.items()):
        mine = place[start : start + len(rows)]
        count = np.bincount(mine, minlength=len(first))
        total = np.bincount(mine, learned[target], len(first))
        y[count > 0, column] = total[count > 0] / count[count > 0]
        start += len(rows)
    x = np.vstack([plain(t) for t in tables.values()])[first]
    return UnionRows(x, y, np.array([t.recipe.kind == "classification" for t in tables.values()]))
