"""Nearest training alloys: against brute force, ties by place, files that are not what they must be."""

import io
import math
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import alloy_index

from screener.errors import ModelError
from screener.nearest import AlloyIndex

SYMBOLS = ("Al", "Ti", "Cr", "Fe", "Ni", "Cu", "Zr")
FORMULAS = ("Cu50Zr50", "Al88Ni8Ti4", "CoCrFeNi", "Al20Ti30Cr50", "Ti", "Al", "Cr70Fe30")


def make_index(rows):
    """An index of rows of amounts in 0.1 at.% over SYMBOLS."""
    rows = np.asarray(rows)
    alloy, element = np.nonzero(rows)
    start = np.searchsorted(alloy, np.arange(len(rows) + 1))
    sources, targets = np.ones(len(rows), np.int64), 1 + 2 * (np.arange(len(rows)) % 3 == 0)
    return AlloyIndex(SYMBOLS, start, element, rows[alloy, element], sources, ("one",), targets, ("a", "b"))


def brute_force(index_rows, query, count):
    """Slow twin: distances to every alloy, sorted with ties by place; a billionth of an at.% is no difference."""
    distances = [
        50 * math.fsum(abs(c - t / 1000) for c, t in zip(query, alloy, strict=True)) for alloy in index_rows.tolist()
    ]
    ranked = sorted(range(len(distances)), key=lambda place: (round(distances[place], 6), place))[:count]
    return ranked, [distances[place] for place in ranked]


@st.composite
def alloy_rows(draw, most=25):
    """Some alloys in 0.1 at.%, few distinct amounts so that ties are common."""
    seed, rows = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, most))
    grain = draw(st.sampled_from([500, 250, 100, 1]))
    units = np.random.default_rng(seed).multinomial(1000 // grain, np.full(len(SYMBOLS), 1 / len(SYMBOLS)), rows)
    return units * grain


# --- distances --------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(alloy_rows(), alloy_rows(6), st.integers(1, 30))
def test_the_nearest_are_those_of_brute_force_and_ties_go_by_place(rows, queries, count):
    found, distances = make_index(rows).nearest(queries / 1000, SYMBOLS, count)
    assert found.shape == distances.shape == (len(queries), min(count, len(rows)))
    for query, places, far in zip(queries / 1000, found, distances, strict=True):
        expected, expected_far = brute_force(rows, query, count)
        assert places.tolist() == expected
        np.testing.assert_allclose(far, expected_far, atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(alloy_rows(), st.integers(0, 2**32 - 1))
def test_compositions_off_the_grid(rows, seed):
    queries = np.random.default_rng(seed).dirichlet(np.full(len(SYMBOLS), 0.3), 5)
    found, distances = make_index(rows).nearest(queries, SYMBOLS, 3)
    for query, places, far in zip(queries, found, distances, strict=True):
        np.testing.assert_allclose(far, brute_force(rows, query, 3)[1], atol=1e-6)
        exact = [50 * np.abs(query - rows[place] / 1000).sum() for place in places]
        np.testing.assert_allclose(far, exact, atol=1e-6)
    assert (np.diff(distances, axis=1) >= 0).all()


def test_the_order_of_columns_and_absent_elements_does_not_matter():
    index = alloy_index(FORMULAS)
    found, distances = index.nearest(np.array([[0.5, 0.3, 0.2]]), ("Cr", "Ti", "Al"), 7)
    again = index.nearest(np.array([[0.2, 0.0, 0.5, 0.3]]), ("Al", "Hf", "Cr", "Ti"), 7)
    np.testing.assert_array_equal(found, again[0])
    np.testing.assert_array_equal(distances, again[1])
    assert index.formula(found[0, 0]) == "Al20Cr50Ti30"
    assert distances[0, 0] == 0.0


def test_elements_that_no_training_alloy_has_are_all_distance():
    index = alloy_index(FORMULAS)
    found, distances = index.nearest(np.array([[0.6, 0.4], [1.0, 0.0]]), ("Au", "Ti"), 1)
    assert index.formula(found[0, 0]) == "Ti"
    assert distances[0, 0] == pytest.approx(60)
    assert (found[1, 0], distances[1, 0]) == (0, 100.0)


def test_no_compositions_have_no_neighbours():
    found, distances = alloy_index(FORMULAS).nearest(np.zeros((0, 2)), ("Al", "Ti"), 3)
    assert found.shape == distances.shape == (0, 3)


def test_sums_in_another_order_do_not_break_ties():
    # 0.1 + 0.2 + 0.3 differs from 0.3 + 0.2 + 0.1 in float64
    rows = np.array([[100, 200, 300, 400, 0, 0, 0], [300, 200, 100, 0, 400, 0, 0]])
    query = np.array([[0.3, 0.2, 0.3, 0.1, 0.1, 0.0, 0.0]])
    for order in ([0, 1], [1, 0]):
        assert make_index(rows[order]).nearest(query, SYMBOLS, 2)[0].tolist() == [[0, 1]]


def test_alloys_name_their_sources():
    index = alloy_index(FORMULAS)
    assert len(index) == 7
    assert index.source_names(0) == ("tiny_data",)
    assert index.source_names(1) == ("tiny_data", "other_data")


@settings(deadline=None, max_examples=60)
@given(alloy_rows(), alloy_rows(6), st.integers(0, 2**32 - 1))
def test_the_alloys_of_a_target_are_searched_alone(rows, queries, seed):
    held = np.random.default_rng(seed).random(len(rows)) < 0.5
    held[seed % len(rows)] = True
    index = replace(make_index(rows), targets=1 + 2 * held.astype(np.int64))
    part, alone = index.of_target("b"), make_index(rows[held])
    assert [part.formula(k) for k in range(len(part))] == [alone.formula(k) for k in range(len(alone))]
    pairs = zip(part.nearest(queries / 1000, SYMBOLS, 3), alone.nearest(queries / 1000, SYMBOLS, 3), strict=True)
    for found, expected in pairs:
        np.testing.assert_array_equal(found, expected)
    whole = index.nearest(queries / 1000, SYMBOLS)[1]
    assert (part.nearest(queries / 1000, SYMBOLS)[1] >= whole).all()
    assert [index.targets_of(k) for k in range(len(index))] == [("a", "b") if h else ("a",) for h in held]


def test_a_target_the_index_does_not_name_has_every_alloy():
    index = alloy_index(FORMULAS)
    assert index.of_target("modulus_gpa") is index
    assert len(index.of_target("p_amorphous")) == 7
    hard = index.of_target("hardness_gpa")
    assert not any("Cu" in hard.formula(row) for row in range(len(hard)))
    assert (len(hard), hard.source_names(0)) == (6, ("tiny_data", "other_data"))


# --- files ------------------------------------------------------------------------------------------------------------


def parts(index):
    """The arrays of an index's file."""
    with np.load(io.BytesIO(index.to_bytes()), allow_pickle=False) as arrays:
        return dict(arrays)


def write(path, arrays):
    np.savez_compressed(path, **arrays)
    return path


def refusal(path):
    with pytest.raises(ModelError) as refused:
        AlloyIndex.read(path)
    assert refused.value.message == f"cannot read the index of training alloys `{path.name}`"
    assert refused.value.hint == "run `training fit` to make the models again"


@settings(deadline=None, max_examples=30)
@given(rows=alloy_rows())
def test_reading_gives_back_what_was_written(rows, tmp_path_factory):
    index = make_index(rows)
    path = tmp_path_factory.mktemp("index") / "a.npz"
    path.write_bytes(index.to_bytes())
    again = AlloyIndex.read(path)
    assert (again.symbols, again.source_keys) == (index.symbols, index.source_keys)
    assert again.target_names == index.target_names
    for name in ("start", "element", "permille", "sources", "targets"):
        np.testing.assert_array_equal(getattr(again, name), getattr(index, name))
        assert getattr(again, name).dtype == np.int64
    assert index.to_bytes() == again.to_bytes()


def test_a_missing_file_is_refused(tmp_path):
    refusal(tmp_path / "missing.npz")
    refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not an archive", b"\x93NUMPY\x01\x00v\x00{", b"\x80\x04]."])
def test_a_file_that_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    refusal(path)


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(tmp_path, keep):
    content = alloy_index(FORMULAS).to_bytes()
    path = tmp_path / "a.npz"
    path.write_bytes(content[: int(len(content) * keep)])
    refusal(path)


def test_a_file_with_changed_bytes_is_refused_or_still_an_index(tmp_path):
    content, path, rng, refused = alloy_index(FORMULAS).to_bytes(), tmp_path / "a.npz", np.random.default_rng(0), 0
    for _ in range(400):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            index = AlloyIndex.read(path)
        except ModelError:
            refused += 1
        else:
            index.nearest(np.full((1, 2), 0.5), ("Al", "Ti"), 3)
    assert 200 < refused < 400


@pytest.mark.parametrize(
    "name", ["symbols", "start", "element", "permille", "sources", "source_keys", "targets", "target_names"]
)
def test_a_missing_part_is_refused(tmp_path, name):
    arrays = parts(alloy_index(FORMULAS))
    del arrays[name]
    refusal(write(tmp_path / "a.npz", arrays))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("element", lambda a: np.where(a == a[0], 250, a)),  # beyond the symbols
        ("element", lambda a: a.astype(np.int16) - 5),
        ("element", lambda a: a[:-1]),
        ("element", lambda a: a.astype(np.float64)),
        ("element", lambda a: a[None, :]),
        ("start", lambda a: a * 1000),  # beyond the entries
        ("start", lambda a: a[::-1]),
        ("start", lambda a: a[:-1]),
        ("start", lambda a: a - 1),
        ("start", lambda a: a[:1]),
        ("start", lambda a: np.array(["0"] * len(a))),
        ("permille", lambda a: a.astype(np.int32) * -1),
        ("permille", lambda a: a + 2000),
        ("permille", lambda a: a[:-1]),
        ("sources", lambda a: a[:-1]),
        ("source_keys", lambda a: np.array([f"s{k}" for k in range(64)])),
        ("source_keys", lambda a: np.arange(2)),
        ("targets", lambda a: a[:-1]),
        ("targets", lambda a: a * 0),  # a target without alloys
        ("targets", lambda a: a | 8),  # a bit without a name
        ("targets", lambda a: -a),
        ("targets", lambda a: a.astype(np.float64)),
        ("target_names", lambda a: np.array([f"t{k}" for k in range(64)])),
        ("target_names", lambda a: a[:-1]),
        ("target_names", lambda a: np.array([a[0], a[1], a[1]])),
        ("symbols", lambda a: np.array([*a[:-1], "Xx"])),
        ("symbols", lambda a: a[:1]),
        ("symbols", lambda a: a.astype("S2")),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(tmp_path, name, change):
    arrays = parts(alloy_index(FORMULAS))
    arrays[name] = change(arrays[name])
    refusal(write(tmp_path / "a.npz", arrays))


def test_an_index_of_before_targets_were_told_is_refused_by_name(tmp_path):
    arrays = parts(alloy_index(FORMULAS))
    del arrays["targets"], arrays["target_names"]
    with pytest.raises(ModelError) as refused:
        AlloyIndex.read(write(tmp_path / "a.npz", arrays))
    assert refused.value.message == "the index of training alloys `a.npz` does not tell the alloys of one target"
    assert refused.value.hint == "run `training fit` to make the models again"


def test_objects_are_never_unpickled(tmp_path):
    arrays = parts(alloy_index(FORMULAS))
    arrays["symbols"] = np.array([{"a": 1}], dtype=object)
    refusal(write(tmp_path / "a.npz", arrays))


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path):
    arrays = parts(alloy_index(FORMULAS))
    path = write(tmp_path / "a.npz", arrays)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("more.npy", "w") as part:
        for _ in range(260):
            part.write(bytes(1_000_000))
    assert path.stat().st_size < 1_000_000
    refusal(path)


def test_an_array_that_claims_to_be_huge_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i4", "fortran_order": False, "shape": (10**13,)})
    arrays = parts(alloy_index(FORMULAS))
    del arrays["start"]
    write(path, arrays)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("start.npy", header.getvalue())
    refusal(path)
