"""Sizes of composition spaces against published numbers and closed forms, past 64 bits too."""

from __future__ import annotations

import math

import numpy as np
import pytest

from screener.elements import element_symbols
from screener.space import CompositionSpace
from tests import oracles

POOL = ("Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr", "Nb", "Mo", "Hf", "Ta")


@pytest.mark.parametrize(
    ("elements", "step", "components", "size"),
    [
        ("Al,Ti,Cr", 1, None, 5151),
        ("Al,Ti,Cr", 5, None, 231),
        ("Al,Ti,Cr", "0.1", None, 501_501),
        ("Fe,Co,Ni,Cr,Mn", 1, None, 4_598_126),
        (",".join(POOL), 5, "3-5", 3_587_067),
        ("Cu", 1, None, 1),
        ("Cu,Zr", 50, 2, 1),
    ],
)
def test_known_sizes(elements, step, components, size):
    assert CompositionSpace.build(elements, step, components).size == size


def test_the_published_component_limited_size_follows_from_supports():
    assert oracles.count_by_supports(20, 12, 3, 5) == 3_587_067
    assert sum(math.comb(12, k) * math.comb(19, k - 1) for k in (3, 4, 5)) == 3_587_067


@pytest.mark.parametrize(("d", "step"), [(10, "0.1"), (20, 1), (30, 1), (30, "0.1"), (40, "0.2")])
def test_sizes_past_64_bits_are_binomials(d, step):
    space = CompositionSpace.build(element_symbols()[:d], step)
    assert space.size == math.comb(space.units + d - 1, d - 1) > 2**63


@pytest.mark.parametrize(
    ("d", "step", "components"), [(20, 1, "5-12"), (30, "0.1", "3-30"), (25, "0.5", "8"), (12, 1, "3-5")]
)
def test_component_limited_sizes_are_sums_over_supports(d, step, components):
    space = CompositionSpace.build(element_symbols()[:d], step, components)
    assert space.size == oracles.count_by_supports(space.units, d, *space.components)


@pytest.mark.parametrize("components", ["1-22", "4-9"])
def test_a_sum_splits_a_large_space_in_two(components):
    symbols = element_symbols()[:22]
    space = CompositionSpace.build(symbols, 1, components, sums=["+".join(symbols[5:11]) + "=30:60"])
    fewest, most = space.components
    size = sum(
        oracles.count_by_supports(inside, 6, k, k) * oracles.count_by_supports(100 - inside, 16, m, m)
        for inside in range(30, 61)
        for k in range(7)
        for m in range(17)
        if fewest <= k + m <= most
    )
    assert space.size == size
    assert size > 2**63 or components == "4-9"


def test_overlapping_sums_past_64_bits():
    symbols = element_symbols()[:26]
    first, second = symbols[4:9], symbols[7:12]  # three of their own each, two in common, 18 outside
    space = CompositionSpace.build(symbols, 2, sums=["+".join(first) + "=10:60", "+".join(second) + "=20:50"])
    ways = oracles.count_simplex
    size = sum(
        ways(own, 3) * ways(common, 2) * ways(other, 3) * ways(50 - own - common - other, 18)
        for own in range(51)
        for common in range(51 - own)
        for other in range(51 - own - common)
        if 5 <= own + common <= 30 and 10 <= common + other <= 25
    )
    assert space.size == size > 2**63


def test_the_largest_searchable_sizes_stay_exact():
    space = CompositionSpace.build(element_symbols()[:16], 1)
    assert 2**57 < space.size == math.comb(115, 15) < 2**63
    index = np.array([0, 1, space.size // 3, space.size - 2, space.size - 1])
    amounts = space.counts(index)
    assert amounts[0].tolist() == [0] * 15 + [100]
    assert amounts[-1].tolist() == [100] + [0] * 15
    np.testing.assert_array_equal(space.rank(amounts), index)
    out = np.empty((10, 16), np.float32)
    assert space.fill(space.size - 4, out) == 4
    np.testing.assert_array_equal(out[:4] * 100, space.counts(np.arange(space.size - 4, space.size)))
