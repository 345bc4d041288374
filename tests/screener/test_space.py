"""The composition space against brute force, closed forms and its own laws."""

from __future__ import annotations

import itertools
import math
import pickle
import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from screener._space_limits import GroupSum
from screener.elements import element_symbols
from screener.errors import CompositionError
from screener.space import CompositionSpace
from tests import oracles

POOL = ("Al", "Ti", "Cr", "Fe", "Co", "Ni", "Cu", "Zr", "Nb", "Mo", "Hf", "Ta")
# Grid steps whose spaces brute force lists in a moment, by number of elements.
STEPS = {
    1: ("0.1", "50"),
    2: ("0.5", "1", "12.5"),
    3: ("2", "2.5", "4", "5", "12.5", "50"),
    4: ("4", "5", "10", "12.5", "25"),
    5: ("5", "10", "20"),
    6: ("10", "12.5", "20", "50"),
}


def limits_of(space: CompositionSpace) -> dict:
    """What the twins need to know about a space."""
    return {
        "units": space.units,
        "lower": space.lower,
        "upper": space.upper,
        "components": space.components,
        "groups": [(g.members, g.lower, g.upper) for g in space.groups],
    }


def random_question(seed: int) -> dict:
    """Elements, step, bounds, sums and component limits as a user might write them."""
    rng = random.Random(seed)
    d = rng.randint(2, 6)
    elements = rng.sample(POOL, d)

    def span() -> str:
        low, high = sorted(rng.choice([0, 0, 5, 10, 20, 33.3, 50, 75, 100, 100]) for _ in range(2))
        return f"{low}:{high}"

    bounds = [f"{symbol}={span()}" for symbol in elements if rng.random() < 0.4]
    sums = [f"{'+'.join(rng.sample(elements, rng.randint(1, d)))}={span()}" for _ in range(rng.randint(0, 2))]
    fewest = rng.randint(1, d)
    return {
        "elements": elements,
        "step": rng.choice(STEPS[d]),
        "components": f"{fewest}-{rng.randint(fewest, d)}" if rng.random() < 0.5 else None,
        "bounds": ",".join(bounds) or None,
        "sums": sums,
    }


def unchecked(question: dict) -> CompositionSpace:
    """The space of a question with limits taken literally, empty or not."""
    elements, units = question["elements"], round(100 / float(question["step"]))
    lower, upper, groups = [0] * len(elements), [units] * len(elements), []

    def units_of(span: str) -> tuple[int, int]:
        low, high = (float(limit) * units / 100 for limit in span.split(":"))
        return math.ceil(low - 1e-9), math.floor(high + 1e-9)

    for bound in (question["bounds"] or "").split(","):
        symbol, _, span = bound.partition("=")
        if symbol:
            lower[elements.index(symbol)], upper[elements.index(symbol)] = units_of(span)
    for text in question["sums"]:
        names, _, span = text.partition("=")
        groups.append(GroupSum(tuple(elements.index(name) for name in names.split("+")), *units_of(span)))
    fewest, most = map(int, (question["components"] or f"1-{len(elements)}").split("-"))
    return CompositionSpace(tuple(elements), units, tuple(lower), tuple(upper), (fewest, most), tuple(groups))


def all_fractions(space: CompositionSpace, block: int = 777) -> np.ndarray:
    """Every row of a space, block after block."""
    out = np.empty((block, len(space.elements)), np.float32)
    return np.concatenate([out[: space.fill(span.start, out)].copy() for span in space.ranges(block)])


# --- oracle: brute force ----------------------------------------------------------------------------------------------


def test_the_twin_lists_what_counting_up_lists():
    rows = [row for row in itertools.product(range(7), repeat=4) if sum(row) == 6]
    assert oracles.simplex(6, 4) == rows


@pytest.mark.parametrize("seed", range(300))
def test_random_spaces_are_what_brute_force_finds(seed):
    question = random_question(seed)
    rows = oracles.enumerate_space(**limits_of(unchecked(question)))
    if not rows:
        with pytest.raises(CompositionError):
            CompositionSpace.build(**question)
        return
    space = CompositionSpace.build(**question)
    amounts = np.array(rows)
    assert space.size == len(rows) == oracles.count_space(**limits_of(space))
    np.testing.assert_array_equal(space.counts(np.arange(len(rows))), amounts)
    np.testing.assert_array_equal(space.rank(amounts), np.arange(len(rows)))
    fractions = (amounts / space.units).astype(np.float32)
    np.testing.assert_array_equal(all_fractions(space, random.Random(seed).randint(1, 400)), fractions)


@pytest.mark.parametrize("seed", range(60))
def test_no_start_changes_a_row(seed):
    rng = random.Random(1000 + seed)
    try:
        space = CompositionSpace.build(**random_question(2000 + seed))
    except CompositionError:
        space = CompositionSpace.build(POOL[:6], 10, "2-4")
    whole = all_fractions(space)
    for _ in range(20):
        start, block = rng.randint(0, space.size), rng.randint(1, 50)
        out = np.full((block, len(space.elements)), -1, np.float32)
        rows = space.fill(start, out)
        assert rows == min(block, space.size - start)
        assert out[:rows].tobytes() == whole[start : start + rows].tobytes()
        assert (out[rows:] == -1).all()


@pytest.mark.parametrize("seed", range(40))
def test_amounts_outside_the_space_have_no_index(seed):
    rng = random.Random(seed)
    try:
        space = CompositionSpace.build(**random_question(3000 + seed))
    except CompositionError:
        space = CompositionSpace.build(POOL[:4], 10, "2-3", "Al=10:40")
    limits = limits_of(space)
    units = limits.pop("units")
    for row in rng.choices(oracles.simplex(units, len(space.elements)), k=20):
        if oracles.allowed(row, **limits):
            assert space.rank(np.array([row]))[0] >= 0
        else:
            with pytest.raises(CompositionError, match="is outside the space"):
                space.rank(np.array([row]))


def test_five_components_from_5_to_35_percent():
    symbols = ("Fe", "Co", "Ni", "Cr", "Mn")
    space = CompositionSpace.build(symbols, 1, 5, ",".join(f"{symbol}=5:35" for symbol in symbols))
    grid = np.array(list(itertools.product(range(5, 36), repeat=4)))
    last = 100 - grid.sum(axis=1)
    rows = np.column_stack([grid, last])[(last >= 5) & (last <= 35)]
    assert space.size == len(rows)
    np.testing.assert_array_equal(space.counts(np.arange(space.size)), rows)
    np.testing.assert_array_equal(all_fractions(space, 16384), (rows / 100).astype(np.float32))


# --- laws -------------------------------------------------------------------------------------------------------------


@st.composite
def questions(draw) -> dict:
    """Questions of one to six elements, most of them with something left."""
    d = draw(st.integers(1, 6))
    elements = draw(st.permutations(POOL))[:d]
    span = st.tuples(st.integers(0, 60), st.integers(0, 100)).map(lambda s: (min(s), max(s)))
    names = st.sets(st.sampled_from(elements), min_size=1)
    fewest, most = sorted(draw(st.tuples(st.integers(1, d), st.integers(1, d))))
    return {
        "elements": elements,
        "step": draw(st.sampled_from(STEPS[d])),
        "components": draw(st.sampled_from([None, (fewest, most), (1, most)])),
        "bounds": draw(st.dictionaries(st.sampled_from(elements), span, max_size=2)),
        "sums": [
            f"{'+'.join(sorted(members))}={low}:{high}"
            for members, (low, high) in draw(st.lists(st.tuples(names, span), max_size=3))
        ],
    }


def build_or_skip(question: dict) -> CompositionSpace:
    try:
        return CompositionSpace.build(**question)
    except CompositionError:
        assume(False)
        raise


@settings(deadline=None, max_examples=150)
@given(questions(), st.data())
def test_index_and_composition_are_one_to_one(question, data):
    space = build_or_skip(question)
    index = np.array(data.draw(st.lists(st.integers(0, space.size - 1), min_size=1, max_size=20)))
    amounts = space.counts(index)
    np.testing.assert_array_equal(space.rank(amounts), index)
    assert (amounts.sum(axis=1) == space.units).all()
    limits = limits_of(space)
    limits.pop("units")
    assert all(oracles.allowed(tuple(row), **limits) for row in amounts.tolist())


@settings(deadline=None, max_examples=80)
@given(questions(), st.integers(1, 300))
def test_ranges_cover_the_space_once_in_ascending_order(question, block):
    space = build_or_skip(question)
    assert [i for span in space.ranges(block) for i in span] == list(range(space.size))
    assert all(len(span) == block for span in list(space.ranges(block))[:-1])
    rows = all_fractions(space, block)
    assert len(rows) == space.size
    np.testing.assert_allclose(rows.sum(axis=1, dtype=np.float64), 1, rtol=0, atol=1e-6)
    ordered = [tuple(row) for row in rows.tolist()]
    assert all(earlier < later for earlier, later in itertools.pairwise(ordered))


@settings(deadline=None, max_examples=100)
@given(questions(), st.data())
def test_a_further_limit_never_adds_a_candidate(question, data):
    space = build_or_skip(question)
    elements, units = question["elements"], space.units
    members = data.draw(st.sets(st.sampled_from(elements), min_size=1))
    low, high = sorted(data.draw(st.tuples(st.integers(0, 100), st.integers(0, 100))))
    further = {
        "sums": {"sums": [*question["sums"], f"{'+'.join(members)}={low}:{high}"]},
        "components": {"components": (space.components[0], data.draw(st.integers(*space.components)))},
        "bounds": {"bounds": {**question["bounds"], elements[0]: (Fraction(100 * space.lower[0], units), high)}},
    }
    if elements[0] in question["bounds"]:
        further.pop("bounds")
    for change in further.values():
        try:
            narrowed = CompositionSpace.build(**{**question, **change})
        except CompositionError:
            continue
        assert narrowed.size <= space.size
        space.rank(narrowed.counts(np.arange(min(narrowed.size, 1000))))  # raises for a candidate that is new


@settings(deadline=None, max_examples=60)
@given(questions(), st.randoms(use_true_random=False))
def test_spelling_does_not_change_a_space(question, rng):
    space = build_or_skip(question)
    bounds = [f" {symbol} = {low}.0 : {high} " for symbol, (low, high) in question["bounds"].items()]
    sums = []
    for text in question["sums"] * 2:
        names, _, span = text.partition("=")
        sums.append("+".join(rng.sample(names.split("+"), names.count("+") + 1)) + "=" + span.replace(":", ".00:"))
    rng.shuffle(bounds)
    rng.shuffle(sums)
    fewest, most = space.components
    spelled = CompositionSpace.build(
        " , ".join(question["elements"]),
        float(question["step"]),
        f"{fewest}-{most}",
        ",".join(bounds) or None,
        ",".join(sums) or None,
    )
    assert spelled == space
    assert hash(spelled) == hash(space)
    assert spelled.digest == space.digest


def test_different_spaces_have_different_digests():
    base = {"elements": "Al,Ti,Cr,Fe", "step": 1}
    changes = [
        {},
        {"elements": "Ti,Al,Cr,Fe"},
        {"elements": "Al,Ti,Cr"},
        {"step": 2},
        {"components": "2-3"},
        {"components": "3"},
        {"bounds": "Al=5:35"},
        {"bounds": "Al=5:36"},
        {"bounds": "Ti=5:35"},
        {"sums": "Al+Ti=5:35"},
        {"sums": "Al+Cr=5:35"},
    ]
    digests = {CompositionSpace.build(**{**base, **change}).digest for change in changes}
    assert len(digests) == len(changes)
    assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in digests)


def test_digest_is_the_same_on_every_machine():
    space = CompositionSpace.build("Nb,Mo,Ta,W,Al", "2.5", "3-4", "Al=0:20", ["Nb+Ta=40:80"])
    assert space.digest == "ddb61fa0f9ce8780"


def test_a_space_travels_to_another_process():
    space = CompositionSpace.build("Al,Ti,Cr", 5, "2-3", "Al=5.5:35", ["Al+Ti=20:80"])
    twin = pickle.loads(pickle.dumps(space))
    assert twin == space
    assert twin.size == space.size
    assert len(pickle.dumps(space)) < 1000


def test_sums_that_say_nothing_leave_no_trace():
    space = CompositionSpace.build("Al,Ti,Cr", 1)
    assert CompositionSpace.build("Al,Ti,Cr", 1, "1-3", "Al=0:100", ["Al+Ti+Cr=60:100", "Cr=0:100"]) == space
    assert CompositionSpace.build("Al,Ti,Cr", sums=["Al=5:35"]) == CompositionSpace.build("Al,Ti,Cr", bounds="Al=5:35")


def test_fractions_of_many_elements_add_up_to_one():
    space = CompositionSpace.build(element_symbols()[:30], "0.1", "1-6")
    rows = np.empty((1000, 30), np.float32)
    for start in space.sample(20, 5).tolist():
        space.fill(start, rows)
        np.testing.assert_allclose(rows.sum(axis=1, dtype=np.float64), 1, rtol=0, atol=1e-6)


def test_few_components_of_many_elements_step_through_every_gap():
    space = CompositionSpace.build(POOL, 10, "3-4", "Al=0:40,Cu=20:100", ["Ti+Cr+Fe=10:60", "Fe+Co=0:30"])
    out = np.empty((space.size, 12), np.float32)
    assert space.fill(0, out) == space.size
    np.testing.assert_array_equal(np.rint(out * 10), space.counts(np.arange(space.size)))
    assert space.size == oracles.count_space(**limits_of(space))
