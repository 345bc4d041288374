"""Sealed files and sets of spans: what is written reads back, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screener.errors import InputError
from screener.runs import sealed
from screener.runs.sealed import of_type, packed, read_bytes, seal, unpacked, unseal
from screener.runs.spans import Spans

CONTENT = {"name": "Al–Ti", "values": packed(np.array([1.5, -np.inf])), "count": 3}
RAW = seal("some kind", 2, CONTENT)


def read(raw: bytes, version: int = 2) -> dict[str, object]:
    return unseal(raw, "some kind", version, "`x.run`", "start again")


def test_what_is_sealed_reads_back_and_is_json() -> None:
    import json

    assert read(RAW) == CONTENT
    assert json.loads(RAW)["content"] == CONTENT


def test_cut_anywhere_it_is_refused() -> None:
    for length in range(len(RAW)):
        with pytest.raises(InputError, match="is damaged: it"):
            read(RAW[:length])


def test_every_flipped_bit_is_refused() -> None:
    for place in range(8 * len(RAW)):
        flipped = bytearray(RAW)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(InputError, match="`x"):
            read(bytes(flipped))


def test_other_versions_and_kinds_are_named() -> None:
    with pytest.raises(InputError) as refused:
        read(RAW, version=1)
    assert (refused.value.message, refused.value.hint) == (
        "`x.run` is a `some kind 2`, not a `some kind 1`",
        "start again",
    )


def test_files_are_read_whole_up_to_a_size(tmp_path, monkeypatch) -> None:
    path = tmp_path / "x.run"
    path.write_bytes(RAW)
    assert read_bytes(path, "`x.run`", "start again") == RAW
    monkeypatch.setattr(sealed, "_LARGEST", len(RAW))
    assert read_bytes(path, "`x.run`", "start again") == RAW
    path.write_bytes(RAW + b" ")
    with pytest.raises(InputError, match=r"`x.run` is larger than 0 MB"):
        read_bytes(path, "`x.run`", "start again")


@pytest.mark.parametrize(
    "array", [np.arange(6, dtype=np.int16).reshape(3, 2), np.array([], np.int64), np.array([np.inf, 0.1, -0.0])]
)
def test_arrays_keep_every_bit(array: np.ndarray) -> None:
    columns = array.shape[1] if array.ndim == 2 else None
    back = unpacked(packed(array), array.dtype.name, columns)
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())


GOOD = packed(np.arange(4))


@pytest.mark.parametrize(
    "change",
    [
        {"type": "float64"},
        {"shape": [5]},
        {"shape": [2, 2]},
        {"shape": [-4]},
        {"shape": [True]},
        {"shape": "4"},
        {"bytes": "!"},
        {"bytes": f"!{GOOD['bytes']}"},
        {"bytes": None},
    ],
)
def test_arrays_of_another_form_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"array|belongs"):
        unpacked({**GOOD, **change}, "int64")


def test_truth_values_are_no_numbers() -> None:
    assert of_type(True, bool) is True
    with pytest.raises(ValueError, match="bool where int belongs"):
        of_type(True, int)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_spans_know_what_is_left(data: st.DataObject) -> None:
    size, block = data.draw(st.integers(1, 200)), data.draw(st.integers(1, 20))
    blocks = [range(start, min(start + block, size)) for start in range(0, size, block)]
    order = data.draw(st.permutations(blocks))
    done = Spans()
    for count, span in enumerate(order):
        left = list(done.left(size, block))
        assert left == [each for each in blocks if each in order[count:]]
        assert done.count == size - sum(map(len, left))
        assert Spans(done.intervals()).intervals() == done.intervals()
        done.add(span)
    assert done.intervals() == [(0, size)]
    assert done.fits(size, block)


@pytest.mark.parametrize("span", [range(2, 5), range(2), range(7, 7), range(9, 30), range(-3, 0)])
def test_nothing_is_done_twice(span: range) -> None:
    with pytest.raises(ValueError, match="twice"):
        Spans([(1, 4), (10, 20)]).add(span)


def test_spans_that_do_not_fit() -> None:
    assert not Spans([(0, 5)]).fits(20, 4)
    assert not Spans([(0, 24)]).fits(20, 4)
    assert Spans([(4, 20)]).fits(20, 8) is False
    assert Spans([(8, 18)]).fits(18, 8)
