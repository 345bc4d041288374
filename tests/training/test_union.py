from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.errors import CompositionError, InputError
from training.curation import curate
from training.sources.collector import Collector, Conditions, Label
from training.sources.table import AMORPHOUS, CONDITIONS, HARDNESS, RESISTIVITY, fractions_of
from training.union import STANDARD_TASKS, build_union

TASKS = (*STANDARD_TASKS, "yield_mpa")


def curated(*rows):
    """Curated frame from tuples (formula, task, value, conditions)."""
    collector = Collector("one")
    for formula, task, value, conditions in rows:
        label = Label("glass" if value else "crystalline_literature") if task == AMORPHOUS else Label()
        collector.add(task, collector.read(formula), value, weight=0.5, conditions=conditions, label=label)
    return curate([collector.finish()]).frame


UNSTATED = Conditions()
CAST = Conditions(process_route="as_cast")
FILM = Conditions(120.0, 293.0, process_route="film")


def test_tasks_of_one_composition_share_a_row_where_conditions_agree():
    frame = curated(
        ("AlTi", AMORPHOUS, 1.0, UNSTATED),
        ("AlTi", HARDNESS, 6.0, CAST),
        ("AlTi", RESISTIVITY, 150.0, FILM),
        ("AlTi", RESISTIVITY, 90.0, Conditions(120.0, 773.0, process_route="film")),
        ("AlNi", HARDNESS, 4.0, UNSTATED),
    )
    union = build_union(frame)
    assert union.tasks == STANDARD_TASKS
    assert union.elements == ("Al", "Ti", "Ni")
    assert union.key.tolist() == ["Al50Ni50", "Al50Ti50", "Al50Ti50", "Al50Ti50"]
    assert union.system_code.tolist() == [0, 1, 1, 1]
    assert union.mask.tolist() == [
        [False, True, False],
        [True, False, True],
        [True, False, False],
        [False, True, False],
    ]
    assert union.y[1].tolist() == [150.0, 0.0, 1.0]
    assert union.weight[1].tolist() == [0.5, 0.0, 0.5]
    assert union.source[1].tolist() == ["one", "", "one"]
    assert union.process_route.tolist() == ["unknown", "film", "film", "as_cast"]
    assert union.conditions["process_temperature_k"].tolist()[1:3] == [293.0, 773.0]
    assert np.isnan(union.conditions["load_n"]).all()
    assert len(union) == 4
    assert union.rows_of(RESISTIVITY).tolist() == [1, 2]


def test_chosen_elements_and_tasks():
    frame = curated(("AlTi", HARDNESS, 6.0, CAST), ("AlNi", HARDNESS, 4.0, CAST), ("AlTi", RESISTIVITY, 90.0, CAST))
    union = build_union(frame, tasks=(HARDNESS,), elements=("Ti", "Al"))
    assert union.elements == ("Ti", "Al")
    assert union.fractions.tolist() == [[0.5, 0.5]]
    assert union.n_outside == 1
    assert union.y.tolist() == [[6.0]]


def test_unknown_elements_and_tasks_are_refused():
    frame = curated(("AlTi", HARDNESS, 6.0, CAST))
    with pytest.raises(CompositionError, match="unknown element `Tii`"):
        build_union(frame, elements=("Al", "Tii"))
    with pytest.raises(InputError) as refusal:
        build_union(frame).rows_of("yield_mpa")
    assert refusal.value.message == "no task `yield_mpa` in the table"
    assert refusal.value.hint == "its tasks are hardness_gpa"


def test_no_rows_make_an_empty_union():
    union = build_union(curated(), tasks=TASKS)
    assert union.fractions.shape == (0, 0)
    assert union.y.shape == (0, 4)


rows = st.lists(
    st.tuples(
        st.sampled_from(["AlTi", "AlNi", "Al50.02Ti49.98"]),
        st.sampled_from(TASKS),
        st.sampled_from([1.0]),
        st.builds(
            Conditions,
            film_thickness_nm=st.sampled_from([None, 100.0]),
            process_temperature_k=st.sampled_from([None, 293.0, 773.0]),
            load_n=st.sampled_from([None, 0.98]),
            process_route=st.sampled_from(["unknown", "as_cast", "film"]),
        ),
    ),
    min_size=1,
    max_size=20,
)


@settings(deadline=None, max_examples=60)
@given(rows)
def test_every_curated_row_stands_in_one_cell(measured):
    frame = curated(*measured)
    union = build_union(frame)
    assert union.mask.sum() == frame.height
    assert (union.weight > 0.0).tolist() == union.mask.tolist()
    assert (union.y[~union.mask] == 0.0).all()
    assert np.allclose(union.fractions.sum(axis=1), 1.0)
    cells = [(union.key[row], union.tasks[task]) for row, task in np.argwhere(union.mask).tolist()]
    assert sorted(cells) == sorted(frame.select("key", "task").rows())
    for row in frame.to_dicts():
        assert any(covers(union, i, row) for i in union.rows_of(row["task"]) if union.key[i] == row["key"])


def covers(union, i, row):
    """Tell whether a union row states every condition that a curated row states."""
    stated = {name: None if np.isnan(v[i]) else v[i] for name, v in union.conditions.items()}
    stated["process_route"] = union.process_route[i]
    return all(row[name] in (None, "unknown", stated[name]) for name in CONDITIONS)


@pytest.mark.data
def test_the_union_of_the_measured_data(curated_data):
    union = build_union(curated_data.frame)
    assert union.tasks == STANDARD_TASKS
    assert union.n_outside == 0
    assert union.mask.sum() == curated_data.frame.height
    assert union.mask.any(axis=1).all()
    shared = union.mask.sum(axis=1) > 1
    assert shared.sum() > 1000
    sizes = dict(curated_data.frame.group_by("task").len().rows())
    assert {task: len(union.rows_of(task)) for task in union.tasks} == sizes
    literature = curated_data.frame.filter(pl.col("source") == "you_2022_literature", pl.col("task") == RESISTIVITY)
    both = union.mask[:, 0] & union.mask[:, 2]
    assert both.sum() >= literature.height - 10
    assert fractions_of(curated_data.frame).shape[1] >= len(union.elements)
