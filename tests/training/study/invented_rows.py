"""Tiny invented rows of three tasks: alloys of four metals, most of them with one label."""

from __future__ import annotations

import itertools

import numpy as np

from screener.elements import element_symbols
from training.sources.table import composition_keys
from training.study.base import StudyContext
from training.study.data import study_rows
from training.study.store import OutcomeStore
from training.union import STANDARD_TASKS

METALS = ("Al", "Ti", "Cr", "Fe", "Co", "Ni")
LABEL = {task: task == "is_amorphous" for task in STANDARD_TASKS}


def invented(n=360, seed=0, shares=(0.6, 0.2, 0.2)):
    """About n compositions of two or three metals, with smooth properties and a little noise."""
    rng = np.random.default_rng(seed)
    systems = [*itertools.combinations(METALS, 2), *itertools.combinations(METALS, 3)]
    fractions = np.zeros((n, len(element_symbols())))
    for row in fractions:
        chosen = systems[rng.integers(len(systems))]
        row[[element_symbols().index(s) for s in chosen]] = rng.dirichlet(np.full(len(chosen), 3.0))
    fractions = np.round(fractions, 3)
    fractions /= fractions.sum(axis=1, keepdims=True)
    keys, names = (np.array(each) for each in composition_keys(fractions))
    _, first = np.unique(keys, return_index=True)
    al, ti = (fractions[:, element_symbols().index(symbol)] for symbol in ("Al", "Ti"))
    noise = rng.normal(scale=0.05, size=n)
    y = np.column_stack([4.0 + al - ti + noise, 2.0 + 3.0 * ti**2 + noise, (al + noise > 0.2).astype(float)])
    known = rng.choice(3, p=shares, size=n)[:, None] == np.arange(3)
    known |= rng.random((n, 3)) < 0.05
    y = np.where(known, y, np.nan)
    units, log = ("µΩ·cm", "GPa", "1"), (True, False, False)
    return study_rows(
        "tiny", "invented alloys", fractions[first], keys[first], names[first], y[first], LABEL, log, units
    )


def quick(rows, folder=None, **more):
    """A quick context without messages."""
    store = OutcomeStore(folder) if folder else None
    return StudyContext(rows, (1, 2), quick=True, workers=1, store=store, say=lambda _: None, **more)
