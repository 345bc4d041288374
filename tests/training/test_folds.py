from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.errors import InputError
from training.folds import assign_folds, exclude_subsystems
from training.union import build_union

ELEMENTS = ("Al", "Co", "Cr", "Ti")
alloys = st.lists(st.tuples(st.sets(st.sampled_from(ELEMENTS), min_size=1), st.integers(0, 3)), min_size=8, max_size=60)


def columns(drawn):
    """Keys and systems of drawn alloys: one key is one system and a variant number."""
    systems = ["-".join(sorted(members)) for members, _ in drawn]
    return [f"{system}:{variant}" for system, (_, variant) in zip(systems, drawn, strict=True)], systems


@settings(deadline=None, max_examples=60)
@given(alloys, st.integers(0, 100))
def test_no_key_and_no_system_on_both_sides(drawn, seed):
    keys, systems = columns(drawn)
    n_folds = min(5, len(set(systems)), len(set(keys)))
    if n_folds < 2:
        return
    folds = assign_folds(keys, systems, n_folds=n_folds, seed=seed)
    for names, fold in ((keys, folds.random), (keys, folds.grouped), (systems, folds.grouped)):
        assert len({(name, number) for name, number in zip(names, fold.tolist(), strict=True)}) == len(set(names))
    assert set(folds.grouped.tolist()) == set(folds.random.tolist()) == set(range(n_folds))


@settings(deadline=None, max_examples=30)
@given(alloys, st.integers(0, 100), st.randoms())
def test_folds_do_not_depend_on_the_order_or_number_of_rows(drawn, seed, random):
    keys, systems = columns(drawn)
    n_folds = min(3, len(set(systems)))
    if n_folds < 2:
        return
    folds = assign_folds(keys, systems, n_folds=n_folds, seed=seed)
    order = [*random.sample(range(len(keys)), len(keys)), 0, 0]
    again = assign_folds([keys[i] for i in order], [systems[i] for i in order], n_folds=n_folds, seed=seed)
    assert again.grouped.tolist() == folds.grouped[order].tolist()
    assert again.random.tolist() == folds.random[order].tolist()


def test_seeds_give_other_folds():
    keys = [f"A{i}" for i in range(100)]
    one, other = (assign_folds(keys, keys, seed=seed) for seed in (0, 1))
    assert one.grouped.tolist() != other.grouped.tolist()
    assert one.random.tolist() != other.random.tolist()
    assert (one.n_folds, one.seed) == (5, 0)


def test_too_few_systems_are_refused():
    with pytest.raises(InputError) as refusal:
        assign_folds(["a", "b", "c", "d", "e"], ["Al", "Al", "Al-Ti", "Al-Ti", "Al"])
    assert refusal.value.message == "2 chemical systems cannot be split into 5 folds"
    assert refusal.value.hint == "add alloys of other element sets"


def test_subsystems_and_supersystems_leave_the_training_rows():
    systems = ["Al", "Al-Ti", "Al-Cr-Ti", "Al-Cr", "Cr-Ni", "Al-Ti", "Ni"]
    kept = exclude_subsystems(systems, np.array([0, 2, 3, 4, 6]), np.array([1, 5]))
    assert kept.tolist() == [3, 4, 6]


@settings(deadline=None, max_examples=60)
@given(alloys, st.data())
def test_exclusion_agrees_with_plain_sets(drawn, data):
    _, systems = columns(drawn)
    test = np.array(sorted(data.draw(st.sets(st.integers(0, len(systems) - 1), min_size=1))))
    train = np.setdiff1d(np.arange(len(systems)), test)
    sets = [set(system.split("-")) for system in systems]
    expected = [i for i in train.tolist() if not any(sets[i] <= sets[j] or sets[i] >= sets[j] for j in test.tolist())]
    assert exclude_subsystems(systems, train, test).tolist() == expected


@pytest.mark.data
def test_folds_of_the_measured_data_leak_across_no_task(curated_data):
    union = build_union(curated_data.frame)
    folds = assign_folds(union.key, union.system)
    for fold in range(folds.n_folds):
        for numbers, names in ((folds.grouped, union.system), (folds.grouped, union.key), (folds.random, union.key)):
            assert not set(names[numbers == fold]) & set(names[numbers != fold])
    for task in union.tasks:
        rows = union.rows_of(task)
        shares = np.bincount(folds.grouped[rows], minlength=5) / len(rows)
        assert shares.min() > 0.08
        assert shares.max() < 0.50
