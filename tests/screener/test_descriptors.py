"""Descriptors: reference against slow twins, kernel against reference, laws of both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.descriptors.catalogue import LN_RHO, PRESENT_FOR_PAIRS, Kind, catalogue, fraction
from screener.descriptors.featurizer import Featurizer, featurize
from screener.descriptors.properties import element_column, pair_matrix
from screener.descriptors.reference import describe
from screener.descriptors.specs import DOMAIN, FeatureSpec, feature_spec
from screener.errors import CompositionError
from tests import oracles

SETS = ("kang21", "screen", "alloy")
SCALARS = FeatureSpec("scalars", tuple(catalogue()))
PRICED = tuple(s for s in DOMAIN if s not in ("B", "C", "P"))  # the price of these is unknown
MORE_THAN_ROUNDING = 5e-7
"""Part of the sum of absolute terms that float32 fractions may cost where terms of both signs cancel."""


@st.composite
def alloys(draw, symbols=DOMAIN, most=12):
    """An alloy of 1 to 12 elements, with amounts from all but pure down to traces."""
    chosen = draw(st.lists(st.sampled_from(symbols), min_size=1, max_size=most, unique=True))
    seed, evenness = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([0.1, 0.5, 2.0]))
    fractions = np.maximum(np.random.default_rng(seed).dirichlet(np.full(len(chosen), evenness)), 1e-6)
    return tuple(chosen), fractions / fractions.sum()


def assert_close(found, amounts, descriptors, relative):
    """Compare values with slow twins; terms that cancel leave a part of their own size."""
    for value, d in zip(found, descriptors, strict=True):
        expected, size = oracles.descriptor_terms(amounts, d)
        allowed = relative * abs(expected) + MORE_THAN_ROUNDING * size + noise(amounts, d)
        assert abs(float(value) - expected) <= allowed, d.name


def noise(amounts, d):
    """What float64 rounding makes of deviations from a mean that are exactly zero, as in alloys of like elements."""
    if d.kind not in (Kind.SPREAD, Kind.RELATIVE_SPREAD, Kind.COVARIANCE):
        return 0.0
    first, second = (max(abs(oracles.column_value(s, c)) for s in amounts) if c else 1.0 for c in (d.first, d.second))
    return 1e-14 if d.kind is Kind.RELATIVE_SPREAD else 1e-14 * first * second


def random_rows(symbols, rows, seed=0, evenness=0.4):
    fractions = np.random.default_rng(seed).dirichlet(np.full(len(symbols), evenness), rows)
    fractions[fractions < 0.03] = 0.0
    return fractions / fractions.sum(axis=1, keepdims=True)


# --- reference against slow twins -------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(alloys(PRICED))
def test_the_reference_agrees_with_the_slow_twin_in_every_descriptor(alloy):
    symbols, fractions = alloy
    descriptors = (*SCALARS.descriptors, *(fraction(s) for s in ("Al", symbols[0])))
    found = describe(fractions[None, :], symbols, descriptors)[0]
    amounts = dict(zip(symbols, fractions, strict=True))
    for value, d in zip(found, descriptors, strict=True):
        expected, size = oracles.descriptor_terms(amounts, d)
        assert value == pytest.approx(expected, rel=1e-12, abs=1e-12 * size + noise(amounts, d)), d.name


def test_elements_without_a_pair_enthalpy_may_stand_in_different_rows():
    symbols, spec = ("Th", "U", "Zr"), feature_spec("alloy")
    rows = np.array([[0.5, 0.0, 0.5], [0.0, 0.2, 0.8]])
    for compute in (lambda c, s: describe(c, s, spec.descriptors), lambda c, s: featurize(c, s, spec)):
        together = compute(rows, symbols)
        np.testing.assert_array_equal(together[0], compute(rows[:1, [0, 2]], ("Th", "Zr"))[0])
        np.testing.assert_array_equal(together[1], compute(rows[1:, 1:], ("U", "Zr"))[0])
        with pytest.raises(CompositionError, match="no `dH_mix_kj_mol` for `Th`-`U`"):
            compute(np.array([[0.5, 0.5, 0.0]]), symbols)


def test_every_kind_of_descriptor_is_in_the_catalogue():
    kinds = {d.kind for d in catalogue().values()} | {fraction("Al").kind}
    assert kinds == set(Kind)


@pytest.mark.parametrize(
    "text", ["one", "vec", "atomic_mass_u*price_usd_kg", LN_RHO, "vec*is_d_metal", "ln melting_point_k|1000*vec"]
)
def test_element_columns_in_the_notation(text):
    symbols = ("Al", "W", "Si", "Nb")
    np.testing.assert_allclose(
        element_column(symbols, text), [oracles.column_value(s, text) for s in symbols], rtol=1e-15
    )


@pytest.mark.parametrize("text", sorted({d.first for d in catalogue().values() if d.kind.name.startswith("PAIR")}))
def test_pair_properties_in_the_notation(text):
    symbols = ("Al", "W", "Si", "Nb", "La")
    found = pair_matrix(symbols, text)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(np.diag(found), 0.0)
    for i, a in enumerate(symbols):
        for j, b in enumerate(symbols[:i]):
            assert found[i, j] == pytest.approx(oracles.pair_value(a, b, text), rel=1e-14)


# --- kernel against reference -----------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(alloys())
@pytest.mark.parametrize("name", SETS)
def test_the_kernel_is_within_1e_5_of_the_reference(name, alloy):
    symbols, fractions = alloy
    spec = feature_spec(name)
    found = featurize(fractions[None, :], symbols, spec)[0]
    reference = describe(fractions[None, :], symbols, spec.descriptors)[0]
    differ = np.flatnonzero(np.abs(found - reference) > 1e-5 * np.abs(reference))
    amounts = dict(zip(symbols, fractions, strict=True))
    assert_close(found[differ], amounts, [spec.descriptors[k] for k in differ], 1e-5)


def test_the_kernel_is_within_1e_5_in_descriptors_that_no_set_has():
    fractions = random_rows(PRICED[:12], 200)
    found = featurize(fractions, PRICED[:12], SCALARS)
    reference = describe(fractions, PRICED[:12], SCALARS.descriptors)
    size = np.abs(reference).max(axis=0)
    assert (np.abs(found - reference) <= 1e-5 * np.abs(reference) + 5e-7 * size).all()
    assert found.dtype == np.float32
    assert reference.dtype == np.float64


def test_an_element_of_exactly_2_percent_stays_out_of_pair_extremes_in_float32_too():
    spec = FeatureSpec("pairs", ("dH_pair_min", "dH_pair_max"))
    rest = [(a, b, 98 - a - b) for a in range(1, 97, 5) for b in range(1, 98 - a, 3)]
    fractions = np.array([(2, *three) for three in rest]) / 100
    symbols = ("Si", "Fe", "Zr", "Al")  # Si has the extreme enthalpies
    reference = describe(fractions, symbols, spec.descriptors)
    np.testing.assert_allclose(featurize(fractions, symbols, spec), reference, rtol=1e-6)
    without = fractions.copy()
    without[:, 0] = 0.0
    np.testing.assert_array_equal(reference, describe(without, symbols, spec.descriptors))
    assert 0.02 < PRESENT_FOR_PAIRS < 0.021


def test_fractions_whose_float32_sum_is_not_one_are_normalised():
    symbols, spec = ("Al", "Ti", "Cr", "Fe", "Co"), feature_spec("kang21")
    exact = np.array([(a, b, c, 17, 83 - a - b - c) for a in (1, 7, 33) for b in (3, 11) for c in (9, 13)]) / 100
    stored = exact.astype(np.float32)
    assert (stored.sum(axis=1, dtype=np.float64) != 1.0).any()
    reference = describe(exact, symbols, spec.descriptors)
    np.testing.assert_allclose(featurize(stored, symbols, spec), reference, rtol=2e-6)
    off = (stored * np.float32(1 + 3e-6)).astype(np.float32)
    descriptors = [k for k, d in enumerate(spec.descriptors) if d.kind is not Kind.FRACTION]
    np.testing.assert_allclose(featurize(off, symbols, spec)[:, descriptors], reference[:, descriptors], rtol=2e-6)


# --- laws -------------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(alloys(), st.randoms(use_true_random=False))
@pytest.mark.parametrize("name", ["kang21", "alloy"])
def test_the_order_of_elements_does_not_matter(name, alloy, random):
    symbols, fractions = alloy
    order = list(range(len(symbols)))
    random.shuffle(order)
    shuffled, spec = [symbols[i] for i in order], feature_spec(name)
    amounts = dict(zip(symbols, fractions, strict=True))
    sizes = np.array([oracles.descriptor_terms(amounts, d)[1] for d in spec.descriptors])
    floor = np.array([noise(amounts, d) for d in spec.descriptors])
    reference = describe(fractions[None, :], symbols, spec.descriptors)[0]
    again = describe(fractions[order][None, :], shuffled, spec.descriptors)[0]
    assert (np.abs(again - reference) <= 1e-12 * sizes + floor).all()
    fast = featurize(fractions[None, :], symbols, spec)[0]
    fast_again = featurize(fractions[order][None, :], shuffled, spec)[0]
    assert (np.abs(fast_again - fast) <= 2e-7 * sizes + floor).all()


@settings(deadline=None, max_examples=40)
@given(alloys(), st.sampled_from(DOMAIN), st.integers(0, 12))
@pytest.mark.parametrize("name", ["screen", "alloy"])
def test_an_absent_element_changes_no_bit(name, alloy, absent, place):
    symbols, fractions = alloy
    if absent in symbols:
        return
    place = min(place, len(symbols))
    more = (*symbols[:place], absent, *symbols[place:])
    with_zero = np.insert(fractions, place, 0.0)[None, :].astype(np.float32)
    spec = feature_spec(name)
    bare = fractions[None, :].astype(np.float32)
    expected = featurizer_output(spec, symbols, bare)
    np.testing.assert_array_equal(featurizer_output(spec, more, with_zero), expected)
    np.testing.assert_array_equal(featurize(with_zero, more, spec), expected)
    np.testing.assert_array_equal(
        describe(with_zero, more, spec.descriptors), describe(bare, symbols, spec.descriptors)
    )


def featurizer_output(spec, symbols, fractions):
    featurizer = Featurizer(spec, symbols)
    out = featurizer.buffer(len(fractions))
    featurizer(np.ascontiguousarray(fractions, dtype=np.float32), out)
    return out


@settings(deadline=None, max_examples=40)
@given(alloys(), st.sampled_from([0.25, 2.0, 64.0, 100.0, 3.7]))
def test_descriptors_other_than_fractions_do_not_depend_on_scale(alloy, factor):
    symbols, fractions = alloy
    spec = FeatureSpec("scale", tuple(n for n in feature_spec("alloy").names if catalogue().get(n)))
    stored = fractions[None, :].astype(np.float32)
    expected = featurizer_output(spec, symbols, stored)[0]
    found = featurizer_output(spec, symbols, stored * np.float32(factor))[0]
    if factor in (0.25, 2.0, 64.0):
        np.testing.assert_array_equal(found, expected)
    amounts = dict(zip(symbols, fractions, strict=True))
    sizes = np.array([oracles.descriptor_terms(amounts, d)[1] for d in spec.descriptors])
    floor = np.array([noise(amounts, d) for d in spec.descriptors])
    assert (np.abs(found - expected) <= 1e-5 * np.abs(expected) + 5e-7 * sizes + floor).all()


@pytest.mark.parametrize("symbol", DOMAIN)
def test_a_pure_element_gives_its_properties_no_spread_and_no_entropy(symbol):
    spec = feature_spec("alloy") if symbol not in PRICED else SCALARS
    descriptors = spec.descriptors
    for values, kind in (
        (describe(np.ones((1, 1)), [symbol], descriptors)[0], np.float64),
        (featurize(np.ones((1, 1)), [symbol], spec)[0], np.float32),
    ):
        for value, d in zip(values, descriptors, strict=True):
            if d.kind is Kind.MEAN:
                assert value == kind(d.scale * oracles.column_value(symbol, d.first)), d.name
            elif d.kind is Kind.MEAN_RATIO and value:
                expected = oracles.column_value(symbol, d.first) / oracles.column_value(symbol, d.second)
                assert value == kind(expected), d.name
            elif d.kind in (Kind.COUNT, Kind.LARGEST) or d.name == f"c_{symbol}":
                assert value == 1.0, d.name
            elif d.kind is Kind.MEAN_PRODUCT:
                assert value == oracles.column_value(symbol, d.first) * oracles.column_value(symbol, d.second), d.name
            elif d.kind is not Kind.MEAN_RATIO:
                assert value == 0.0, d.name
                assert not np.signbit(value), d.name


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("count", [3, 17, 54])
def test_bits_do_not_depend_on_tile_block_or_neighbours(name, count):
    symbols, spec = DOMAIN[:count], feature_spec(name)
    fractions = random_rows(symbols, 700, seed=count).astype(np.float32)
    whole = featurizer_output(spec, symbols, fractions)
    order = np.random.default_rng(1).permutation(len(fractions))
    np.testing.assert_array_equal(featurizer_output(spec, symbols, fractions[order]), whole[order])
    for start, stop in ((0, 1), (1, 256), (63, 65), (255, 258), (511, 700), (699, 700)):
        np.testing.assert_array_equal(featurizer_output(spec, symbols, fractions[start:stop]), whole[start:stop])
    alone = np.vstack([featurize(fractions[k : k + 1], symbols, spec) for k in range(0, 700, 97)])
    np.testing.assert_array_equal(alone, whole[::97])


def test_reference_bits_do_not_depend_on_the_rows_beside():
    symbols, descriptors = DOMAIN[:9], feature_spec("alloy").descriptors
    fractions = random_rows(symbols, 300, seed=5)
    whole = describe(fractions, symbols, descriptors)
    np.testing.assert_array_equal(describe(fractions[::-1], symbols, descriptors), whole[::-1])
    alone = np.vstack([describe(fractions[k : k + 1], symbols, descriptors) for k in range(0, 300, 37)])
    np.testing.assert_array_equal(alone, whole[::37])


@pytest.mark.parametrize("name", SETS)
def test_a_buffer_used_again_holds_nothing_of_the_block_before(name):
    symbols, spec = DOMAIN[5:20], feature_spec(name)
    featurizer = Featurizer(spec, symbols)
    out = featurizer.buffer(300)
    blocks = [random_rows(symbols, 300, seed=k).astype(np.float32) for k in range(3)]
    blocks[2][:, 1:] = 0.0  # one element left: every other column has to fall back to zero
    blocks[2][:, 0] = 1.0
    for block in blocks:
        featurizer(block, out)
        np.testing.assert_array_equal(out, featurizer_output(spec, symbols, block))
    featurizer(blocks[0][:10], out[:10])
    np.testing.assert_array_equal(out[:10], featurizer_output(spec, symbols, blocks[0][:10]))
    np.testing.assert_array_equal(out[10:], featurizer_output(spec, symbols, blocks[2])[10:])


def test_tables_without_rows_give_no_rows():
    for name in SETS:
        spec = feature_spec(name)
        assert featurize(np.zeros((0, 3)), ("Al", "Ti", "Cr"), spec).shape == (0, len(spec.names))
        assert describe(np.zeros((0, 3)), ("Al", "Ti", "Cr"), spec.descriptors).shape == (0, len(spec.names))


def test_strided_and_float64_tables_are_taken():
    symbols, spec = DOMAIN[:6], feature_spec("kang21")
    fractions = random_rows(symbols, 40)
    expected = featurize(fractions, symbols, spec)
    np.testing.assert_array_equal(featurize(np.asfortranarray(fractions), symbols, spec), expected)
    np.testing.assert_array_equal(featurize(fractions[::2], symbols, spec), expected[::2])
    np.testing.assert_array_equal(featurize(fractions.astype(np.float32), symbols, spec), expected)
