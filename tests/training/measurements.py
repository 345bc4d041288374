"""Invented measurements and labels, by hand and by Hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from training.sources.collector import Collector, Conditions, Label
from training.sources.table import AMORPHOUS, HARDNESS, RESISTIVITY

FORMULAS = (
    "Al50Ti50",
    "Al50.04Ti49.96",
    "Al20Ti80",
    "Al20.2Ti79.8",
    "Cu60Zr40",
    "Cu60.04Zr39.96",
    "Co20Cr20Fe60",
    "Ni",
)
GLASS, CRYSTAL, PARTLY = Label("glass"), Label("crystalline_literature"), Label("partly_crystalline")


def table(source, rows):
    """Loaded rows from tuples (formula, task, value, weight, conditions, label)."""
    collector = Collector(source)
    for formula, task, value, weight, conditions, label in rows:
        collector.add(task, collector.read(formula), value, weight=weight, conditions=conditions, label=label)
    return collector.finish()


def numbers(source, *rows, task=HARDNESS):
    """Loaded measurements from tuples (formula, value, conditions)."""
    plain = [(row[0], task, row[1], 1.0, row[2] if len(row) > 2 else Conditions(), Label()) for row in rows]
    return table(source, plain)


def labels(source, *rows):
    """Loaded labels from tuples (formula, value, label, weight)."""
    return table(source, [(r[0], AMORPHOUS, r[1], r[3] if len(r) > 3 else 1.0, Conditions(), r[2]) for r in rows])


def outcome(frame):
    """What a curated label table says, by key."""
    return {row["key"]: (row["value"], row["kind"], row["weight"], row["source"]) for row in frame.to_dicts()}


conditions = st.builds(
    Conditions,
    film_thickness_nm=st.sampled_from([None, 100.0, 250.0]),
    process_temperature_k=st.sampled_from([None, 293.0, 773.0]),
    load_n=st.sampled_from([None, 0.98]),
    process_route=st.sampled_from(["unknown", "as_cast", "film"]),
)
measurements = st.lists(
    st.tuples(
        st.sampled_from(FORMULAS),
        st.sampled_from([HARDNESS, RESISTIVITY]),
        st.floats(1.5, 30.0),
        st.sampled_from([1.0, 0.5, 0.3]),
        conditions,
        st.just(Label()),
    ),
    max_size=25,
)
reports = st.lists(
    st.tuples(
        st.sampled_from(FORMULAS),
        st.just(AMORPHOUS),
        st.just(0.0),
        st.sampled_from([1.0, 0.5]),
        st.just(Conditions()),
        st.sampled_from([GLASS, CRYSTAL, PARTLY, Label("inferred"), Label("crystalline_added", "hea")]),
    ).map(lambda row: (*row[:2], float(row[5].kind == "glass"), *row[3:])),
    max_size=25,
)


def shuffled(loaded, seed):
    order = np.random.default_rng(seed).permutation(loaded.frame.height).tolist()
    return type(loaded)(loaded.source, loaded.frame[order], loaded.n_records, loaded.dropped, loaded.cleaned)
