from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.errors import InputError
from training.imbalance.masked import absent_probability
from training.imbalance.samplers import SAMPLERS, PerTaskSampler, StratifiedSampler, UnionSampler

seeds = st.integers(0, 10_000)
names = st.sampled_from(sorted(SAMPLERS))


def disjoint(*counts: int) -> torch.Tensor:
    """Rows that have one label each."""
    return torch.cat([torch.eye(len(counts), dtype=torch.bool)[[t] * n] for t, n in enumerate(counts)])


def epoch_of(sampler, seed: int = 0) -> list[torch.Tensor]:
    return list(sampler.epoch(torch.Generator().manual_seed(seed)))


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 60), st.integers(2, 20), seeds)
def test_a_union_epoch_takes_every_row_once(n, batch, seed):
    batches = epoch_of(UnionSampler(disjoint(n - 1, 1), batch), seed)
    assert sorted(torch.cat(batches).tolist()) == list(range(n))
    assert min(len(rows) for rows in batches) >= 2
    assert max(len(rows) for rows in batches) <= batch + 1


@settings(deadline=None, max_examples=40)
@given(names, seeds, st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(4, 30))
def test_every_sampler_is_its_generators_alone_and_counts_labels(name, seed, counts, batch):
    known = disjoint(*counts)
    if len(known) < 2:
        return
    state = torch.get_rng_state()
    one, other = SAMPLERS[name](known, batch), SAMPLERS[name](known, batch)
    batches, again = epoch_of(one, seed), epoch_of(other, seed)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(batches, again, strict=True))
    assert len(batches) == one.steps == one.batches()
    assert one.seen.tolist() == sum(known[rows].sum(0) for rows in batches).tolist()


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(["stratified", "per_task"]), seeds, st.lists(st.integers(1, 40), min_size=2, max_size=4))
def test_streams_bring_every_task_into_every_batch(name, seed, counts):
    sampler = SAMPLERS[name](disjoint(*counts), 12)
    for rows in epoch_of(sampler, seed):
        held = sampler.known[rows].sum(0).tolist()
        assert all(1 <= h <= s for h, s in zip(held, sampler.shares(), strict=True))
    assert (sampler.seen >= 1).all()


def test_stratified_batches_have_the_proportions_of_the_union():
    sampler = StratifiedSampler(disjoint(650, 10, 9), 32)
    assert sampler.shares() == [32, 1, 1]
    assert len(epoch_of(sampler)) == math.ceil(650 / 32)
    # The last batch wraps, so all labels of the largest task were seen, some twice.
    assert sampler.seen.tolist() == [21 * 32, 21, 21]


def test_per_task_batches_have_as_many_of_each():
    sampler = PerTaskSampler(disjoint(600, 20, 30), 30)
    epoch_of(sampler)
    assert sampler.batches() == 60
    assert sampler.seen[0] == 600
    assert sampler.seen[1:].tolist() == [600, 600]
    shorter = PerTaskSampler(disjoint(600, 20, 30), 30, epoch="mean")
    assert shorter.batches() == math.ceil(650 / 3 / 10)


def test_a_pass_of_the_largest_stream_sees_each_row_once():
    sampler = PerTaskSampler(disjoint(60, 7), 12)
    drawn = torch.cat(epoch_of(sampler)).tolist()
    assert sorted(row for row in drawn if row < 60) == list(range(60))


def test_union_batches_miss_a_rare_task_as_often_as_chance_says():
    known, batch = disjoint(3900, 100), 32
    sampler, generator = UnionSampler(known, batch), torch.Generator().manual_seed(1)
    missed = [not known[rows, 1].any() for _ in range(8) for rows in sampler.epoch(generator)]
    p = absent_probability(100, 4000, batch)
    assert abs(sum(missed) / len(missed) - p) < 4 * math.sqrt(p * (1 - p) / len(missed))


@pytest.mark.parametrize("name", ["stratified", "per_task"])
def test_rows_of_a_stream_are_drawn_alike(name):
    known = disjoint(300, 12)
    sampler, generator, count = SAMPLERS[name](known, 8), torch.Generator().manual_seed(2), torch.zeros(312)
    for _ in range(20):
        for rows in sampler.epoch(generator):
            count[rows] += 1
    for t, labels in ((0, 300), (1, 12)):
        total = float(sampler.seen[t])
        bound = 4 * math.sqrt(total / labels * (1 - 1 / labels))
        assert ((count[known[:, t]] - total / labels).abs() <= bound).all()


def test_rows_with_several_labels_count_for_each_and_those_without_for_none():
    known = torch.tensor([[True, True]] * 4 + [[True, False]] * 6 + [[False, False]] * 5)
    sampler = UnionSampler(known, 5)
    assert sorted(torch.cat(epoch_of(sampler)).tolist()) == list(range(10))
    assert sampler.seen.tolist() == [10, 4]
    assert all(int(rows.max()) < 10 for rows in epoch_of(PerTaskSampler(known, 4)))
    # A row drawn for two tasks is one row.
    for name in ("stratified", "per_task"):
        assert all(len(set(rows.tolist())) == len(rows) for rows in epoch_of(SAMPLERS[name](known, 8)))


def test_streams_of_tasks_do_not_depend_on_each_other():
    first = [rows[rows < 40].tolist() for rows in epoch_of(PerTaskSampler(disjoint(40, 5), 8))]
    other = [rows[rows < 40].tolist() for rows in epoch_of(PerTaskSampler(disjoint(40, 9), 8))]
    assert first == other


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (lambda: UnionSampler(disjoint(4), 1), "batches of `1` rows are too small", "give at least 2"),
        (
            lambda: UnionSampler(torch.tensor([[True, False]] * 3), 2),
            "task number `1` has no labels to draw",
            "leave the task out",
        ),
        (
            lambda: PerTaskSampler(disjoint(4, 4, 4), 2),
            "batches of `2` rows are too small for 3 tasks",
            "give at least 3",
        ),
        (lambda: PerTaskSampler(disjoint(4), 2, epoch="larges"), "unknown epoch `larges`", "did you mean `largest`?"),
    ],
)
def test_wrong_options_are_refused(make, message, hint):
    with pytest.raises(InputError) as error:
        make()
    assert (error.value.message, error.value.hint) == (message, hint)
