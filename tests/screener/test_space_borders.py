"""Samples, descriptions and refusals of the composition space."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener._space_limits import GroupSum
from screener.elements import element_symbols
from screener.errors import CompositionError
from screener.space import CompositionSpace

# --- samples ----------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(0, 8000), st.integers(0, 2**32))
def test_a_sample_is_distinct_ascending_and_repeatable(step_units, n, seed):
    space = CompositionSpace.build("Al,Ti,Cr", 1, bounds={"Al": (0, step_units)})
    index = space.sample(n, seed)
    assert index.dtype == np.int64
    assert len(index) == min(n, space.size)
    assert (np.diff(index) > 0).all()
    assert ((index >= 0) & (index < space.size)).all()
    np.testing.assert_array_equal(index, space.sample(n, seed))


def test_another_seed_draws_another_sample():
    space = CompositionSpace.build("Fe,Co,Ni,Cr,Mn")
    assert (space.sample(1000, 1) != space.sample(1000, 2)).any()


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_every_candidate_is_drawn_equally_often(n):
    space = CompositionSpace.build("Al,Ti,Cr", 25, bounds="Al=0:50,Ti=0:75")
    draws = 4000
    seen = np.bincount(np.concatenate([space.sample(n, seed) for seed in range(draws)]), minlength=space.size)
    share = n / space.size
    assert abs(seen / draws - share).max() < 5 * math.sqrt(share * (1 - share) / draws)


def test_every_pair_is_drawn_equally_often():
    space = CompositionSpace.build("Al,Ti,Cr", 50)
    draws = 6000
    pairs = [tuple(space.sample(2, seed).tolist()) for seed in range(draws)]
    seen = np.array([pairs.count(pair) for pair in itertools.combinations(range(6), 2)])
    assert seen.sum() == draws
    assert abs(seen / draws - 1 / 15).max() < 5 * math.sqrt(14 / 15**2 / draws)


def test_a_sample_of_an_astronomic_space_needs_no_enumeration():
    space = CompositionSpace.build(element_symbols()[:16], 1)
    index = space.sample(10_000, 3)
    assert len(np.unique(index)) == 10_000
    assert abs(index.mean() / space.size - 0.5) < 0.02
    assert (space.counts(index).sum(axis=1) == 100).all()


def test_samples_are_the_same_on_every_machine():
    space = CompositionSpace.build("Al,Ti,Cr")
    assert space.sample(5, 1).tolist() == [1180, 2554, 3352, 3467, 4192]
    assert sorted({*range(5151)} - {*space.sample(5146, 1).tolist()}) == [1180, 2554, 3352, 3467, 4192]


# --- description ------------------------------------------------------------------------------------------------------


def test_descriptions():
    assert CompositionSpace.build("Al,Ti,Cr").describe() == "Al–Ti–Cr at 1 at.%: 5,151 candidates"
    space = CompositionSpace.build(
        "Nb,Mo,Ta,W,Al,Ti", "2.5", "3-5", "Al=5:20,Ti=0:10", ["Mo+Nb+Ta+W=60:90", "Al+Ti=10:100"]
    )
    assert space.describe() == (
        "Nb–Mo–Ta–W–Al–Ti at 2.5 at.%, 3 to 5 components, Al 5–20 at.%, Ti 0–10 at.%, "
        f"Nb+Mo+Ta+W 60–90 at.%, Al+Ti 10–100 at.%: {space.size:,} candidates"
    )
    assert CompositionSpace.build("Cu,Zr", 50, 2).describe() == "Cu–Zr at 50 at.%, 2 components: 1 candidate"


def test_attributes_are_in_grid_units():
    space = CompositionSpace.build(["Al", "Ti", "Cr"], "0.5", (2, 3), {"Ti": ("10", 20.25)}, ["Ti+Cr=50:80"])
    assert space.elements == ("Al", "Ti", "Cr")
    assert space.units == 200
    assert space.lower == (0, 20, 0)
    assert space.upper == (200, 40, 200)
    assert space.components == (2, 3)
    assert space.groups == (GroupSum((1, 2), 100, 160),)
    assert space.notes == ("`Ti` upper limit 20.25 at.% rounded to 20 at.%",)


# --- borders ----------------------------------------------------------------------------------------------------------


def test_a_single_element_is_one_candidate():
    space = CompositionSpace.build("Cu")
    out = np.zeros((3, 1), np.float32)
    assert space.size == 1
    assert space.fill(0, out) == 1
    assert out.ravel().tolist() == [1, 0, 0]
    assert space.fill(1, out) == 0
    assert space.counts(np.array([0])).tolist() == [[100]]
    assert space.rank(np.array([[100]])).tolist() == [0]
    assert space.sample(1, 0).tolist() == [0]


def test_a_space_past_64_bits_is_counted_but_not_searched():
    space = CompositionSpace.build(element_symbols()[:20], 1)
    searches = [
        lambda: space.fill(0, np.empty((1, 20), np.float32)),
        lambda: space.counts(np.array([0])),
        lambda: space.rank(np.zeros((1, 20), np.int64)),
        lambda: space.ranges(10),
        lambda: space.sample(10, 0),
    ]
    for search in searches:
        with pytest.raises(CompositionError) as refused:
            search()
        assert refused.value.message == "4910371215196105953021 candidates are too many to number"
        assert refused.value.hint == "coarsen `--step`, or narrow `--bounds` or `--components`"


def test_sums_across_many_elements_are_refused_when_their_table_is_too_large():
    symbols = element_symbols()[:20]
    with pytest.raises(CompositionError) as refused:
        CompositionSpace.build(
            symbols, "0.1", sums=[f"{symbols[0]}+{symbols[19]}=10:90", f"{symbols[1]}+{symbols[18]}=10:90"]
        )
    assert refused.value.message == "counting under these sums needs a table above 256 MB"
    assert refused.value.hint == (
        "put the elements of each `--sum` next to each other in `--elements`, or coarsen `--step`"
    )


def test_a_composition_outside_is_named():
    space = CompositionSpace.build("Al,Ti,Cr", 5, bounds="Al=0:50")
    with pytest.raises(CompositionError) as refused:
        space.rank(np.array([[0, 0, 20], [11, 9, 0]]))
    assert refused.value.message == "composition `Al=11 Ti=9 Cr=0` in steps of 5 at.% is outside the space"
    assert refused.value.hint == "keep to its elements and limits, and to amounts that add up to 100 at.%"
    for row in ([0, 0, 19], [0, -1, 21], [-5, 5, 20], [0, 0, 2**40]):
        with pytest.raises(CompositionError):
            space.rank(np.array([row]))


def test_misuse_from_python_is_a_plain_error():
    space = CompositionSpace.build("Al,Ti,Cr", 50)
    for out in (
        np.empty((4, 3)),
        np.empty((4, 2), np.float32),
        np.empty(3, np.float32),
        np.empty((3, 4), np.float32).T,
    ):
        with pytest.raises(ValueError, match=r"out must be C-contiguous float32 \[b, 3\]"):
            space.fill(0, out)
    for start in (-1, 7):
        with pytest.raises(IndexError, match=f"candidate {start} of 6"):
            space.fill(start, np.empty((4, 3), np.float32))
    for index in ([-1], [6], [0, 6]):
        with pytest.raises(IndexError, match="of 6"):
            space.counts(np.array(index))
    with pytest.raises(TypeError):
        space.counts(np.array([0.5]))
    with pytest.raises(TypeError):
        space.rank(np.array([[0.5, 0.5, 1.0]]))
    with pytest.raises(ValueError, match=r"counts must be \[n, 3\]"):
        space.rank(np.array([0, 0, 2]))
    with pytest.raises(ValueError, match="block of 0 candidates"):
        space.ranges(0)
    assert space.counts(np.empty(0, np.int64)).shape == (0, 3)
    assert space.rank(np.empty((0, 3), np.int64)).shape == (0,)
    assert space.fill(0, np.empty((0, 3), np.float32)) == 0


@pytest.mark.parametrize(
    ("n", "seed", "message", "hint"),
    [
        (-3, 0, "sample size `-3` is negative", "use a sample size of 0 or more"),
        (3, -1, "seed `-1` is negative", "use a seed of 0 or more"),
    ],
)
def test_samples_refuse_negative_numbers(n, seed, message, hint):
    with pytest.raises(CompositionError) as refused:
        CompositionSpace.build("Al,Ti,Cr").sample(n, seed)
    assert (refused.value.message, refused.value.hint) == (message, hint)
